//! Puts the entries of an archive into fresh directories of our own, and nowhere else.
//!
//! Every name is opened component by component by handle, never through a symbolic link, and made only
//! where nothing is: no entry can lead outside, replace an earlier one, or write through a link.

use std::ffi::{CStr, CString};
use std::fs::File;
use std::io::Write as _;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, Timespec, Timestamps};
use rustix::io::Errno;

use super::bytes::Bytes;
use super::entry::{Content, ENTRY_BYTES, Entry, EntryKind};
use super::manifest::PartKind;
use super::part::Part;
use super::problem::{Problem, Result, damaged, trying};
use super::walk::through;
use crate::action::common::attributes::{self, Look, Of};
use crate::action::common::blocking::Stop;
use crate::action::common::files::if_there;
use crate::action::common::sparse::Sparse;
use crate::action::common::{held, inode_flags};

/// The name of a part's root in its holder.
pub(super) const ROOT: &str = "root";

/// A directory of ours (0700) for one part.
#[derive(Debug)]
pub(super) struct Staging {
    pub path: PathBuf,
    handle: OwnedFd,
}

/// What entries are extracted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To be put in the place of what is there.
    Restore,
    /// To be compared, contents too, and thrown away: that disk need not know every mark.
    Trial,
}

impl Staging {
    /// Makes a directory that was not there.
    pub(super) fn make(path: &Path) -> Result<Self> {
        let failed = || format!("cannot make the directory {}", path.display());
        rustix::fs::mkdir(path, Mode::RWXU).map_err(trying(failed))?;
        let handle = held::open_folder(CWD, path).map_err(trying(failed))?;
        rustix::fs::fchmod(&handle, Mode::RWXU).map_err(trying(failed))?;
        attributes::remove_inherited(handle.as_fd());
        let _ = inode_flags::write(handle.as_fd(), 0);
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
    places: &'a [Option<Staging>],
    part: usize,
    open: Vec<(Vec<u8>, OwnedFd)>,
}

impl<'a> Way<'a> {
    fn new(places: &'a [Option<Staging>]) -> Self {
        Self {
            places,
            part: 0,
            open: Vec::new(),
        }
    }

    /// Whether an entry is put somewhere; one of an unknown part is, and fails there.
    fn has_place(&self, entry: &Entry) -> bool {
        !matches!(self.places.get(entry.part), Some(None))
    }

