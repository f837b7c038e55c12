//! `budget-too-short`: what certainly has to pass inside a step, an undo or a way back is longer than
//! the time it is given. Only `wait` is certain: a check or an action may be quick.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::{Block, StatementKind, Undo, UndoBody};
use crate::prove::{Case, with_calls};
use crate::source::Span;
use crate::units::duration;
use crate::walk::{Place, blocks};

pub(super) fn check(case: &Case<'_>, diagnostics: &mut Diagnostics) {
    let runbook = case.runbook;
    for (place, block) in blocks(runbook) {
        let (what, budget_ms, span) = match place {
            Place::Step(at) => ("step", runbook.steps[at].budget_ms, runbook.steps[at].span),
            Place::Rollback(at) => ("way back", runbook.rollbacks[at].budget_ms, runbook.rollbacks[at].span),
            Place::Park(at) => ("place to stop", runbook.parks[at].budget_ms, runbook.parks[at].span),
            Place::Take(at) => ("hold", Some(runbook.holds[at].take_within_ms), runbook.holds[at].span),
            Place::Release(at) => (
                "hold",
                Some(runbook.holds[at].release_within_ms),
                runbook.holds[at].span,
            ),
            Place::Row(table, row) => {
                let row = &runbook.tables[table].rows[row];
                ("symptom", row.budget_ms, row.span)
            }
        };
        // An amount that could not be read counts as nothing.
        let is_read = |budget_ms: &u64| *budget_ms > 0 || case.earlier.are_none();
        if let Some(budget_ms) = budget_ms.filter(is_read) {
            waits(block, budget_ms, what, span, diagnostics);
        }
        undos(block, diagnostics);
    }
}

fn undos(block: &Block, diagnostics: &mut Diagnostics) {
    let own = block.statements.iter().filter_map(|statement| match &statement.kind {
        StatementKind::Do(action) => match &action.undo {
            Some(Undo::Body(undo)) => Some(undo),
            _ => None,
        },
        _ => None,
    });
    let all: Vec<&UndoBody> = own.chain(&block.groups).collect();
    for undo in all {
        waits(&undo.body, undo.within_ms, "undo", undo.span, diagnostics);
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
