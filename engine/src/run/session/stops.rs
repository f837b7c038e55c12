//! How far a run is to go: a step that is there and not over, and somebody who can be asked.

use backstay_dsl::suggest;

use crate::error::Error;
use crate::event::{Event, Stamped, StepState, Stops};
use crate::plan::Plan;

use super::Surroundings;

/// Refuses a step that the run cannot stop at, and questions where there is no terminal.
pub(super) fn refuse(
    plan: &Plan,
    stops: &Stops,
    history: &[Stamped],
    surroundings: &Surroundings,
) -> Result<(), Error> {
    if stops.each_step && surroundings.person.is_none() {
        return Err(Error::usage(
            "--confirm-each-step asks at a terminal, and there is none",
            "run it at a terminal and without --no-input, or go on in stretches: --until STEP",
        ));
    }
    let Some(until) = &stops.until else {
        return Ok(());
    };
    if plan.program.step_named(until).is_none() {
        return Err(no_step(plan, until));
    }
    let is_over = |stamped: &Stamped| {
        matches!(&stamped.event, Event::Step { id, state, .. }
            if id == until && !matches!(state, StepState::Running | StepState::Healing))
    };
    if history.iter().any(is_over) {
        let help = "name one that is still to come; `backstay transcript show` tells how far the run is";
        return Err(Error::usage(format!("step {until} is over already"), help));
    }
    Ok(())
}

fn no_step(plan: &Plan, name: &str) -> Error {
    let runbook = &plan.runbook;
    let kinds = [
        (
            "a way back",
            runbook.rollbacks.iter().map(|way| &way.name).collect::<Vec<_>>(),
        ),
        ("a safe place", runbook.parks.iter().map(|park| &park.name).collect()),
        ("a hold", runbook.holds.iter().map(|hold| &hold.name).collect()),
    ];
    let other = kinds.iter().find(|(_, names)| names.iter().any(|known| *known == name));
    let steps: Vec<&str> = runbook.steps.iter().map(|step| step.name.as_str()).collect();
    let help = match suggest::closest(name, steps.iter().copied()) {
        Some(near) => format!("did you mean {near}?"),
        None => format!("the steps are: {}", steps.join(", ")),
    };
    let what = other.map_or(String::new(), |(kind, _)| format!(": it is {kind}"));
    Error::usage(format!("--until: there is no step `{name}`{what}"), help)
}
