//! The machine: `fold(state, event)` and `decide(state) → desired`. Pure; no async, no clock.
//!
//! The law: `next(plan, history) = decide(fold*(history))`, tested on every prefix. Time enters only as
//! the stamp of an event. `decide` names the derived records that are due, the work that should be
//! running, and the timers; the driver makes reality equal to that.

mod cursor;
mod decide;
mod describe;
mod due;
mod ending;
mod failure;
mod fold;
mod holds;
mod leftovers;
mod opening;
mod progress;
mod state;
mod statement;
mod step;
mod symptoms;
mod time;
mod turn;
mod unwind;

use std::collections::BTreeMap;

use crate::event::{AnchorTime, Event, IntentWay, Stamped, TimerId, WorkKey};
use crate::plan::Plan;

pub use state::State;

/// Folds one record into the state. A derived record that is folded twice changes nothing.
pub fn fold(plan: &Plan, state: &mut State, stamped: &Stamped) {
    fold::fold(plan, state, stamped);
}

/// What reality should be. Proportional to what is active, not to the plan.
pub fn decide(plan: &Plan, state: &State) -> Desired {
    decide::decide(plan, state)
}

/// What reality should be after this history: the law of the machine.
pub fn next<'history>(plan: &Plan, history: impl IntoIterator<Item = &'history Stamped>) -> Desired {
    let mut state = State::new(plan);
    for stamped in history {
        fold(plan, &mut state, stamped);
    }
    decide(plan, &state)
}

/// The first derived record of a history that was not due by what stands before it: this program decides
/// otherwise than the one that wrote it. `None` where every one was due.
pub fn first_undue<'history>(
    plan: &Plan,
    history: impl IntoIterator<Item = &'history Stamped>,
) -> Option<&'history Stamped> {
    let mut state = State::new(plan);
    history.into_iter().find(|stamped| {
        let is_due = || {
            decide(plan, &state)
                .due
                .is_some_and(|due| due.decides_as(&stamped.event))
        };
        let is_undue = stamped.event.is_derived() && !is_due();
        fold(plan, &mut state, stamped);
        is_undue
    })
}

/// What reality should be.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Desired {
    /// The derived record to append now, before anything else; after it the machine is asked again.
    pub due: Option<Event>,
    /// Work that should be running, by key. What runs and is not here is abandoned or, where it is an
    /// action, never is absent before its outcome: see [`Work::cancel`].
    pub work: BTreeMap<WorkKey, Work>,
    /// Timers, by id, as moments of the boot clock in nanoseconds; the driver appends `timer` at each, at
    /// once where the moment has passed. A timer that is gone from here is disarmed.
    pub timers: BTreeMap<TimerId, u64>,
    /// Nothing is left to do: the run has ended or is paused.
    pub at_rest: bool,
}

/// One piece of work.
#[derive(Debug, Clone, PartialEq)]
pub struct Work {
    pub kind: WorkKind,
    /// The attempt, from 1.
    pub attempt: u32,
    /// Whether it should be stopped, as its `cancel` allows; its outcome is still waited for.
    pub cancel: bool,
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
    /// Ask the `well` of this service  polling as it says, and append `evaluated`.
    Well { service: String },
    /// Discharge the obligations of the plan and append one `evaluated` for each that does not hold, or
    /// one that says that all hold.
    Obligations,
    /// Ask every anchor and append `anchor` for each.
    Anchors { when: AnchorTime },
    /// Ask a person, and append `answer`.
    Ask,
    /// Find out whether an unknown attempt happened, and append `settled`; the world first, else a person.
    Settle,
    /// Ask the person at the terminal what a signal of this name means, for a bounded time, and append
    /// `signal` with their choice (key `signal`).
    Signal(String),
}
