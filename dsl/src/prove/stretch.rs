//! `misplaced-statement`: a stretch reaches past a point of no return. From `commits` on nothing is taken back, so
//! the way back would not be taken where it says that it applies.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::StatementKind;
use crate::prove::Case;

pub(super) fn check(case: &Case<'_>, diagnostics: &mut Diagnostics) {
    if !case.earlier.keep_structure() {
        return;
    }
    for branch in &case.runbook.rollbacks {
        let is_within = |step: usize| {
            (step == branch.from || case.order.is_before(branch.from, step)) && case.order.is_before(step, branch.until)
        };
        let steps = case
            .runbook
            .steps
            .iter()
            .enumerate()
            .filter(|(place, _)| is_within(*place));
        let mut statements =
            steps.flat_map(|(_, step)| step.body.statements.iter().map(move |statement| (step, statement)));
        let commits = statements.find(|(_, statement)| matches!(statement.kind, StatementKind::Commits { .. }));
        if let Some((step, statement)) = commits {
            let message = format!(
                "the stretch of {} reaches past the point of no return in {}",
                branch.name, step.name
            );
            let found = Diagnostic::error("misplaced-statement", branch.span, message);
            diagnostics.push(
                found
                    .cause(statement.span, "from here on nothing is taken back")
                    .suggest("end it there", branch.named.1, &step.name),
            );
        }
    }
}
