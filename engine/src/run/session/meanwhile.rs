//! What other runs did to the same things while nobody was at a run and nothing kept them off, because what it had
//! claimed on this machine was cleaned away.

use crate::event::{End, Event, Stamped};
use crate::plan::Plan;
use crate::run::directory::RunDirectory;
use crate::transcript::recorded;

use super::Surroundings;

/// What another run did.
#[derive(Default)]
struct Other {
    /// Whether it is of the same runbook, or has a service of the same name.
    is_near: bool,
    has_acted: bool,
    end: Option<End>,
}

/// Tells which runs that are kept beside this one have worked on the same since its last record.
pub(super) fn tell(plan: &Plan, directory: &RunDirectory, last: &Stamped, surroundings: &Surroundings) {
    let kept = surroundings.state_directory.0.display();
    let runs = match surroundings.state_directory.runs() {
        Ok(runs) => runs,
        Err(error) => {
            surroundings.tell(&format!(
                "runs in {kept} cannot be listed, nor what they did meanwhile: {error}"
            ));
            return;
        }
    };
    let mut is_told = false;
    for run in runs.iter().filter(|run| **run != directory.run) {
        if let Some(sentence) = sentence(plan, run, last, surroundings) {
            surroundings.tell(&sentence);
            is_told = true;
        }
    }
    if !is_told {
        surroundings.tell(&format!(
            "no run in {kept} has changed the same meanwhile; whether one that is kept elsewhere has cannot be told"
        ));
    }
}

fn sentence(plan: &Plan, run: &str, last: &Stamped, surroundings: &Surroundings) -> Option<String> {
    let place = match surroundings.state_directory.run(run) {
        Ok(place) => place?.path,
        Err(error) => return Some(format!("what run {run} did meanwhile cannot be told: {error}")),
    };
    let mut other = Other::default();
    let read = recorded(&place, |stamped| other.take(plan, &stamped, last));
    if let Err(error) = read {
        return Some(format!("what run {run} did meanwhile cannot be told: {error}"));
    }
    let stands = other.end.map_or_else(
        || "has not ended".to_owned(),
        |end| format!("ended meanwhile ({})", end.word().replace('_', " ")),
    );
    (other.is_near && other.has_acted).then(|| {
        format!(
            "run {run} has worked on the same since, and {stands}: what is put back now may undo what it did; look at it \
             first (backstay transcript show {run})"
        )
    })
}

impl Other {
    fn take(&mut self, plan: &Plan, stamped: &Stamped, last: &Stamped) {
        match &stamped.event {
            Event::RunStart(start) => {
                let mut services = start.outline.services.iter();
                self.is_near = start.runbook == plan.runbook.name
                    || services.any(|service| plan.runbook.service(&service.id).is_some());
            }
            Event::Intent(_) => self.has_acted |= stamped.at_ms > last.at_ms,
            Event::RunEnd(end) => self.end = Some(end.end),
            _ => {}
        }
    }
}
