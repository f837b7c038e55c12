//! What comes from outside while a run goes on: signals, requests from other terminals, the clock.

use std::time::Duration;

use crate::event::{Event, RequestKind, SignalChoice, Stamped};
use crate::run::machine::State;
use crate::world::Clock;

use super::shared::{Job, Stopped};
use super::{DriveError, Driver, Rest};

/// How long a person at the terminal has to say what Ctrl-C means; silence is turning back, or pausing where that
/// cannot be done any more.
const SIGNAL_ANSWER: Duration = Duration::from_secs(30);

/// Within how long the same signal again is a second one. Of another kind it is none: who cancels a job sends INT, and
/// TERM some seconds later, and means the same.
const SECOND_SIGNAL_NS: u64 = 60_000_000_000;

/// How often the clock is read.
const TICK_NS: u64 = 1_000_000_000;

/// A gap of the clock that is recorded.
const GAP_MS: u64 = 5000;

/// How far the wall clock may be set unnoticed: small steps of time synchronisation.
const WALL_SET_MS: u64 = 1000;

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

impl Control {
    /// What is recorded of it. What a signal means is asked only where the run can still do what is answered.
    pub(crate) fn record(self, state: &State) -> Event {
        match self {
            Self::Signal(name) => Event::Signal {
                name,
                asked: state.may_turn(),
                choice: None,
            },
            Self::Request { what, who } => Event::Request { what, who },
            Self::LockLost(name) => Event::LockLost { name },
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
        let event = control.record(&self.shared.state());
        self.append(event).await?;
        Ok(None)
    }
}

impl Job {
    /// Asks the person at the terminal what a signal means.
    pub(super) async fn ask_signal(&self, name: &str) -> Result<(), Stopped> {
        let is_committed = self.shared.state().is_committed();
        let silence = if is_committed {
            SignalChoice::Pause
        } else {
            SignalChoice::TurnBack
        };
        let choice = tokio::select! {
            biased;
            choice = self.shared.ports.person.ask_signal(!is_committed) => choice,
            () = self.shared.ports.clock.sleep(SIGNAL_ANSWER) => Some(silence),
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

    /// Reads the clock; gives a record where there is a gap or the wall clock was set.
    pub(super) fn tick(&mut self, clock: &dyn Clock) -> Option<Event> {
        let boot_ns = clock.boot_ns();
        let wall_ms = clock.wall_ms();
        let gap_ms = boot_ns.saturating_sub(self.next_ns()) / 1_000_000;
        let set_ms = set_by(self.last_wall_ms, self.last_boot_ns, wall_ms, boot_ns);
        self.last_boot_ns = boot_ns;
        self.last_wall_ms = wall_ms;
        (gap_ms > GAP_MS || set_ms != 0).then_some(Event::ClockGap {
            gap_ms,
            uncertain: false,
            wall_went_back: set_ms < 0,
            wall_ms: set_ms,
        })
    }
}

/// What whoever takes a run up after its last record says of the clocks, where that is to be said: budgets and the
/// moment to turn back go by the boot clock, and after another start of the machine by the wall clock.
pub(crate) fn since_last_record(last: &Stamped, boot_id: &str, clock: &dyn Clock) -> Option<Event> {
    let (wall_ms, boot_ns) = (clock.wall_ms(), clock.boot_ns());
    let here = clock.boot_id();
    let is_same_boot = here == boot_id && !here.is_empty();
    let set_ms = if is_same_boot {
        set_by(last.at_ms, last.boot_ns, wall_ms, boot_ns)
    } else {
        wall_ms.saturating_sub(last.at_ms).min(0)
    };
    (set_ms != 0 || !is_same_boot).then_some(Event::ClockGap {
        gap_ms: 0,
        uncertain: !is_same_boot,
        wall_went_back: set_ms < 0,
        wall_ms: set_ms,
    })
}

/// By how many milliseconds the wall clock was set while the boot clock went on; zero for what counts as nothing.
fn set_by(wall_before_ms: i64, boot_before_ns: u64, wall_ms: i64, boot_ns: u64) -> i64 {
    let passed_ms = i64::try_from(boot_ns.saturating_sub(boot_before_ns) / 1_000_000).unwrap_or(i64::MAX);
    let set_ms = wall_ms.saturating_sub(wall_before_ms).saturating_sub(passed_ms);
    if set_ms.unsigned_abs() > WALL_SET_MS { set_ms } else { 0 }
}
