//! `budget-too-short`: what certainly has to pass inside a step, an undo or a way back is longer than
//! the time it is given. `wait`, soaks and the pauses of `retry` are certain; a poll that may go on longer than all
//! of its surroundings is a mistake, too. A bound that is never reached is a warning.

use crate::check::EVALUATION_MS;
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::model::{Block, Statement, StatementKind};
use crate::program::Owner;
use crate::prove::{Case, with_calls};
use crate::source::Span;
use crate::units::duration;

pub(super) fn check(case: &Case<'_>, diagnostics: &mut Diagnostics) {
    let program = case.program;
    for (id, owner, block) in program.blocks() {
        let (what, budget_ms, span) = match owner {
            Owner::Step(step) => ("step", program.step(step).budget_ms, program.step(step).span),
            Owner::Rollback(at) => ("way back", program.rollback(at).budget_ms, program.rollback(at).span),
            Owner::Park(at) => ("place to stop", program.park(at).budget_ms, program.park(at).span),
            Owner::Take(hold) | Owner::Release(hold) => ("hold", program.within_ms(id), program.hold(hold).span),
            Owner::Row(row) => ("symptom", program.row(row).budget_ms, program.row(row).span),
            Owner::Undo(_) | Owner::GroupUndo(..) => match program.undo(id) {
                Some(undo) => ("undo", Some(undo.within_ms), undo.span),
                None => continue,
            },
        };
        // An amount that could not be read counts as nothing.
        let is_read = |budget_ms: &u64| *budget_ms > 0 || case.earlier.are_none();
        if let Some(budget_ms) = budget_ms.filter(is_read) {
            let time = Time { budget_ms, what, span };
            time.waits(block, diagnostics);
            time.bounds(block, diagnostics);
        }
        for statement in &block.statements {
            asks_once(statement, diagnostics);
        }
    }
}

/// The time that a block has, and what it is.
struct Time {
    budget_ms: u64,
    what: &'static str,
    span: Span,
}

impl Time {
    /// Reports the first pause at which those of a block are longer than its time.
    fn waits(&self, block: &Block, diagnostics: &mut Diagnostics) {
        let what = self.what;
        let mut waited_ms = 0_u64;
        for statement in &block.statements {
            let (pause_ms, words) = match &statement.kind {
                StatementKind::Wait { duration_ms, .. } => (*duration_ms, "the waits of"),
                StatementKind::Check(check) if check.misses.is_some() => (check.within_ms, "the waits and soaks of"),
                StatementKind::Do(action) => match &action.retry {
                    // Each pause comes only after a failure, so they do not add up with others.
                    Some(retry) if retry.times.saturating_mul(retry.every_ms) >= self.budget_ms => (
                        retry.times.saturating_mul(retry.every_ms),
                        "the pauses of this `retry` in",
                    ),
                    _ => continue,
                },
                _ => continue,
            };
            waited_ms = waited_ms.saturating_add(pause_ms);
            if waited_ms >= self.budget_ms {
                let (waited, budget) = (duration(waited_ms), duration(self.budget_ms));
                let message = format!("{words} this {what} come to {waited}, and it has {budget} in all");
                let help = format!("give the {what} more than {waited}, or wait less");
                diagnostics.push(self.too_short(statement, message, help));
                return;
            }
        }
    }

    /// Tells of bounds that are longer than the time around them: of a poll as a mistake, else as a warning.
    fn bounds(&self, block: &Block, diagnostics: &mut Diagnostics) {
        for statement in &block.statements {
            let (within_ms, is_poll) = match &statement.kind {
                StatementKind::Check(check) if check.misses.is_some() => continue,
                StatementKind::Check(check) if check.every_ms.is_some() || check.within_ms != EVALUATION_MS => {
                    (check.within_ms, check.every_ms.is_some())
                }
                // What is as long as an action's own limit was not written here.
                StatementKind::Do(action) if action.within_ms != action.call.effects.limit_ms => {
                    (action.within_ms, false)
                }
                _ => continue,
            };
            if within_ms <= self.budget_ms {
                continue;
            }
            let (within, budget) = (duration(within_ms), duration(self.budget_ms));
            let what = self.what;
            let message = format!("this may take {within}, and this {what} has {budget} in all");
            let help = format!("give the {what} more than {within}, or this less");
            let mut found = self.too_short(statement, message, help);
            if !is_poll {
                found.severity = Severity::Warning;
            }
            diagnostics.push(found);
        }
    }

    fn too_short(&self, statement: &Statement, message: String, help: String) -> Diagnostic {
        let cause = format!("this {} has {}", self.what, duration(self.budget_ms));
        let found = Diagnostic::error("budget-too-short", statement.span, message);
        with_calls(found.cause(self.span, cause).help(help), statement)
    }
}

/// A poll whose pause is as long as the whole of it asks once, whatever it says.
fn asks_once(statement: &Statement, diagnostics: &mut Diagnostics) {
    let StatementKind::Check(check) = &statement.kind else {
        return;
    };
    if let Some(every_ms) = check
        .every_ms
        .filter(|every_ms| *every_ms >= check.within_ms && check.within_ms > 0)
    {
        let (every, within) = (duration(every_ms), duration(check.within_ms));
        let message = format!("this asks every {every} for {within}, so it asks only once");
        let found = Diagnostic::error("budget-too-short", statement.span, message);
        let help = "let it go on for longer than one pause, or leave `every …` out";
        diagnostics.push(with_calls(found.help(help), statement));
    }
}
