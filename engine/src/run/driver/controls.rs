//! What comes from outside while a run goes on: signals, requests from other terminals, the clock.

use std::time::Duration;

use crate::event::{Event, RequestKind, SignalChoice};
use crate::world::Clock;

use super::shared::{Job, Stopped};
use super::{DriveError, Driver, Rest};

/// How long a person at the terminal has to say what Ctrl-C means; silence is turning back.
const SIGNAL_ANSWER: Duration = Duration::from_secs(30);

/// Within how long the same signal again is a second one. Of another kind it is none: who cancels a job sends INT, and
/// TERM some seconds later, and means the same.
const SECOND_SIGNAL_NS: u64 = 60_000_000_000;

/// How often the clock is read.
const TICK_NS: u64 = 1_000_000_000;

/// A gap of the clock that is recorded.
const GAP_MS: u64 = 5000;

/// How far the wall clock may go back unnoticed: small steps of time synchronisation.
const WALL_BACK_MS: i64 = 1000;

/// Something from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Control {
    /// A signal: `INT`, `TERM`, `QUIT`.
    Signal(String),
    /// A request from another terminal.
    Request {
        what: RequestKind,
        who: String,
    },
    LockLost(String),
}

impl From<Control> for Event {
    fn from(control: Control) -> Self {
        match control {
            Control::Signal(name) => Self::Signal {
                name,
                asked: true,
                choice: None,
            },
            Control::Request { what, who } => Self::Request { what, who },
            Control::LockLost(name) => Self::LockLost { name },
        }
    }
}

impl Driver {
    pub(super) async fn obey(&mut self, control: Control) -> Result<Option<Rest>, DriveError> {
        if let Control::Signal(name) = &control {
            let now_ns = self.shared.ports.clock.boot_ns();
            let before_ns = self.signalled.insert(name.clone(), now_ns);
            if before_ns.is_some_and(|before_ns| now_ns.saturating_sub(before_ns) <= SECOND_SIGNAL_NS) {
                self.drop_work();
                return Ok(Some(Rest::Killed));
            }
        }
        self.append(control.into()).await?;
        Ok(None)
    }
}

impl Job {
    /// Asks the person at the terminal what a signal means.
    pub(super) async fn ask_signal(&self, name: &str) -> Result<(), Stopped> {
        let choice = tokio::select! {
            biased;
            choice = self.shared.ports.person.ask_signal() => choice,
            () = self.shared.ports.clock.sleep(SIGNAL_ANSWER) => Some(SignalChoice::TurnBack),
        };
        let event = Event::Signal {
            name: name.to_owned(),
            asked: false,
            choice,
        };
        self.record(event, true).await
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
