//! Unwinding: the undos of what was started, one after the other, in reverse order of the plan.
//!
//! Within a step the last started comes first; steps go by their rank in the plan, last first, whatever
//! ran at the same time. A procedure that was given one undo is undone once.

use std::collections::BTreeSet;

use backstay_dsl::model::StatementKind;
use backstay_dsl::program::{BlockId, Program, StatementId, StepId};

use super::cursor::Cursor;
use super::describe::describe;
use super::progress::{Started, View};
use super::state::State;
use crate::plan::Plan;

/// Undos that are being carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unwinding {
    /// Those to come; the next is the last of the list.
    left: Vec<BlockId>,
    pub(super) cursor: Box<Cursor>,
}

impl Unwinding {
    /// The undos of all that was started, or, with a branch's first step, of what is older than that
    /// step: not in it and in none that waits for it. `None` where there is nothing to undo.
    pub(super) fn begin(view: View<'_>, older_than: Option<StepId>) -> Option<Self> {
        let left_out = older_than.map_or_else(BTreeSet::new, |step| with_dependents(&view.plan.program, step));
        let program = &view.plan.program;
        let mut started: Vec<(&StatementId, &Started)> = view
            .progress
            .started
            .iter()
            .filter(|(_, started)| started.is_owed() && !left_out.contains(&started.step))
            .collect();
        started.sort_by_key(|(_, started)| (program.rank(started.step), started.order));
        let mut left: Vec<BlockId> = Vec::new();
        let mut seen = BTreeSet::new();
        for (statement, _) in started.iter().rev() {
            left.extend(program.undo_of(**statement).filter(|undo| seen.insert(*undo)));
        }
        left.reverse();
        let first = left.pop()?;
        let cursor = Box::new(Cursor::back(view, first));
        let mut unwinding = Self { left, cursor };
        unwinding.advance(view).then_some(unwinding)
    }

    /// Goes on to the next undo where the running one is over. Gives false when none is left.
    pub(super) fn advance(&mut self, view: View<'_>) -> bool {
        while self.cursor.is_over() {
            let Some(undo) = self.left.pop() else {
                return false;
            };
            *self.cursor = Cursor::back(view, undo);
        }
        true
    }

    /// The undos to come after the running one, next first.
    pub(super) fn left(&self) -> impl Iterator<Item = BlockId> {
        self.left.iter().rev().copied()
    }
}

impl State {
    /// The changing actions that were started and that no undo took back, last first: key, and text as their
    /// author would write it. Those that say why they need none are not among them.
    pub(super) fn without_way_back(&self, plan: &Plan) -> Vec<(String, String)> {
        let mut found: Vec<(u32, (String, String))> = Vec::new();
        for (id, started) in self.progress.started.iter().filter(|(_, started)| started.is_owed()) {
            let statement = plan.program.statement(*id);
            let StatementKind::Do(action) = &statement.kind else {
                continue;
            };
            let is_owed = action.undo.is_none() && statement.group.is_none() && action.call.effects.is_changing();
            if is_owed {
                let text = describe(plan, &self.progress, statement);
                found.push((started.order, (statement.key.clone(), text)));
            }
        }
        found.sort();
        found.into_iter().rev().map(|(_, done)| done).collect()
    }
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
