//! A file whose text changes in places and stays as it is elsewhere: looked at and written by one holder of its lock.

use std::fs::Metadata;
use std::path::{Path, PathBuf};

use super::attempt::Attempt;
use super::key::FILE_BYTES_MAX;
use super::lock::{Lock, lock};
use super::read::text_of;
use super::replace::{clear_up, replace, resolve};
use super::write::difference;
use super::{other_name, problem};
use crate::action::common::blocking::Stop;

/// A file that nobody else changes until this is dropped.
pub(super) struct Edited {
    /// Where it really lies.
    pub real: PathBuf,
    pub text: String,
    before: Metadata,
    _lock: Option<Lock>,
}

impl Edited {
    /// The file behind a path. What an interrupted attempt left at it is cleared.
    pub(super) fn of(path: &Path, attempt: &Attempt, stop: &Stop) -> Result<Self, String> {
        let real = resolve(path)?;
        let lock = lock(&real, stop)?;
        clear_up(&real, attempt)?;
        let before = real.metadata().map_err(|error| problem("look at", &real, &error))?;
        Ok(Self {
            text: text_of(&real, FILE_BYTES_MAX)?,
            real,
            before,
            _lock: lock,
        })
    }

    /// Gives it another text, durably.
    pub(super) fn write(&self, changed: &str, attempt: &Attempt) -> Result<(), String> {
        replace(&self.real, changed.as_bytes(), None, attempt, Some(&self.before))
    }
}

/// What would become of a file, for a preview; without lines around it, since the neighbours of a setting may be
/// passwords.
pub(super) fn preview(path: &Path, changed: impl FnOnce(&str) -> Result<String, String>) -> Result<String, String> {
    let text = text_of(path, FILE_BYTES_MAX)?;
    let changed = changed(&text)?;
    let shown = difference(&path.display().to_string(), &text, &changed, 0);
    Ok(if changed == text {
        shown
    } else {
        shown + other_name::told(path)?.as_str()
    })
}
