//! What the machine decides: the record that is due, the work that should be running, the timers.

use backstay_dsl::program::StatementId;

use crate::event::{AnchorTime, Event, IntentWay, TimerId, WorkKey};

/// What reality should be.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Desired {
    /// The derived record to append now, before anything else: nothing else is said here, and after it the
    /// machine is asked again.
    pub due: Option<Event>,
    /// Work that should be running, by key and in order of it. What runs and is not here is abandoned or, where
    /// it is an action, never is absent before its outcome: see [`Work::cancel`].
    pub work: Vec<(WorkKey, Work)>,
    /// Timers, by id and in order of it, as moments of the boot clock in nanoseconds; the driver appends `timer`
    /// at each, at once where the moment has passed. A timer that is gone from here is disarmed.
    pub timers: Vec<(TimerId, u64)>,
    /// Nothing is left to do: the run has ended or is paused.
    pub at_rest: bool,
}

/// One piece of work.
#[derive(Debug, Clone, PartialEq)]
pub struct Work {
    pub kind: WorkKind,
    /// The statement that it carries out, where it is one.
    pub statement: Option<StatementId>,
    /// The attempt, from 1.
    pub attempt: u32,
    /// Whether it should be stopped, as its `cancel` allows; its outcome is still waited for.
    pub cancel: bool,
}

impl Work {
    /// Work that has no attempts.
    pub(super) fn once(kind: WorkKind) -> Self {
        Self {
            kind,
            statement: None,
            attempt: 1,
            cancel: false,
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum WorkKind {
    /// Work out the arguments, append the intent, perform, append the outcome.
    Perform {
        /// The longest one attempt may take, milliseconds.
        limit_ms: u64,
        way: IntentWay,
    },
    /// Evaluate the statement's expression, polling where it says so, and append `evaluated`.
    Evaluate,
    /// Evaluate the `seen when` of the row, and append `evaluated`.
    Row,
    /// Ask the `well` of this service, polling as it says, and append `evaluated`.
    Well { service: String },
    /// Ask whether this service is as it should be at the end, for a while, and append `evaluated`.
    Presence { service: String, should: Should },
    /// Ask this watch again and again, and append `evaluated` once it has failed to hold more often than it may, or,
    /// where it did before, holds again; told to stop, at once with what was seen in all.
    Watch { watch: String, is_missed: bool },
    /// Discharge the obligations of the plan and append one `evaluated` for each that does not hold, or
    /// one that says that all hold.
    Obligations,
    /// Ask every anchor and append `anchor` for each.
    Anchors { when: AnchorTime },
    /// Ask a person, and append `answer`.
    Ask {
        /// Who has answered already: somebody else has to say the same.
        besides: Option<String>,
    },
    /// Ask a person whether the step of this name may begin, and append `answer` (key `begin:STEP`).
    MayBegin { step: String },
    /// Find out whether an unknown attempt happened, and append `settled`; the world first, else a person.
    Settle {
        /// Whether the run may wait for a person: where only one could tell and nobody can be asked, append an
        /// `answer` without a value.
        may_wait: bool,
    },
    /// Ask the person at the terminal what a signal of this name means, for a bounded time, and append
    /// `signal` with their choice (key `signal`).
    Signal(String),
}

/// How a service should be when the run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Should {
    Run,
    /// Be there, where it is there without running too, and not run.
    Stand,
    NotRun,
    /// Neither run nor be there.
    BeGone,
}

impl WorkKind {
    /// Whether a person may be asked, and so shown what has happened.
    pub(crate) fn may_ask_people(&self) -> bool {
        matches!(
            self,
            Self::Ask { .. } | Self::MayBegin { .. } | Self::Settle { .. } | Self::Signal(_)
        )
    }
}

/// What may run.
///
/// | mode | when | work |
/// | --- | --- | --- |
/// | go | forward, ending | what is to be done, and what runs |
/// | look | a person is asked what a signal means | what runs, and what changes and asks nothing |
/// | stop | quiescing, a failing step | only attempts that run, to be cancelled, and what is to be settled |
/// | hold | pausing, or a step is about to begin too late | only attempts that run |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Go,
    Look,
    Stop,
    Hold,
}

impl Mode {
    pub(super) fn does_look(self) -> bool {
        matches!(self, Self::Go | Self::Look)
    }
}
