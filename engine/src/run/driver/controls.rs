//! What comes from outside while a run goes on: signals, requests from other terminals, the clock.

use std::time::Duration;

use tokio::sync::oneshot;

use crate::event::{Event, RequestKind, SignalChoice, StepState};
use crate::run::machine::Desired;
use crate::world::Clock;

use super::shared::Report;
use super::{DriveError, Driver, Rest};

/// How long a person at the terminal has to say what Ctrl-C means; silence is turning back.
const SIGNAL_ANSWER: Duration = Duration::from_secs(30);

/// How often the clock is read.
const TICK_NS: u64 = 1_000_000_000;

/// A gap of the clock that is recorded.
const GAP_MS: u64 = 5000;

/// How far the wall clock may go back unnoticed: small steps of time synchronisation.
const WALL_BACK_MS: i64 = 1000;

/// Something from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Control {
    /// A signal: `INT`, `TERM`, `HUP`.
    Signal(String),
    /// A request from another terminal.
    Request {
        /// What.
        what: RequestKind,
        /// Who.
        who: String,
    },
    /// A lock was lost.
    LockLost(String),
}

/// The signals so far. A second one that follows the first without an answer in between kills.
#[derive(Debug, Default)]
pub(super) struct Signals {
    is_pending: bool,
    /// A person is being asked what the last one means.
    is_asked: bool,
}

impl Driver {
    pub(super) async fn obey(&mut self, control: Control) -> Result<Option<Rest>, DriveError> {
        match control {
            Control::Signal(_) if self.signals.is_pending => {
                self.drop_work();
                return Ok(Some(Rest::Killed));
            }
            Control::Signal(name) => {
                self.signals.is_pending = true;
                self.signals.is_asked = true;
                self.ask_about_signal(name);
            }
            Control::Request { what, who } => self.append(Event::Request { what, who }).await?,
            Control::LockLost(name) => self.append(Event::LockLost { name }).await?,
        }
        Ok(None)
    }

    /// Asks the person at the terminal, in a task of its own, and reports the signal with the choice.
    fn ask_about_signal(&self, name: String) {
        let shared = std::sync::Arc::clone(&self.shared);
        let reports = self.reports.0.clone();
        tokio::spawn(async move {
            let choice = tokio::select! {
                choice = shared.ports.person.ask_signal() => choice,
                () = shared.ports.clock.sleep(SIGNAL_ANSWER) => Some(SignalChoice::TurnBack),
            };
            let (recorded, _) = oneshot::channel();
            let report = Report {
                id: 0,
                event: Event::Signal { name, choice },
                is_last: false,
                recorded,
            };
            // Where the run has ended in the meantime there is nobody to tell.
            let _ = reports.send(report).await;
        });
    }

    /// After a choice of a person the next signal is a first one again.
    pub(super) fn signal_was_recorded(&mut self, choice: Option<SignalChoice>) {
        self.signals.is_asked = false;
        if choice.is_some() {
            self.signals.is_pending = false;
        }
    }

    /// While a person is asked whether to stop here, the way forward begins nothing more and does not pass a
    /// point of no return; what runs goes on, and time does.
    pub(super) fn hold_back(&self, desired: &mut Desired) {
        if !self.signals.is_asked || !self.state.may_turn() {
            return;
        }
        desired.work.retain(|key, _| self.running.contains_key(key));
        desired.due.retain(|event| {
            let begins = matches!(
                event,
                Event::Step {
                    state: StepState::Running,
                    ..
                }
            );
            !begins && !matches!(event, Event::Commit { .. } | Event::RunEnd(_))
        });
    }
}

/// Reads the clock every second and sees when time went on without us.
#[derive(Debug)]
pub(super) struct ClockWatch {
    last_boot_ns: u64,
    last_wall_ms: i64,
}

impl ClockWatch {
    pub(super) fn new(clock: &dyn Clock) -> Self {
        Self {
            last_boot_ns: clock.boot_ns(),
            last_wall_ms: clock.wall_ms(),
        }
    }

    /// When the clock should be read next.
    pub(super) fn next_ns(&self) -> u64 {
        self.last_boot_ns.saturating_add(TICK_NS)
    }

    /// Reads the clock; gives a record where there is a gap or the wall clock went back.
    pub(super) fn tick(&mut self, clock: &dyn Clock) -> Option<Event> {
        let boot_ns = clock.boot_ns();
        let wall_ms = clock.wall_ms();
        let gap_ms = boot_ns.saturating_sub(self.next_ns()) / 1_000_000;
        let wall_went_back = wall_ms < self.last_wall_ms.saturating_sub(WALL_BACK_MS);
        self.last_boot_ns = boot_ns;
        self.last_wall_ms = wall_ms;
        (gap_ms > GAP_MS || wall_went_back).then_some(Event::ClockGap {
            gap_ms,
            uncertain: wall_went_back,
            wall_went_back,
        })
    }
}
