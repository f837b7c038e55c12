//! Walks a part of protected state by directory handles: no symbolic link is ever followed.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString, OsStr};
use std::fs::File;
use std::io::Read as _;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use rustix::fs::{AtFlags, FileType, OFlags, Stat};
use rustix::io::Errno;

use super::bytes::Bytes;
use super::entry::{Entries, Entry, EntryKind, Sink, Take};
use super::holders::Identity;
use super::manifest::PartKind;
use super::part::Part;
use super::problem::{Problem, Result, refused, trying};
use crate::action::common::attributes::{self, Of};
use crate::action::common::blocking::Stop;
use crate::action::common::{held, inode_flags, sparse};

/// How many directories may lie in each other.
const DEPTH_MAX: usize = 256;

/// Something found in a part.
pub(super) struct Found<'a> {
    /// Path below the part's root; empty for the root.
    pub path: &'a [u8],
    /// Where it really lies, for messages.
    pub place: PathBuf,
    /// The directory that it stands in.
    pub parent: BorrowedFd<'a>,
    pub name: &'a CStr,
    /// What it was when it was found.
    pub stat: Stat,
    pub kind: FoundKind<'a>,
    /// Whether it is a directory that is excepted from its part: what is in it is not looked at.
    pub is_excepted: bool,
}

/// What something found is.
pub(super) enum FoundKind<'a> {
    /// A directory, opened.
    Directory(BorrowedFd<'a>),
    /// A file; [`Found::open`] opens it.
    File,
    /// A symbolic link with its text.
    Symlink(Vec<u8>),
}

impl Found<'_> {
    /// Opens the file for reading.
    pub(super) fn open(&self) -> Result<OwnedFd> {
        held::open(self.parent, self.name, OFlags::NONBLOCK).map_err(|error| match error {
            Errno::NOENT | Errno::LOOP => self.changed(),
            error => trying(|| format!("cannot read {}", self.place.display()))(error),
        })
    }

    /// How many bytes of the opened file are in holes.
    pub(super) fn holes(&self, file: &File) -> Result<u64> {
        sparse::holes(file).map_err(trying(|| format!("cannot read {}", self.place.display())))
    }

    fn changed(&self) -> Problem {
        Problem::Changed(self.place.display().to_string())
    }

    fn look_again(&self, file: &File) -> Result<Stat> {
        rustix::fs::fstat(file).map_err(trying(|| format!("cannot look at {}", self.place.display())))
    }
}

/// What is done with each thing found. Directories come before what is in them, names in the order of
/// their bytes.
pub(super) type Visit<'v> = dyn FnMut(&Found<'_>) -> Result<()> + 'v;

struct Level {
    handle: Rc<OwnedFd>,
    /// Names that are left, last first.
    names: Vec<CString>,
    path_length: usize,
}

/// Walks a part. A part that is not there gives nothing.
pub(super) fn walk(part: &Part, stop: &Stop, visit: &mut Visit<'_>) -> Result<()> {
    let parent = part.open_parent()?;
    let mut levels = Vec::new();
    let mut path = Vec::new();
    let name = CString::new(part.name().as_bytes()).map_err(|_| Problem::Refused("a path holds a zero byte".into()))?;
    let root = Step { part, stop };
    let Some(stat) = part.stat(parent.as_fd())? else {
        return Ok(());
    };
    let is_right = match part.kind {
        PartKind::Tree => FileType::from_raw_mode(stat.st_mode) == FileType::Directory,
        PartKind::File => FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile,
    };
    if !is_right {
        return refused(format!(
            "{} is not a {}: name what the protected state really is (a symbolic link by the place it points to)",
            part.path.display(),
            part.kind.word(),
        ));
    }
    root.one(parent.as_fd(), &name, &mut path, &mut levels, visit)?;
    while let Some(level) = levels.last_mut() {
        path.truncate(level.path_length);
        let Some(name) = level.names.pop() else {
            levels.pop();
            continue;
        };
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(name.to_bytes());
        let handle = Rc::clone(&level.handle);
        root.one(handle.as_fd(), &name, &mut path, &mut levels, visit)?;
    }
    Ok(())
}