    /// The handle of the directory, and the name in it.
    fn parent(&mut self, part: usize, path: &Bytes) -> Result<(BorrowedFd<'_>, CString)> {
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
            let handle = held::open_folder(above, *component).map_err(|error| match error {
                Errno::NOENT | Errno::LOOP | Errno::NOTDIR => Problem::Damaged(format!(
                    "{path} in the archive does not stand in a directory of the archive"
                )),
                error => trying(|| format!("cannot open the directory of {path}"))(error),
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

/// Puts an archive's entries into places.
pub(super) struct Extraction<'a> {
    way: Way<'a>,
    purpose: Purpose,
    /// How many bytes each part may still take.
    left: Vec<u64>,
}

impl<'a> Extraction<'a> {
    /// Into these places, one for each part; what has none is passed over. No part takes more than these bytes.
    pub(super) fn new(places: &'a [Option<Staging>], purpose: Purpose, bytes_max: impl Iterator<Item = u64>) -> Self {
        Self {
            way: Way::new(places),
            purpose,
            left: bytes_max.collect(),
        }
    }

    /// Makes an entry, with its content, and as yet for us alone.
    pub(super) fn put(&mut self, entry: &Entry, content: &mut Content<'_>) -> Result<()> {
        if !self.way.has_place(entry) {
            return Ok(());
        }
        let path = &entry.path;
        let failed = |error| match error {
            Errno::EXIST => Problem::Damaged(format!("the archive holds {path} twice")),
            Errno::NOENT | Errno::LOOP | Errno::NOTDIR => {
                Problem::Damaged(format!("{path} in the archive names something that is not there"))
            }
            error => trying(|| format!("cannot extract {path}"))(error),
        };
        let mut other = Way::new(self.way.places);
        let mut left = self.left.get_mut(entry.part);
        take(left.as_deref_mut(), ENTRY_BYTES)?;
        let (parent, name) = self.way.parent(entry.part, path)?;
        match &entry.kind {
            EntryKind::Directory => {
                let made = rustix::fs::mkdirat(parent, &name, Mode::RWXU);
                // The mask may have taken our own rights away.
                made.and_then(|()| rustix::fs::chmodat(parent, &name, Mode::RWXU, AtFlags::empty()))
                    .map_err(failed)
            }
            EntryKind::File { .. } => {
                let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let mode = Mode::RUSR | Mode::WUSR;
                let file = rustix::fs::openat(parent, &name, flags, mode).map_err(failed)?;
                rustix::fs::fchmod(&file, mode).map_err(failed)?;
                // At once: some marks hold only for what is written afterwards.
                give_marks(entry, file.as_fd(), self.purpose).map_err(failed)?;
                let file = File::from(file);
                let cannot = || format!("cannot write {path}");
                if entry.holes == 0 {
                    return content(&mut |piece| {
                        take(left.as_deref_mut(), piece.len() as u64)?;
                        (&file).write_all(piece).map_err(trying(cannot))
                    });
                }
                let mut sparse = Sparse::new(&file);
                content(&mut |piece| {
                    let before = sparse.written;
                    sparse.write(piece).map_err(trying(cannot))?;
                    take(left.as_deref_mut(), sparse.written - before)
                })?;
                sparse.finish().map_err(trying(cannot))
            }
            EntryKind::Symlink { to } => rustix::fs::symlinkat(&**to, parent, &name).map_err(failed),
            EntryKind::HardLink { to } => {
                let (to_parent, to_name) = other.parent(entry.part, to)?;
                rustix::fs::linkat(to_parent, &to_name, parent, &name, AtFlags::empty()).map_err(failed)
            }
        }
    }

    /// Gives everything extracted its owner, mode, attributes and times. From the last entry to the first,
    /// so that no directory is touched again after it got its time.
    pub(super) fn dress(mut self, entries: &[Entry], stop: &Stop) -> Result<()> {
        for entry in entries.iter().rev() {
            stop.check()?;
            if self.way.has_place(entry) {
                let (parent, name) = self.way.parent(entry.part, &entry.path)?;
                dress(entry, parent, &name, self.purpose).map_err(trying(|| {
                    format!("cannot give {} its owner, mode and times", entry.path)
                }))?;
            }
        }
        Ok(())
    }
}

/// Counts down what a part may take; more than its header says would fill the disk.
fn take(left: Option<&mut u64>, bytes: u64) -> Result<()> {
    let more = || Problem::Damaged("the archive holds more than its header says".to_owned());
    if let Some(left) = left {
        *left = left.checked_sub(bytes).ok_or_else(more)?;
    }
    Ok(())
}

fn give_marks(entry: &Entry, handle: BorrowedFd<'_>, purpose: Purpose) -> rustix::io::Result<()> {
    if entry.marks == 0 || purpose == Purpose::Trial {
        return Ok(());
    }
    inode_flags::write(handle, entry.marks)
}

fn dress(entry: &Entry, parent: BorrowedFd<'_>, name: &CStr, purpose: Purpose) -> rustix::io::Result<()> {
    let time = Timespec {
        tv_sec: entry.mtime_s,
        tv_nsec: entry.mtime_ns.into(),
    };
    let look = Look {
        owner: (entry.uid, entry.gid),
        mode: entry.mode,
        times: Timestamps {
            last_access: time,
            last_modification: time,
        },
    };
    let each = entry.attributes.iter();
    let attributes = each.map(|(name, value)| (name.to_vec(), Ok(value.to_vec())));
    let all = |given, _: &str| given;
    match entry.kind {
        EntryKind::HardLink { .. } => Ok(()),
        EntryKind::Symlink { .. } => attributes::dress(Of::Link(&through(parent, name)), &look, attributes, all),
        EntryKind::Directory | EntryKind::File { .. } => {
            let handle = held::open(parent, name, OFlags::NONBLOCK)?;
            if entry.kind == EntryKind::Directory {
                give_marks(entry, handle.as_fd(), purpose)?;
            }
            attributes::dress(Of::Handle(handle.as_fd()), &look, attributes, all)
        }
    }
}

/// Up to so many entries are brought to the disk one by one; more of them with all else that the file
/// system has to write, which takes long where others write much.
const SYNCED_ALONE_MAX: usize = 1000;

/// Brings everything in these places to the disk.
pub(super) fn sync(places: &[Option<Staging>], entries: &[Entry]) -> Result<()> {
    let failed = || "cannot bring what was extracted to the disk".to_owned();
    if entries.len() > SYNCED_ALONE_MAX {
        return places
            .iter()
            .flatten()
            .try_for_each(|place| rustix::fs::syncfs(&place.handle).map_err(trying(failed)));
    }
    let mut way = Way::new(places);
    for entry in entries {
        if way.has_place(entry) && matches!(entry.kind, EntryKind::Directory | EntryKind::File { .. }) {
            let (parent, name) = way.parent(entry.part, &entry.path)?;
            held::open(parent, &name, OFlags::NONBLOCK)
                .and_then(rustix::fs::fsync)
                .map_err(trying(failed))?;
        }
    }
    let mut places = places.iter().flatten();
    places.try_for_each(|place| rustix::fs::fsync(&place.handle).map_err(trying(failed)))
}

/// Removes a directory of ours with all in it, or a file; nothing there is fine. Links are not followed.
pub(super) fn remove_tree(path: &Path) -> Result<()> {
    let failed = || format!("cannot remove {}", path.display());
    let Some(data) = if_there(path.symlink_metadata()).map_err(trying(failed))? else {
        return Ok(());
    };
    if data.is_dir() && !rustix::process::geteuid().is_root() {
        open_up(path);
    }
    let removed = if data.is_dir() {
        std::fs::remove_dir_all(path)
    } else {
        std::fs::remove_file(path)
    };
    removed.map_err(trying(failed))
}

/// Only root may empty directories that forbid it.
fn open_up(path: &Path) {
    let is_directory = path.symlink_metadata().is_ok_and(|data| data.is_dir());
    if is_directory && std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)).is_ok() {
        for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
            open_up(&entry.path());
        }
    }
}
