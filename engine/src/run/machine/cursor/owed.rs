//! The undos of what was started, in reverse order of the plan.
//!
//! Within a step the last started comes first; steps go by their rank in the plan, last first, whatever
//! ran at the same time. A procedure that was given one undo is undone once.

use std::collections::BTreeSet;

use backstay_dsl::program::{BlockId, Program, StatementId, StepId};

use super::Cursor;
use crate::run::machine::progress::{Started, View};
use crate::run::machine::touched::Touched;

/// An undo that is owed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::run::machine) struct Owed {
    pub(in crate::run::machine) undo: BlockId,
    /// The step in or for which was started what it takes back.
    pub(super) step: StepId,
    /// How far it came, where it was begun and failed.
    pub(in crate::run::machine) stopped: Option<Box<Cursor>>,
}

impl Owed {
    /// Whether this undo waits for the other: one step comes after the other, or both touch one thing.
    pub(super) fn has_to_do_with(&self, view: View<'_>, other: &Self) -> bool {
        let order = view.plan.program.step_order();
        let is_apart = order.may_run_at_once(self.step.place(), other.step.place());
        !is_apart || self.touched(view).shares(view, &other.touched(view))
    }

    /// What it touches, with what it takes back.
    fn touched(&self, view: View<'_>) -> Touched {
        Touched::of(view, self.statements(view))
    }

    pub(in crate::run::machine) fn statements(&self, view: View<'_>) -> Vec<StatementId> {
        let own = view.plan.program.statements_of(self.undo);
        own.chain(taken_back(view, self.undo)).collect()
    }
}

/// The actions that were started and that an undo takes back.
pub(in crate::run::machine) fn taken_back(view: View<'_>, undo: BlockId) -> impl Iterator<Item = StatementId> {
    let started = view.progress.owed().map(|(statement, _)| statement);
    started.filter(move |statement| view.plan.program.undo_of(*statement) == Some(undo))
}

/// The undos of all that was started, or, with a branch's first step, of what is older than that step: not in
/// it and in none that waits for it. The next to carry out is the last of the list.
pub(in crate::run::machine) fn owed(view: View<'_>, older_than: Option<StepId>) -> Vec<Owed> {
    let program = &view.plan.program;
    let left_out = older_than.map_or_else(BTreeSet::new, |step| with_dependents(program, step));
    let mut started: Vec<(StatementId, &Started)> = view
        .progress
        .owed()
        .filter(|(_, started)| !left_out.contains(&started.step))
        .collect();
    started.sort_by_key(|(_, started)| (program.rank(started.step), started.order));
    let mut left: Vec<Owed> = Vec::new();
    let mut seen = BTreeSet::new();
    for (statement, started) in started.into_iter().rev() {
        let undo = program.undo_of(statement).filter(|undo| seen.insert(*undo));
        left.extend(undo.map(|undo| Owed {
            undo,
            step: started.step,
            stopped: None,
        }));
    }
    left.reverse();
    left
}

/// A step and all that wait for it, directly or not.
fn with_dependents(program: &Program, step: StepId) -> BTreeSet<StepId> {
    let mut found = BTreeSet::from([step]);
    let mut open = vec![step];
    while let Some(step) = open.pop() {
        open.extend(program.dependents(step).filter(|next| found.insert(*next)));
    }
    found
}