struct Step<'a> {
    part: &'a Part,
    stop: &'a Stop,
}

impl Step<'_> {
    fn one(
        &self,
        parent: BorrowedFd<'_>,
        name: &CStr,
        path: &mut Vec<u8>,
        levels: &mut Vec<Level>,
        visit: &mut Visit<'_>,
    ) -> Result<()> {
        self.stop.check()?;
        let place = place(&self.part.path, path);
        let is_excepted = self.part.except.iter().any(|excepted| **excepted == **path);
        let changed = |error: Errno| match error {
            Errno::NOENT | Errno::LOOP | Errno::NOTDIR => Problem::Changed(place.display().to_string()),
            error => trying(|| format!("cannot read {}", place.display()))(error),
        };
        let stat = match rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW) {
            // It may come and go.
            Err(Errno::NOENT) if is_excepted => return Ok(()),
            stat => stat.map_err(changed)?,
        };
        let found = |kind, stat| Found {
            path,
            place: place.clone(),
            parent,
            name,
            stat,
            kind,
            is_excepted,
        };
        match FileType::from_raw_mode(stat.st_mode) {
            other if is_excepted && other != FileType::Directory => Ok(()),
            FileType::Directory => {
                let handle = held::open_folder(parent, name).map_err(changed)?;
                let stat = rustix::fs::fstat(&handle).map_err(changed)?;
                visit(&found(FoundKind::Directory(handle.as_fd()), stat))?;
                if is_excepted {
                    return Ok(());
                }
                let mut names = held::names(&handle).map_err(changed)?;
                names.sort_unstable_by(|left, right| right.cmp(left));
                if levels.len() >= DEPTH_MAX {
                    return refused(format!("{} lies deeper than {DEPTH_MAX} directories", place.display()));
                }
                levels.push(Level {
                    handle: Rc::new(handle),
                    names,
                    path_length: path.len(),
                });
                Ok(())
            }
            FileType::RegularFile => visit(&found(FoundKind::File, stat)),
            FileType::Symlink => {
                let target = rustix::fs::readlinkat(parent, name, Vec::new()).map_err(changed)?;
                visit(&found(FoundKind::Symlink(target.into_bytes()), stat))
            }
            other => refused(format!(
                "{} is a {}, which no backup can keep: stop what made it and remove it, or move it out of the protected state",
                place.display(),
                word(other),
            )),
        }
    }
}

fn word(kind: FileType) -> &'static str {
    match kind {
        FileType::Socket => "socket",
        FileType::Fifo => "named pipe",
        FileType::CharacterDevice | FileType::BlockDevice => "device",
        _ => "thing of a kind",
    }
}

/// Where an entry lies.
pub(super) fn place(root: &Path, path: &[u8]) -> PathBuf {
    if path.is_empty() {
        root.to_owned()
    } else {
        root.join(OsStr::from_bytes(path))
    }
}

impl Entries for Part {
    fn each(&self, part: usize, stop: &Stop, take: &mut Take<'_>) -> Result<()> {
        // The first name of each file that has several.
        let mut links: BTreeMap<Identity, Bytes> = BTreeMap::new();
        let mut buffer = vec![0; 1 << 20];
        walk(self, stop, &mut |found| {
            let file = match found.kind {
                FoundKind::File => Some(File::from(found.open()?)),
                FoundKind::Directory(_) | FoundKind::Symlink(_) => None,
            };
            let stat = match &file {
                Some(file) => found.look_again(file)?,
                None => found.stat,
            };
            if stat.st_mode != found.stat.st_mode {
                return Err(found.changed());
            }
            let kind = match &found.kind {
                FoundKind::Directory(_) => EntryKind::Directory,
                FoundKind::Symlink(to) => EntryKind::Symlink { to: Bytes(to.clone()) },
                FoundKind::File => {
                    if let Some(first) = links.get(&(stat.st_dev, stat.st_ino)) {
                        EntryKind::HardLink { to: first.clone() }
                    } else {
                        if stat.st_nlink > 1 {
                            links.insert((stat.st_dev, stat.st_ino), found.path.into());
                        }
                        let size = u64::try_from(stat.st_size).unwrap_or(0);
                        EntryKind::File { size, sha256: [0; 32] }
                    }
                }
            };
            let is_first = !matches!(kind, EntryKind::HardLink { .. });
            let handle = match &found.kind {
                FoundKind::Directory(handle) => Some(*handle),
                _ => file.as_ref().map(AsFd::as_fd),
            };
            // When something came into it or left it is nobody's concern, and changes while it is looked at.
            let time = if found.is_excepted {
                rustix::fs::fstat(found.parent)
                    .map_err(trying(|| format!("cannot look at {}", found.place.display())))?
            } else {
                stat
            };
            let marks = handle.map_or(Ok(0), |handle| marks_of(handle, &found.place))?;
            let entry = Entry {
                part,
                path: found.path.into(),
                kind,
                mode: stat.st_mode & 0o7777,
                uid: stat.st_uid,
                gid: stat.st_gid,
                mtime_s: time.st_mtime,
                mtime_ns: u32::try_from(time.st_mtime_nsec).unwrap_or(0),
                attributes: attributes_of(found, handle)?,
                holes: match (&file, is_first) {
                    (Some(file), true) => found.holes(file)?,
                    _ => 0,
                },
                marks,
            };
            take(entry, &mut |sink| match &file {
                Some(file) => content(found, file, &stat, &mut buffer, stop, sink),
                None => Ok(()),
            })
        })
    }
}

