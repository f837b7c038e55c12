//! The place of a service: its container's name, and the containers that this run took out of it.
//!
//! What is taken out is stopped, keeps all that it is, and gets another name, until the run has ended. That is kept
//! in the run's directory before a container is touched, and so is what each statement puts into the place: after a
//! crash at any point it is known which container is the old one and which the new.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::call::{Call, short};
use super::policy;
use crate::action::common::child::plain;
use crate::action::common::kept;
use crate::containers::Container;

/// How the files are called that keep a place.
const PREFIX: &str = "docker-place-";

/// What a statement puts into a place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Next {
    /// A container that it makes.
    Made,
    /// The one of this id, which was there before.
    Back(String),
}

/// A container that was taken out, or was about to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TakenOut {
    pub(super) id: String,
    /// Whether it ran then.
    pub(super) ran: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    pub(super) run: String,
    /// The name that the service's container has.
    pub(super) name: String,
    /// All that were ever taken out, the last one last; what came back stays among them.
    pub(super) taken_out: Vec<TakenOut>,
    /// Those on which the present one stands, the last one last: bringing one back drops what came after it.
    before: Vec<String>,
    /// What statements of this run found here that make another one, the last one last: also where they did not come
    /// to take it out.
    #[serde(default)]
    found: Vec<String>,
    /// What each statement puts here, by its key.
    next: BTreeMap<String, Next>,
}

impl Place {
    /// The place of the service of a call.
    pub(super) fn of(call: Call<'_>, name: &str) -> Result<Self, String> {
        let known = kept::read(&path(&call.context.run_directory, name))?;
        Ok(known.unwrap_or_else(|| Self {
            run: call.context.run.clone(),
            name: name.to_owned(),
            taken_out: Vec::new(),
            before: Vec::new(),
            found: Vec::new(),
            next: BTreeMap::new(),
        }))
    }

    /// Every place that a run kept, and where.
    pub(super) fn all(run_directory: &Path) -> Result<Vec<(PathBuf, Self)>, String> {
        let unread = |error| format!("{} cannot be read: {}", run_directory.display(), plain(&error));
        let entries = match std::fs::read_dir(run_directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(unread(error)),
        };
        let mut all = Vec::new();
        for entry in entries {
            let entry = entry.map_err(unread)?;
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with(PREFIX) && path.extension().is_some_and(|extension| extension == "json") {
                all.extend(kept::read(&path)?.map(|place| (path, place)));
            }
        }
        all.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(all)
    }

    /// What the statement of a call puts here; `None` where it has not come to that yet.
    pub(super) fn next(&self, call: Call<'_>) -> Option<&Next> {
        self.next.get(&call.context.key)
    }

    /// Keeps what the statement of a call puts here, and in place of what.
    pub(super) fn decide(&mut self, call: Call<'_>, current: Option<&Container>, next: Next) -> Result<(), String> {
        if let Next::Back(id) = &next
            && let Some(at) = self.before.iter().position(|known| known == id)
        {
            self.before.truncate(at);
        }
        let current = current.filter(|current| next == Next::Made && !call.is_of_statement(current));
        if let Some(current) = current {
            self.found.retain(|known| *known != current.id);
            self.found.push(current.id.clone());
        }
        self.next.insert(call.context.key.clone(), next);
        self.keep(call)
    }

    /// Keeps that a container is about to be taken out.
    pub(super) fn take_out(&mut self, call: Call<'_>, old: &Container) -> Result<(), String> {
        // A second attempt knows it: whether it ran is what the first one saw.
        if self.taken_out.last().is_some_and(|last| last.id == old.id) {
            return Ok(());
        }
        self.taken_out.retain(|known| known.id != old.id);
        self.taken_out.push(TakenOut {
            id: old.id.clone(),
            ran: old.state.is_running,
        });
        if self.next(call) == Some(&Next::Made) {
            self.before.push(old.id.clone());
        }
        self.keep(call)
    }

    /// Whether a container is what the statement of a call puts here.
    pub(super) fn is_next(&self, call: Call<'_>, container: &Container) -> bool {
        match self.next(call) {
            Some(Next::Back(id)) => *id == container.id,
            _ => call.is_of_statement(container),
        }
    }

    /// Whether a container that is here is as the statement of a call found it: not begun to be taken out, or given
    /// up before it was touched.
    pub(super) fn is_as_it_was(&self, call: Call<'_>, old: &Container) -> Result<bool, String> {
        match self.taken_out.iter().find(|known| known.id == old.id) {
            None => Ok(true),
            Some(known) => Ok(known.ran == old.state.is_running && !policy::is_off(call, old)?),
        }
    }

    /// The containers that were here, in the order in which they are asked whether they are what is wanted.
    pub(super) fn earlier(&self) -> impl Iterator<Item = &str> {
        let before = self.before.iter().rev().map(String::as_str);
        before.chain(self.taken_out.iter().rev().map(|known| known.id.as_str()))
    }

    /// The same, and then those that were found here and not taken out.
    pub(super) fn found(&self) -> impl Iterator<Item = &str> {
        self.earlier().chain(self.found.iter().rev().map(String::as_str))
    }

    /// The name of a container while it is out of its place.
    pub(super) fn name_outside(&self, id: &str) -> String {
        format!("{}.backstay-before-{}", self.name, short(id))
    }

    fn keep(&self, call: Call<'_>) -> Result<(), String> {
        kept::write(&path(&call.context.run_directory, &self.name), self)
    }
}

fn path(run_directory: &Path, name: &str) -> PathBuf {
    run_directory.join(format!("{PREFIX}{}.json", crate::digest::short(name)))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    #[test]
    fn a_run_directory_that_cannot_be_read_is_not_one_that_keeps_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(Place::all(&file).unwrap_err().contains("cannot be read"));
        assert!(Place::all(&folder.path().join("nothing")).unwrap().is_empty());
    }
}
