//! `leads-nowhere`: a way back, a safe place to stop or a symptom table that no run comes to; a step without anything to do.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::{Disposition, Rollback};
use crate::prove::Case;
use crate::source::Span;
use crate::time::{acts, has_ended};

pub(super) fn check(case: &Case<'_>, diagnostics: &mut Diagnostics) {
    if !case.earlier.are_none() {
        return;
    }
    let runbook = case.runbook;
    for step in runbook.steps.iter().filter(|step| step.body.statements.is_empty()) {
        tell(step.span, format!("the step {} does nothing", step.name), diagnostics);
    }
    let led_to = runbook.dispositions();
    for branch in &runbook.rollbacks {
        let is_it = |way: &Disposition| matches!(way, Disposition::Rollback(name) if *name == branch.name);
        let mut ways = led_to.iter().filter(|(way, _)| is_it(way));
        let never = if ways.clone().next().is_none() {
            "nothing leads to this way back: no `on failure`, `on interrupt` or `otherwise` names it".to_owned()
        } else if !runbook.steps[branch.from].body.statements.iter().any(acts) {
            let from = &runbook.steps[branch.from].name;
            format!("this way back begins with the first action of `{from}`, which has none")
        } else if ways.all(|(_, steps)| {
            steps
                .as_ref()
                .is_some_and(|steps| steps.iter().all(|step| !applies(case, branch, *step)))
        }) {
            "this way back does not apply in any step that leads to it: they lie outside of its stretch".to_owned()
        } else {
            continue;
        };
        tell(branch.span, never, diagnostics);
    }
    for park in &runbook.parks {
        let is_it = |way: &Disposition| matches!(way, Disposition::Park(name) if *name == park.name);
        if !led_to.iter().any(|(way, _)| is_it(way)) {
            tell(park.span, "nothing leads to this place to stop".to_owned(), diagnostics);
        }
    }
    for table in &runbook.tables {
        let fails = |step: &usize| {
            let mut statements = runbook.steps[*step].body.statements.iter();
            statements.any(|statement| statement.kind.has_symptoms())
        };
        if !table.steps.iter().any(fails) {
            let message = "none of the steps of this table does or checks anything, so it is never asked";
            tell(table.span, message.to_owned(), diagnostics);
        }
    }
}

fn tell(span: Span, message: String, diagnostics: &mut Diagnostics) {
    let help = "name it where it is meant, give it something to do, or take it out";
    diagnostics.push(Diagnostic::warning("leads-nowhere", span, message).help(help));
}

/// Whether a way back may apply while a step runs.
pub(super) fn applies(case: &Case<'_>, branch: &Rollback, step: usize) -> bool {
    !has_ended(case.order, branch, step) && !case.order.is_before(step, branch.from)
}
