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
    /// The boot in which it was recorded what is read.
    boot_id: String,
    end: Option<End>,
}

/// Tells which runs that are kept beside this one have worked on the same since its last record.
pub(super) fn tell(plan: &Plan, directory: &RunDirectory, history: &[Stamped], surroundings: &Surroundings) {
    let Some(since) = Since::of(history, surroundings) else {
        return;
    };
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
        if let Some(sentence) = sentence(plan, run, &since, surroundings) {
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

fn sentence(plan: &Plan, run: &str, since: &Since<'_>, surroundings: &Surroundings) -> Option<String> {
    let place = match surroundings.state_directory.run(run) {
        Ok(place) => place?.path,
        Err(error) => return Some(format!("what run {run} did meanwhile cannot be told: {error}")),
    };
    let mut other = Other::default();
    let read = recorded(&place, |stamped| other.take(plan, &stamped, since));
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

/// The last record of a run, and the boots of then and of now.
struct Since<'a> {
    last: &'a Stamped,
    boot_id: &'a str,
    boot_now: String,
}

impl<'a> Since<'a> {
    fn of(history: &'a [Stamped], surroundings: &Surroundings) -> Option<Self> {
        Some(Self {
            last: history.last()?,
            boot_id: boot_of(history)?,
            boot_now: surroundings.clock.boot_id(),
        })
    }

    /// Whether something was recorded after it. The wall clock, which may have been set meanwhile, says so only where
    /// no boot clock can.
    fn is_before(&self, stamped: &Stamped, boot_id: &str) -> bool {
        if boot_id == self.boot_id {
            return stamped.boot_ns > self.last.boot_ns;
        }
        boot_id == self.boot_now || self.boot_id != self.boot_now && stamped.at_ms > self.last.at_ms
    }
}

/// The boot in which the last record was made.
pub(super) fn boot_of(history: &[Stamped]) -> Option<&str> {
    history.iter().rev().find_map(|stamped| match &stamped.event {
        Event::RunResumed(resumed) => Some(resumed.boot_id.as_str()),
        Event::RunStart(start) => Some(start.boot_id.as_str()),
        _ => None,
    })
}

impl Other {
    fn take(&mut self, plan: &Plan, stamped: &Stamped, since: &Since<'_>) {
        match &stamped.event {
            Event::RunResumed(resumed) => self.boot_id.clone_from(&resumed.boot_id),
            Event::RunStart(start) => {
                self.boot_id.clone_from(&start.boot_id);
                let mut services = start.outline.services.iter();
                self.is_near = start.runbook == plan.runbook.name
                    || services.any(|service| plan.runbook.service(&service.id).is_some());
            }
            Event::Intent(_) => self.has_acted |= since.is_before(stamped, &self.boot_id),
            Event::RunEnd(end) => self.end = Some(end.end),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was recorded before and after, by a wall clock that was set meanwhile.
    #[test]
    fn what_came_later_is_told_by_the_boot_clock() {
        let stamped = |at_ms, boot_ns| Stamped {
            at_ms,
            boot_ns,
            event: Event::Signal {
                name: String::new(),
                asked: false,
                choice: None,
            },
        };
        let last = stamped(1_000_000, 50);
        let since = |boot_now: &str| Since {
            last: &last,
            boot_id: "one",
            boot_now: boot_now.to_owned(),
        };
        for (now, boot, at_ms, boot_ns, is_later) in [
            // Set back, and set forward, in one boot.
            ("one", "one", 5, 60, true),
            ("one", "one", 2_000_000, 40, false),
            // The boot before, and the one of now.
            ("one", "none", 2_000_000, 60, false),
            ("two", "two", 5, 1, true),
            // One that is neither: only the wall clock is left.
            ("three", "two", 2_000_000, 1, true),
            ("three", "two", 5, 1, false),
        ] {
            let found = since(now).is_before(&stamped(at_ms, boot_ns), boot);
            assert_eq!(found, is_later, "{now} {boot} {at_ms} {boot_ns}");
        }
    }
}
