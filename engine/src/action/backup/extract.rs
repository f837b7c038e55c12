//! Puts the entries of an archive into fresh directories of our own, and nowhere else.
//!
//! Every name is opened component by component by handle, never through a symbolic link, and made only
//! where nothing is: no entry can lead outside, replace an earlier one, or write through a link.

use std::ffi::CString;
use std::fs::File;
use std::io::Write as _;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Gid, Mode, OFlags, Timespec, Timestamps, Uid, XattrFlags};
use rustix::io::Errno;

use super::bytes::encode;
use super::contents::{Incoming, Receive};
use super::manifest::{Entry, EntryKind, Header, PartKind};
use super::problem::{Problem, Result, damaged, trying};
use super::scope::Part;
use super::walk::through;
use crate::action::common::blocking::Stop;

/// The name of a part's root in its holder.
pub(super) const ROOT: &str = "root";

/// A directory of ours (0700) for one part.
#[derive(Debug)]
pub(super) struct Place {
    pub path: PathBuf,
    handle: OwnedFd,
}

impl Place {
    /// Makes a directory that was not there.
    pub(super) fn make(path: &Path) -> Result<Self> {
        let failed = || format!("cannot make the directory {}", path.display());
        rustix::fs::mkdir(path, Mode::RWXU).map_err(trying(failed))?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let handle = rustix::fs::open(path, flags, Mode::empty()).map_err(trying(failed))?;
        rustix::fs::fchmod(&handle, Mode::RWXU).map_err(trying(failed))?;
        // What is made in here must not inherit access rights from where it stands; most have none.
        for name in ["system.posix_acl_default", "system.posix_acl_access"] {
            let _ = rustix::fs::fremovexattr(&handle, name);
        }
        Ok(Self {
            path: path.to_owned(),
            handle,
        })
    }

    /// The part as it lies in here.
    pub(super) fn part(&self, kind: PartKind) -> Part {
        Part::at(kind, self.path.join(ROOT))
    }
}

/// Finds the directory that an entry stands in, and keeps the way there open for the next one.
struct Way<'a> {
    places: &'a [Option<Place>],
    part: usize,
    open: Vec<(Vec<u8>, OwnedFd)>,
}

impl<'a> Way<'a> {
    fn new(places: &'a [Option<Place>]) -> Self {
        Self {
            places,
            part: 0,
            open: Vec::new(),
        }
    }

    /// The handle of the directory, and the name in it.
    fn parent(&mut self, part: usize, path: &[u8]) -> Result<(BorrowedFd<'_>, CString)> {
        let Some(Some(place)) = self.places.get(part) else {
            return damaged(format!("the archive holds an unknown part {part}"));
        };
        if part != self.part {
            self.open.clear();
            self.part = part;
        }
        let mut names: Vec<&[u8]> = vec![ROOT.as_bytes()];
        if !path.is_empty() {
            names.extend(path.split(|byte| *byte == b'/'));
        }
        let name = names.pop().unwrap_or_default();
        let known = self
            .open
            .iter()
            .zip(&names)
            .take_while(|((open, _), name)| open == *name)
            .count();
        self.open.truncate(known);
        for component in &names[known..] {
            let above = self
                .open
                .last()
                .map_or(place.handle.as_fd(), |(_, handle)| handle.as_fd());
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let handle = rustix::fs::openat(above, *component, flags, Mode::empty()).map_err(|error| match error {
                Errno::NOENT | Errno::LOOP | Errno::NOTDIR => Problem::Damaged(format!(
                    "{} in the archive does not stand in a directory of the archive",
                    encode(path)
                )),
                error => trying(|| format!("cannot open the directory of {}", encode(path)))(error),
            })?;
            self.open.push((component.to_vec(), handle));
        }
        let handle = self
            .open
            .last()
            .map_or(place.handle.as_fd(), |(_, handle)| handle.as_fd());
        let name =
            CString::new(name).map_err(|_| Problem::Damaged("a name in the archive holds a zero byte".to_owned()))?;
        Ok((handle, name))
    }
}

/// Takes an archive's entries into places.
pub(super) struct Extraction<'a> {
    way: Way<'a>,
    header: &'a Header,
    file: Option<File>,
    path: Vec<u8>,
    is_passed_over: bool,
}

impl<'a> Extraction<'a> {
    /// Into these places, one for each part of the header; what has none is passed over.
    pub(super) fn new(places: &'a [Option<Place>], header: &'a Header) -> Self {
        Self {
            way: Way::new(places),
            header,
            file: None,
            path: Vec::new(),
            is_passed_over: false,
        }
    }

    fn failed(path: &[u8]) -> impl FnOnce(Errno) -> Problem {
        let path = encode(path);
        move |error| match error {
            Errno::EXIST => Problem::Damaged(format!("the archive holds {path} twice")),
            Errno::NOENT | Errno::LOOP | Errno::NOTDIR => {
                Problem::Damaged(format!("{path} in the archive names something that is not there"))
            }
            error => trying(|| format!("cannot extract {path}"))(error),
        }
    }
}

