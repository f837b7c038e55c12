//! `budget-too-short`: what certainly has to pass inside a step, an undo or a way back is longer than
//! the time it is given. Only `wait` is certain: a check or an action may be quick.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::{Block, StatementKind};
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
            waits(block, budget_ms, what, span, diagnostics);
        }
    }
}

/// Reports the first wait at which the waits of a block are longer than its time.
fn waits(block: &Block, budget_ms: u64, what: &str, span: Span, diagnostics: &mut Diagnostics) {
    let mut waited_ms = 0_u64;
    for statement in &block.statements {
        let StatementKind::Wait { duration_ms, .. } = statement.kind else {
            continue;
        };
        waited_ms = waited_ms.saturating_add(duration_ms);
        if waited_ms >= budget_ms {
            let (waited, budget) = (duration(waited_ms), duration(budget_ms));
            let message = format!("the waits of this {what} come to {waited}, and it has {budget} in all");
            let found = Diagnostic::error("budget-too-short", statement.span, message)
                .cause(span, format!("this {what} has {budget}"))
                .help(format!("give the {what} more than {waited}, or wait less"));
            diagnostics.push(with_calls(found, statement));
            return;
        }
    }
}
