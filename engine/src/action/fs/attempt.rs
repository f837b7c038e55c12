//! Who changes a file: the same for each attempt and on resume, with a place to keep what that needs.

use std::path::PathBuf;

use crate::action::Context;

/// A statement of a run that changes a file.
#[derive(Debug, Clone)]
pub(super) struct Attempt {
    pub(super) key: String,
    pub(super) run_directory: PathBuf,
}

impl Attempt {
    pub(super) fn of(context: &Context) -> Self {
        Self {
            key: context.key.clone(),
            run_directory: context.run_directory.clone(),
        }
    }

    /// Of a run whose directory is in this folder.
    #[cfg(test)]
    pub(super) fn in_folder(folder: &std::path::Path) -> Self {
        Self {
            key: "run/a/1".to_owned(),
            run_directory: folder.join("run"),
        }
    }
}