impl Receive for Extraction<'_> {
    fn header(&mut self, header: &Header) -> Result<()> {
        if header != self.header {
            return damaged("the archive changed while it was read");
        }
        Ok(())
    }

    fn entry(&mut self, part: usize, path: &[u8], kind: &Incoming) -> Result<()> {
        self.is_passed_over = matches!(self.way.places.get(part), Some(None));
        if self.is_passed_over {
            return Ok(());
        }
        match kind {
            Incoming::Directory => {
                let (parent, name) = self.way.parent(part, path)?;
                rustix::fs::mkdirat(parent, &name, Mode::RWXU).map_err(Self::failed(path))?;
                // The mask may have taken our own rights away.
                let chmod = rustix::fs::chmodat(parent, &name, Mode::RWXU, AtFlags::empty());
                chmod.map_err(Self::failed(path))
            }
            Incoming::File => {
                let (parent, name) = self.way.parent(part, path)?;
                let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let mode = Mode::RUSR | Mode::WUSR;
                let file = rustix::fs::openat(parent, &name, flags, mode).map_err(Self::failed(path))?;
                rustix::fs::fchmod(&file, mode).map_err(Self::failed(path))?;
                self.file = Some(file.into());
                path.clone_into(&mut self.path);
                Ok(())
            }
            Incoming::Symlink(target) => {
                let (parent, name) = self.way.parent(part, path)?;
                rustix::fs::symlinkat(target.as_slice(), parent, &name).map_err(Self::failed(path))
            }
            Incoming::HardLink(to) => {
                let mut other = Way::new(self.way.places);
                let (to_parent, to_name) = other.parent(part, to)?;
                let (parent, name) = self.way.parent(part, path)?;
                rustix::fs::linkat(to_parent, &to_name, parent, &name, AtFlags::empty()).map_err(Self::failed(path))
            }
        }
    }

    fn data(&mut self, bytes: &[u8]) -> Result<()> {
        match &mut self.file {
            Some(file) => file
                .write_all(bytes)
                .map_err(trying(|| format!("cannot write {}", encode(&self.path)))),
            None if self.is_passed_over => Ok(()),
            None => damaged("the archive holds content without a file"),
        }
    }

    fn end(&mut self) -> Result<()> {
        self.file = None;
        Ok(())
    }
}

/// Up to so many entries are brought to the disk one by one; more of them with all else that the file
/// system has to write, which takes long where others write much.
const SYNCED_ALONE_MAX: usize = 1000;

/// Brings everything in these places to the disk.
pub(super) fn sync(places: &[Option<Place>], entries: &[Entry]) -> Result<()> {
    let failed = || "cannot bring what was extracted to the disk".to_owned();
    if entries.len() > SYNCED_ALONE_MAX {
        return places
            .iter()
            .flatten()
            .try_for_each(|place| rustix::fs::syncfs(&place.handle).map_err(trying(failed)));
    }
    let mut way = Way::new(places);
    for entry in having_place(places, entries) {
        if matches!(entry.kind, EntryKind::Directory | EntryKind::File { .. }) {
            let (parent, name) = way.parent(entry.part, &entry.path)?;
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
            rustix::fs::openat(parent, &name, flags, Mode::empty())
                .and_then(rustix::fs::fsync)
                .map_err(trying(failed))?;
        }
    }
    places
        .iter()
        .flatten()
        .try_for_each(|place| rustix::fs::fsync(&place.handle).map_err(trying(failed)))
}

/// The entries of parts that have a place.
pub(super) fn having_place<'e>(
    places: &[Option<Place>],
    entries: &'e [Entry],
) -> impl DoubleEndedIterator<Item = &'e Entry> {
    entries
        .iter()
        .filter(|entry| !matches!(places.get(entry.part), Some(None)))
}

/// Gives everything extracted its owner, mode, attributes and times. From the last entry to the first,
/// so that no directory is touched again after it got its time.
pub(super) fn dress(places: &[Option<Place>], entries: &[Entry], stop: &Stop) -> Result<()> {
    let mut way = Way::new(places);
    for entry in having_place(places, entries).rev() {
        stop.check()?;
        let (parent, name) = way.parent(entry.part, &entry.path)?;
        let failed = || format!("cannot give {} its owner, mode and times", encode(&entry.path));
        let owner = (Some(Uid::from_raw(entry.uid)), Some(Gid::from_raw(entry.gid)));
        let time = Timespec {
            tv_sec: entry.mtime_s,
            tv_nsec: entry.mtime_ns.into(),
        };
        let times = Timestamps {
            last_access: time,
            last_modification: time,
        };
        match entry.kind {
            EntryKind::HardLink { .. } => {}
            EntryKind::Symlink { .. } => {
                rustix::fs::chownat(parent, &name, owner.0, owner.1, AtFlags::SYMLINK_NOFOLLOW)
                    .map_err(trying(failed))?;
                for (attribute, value) in &entry.attributes {
                    rustix::fs::lsetxattr(through(parent, &name), attribute.as_slice(), value, XattrFlags::empty())
                        .map_err(trying(failed))?;
                }
                rustix::fs::utimensat(parent, &name, &times, AtFlags::SYMLINK_NOFOLLOW).map_err(trying(failed))?;
            }
            EntryKind::Directory | EntryKind::File { .. } => {
                let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
                let handle = rustix::fs::openat(parent, &name, flags, Mode::empty()).map_err(trying(failed))?;
                // The owner first: changing it takes set-uid bits and capabilities away.
                rustix::fs::fchown(&handle, owner.0, owner.1).map_err(trying(failed))?;
                rustix::fs::fchmod(&handle, Mode::from_raw_mode(entry.mode)).map_err(trying(failed))?;
                for (attribute, value) in &entry.attributes {
                    rustix::fs::fsetxattr(&handle, attribute.as_slice(), value, XattrFlags::empty())
                        .map_err(trying(failed))?;
                }
                rustix::fs::futimens(&handle, &times).map_err(trying(failed))?;
            }
        }
    }
    Ok(())
}
