//! Walks over a tree in order, without following links.

use std::fs::Metadata;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::problem;
use crate::action::common::blocking::Stop;

/// Folders may be nested this deep.
pub(super) const DEPTH_MAX: usize = 1000;

/// One entry of a tree.
pub(super) struct Entry {
    pub(super) path: PathBuf,
    /// Its path below the root; empty for the root.
    pub(super) below: PathBuf,
    /// What it is; of a link, the link itself.
    pub(super) data: Metadata,
}

/// Visits the root and everything below it: a folder before what is in it, names in the order of their bytes.
pub(super) fn walk(
    root: &Path,
    stop: &Stop,
    visit: &mut impl FnMut(&Entry) -> Result<(), String>,
) -> Result<(), String> {
    let mut left = vec![PathBuf::new()];
    while let Some(below) = left.pop() {
        stop.check()?;
        if below.components().count() > DEPTH_MAX {
            return Err(format!("{} is nested deeper than {DEPTH_MAX} folders", root.display()));
        }
        let path = at(root, &below);
        let data = path
            .symlink_metadata()
            .map_err(|error| problem("look at", &path, &error))?;
        let is_folder = data.is_dir();
        let entry = Entry { path, below, data };
        visit(&entry)?;
        if is_folder {
            let mut names = names_in(&entry.path)?;
            names.sort_by(|one, other| other.as_bytes().cmp(one.as_bytes()));
            left.extend(names.into_iter().map(|name| entry.below.join(name)));
        }
    }
    Ok(())
}

/// Where something lies that is below a root, or the root itself.
pub(super) fn at(root: &Path, below: &Path) -> PathBuf {
    if below.as_os_str().is_empty() {
        root.to_owned()
    } else {
        root.join(below)
    }
}

fn names_in(folder: &Path) -> Result<Vec<std::ffi::OsString>, String> {
    std::fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| Ok(entry?.file_name())).collect())
        .map_err(|error| problem("list", folder, &error))
}

/// The place that a path leads to when links are followed.
pub(super) fn root_of(path: &Path) -> Result<PathBuf, String> {
    path.canonicalize().map_err(|error| problem("find", path, &error))
}