/// Gives the content of a file, and refuses one that changes meanwhile.
fn content(
    found: &Found<'_>,
    mut file: &File,
    before: &Stat,
    buffer: &mut [u8],
    stop: &Stop,
    sink: &mut Sink<'_>,
) -> Result<()> {
    let mut left = before.st_size;
    loop {
        stop.check()?;
        let count = file
            .read(buffer)
            .map_err(trying(|| format!("cannot read {}", found.place.display())))?;
        left -= i64::try_from(count).unwrap_or(i64::MAX);
        if left < 0 || (count == 0 && left > 0) {
            return Err(found.changed());
        }
        if count == 0 {
            break;
        }
        sink(&buffer[..count])?;
    }
    if is_same(before, &found.look_again(file)?) {
        Ok(())
    } else {
        Err(found.changed())
    }
}

/// The marks of something opened; what cannot be given back because the file system protects it is refused.
fn marks_of(handle: BorrowedFd<'_>, place: &Path) -> Result<u32> {
    let unread = || format!("cannot read the marks of {} that `lsattr` shows", place.display());
    let marks = inode_flags::read(handle).map_err(trying(unread))?;
    if marks.is_protected {
        return refused(format!(
            "{} is marked immutable or append-only, which no backup can keep: clear it with `chattr -ia`",
            place.display()
        ));
    }
    Ok(marks.kept)
}

type Attributes = Vec<(Bytes, Bytes)>;

/// The extended attributes of something found, by name.
fn attributes_of(found: &Found<'_>, file: Option<BorrowedFd<'_>>) -> Result<Attributes> {
    let failed = |error: Errno| {
        Problem::Refused(format!(
            "the extended attributes of {} cannot be read ({error}), so a backup could not keep them: run as a user who may read them",
            found.place.display()
        ))
    };
    let through = through(found.parent, found.name);
    let read = attributes::read(file.map_or(Of::Link(&through), Of::Handle)).map_err(failed)?;
    let each = read
        .into_iter()
        .map(|(name, value)| Ok((Bytes(name), Bytes(value.map_err(failed)?))));
    each.collect()
}

/// A path to a name in an opened directory, for the calls that take no handle.
pub(super) fn through(parent: BorrowedFd<'_>, name: &CStr) -> PathBuf {
    use std::os::fd::AsRawFd as _;
    let mut path = PathBuf::from(format!("/proc/self/fd/{}", parent.as_raw_fd()));
    path.push(OsStr::from_bytes(name.to_bytes()));
    path
}

/// Whether two looks at a file saw the same, unchanged file.
fn is_same(before: &Stat, after: &Stat) -> bool {
    let key = |stat: &Stat| {
        (
            (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mode),
            (stat.st_mtime, stat.st_mtime_nsec, stat.st_ctime, stat.st_ctime_nsec),
        )
    };
    key(before) == key(after)
}
