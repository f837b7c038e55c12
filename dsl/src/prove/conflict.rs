//! `way-back-conflict`: two steps that may run at once, and whose failures lead to different ways back. Where both fail,
//! it is luck which of the two is taken.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::Disposition;
use crate::prove::Case;
use crate::prove::nowhere::applies;

pub(super) fn check(case: &Case<'_>, diagnostics: &mut Diagnostics) {
    if !case.earlier.keep_structure() {
        return;
    }
    let steps = case.runbook.steps.iter().enumerate();
    let committing = steps.filter(|(_, step)| step.body.commits().is_some());
    let committing: Vec<usize> = committing.map(|(place, _)| place).collect();
    for region in case.order.regions().filter(|region| region.len() > 1) {
        let steps = region
            .iter()
            .filter_map(|step| Some((*step, way(case, &committing, *step)?)));
        let steps: Vec<(usize, String)> = steps.collect();
        if steps.windows(2).all(|pair| pair[0].1 == pair[1].1) {
            continue;
        }
        for (at, (step, own)) in steps.iter().enumerate() {
            let other = steps[..at]
                .iter()
                .find(|(other, way)| way != own && case.order.may_run_at_once(*step, *other));
            if let Some((other, way)) = other {
                diagnostics.push(conflict(case, (*step, own), (*other, way)));
            }
        }
    }
}

/// Where the failure of a step leads, in words; `None` where the run does not turn back.
fn way(case: &Case<'_>, committing: &[usize], step: usize) -> Option<String> {
    let runbook = case.runbook;
    let is_committed = committing.iter().any(|place| case.order.is_before(*place, step));
    Some(match &runbook.steps[step].on_failure {
        Disposition::Continue(_) | Disposition::Pause => return None,
        Disposition::Park(name) => format!("parks at `{name}`"),
        Disposition::Rollback(_) | Disposition::Unwind if is_committed => "stays where it is".to_owned(),
        Disposition::Rollback(name) => {
            let branch = runbook.rollbacks.iter().find(|branch| branch.name == *name)?;
            if applies(case, branch, step) {
                format!("takes `{name}`")
            } else {
                "runs the undos".to_owned()
            }
        }
        Disposition::Unwind => "runs the undos".to_owned(),
    })
}

fn conflict(case: &Case<'_>, (step, own): (usize, &str), (other, way): (usize, &str)) -> Diagnostic {
    let steps = &case.runbook.steps;
    let (later, earlier) = if steps[step].span >= steps[other].span {
        ((&steps[step], own), (&steps[other], way))
    } else {
        ((&steps[other], way), (&steps[step], own))
    };
    let (name, first) = (&later.0.name, &earlier.0.name);
    let message = format!(
        "{name} and {first} may run at once and disagree about the way back: the failure of {name} {}, that of {first} {}",
        later.1, earlier.1
    );
    Diagnostic::error("way-back-conflict", later.0.span, message)
        .cause(earlier.0.span, "it may fail at the same time")
        .help(format!(
            "let both lead to one way, or let one wait: `step {name} … after {first}`"
        ))
}
