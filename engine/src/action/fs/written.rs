//! How the settings of a file were written before this run changed them, so that a value that comes back gets the very
//! bytes that it had: a meaning can be written in many ways, and who reads the file may tell them apart.
//!
//! Kept in the run's directory, durable before the file is changed, until no way back needs it.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::problem;
use crate::action::common::kept;
use crate::digest::short;
use crate::private_files::make_private;

/// The folder in a run's directory.
const FOLDER: &str = "settings";

/// The forms of one file.
pub(super) struct Forms {
    place: PathBuf,
    all: Vec<Form>,
}

#[derive(Serialize, Deserialize)]
struct Form {
    key: String,
    value: String,
    written: String,
}

impl Forms {
    /// Those of the file at `real`, which is no link.
    pub(super) fn of(run_directory: &Path, real: &Path) -> Result<Self, String> {
        let place = run_directory.join(FOLDER).join(short(&real.to_string_lossy()));
        let all = kept::read(&place)?.unwrap_or_default();
        Ok(Self { place, all })
    }

    /// How this value of a setting was written when it was last replaced.
    pub(super) fn of_value(&self, key: &str, value: &str) -> Option<&str> {
        let mut known = self.all.iter().rev();
        known
            .find(|form| form.key == key && form.value == value)
            .map(|form| form.written.as_str())
    }

    /// Keeps one that is about to be replaced.
    pub(super) fn keep(mut self, key: &str, value: &str, written: &str) -> Result<(), String> {
        if self.of_value(key, value) == Some(written) {
            return Ok(());
        }
        self.all.retain(|form| form.key != key || form.value != value);
        self.all.push(Form {
            key: key.to_owned(),
            value: value.to_owned(),
            written: written.to_owned(),
        });
        let folder = self.place.parent().unwrap_or(&self.place);
        make_private(folder).map_err(|error| problem("make", folder, &error))?;
        kept::write(&self.place, &self.all)
    }
}

/// Clears all that was kept.
pub(super) fn forget(run_directory: &Path) -> Result<(), String> {
    let folder = run_directory.join(FOLDER);
    match std::fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(problem("remove", &folder, &error)),
        _ => Ok(()),
    }
}
