//! Small files of a run's directory that must survive a crash whole.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use backstay_dsl::effect::{Resource, ResourceKind};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::child::plain;
use crate::action::Leftover;
use crate::event::End;
use crate::private_files::write_json;

/// What is kept there; `None` where nothing is. What is damaged is told and not overwritten.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, String> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("{} cannot be read: {}", path.display(), plain(&error))),
    };
    let kept = serde_json::from_slice(&text);
    kept.map(Some)
        .map_err(|error| format!("{} is damaged ({error}); look at it before going on", path.display()))
}

/// Removes a folder in which things were kept for as long as the run could need them; gives it where that fails. Where a
/// run is stuck, somebody has to look at it: nothing is removed.
pub(crate) fn conclude(folder: &Path, end: End) -> Vec<Leftover> {
    if end == End::Stuck {
        return Vec::new();
    }
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => vec![Leftover {
            thing: Resource::new(ResourceKind::Tree, folder.display().to_string()),
            reason: format!("{} cannot be removed: {}", folder.display(), plain(&error)),
        }],
        _ => Vec::new(),
    }
}

/// Keeps it in one moment, durably.
pub(crate) fn write(path: &Path, content: &impl Serialize) -> Result<(), String> {
    write_json(path, content).map_err(|error| format!("{} cannot be written: {}", path.display(), plain(&error)))
}
