//! `retry-not-safe`, `undo-not-repeatable`: what must not be done twice stands where it may be.
//!
//! A way back, the release of a hold and a place to stop are repeated when they are resumed after a
//! crash, and tried once more when they fail.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::{Do, Statement, StatementKind};
use crate::program::Owner;
use crate::prove::{Case, with_calls};

pub(super) fn check(case: &Case<'_>, diagnostics: &mut Diagnostics) {
    for (_, owner, block) in case.program.blocks() {
        let within = match owner {
            Owner::Rollback(_) => Some("a way back"),
            Owner::Park(_) => Some("a place to stop"),
            Owner::Release(_) => Some("the release of a hold"),
            Owner::Undo(_) | Owner::GroupUndo(..) => Some("an undo"),
            Owner::Step(_) | Owner::Take(_) | Owner::Row(_) => None,
        };
        for statement in &block.statements {
            let StatementKind::Do(action) = &statement.kind else {
                continue;
            };
            if action.call.effects.repeat.is_safe() || action.call.effects.is_message() {
                continue;
            }
            if let Some(within) = within {
                diagnostics.push(not_repeatable(statement, action, within));
            } else if action.retry.is_some() {
                diagnostics.push(not_safe(statement, action));
            }
        }
    }
}

fn not_repeatable(statement: &Statement, action: &Do, within: &str) -> Diagnostic {
    let message = format!(
        "`{}` must not be done twice, and {within} may be repeated",
        action.call.action
    );
    let found = Diagnostic::error("undo-not-repeatable", statement.span, message)
        .help("use an action that is safe to repeat; if this one is, say `repeat convergent` or `repeat keyed` in its effects");
    with_calls(found, statement)
}

fn not_safe(statement: &Statement, action: &Do) -> Diagnostic {
    let message = format!(
        "`{}` must not be done twice, so it cannot be tried again",
        action.call.action
    );
    let found = Diagnostic::error("retry-not-safe", statement.span, message).help(
        "take `retry` away; if a second attempt does no harm, say `repeat convergent` or `repeat keyed` in its effects",
    );
    with_calls(found, statement)
}
