//! Holds: temporary states that are given back on every ending. Table: `docs/machine.md`.

use backstay_dsl::program::HoldId;

use super::places::{Places, word};
use crate::event::{Event, HoldState};
use crate::plan::Plan;

/// Every hold of the runbook, by place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Holds {
    states: Vec<Holding>,
    /// Those that are not free, in the order in which they were first taken.
    order: Vec<HoldId>,
}

/// The state of one hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holding {
    Free,
    /// Taking it has begun: it must be released.
    Owed,
    Taken,
    /// It could not be released.
    Stuck,
}

impl Holds {
    /// All of them free.
    pub(super) fn new(count: usize) -> Self {
        Self {
            states: vec![Holding::Free; count],
            order: Vec::new(),
        }
    }

    pub(super) fn places(&self, plan: &Plan, places: &mut Places) {
        for (definition, holding) in plan.runbook.holds.iter().zip(&self.states) {
            places.insert(("hold", definition.name.clone()), word(holding));
        }
    }

    /// Taking has begun.
    pub(super) fn owe(&mut self, hold: HoldId) {
        if self.is_free(hold) {
            self.set(hold, Holding::Owed);
        }
    }

    /// A record says how it is.
    pub(super) fn record(&mut self, hold: HoldId, state: HoldState) {
        self.set(
            hold,
            match state {
                HoldState::Taken => Holding::Taken,
                HoldState::Free => Holding::Free,
                HoldState::Stuck => Holding::Stuck,
            },
        );
    }

    fn set(&mut self, hold: HoldId, to: Holding) {
        if let Some(state) = self.states.get_mut(hold.place()) {
            *state = to;
            self.order.retain(|known| *known != hold || to != Holding::Free);
            if to != Holding::Free && !self.order.contains(&hold) {
                self.order.push(hold);
            }
        }
    }

    /// Whether nothing is held.
    pub(super) fn is_free(&self, hold: HoldId) -> bool {
        self.states
            .get(hold.place())
            .is_none_or(|state| *state == Holding::Free)
    }

    /// Whether it is surely held.
    pub(super) fn is_taken(&self, hold: HoldId) -> bool {
        self.states
            .get(hold.place())
            .is_some_and(|state| *state == Holding::Taken)
    }

    /// Whether it could not be released.
    pub(super) fn is_stuck(&self, hold: HoldId) -> bool {
        self.states
            .get(hold.place())
            .is_some_and(|state| *state == Holding::Stuck)
    }

    /// The one to release next: the last taken of those that are not stuck.
    pub(super) fn last(&self) -> Option<HoldId> {
        self.held().find(|hold| !self.is_stuck(*hold))
    }

    /// Those that could not be released are to be released again.
    pub(super) fn take_up(&mut self) {
        for state in &mut self.states {
            if *state == Holding::Stuck {
                *state = Holding::Owed;
            }
        }
    }

    /// Those that are not free, last taken first.
    pub(super) fn held(&self) -> impl Iterator<Item = HoldId> {
        self.order.iter().rev().copied()
    }
}

/// The record of how a hold is.
pub(super) fn event(plan: &Plan, hold: HoldId, state: HoldState) -> Event {
    let name = plan.program.hold(hold).name.clone();
    Event::Hold { name, state }
}
