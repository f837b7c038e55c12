//! `commits-too-early`: the point of no return does not stand directly before the action or release it
//! is for. Every statement between the two would already have lost its way back.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::StatementKind;
use crate::prove::{Case, with_calls};

pub(super) fn check(case: &Case<'_>, diagnostics: &mut Diagnostics) {
    for (_, _, block) in case.program.blocks() {
        for (at, statement) in block.statements.iter().enumerate() {
            if !matches!(statement.kind, StatementKind::Commits { .. }) {
                continue;
            }
            let next = block.statements.get(at + 1);
            let is_act = |kind: &StatementKind| matches!(kind, StatementKind::Do(_) | StatementKind::Release(_));
            if next.is_some_and(|next| is_act(&next.kind)) {
                continue;
            }
            let behind = next.map_or_else(|| case.next_item(statement.span), |next| Some(next.span));
            if case.earlier.lie_between(statement.span, behind) {
                continue;
            }
            let message = "`commits` has to stand directly before the action or release that it is for";
            let mut found = Diagnostic::error("commits-too-early", statement.span, message);
            found = match next {
                Some(next) => found.cause(next.span, "this comes first, and would have no way back"),
                None => found.label("nothing follows in this step"),
            };
            let help = "move it down to the action after which there is no way back";
            diagnostics.push(with_calls(found.help(help), statement));
        }
    }
}
