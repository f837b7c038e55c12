//! The machine: `fold(state, event)` and `decide(state) → desired`. Pure; no async, no clock.
//!
//! The law: `next(plan, history) = decide(fold*(history))`, tested on every prefix. Time enters only as
//! the stamp of an event. `decide` names the derived records that are due, the work that should be
//! running, and the timers; the driver makes reality equal to that.

mod anchors;
mod budget;
mod cursor;
mod describe;
mod desired;
mod ending;
mod failure;
mod frame;
mod healing;
mod holds;
mod leftovers;
mod opening;
mod places;
mod presence;
mod progress;
mod remains;
mod state;
mod step;
mod time;
mod touched;
mod watches;

use crate::event::Stamped;
use crate::plan::Plan;

pub use desired::{Desired, Should, Work, WorkKind};
pub use places::Places;
pub use state::State;

/// Folds one record into the state. A derived record that is folded twice changes nothing.
pub fn fold(plan: &Plan, state: &mut State, stamped: &Stamped) {
    state.fold(plan, stamped);
}

/// What reality should be. Proportional to what is active, not to the plan.
pub fn decide(plan: &Plan, state: &State) -> Desired {
    state.decide(plan)
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
