//! The undos of what was started, in reverse order of the plan.
//!
//! Within a step the last started comes first; steps go by their rank in the plan, last first, whatever
//! ran at the same time. A procedure that was given one undo is undone once.

use std::collections::BTreeSet;

use backstay_dsl::program::{BlockId, Program, StatementId, StepId};

use super::progress::{Started, View};

/// The undos of all that was started, or, with a branch's first step, of what is older than that step: not in
/// it and in none that waits for it. The next to carry out is the last of the list.
pub(super) fn owed(view: View<'_>, older_than: Option<StepId>) -> Vec<BlockId> {
    let program = &view.plan.program;
    let left_out = older_than.map_or_else(BTreeSet::new, |step| with_dependents(program, step));
    let mut started: Vec<(StatementId, &Started)> = view
        .progress
        .owed()
        .filter(|(_, started)| !left_out.contains(&started.step))
        .collect();
    started.sort_by_key(|(_, started)| (program.rank(started.step), started.order));
    let mut left: Vec<BlockId> = Vec::new();
    let mut seen = BTreeSet::new();
    for (statement, _) in started.into_iter().rev() {
        left.extend(program.undo_of(statement).filter(|undo| seen.insert(*undo)));
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
