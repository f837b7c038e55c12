//! Swaps what lies at a part's place with what was made ready for it.

use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, RenameFlags, Timespec, Timestamps, fstat, fsync, futimens, renameat_with, statat, unlinkat,
};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::bytes::Bytes;
use super::extract::ROOT;
use super::holders::Identity;
use super::part::sync_directory;
use super::problem::{Problem, Result, trying};
use crate::action::common::files::rename_new;
use crate::action::common::held;

/// A part that is swapped.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Swap {
    pub live: Bytes,
    /// The directory of ours beside it.
    pub holder: Bytes,
    /// What was made ready; none where the part was not there when the backup was made, or as long as nothing is ready.
    pub mark: Option<Identity>,
    /// The places in it that stay as they are.
    #[serde(default)]
    pub except: Vec<Bytes>,
}

/// Where a part is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Position {
    /// It waits in our directory.
    Waiting,
    /// It is in its place.
    Swapped,
    /// What was made ready is in neither.
    Lost,
}

/// What lies at a path, by device and inode; `None` for nothing.
pub(super) fn identity(path: &Path) -> Result<Option<Identity>> {
    match rustix::fs::lstat(path) {
        Ok(stat) => Ok(Some((stat.st_dev, stat.st_ino))),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(trying(|| format!("cannot look at {}", path.display()))(error)),
    }
}

/// Where a part is, by its mark.
pub(super) fn position(part: &Swap) -> Result<Position> {
    let now = identity(part.live.path())?;
    Ok(match part.mark {
        None if now.is_none() => Position::Swapped,
        None => Position::Waiting,
        mark if now == mark => Position::Swapped,
        mark if identity(&part.holder.path().join(ROOT))? == mark => Position::Waiting,
        _ => Position::Lost,
    })
}

/// Swaps a waiting part into its place. In one move where something is to be replaced, if the file
/// system can; else what was there is moved away first.
pub(super) fn swap(part: &Swap) -> Result<()> {
    let (live, holder) = (part.live.path(), part.holder.path());
    let ready = holder.join(ROOT);
    let moved = match (part.mark.is_some(), identity(live)?.is_some()) {
        (true, true) => match renameat_with(CWD, &ready, CWD, live, RenameFlags::EXCHANGE) {
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                rename_new(live, &holder.join(ASIDE)).and_then(|()| rename_new(&ready, live))
            }
            other => other,
        },
        (true, false) => rename_new(&ready, live),
        (false, true) => rename_new(live, &ready),
        (false, false) => Ok(()),
    };
    moved.map_err(|error| match error {
        Errno::BUSY | Errno::XDEV => Problem::Refused(format!(
            "{} cannot be moved because something is mounted there: unmount it, then try again",
            live.display()
        )),
        error => trying(|| format!("cannot swap {}", live.display()))(error),
    })?;
    sync_directory(holder)?;
    sync_directory(live.parent().unwrap_or(Path::new("/")))
}

/// Takes back a swap that was cut off between its two moves; for the file systems without the one move.
/// Answers whether our directory now holds nothing that was ever live.
pub(super) fn take_back(part: &Swap) -> Result<bool> {
    let live = part.live.path();
    let aside = part.holder.path().join(ASIDE);
    if identity(&aside)?.is_none() {
        return Ok(true);
    }
    if identity(live)?.is_some() {
        return Ok(false);
    }
    rename_new(&aside, live).map_err(trying(|| format!("cannot put {} back", live.display())))?;
    sync_directory(live.parent().unwrap_or(Path::new("/")))?;
    Ok(true)
}

/// The name of what was there, where it could not be exchanged in one move.
const ASIDE: &str = "before";

/// Moves what is excepted out of what a part displaced into the part as it is now, each in one move. Where the part has
/// no directory for it, or something stands there already, it stays with what was displaced.
pub(super) fn keep_excepted(part: &Swap) -> Result<()> {
    for place in &part.except {
        let failed = || format!("cannot keep {place} in {} as it is", part.live.path().display());
        for before in [ROOT, ASIDE] {
            let before = part.holder.path().join(before);
            keep(&before, part.live.path(), place).map_err(trying(failed))?;
        }
    }
    Ok(())
}

fn keep(before: &Path, live: &Path, place: &[u8]) -> std::result::Result<(), Errno> {
    let (Some((from, name)), Some((to, _))) = (holder_of(before, place)?, holder_of(live, place)?) else {
        return Ok(());
    };
    let is_there = |folder: &OwnedFd| match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(_) => Ok(true),
        Err(Errno::NOENT) => Ok(false),
        Err(error) => Err(error),
    };
    if !is_there(&from)? {
        return Ok(());
    }
    let times = fstat(&to)?;
    match unlinkat(&to, name, AtFlags::REMOVEDIR) {
        // What the backup has of it is an empty directory.
        Ok(()) | Err(Errno::NOENT) => renameat_with(&from, name, &to, name, RenameFlags::NOREPLACE)?,
        Err(Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR) => return Ok(()),
        Err(error) => return Err(error),
    }
    let time = |seconds, nanoseconds| Timespec {
        tv_sec: seconds,
        tv_nsec: nanoseconds,
    };
    let times = Timestamps {
        last_access: time(times.st_atime, i64::try_from(times.st_atime_nsec).unwrap_or(0)),
        last_modification: time(times.st_mtime, i64::try_from(times.st_mtime_nsec).unwrap_or(0)),
    };
    futimens(&to, &times)?;
    fsync(&to)?;
    fsync(&from)
}

/// The directory that a place below a root stands in, and its name there; `None` where there is no such directory. No
/// symbolic link is followed.
fn holder_of<'p>(root: &Path, place: &'p [u8]) -> std::result::Result<Option<(OwnedFd, &'p OsStr)>, Errno> {
    let mut names: Vec<&OsStr> = place.split(|byte| *byte == b'/').map(OsStr::from_bytes).collect();
    let name = names.pop().unwrap_or_default();
    let mut at = held::open_folder(CWD, root);
    for name in names {
        at = at.and_then(|above| held::open_folder(above, name));
    }
    match at {
        Ok(holder) => Ok(Some((holder, name))),
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Gives the directory with what was displaced a name that says so; `None`, and removed, if it is empty.
pub(super) fn keep_displaced(holder: &Path) -> Result<Option<PathBuf>> {
    let name = holder.file_name().unwrap_or_default().to_string_lossy();
    let displaced = holder.with_file_name(name.replacen("-restore-", "-displaced-", 1));
    if identity(holder)?.is_none() {
        return Ok(identity(&displaced)?.map(|_| displaced));
    }
    if rustix::fs::rmdir(holder).is_ok() {
        return Ok(None);
    }
    rename_new(holder, &displaced).map_err(trying(|| format!("cannot keep {}", holder.display())))?;
    sync_directory(holder.parent().unwrap_or(Path::new("/")))?;
    Ok(Some(displaced))
}
