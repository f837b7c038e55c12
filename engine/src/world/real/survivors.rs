//! Processes that attempts of a run started and that still live: by their tag, by what was written down of them, and by
//! the marks in their environment.

use std::collections::BTreeSet;
use std::path::Path;

use rustix::process::Signal;

use crate::action::common::child::{KEY_MARK, RUN_MARK};
use crate::action::common::processes::{self, Processes, all, variable};
use crate::action::common::started::{Note, among_noted, with_kin};
use crate::action::common::supervised::NOTES_FILE;
use crate::action::common::tag::Tag;
use crate::world::{Ending, Left};

/// The body of [`World::end_survivors`](crate::world::World::end_survivors).
pub(super) fn end(left: Left<'_>, how: Ending) -> Result<BTreeSet<i32>, String> {
    let found = survivors(left.run, left.directory, left.ended)?;
    let signal = match how {
        Ending::Untold => None,
        Ending::Asked => Some(Signal::TERM),
        Ending::Killed => Some(Signal::KILL),
    };
    if let Some(signal) = signal {
        for process in found.values() {
            process.signal(signal);
        }
    }
    Ok(found.into_keys().collect())
}

fn survivors(run: &str, directory: &Path, ended: &BTreeSet<String>) -> Result<Processes, String> {
    let all = all()?;
    let spared = processes::ancestors(&all);
    let done: BTreeSet<Tag> = ended.iter().map(|attempt| Tag::of_attempt(run, attempt)).collect();
    let mut notes = Note::read(&directory.join(NOTES_FILE))?;
    notes.retain(|note| !ended.contains(&note.attempt));
    let mut found = among_noted(&notes, &all)?;
    for (pid, process) in &all {
        if process.has_ended() || spared.contains(pid) || found.contains_key(pid) {
            continue;
        }
        let tag = Tag::of(*pid)?;
        let is_marked = || {
            variable(*pid, RUN_MARK).is_some_and(|known| known == run)
                && variable(*pid, KEY_MARK).is_none_or(|attempt| !ended.contains(&attempt))
        };
        let is_left =
            tag.is_none_or(|tag| !done.contains(&tag)) && (tag.is_some_and(|tag| tag.is_of_run(run)) || is_marked());
        if is_left {
            found.insert(*pid, process.clone());
        }
    }
    Ok(with_kin(found, &all))
}
