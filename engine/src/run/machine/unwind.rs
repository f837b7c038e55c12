//! Unwinding: the undos of what was started, one after the other, in reverse order of the plan.
//!
//! Within a step the last started comes first; steps go by their rank in the plan, last first, whatever
//! ran at the same time. A procedure that was given one undo is undone once.

use std::collections::BTreeSet;

use backstay_dsl::model::StatementKind;

use super::block::{BlockAt, UndoAt};
use super::course::Course;
use super::describe::describe;
use super::progress::Started;
use super::state::State;
use super::statement::Ground;
use crate::plan::Plan;

/// Undos that are being carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unwinding {
    /// Those to come; the next is the last of the list.
    left: Vec<UndoAt>,
    /// The one that runs.
    pub(super) course: Box<Course>,
}

impl Unwinding {
    /// The undos of all that was started, or, with a branch's first step, of what is older than that
    /// step: not in it and in none that waits for it. `None` where there is nothing to undo.
    pub(super) fn begin(ground: Ground<'_>, older_than: Option<usize>) -> Option<Self> {
        let left_out = older_than.map_or_else(BTreeSet::new, |step| with_dependents(ground.plan, step));
        let mut started: Vec<&Started> = ground
            .progress
            .started
            .values()
            .filter(|started| started.is_owed() && !left_out.contains(&started.step))
            .collect();
        started.sort_by_key(|started| {
            (
                ground
                    .plan
                    .program
                    .step_at(started.step)
                    .map(|step| ground.plan.program.rank(step)),
                started.order,
            )
        });
        let mut left: Vec<UndoAt> = Vec::new();
        let mut seen = BTreeSet::new();
        for started in started.iter().rev() {
            let undo = started.home.undo_of(ground.plan, started.place);
            if let Some((undo, body)) = undo.and_then(|undo| Some((undo, undo.body(ground.plan)?)))
                && seen.insert(body.key.as_str())
            {
                left.push(undo);
            }
        }
        left.reverse();
        let first = left.pop()?;
        let course = Box::new(Course::back(ground, BlockAt::Undo(first)));
        let mut unwinding = Self { left, course };
        unwinding.advance(ground).then_some(unwinding)
    }

    /// Goes on to the next undo where the running one is over. Gives false when none is left.
    pub(super) fn advance(&mut self, ground: Ground<'_>) -> bool {
        while self.course.is_over() {
            let Some(undo) = self.left.pop() else {
                return false;
            };
            *self.course = Course::back(ground, BlockAt::Undo(undo));
        }
        true
    }

    /// The undos to come after the running one, next first.
    pub(super) fn left(&self) -> impl Iterator<Item = UndoAt> {
        self.left.iter().rev().copied()
    }
}

impl State {
    /// The changing actions that were started and that no undo took back, last first: key, and text as their
    /// author would write it. Those that say why they need none are not among them.
    pub(super) fn without_way_back(&self, plan: &Plan) -> Vec<(String, String)> {
        let mut found: Vec<(u32, (String, String))> = Vec::new();
        for started in self.progress.started.values().filter(|started| started.is_owed()) {
            let Some(statement) = BlockAt::Home(started.home).statement(plan, started.place) else {
                continue;
            };
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
fn with_dependents(plan: &Plan, step: usize) -> BTreeSet<usize> {
    let mut found = BTreeSet::from([step]);
    let mut open = vec![step];
    while let Some(step) = open.pop() {
        let step = plan.program.step_at(step);
        for next in step.into_iter().flat_map(|step| plan.program.dependents(step)) {
            if found.insert(next.place()) {
                open.push(next.place());
            }
        }
    }
    found
}
