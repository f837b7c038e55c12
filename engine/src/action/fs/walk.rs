//! Walks over a tree in order, without following links. Each folder is held open while what is in it is visited, so
//! nothing below the root is reached by a path: who may write into the tree could exchange a folder for a link on the
//! way, and back.

use std::ffi::{CString, OsStr};
use std::fs::{File, Metadata};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use rustix::fs::{CWD, Mode, OFlags, openat, readlinkat};

use super::problem;
use crate::action::common::blocking::Stop;
use crate::action::common::held;

/// Folders may be nested this deep.
pub(super) const DEPTH_MAX: usize = 1000;

/// One entry of a tree.
pub(super) struct Entry {
    /// Where it lies, for people.
    pub(super) path: PathBuf,
    /// Its path below the root; empty for the root.
    pub(super) below: PathBuf,
    /// What it is; of a link, the link itself.
    pub(super) data: Metadata,
    place: Place,
}

/// A name in a folder that is held open; of the root its path.
struct Place {
    folder: Option<Rc<OwnedFd>>,
    name: CString,
}

impl Place {
    fn opened(&self, flags: OFlags) -> io::Result<File> {
        let folder = self.folder.as_ref().map_or(CWD, |folder| folder.as_fd());
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(File::from(openat(folder, &self.name, flags, Mode::empty())?))
    }
}

impl Entry {
    /// Opens what was looked at, to read. Somebody else may have put another in its place since.
    pub(super) fn open(&self) -> io::Result<File> {
        let file = self.place.opened(OFlags::RDONLY | OFlags::NONBLOCK)?;
        let now = file.metadata()?;
        if (now.dev(), now.ino()) == (self.data.dev(), self.data.ino()) {
            return Ok(file);
        }
        Err(io::Error::other("it was replaced by somebody else meanwhile"))
    }

    /// Where a link leads.
    pub(super) fn read_link(&self) -> io::Result<PathBuf> {
        let folder = self.place.folder.as_ref().map_or(CWD, |folder| folder.as_fd());
        let target = readlinkat(folder, &self.place.name, Vec::new())?;
        Ok(PathBuf::from(std::ffi::OsString::from_vec(target.into_bytes())))
    }
}

/// Visits the root and everything below it: a folder before what is in it, names in the order of their bytes.
pub(super) fn walk(
    root: &Path,
    stop: &Stop,
    visit: &mut impl FnMut(&Entry) -> Result<(), String>,
) -> Result<(), String> {
    let failed = |verb: &str, path: &Path, error: io::Error| problem(verb, path, &error);
    let name = CString::new(root.as_os_str().as_bytes()).map_err(|error| failed("look at", root, error.into()))?;
    let mut left = vec![(PathBuf::new(), Place { folder: None, name })];
    while let Some((below, place)) = left.pop() {
        stop.check()?;
        if below.components().count() > DEPTH_MAX {
            return Err(format!("{} is nested deeper than {DEPTH_MAX} folders", root.display()));
        }
        let path = at(root, &below);
        let data = place.opened(OFlags::PATH).and_then(|place| place.metadata());
        let data = data.map_err(|error| failed("look at", &path, error))?;
        let is_folder = data.is_dir();
        let entry = Entry {
            path,
            below,
            data,
            place,
        };
        visit(&entry)?;
        if is_folder {
            let folder = OwnedFd::from(entry.open().map_err(|error| failed("list", &entry.path, error))?);
            let mut names = held::names(&folder).map_err(|errno| failed("list", &entry.path, errno.into()))?;
            names.sort_by(|one, other| other.cmp(one));
            let folder = Rc::new(folder);
            left.extend(names.into_iter().map(|name| {
                let below = entry.below.join(OsStr::from_bytes(name.as_bytes()));
                let folder = Some(Rc::clone(&folder));
                (below, Place { folder, name })
            }));
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

/// The place that a path leads to when links are followed.
pub(super) fn root_of(path: &Path) -> Result<PathBuf, String> {
    path.canonicalize().map_err(|error| problem("find", path, &error))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use std::fs;
    use std::io::Read as _;
    use std::os::unix::fs::symlink;

    use super::*;

    /// A folder that is exchanged for a link while it is walked through, and put back, shows what was in it.
    #[test]
    fn nothing_is_reached_through_what_was_put_in_the_way() {
        let place = tempfile::tempdir().unwrap();
        let [tree, other, aside] = ["tree", "other", "aside"].map(|name| place.path().join(name));
        for (folder, text) in [(tree.join("in"), "ours"), (other.clone(), "not ours")] {
            fs::create_dir_all(&folder).unwrap();
            for name in ["a", "b"] {
                fs::write(folder.join(name), text).unwrap();
            }
        }
        let mut seen = Vec::new();
        walk(&tree, &Stop::never(), &mut |entry| {
            if entry.below == Path::new("in/a") {
                fs::rename(tree.join("in"), &aside).unwrap();
                symlink(&other, tree.join("in")).unwrap();
            }
            if entry.data.is_file() {
                let mut text = String::new();
                entry.open().unwrap().read_to_string(&mut text).unwrap();
                seen.push((entry.below.display().to_string(), text));
            }
            if entry.below == Path::new("in/b") {
                fs::remove_file(tree.join("in")).unwrap();
                fs::rename(&aside, tree.join("in")).unwrap();
            }
            Ok(())
        })
        .unwrap();
        let ours = ["in/a", "in/b"].map(|name| (name.to_owned(), "ours".to_owned()));
        assert_eq!(seen, ours);
    }
}
