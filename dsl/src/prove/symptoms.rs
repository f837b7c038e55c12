//! `symptom-no-default`: a table whose last row is not `anything else`. A failure that nobody thought of
//! must lead somewhere too.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::prove::Case;

pub(super) fn check(case: &Case<'_>, diagnostics: &mut Diagnostics) {
    for table in &case.runbook.tables {
        if table.rows.last().is_some_and(|row| row.seen.is_none()) {
            continue;
        }
        if case.earlier.lie_between(table.span, case.next_item(table.span)) {
            continue;
        }
        let message = format!("the table {} does not say what happens when no row fits", table.name);
        let mut found = Diagnostic::error("symptom-no-default", table.span, message);
        let early = table.rows.iter().find(|row| row.seen.is_none());
        found = match early {
            Some(row) => found.cause(
                row.span,
                "`anything else` stands here; the rows below it are never reached",
            ),
            None => found,
        };
        diagnostics
            .push(found.help("end it with `symptom anything else { suspect \"not in the table\" otherwise … }`"));
    }
}
