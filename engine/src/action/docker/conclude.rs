//! The end of a run: what it took out of services' places is removed where it ended well, else named.

use std::fs;
use std::path::Path;

use backstay_dsl::effect::{Resource, ResourceKind};

use super::Engine;
use super::place::{Place, TakenOut};
use super::policy;
use super::start_and_watch::made_and_never_started;
use super::stopped;
use crate::action::Leftover;
use crate::containers::{Container, Problem, labels};
use crate::event::End;

/// Removes what is of no use any more, and gives what stays.
pub(super) async fn conclude(engine: &Engine, run_directory: &Path, end: End) -> Vec<Leftover> {
    let places = match Place::all(run_directory) {
        Ok(places) => places,
        Err(reason) => return vec![left(&run_directory.display().to_string(), reason)],
    };
    let mut all = Vec::new();
    for (path, place) in places {
        let mut here = Vec::new();
        if end != End::Stuck {
            here.extend(remove_unused(engine, &place).await);
        }
        for taken_out in &place.taken_out {
            here.extend(clear(engine, &place, taken_out, end).await);
        }
        if here.is_empty() {
            for gone in &place.taken_out {
                policy::forget(run_directory, &gone.id);
                stopped::forget(run_directory, &gone.id);
            }
            // What stays behind is asked about once more, which changes nothing.
            let _ = fs::remove_file(path);
        }
        all.extend(here);
    }
    all
}

/// Removes what was made for a place and never came to run.
async fn remove_unused(engine: &Engine, place: &Place) -> Vec<Leftover> {
    let unused = match made_and_never_started(engine, &place.run, &place.name).await {
        Ok(unused) => unused,
        Err(problem) => {
            let reason = format!("what was made in its place may be left: {problem}");
            return vec![left(&place.name, reason)];
        }
    };
    let mut all = Vec::new();
    for container in unused {
        let removed = engine.change(|it| it.remove(&container.id, true)).await;
        all.extend(removed.err().map(|problem| not_removed(&container.name, &problem)));
    }
    all
}

/// Clears one that was taken out: one that is in its place again is none.
async fn clear(engine: &Engine, place: &Place, taken_out: &TakenOut, end: End) -> Option<Leftover> {
    let outside = place.name_outside(&taken_out.id);
    let container = match engine.ask(|it| it.container(&taken_out.id)).await {
        Ok(found) => found.filter(|found| found.name == outside)?,
        Err(problem) => return Some(left(&outside, format!("it may be there: {problem}"))),
    };
    let is_made_here = container.labels.get(labels::RUN) == Some(&place.run);
    // After a way back nobody wants what the way forward made, nor what came with that.
    let is_undone = end == End::RolledBack && is_made_here;
    if end != End::Completed && !is_undone {
        return Some(left(&outside, waits(&container, place)));
    }
    let removed = engine.change(|it| it.remove(&container.id, is_undone)).await;
    removed.err().map(|problem| not_removed(&outside, &problem))
}

fn waits(container: &Container, place: &Place) -> String {
    format!(
        "it was {} before, from {}, and waits as it was stopped; when nobody needs it any more: docker rm {}",
        place.name, container.image, container.name
    )
}

fn not_removed(name: &str, problem: &Problem) -> Leftover {
    left(name, format!("it could not be removed ({problem}): docker rm {name}"))
}

fn left(name: &str, reason: String) -> Leftover {
    Leftover {
        thing: Resource::new(ResourceKind::Container, name.to_owned()),
        reason,
    }
}
