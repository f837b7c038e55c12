//! Swaps what lies at a part's place with what was made ready for it.

use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags};
use rustix::io::Errno;

use super::extract::ROOT;
use super::holders::Identity;
use super::journal::Marks;
use super::problem::{Problem, Result, trying};
use super::scope::sync_directory;

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

/// Where a part is, by its marks.
pub(super) fn position(live: &Path, holder: &Path, marks: Marks) -> Result<Position> {
    let now = identity(live)?;
    Ok(match marks.ready {
        None if now.is_none() => Position::Swapped,
        None => Position::Waiting,
        ready if now == ready => Position::Swapped,
        ready if identity(&holder.join(ROOT))? == ready => Position::Waiting,
        _ => Position::Lost,
    })
}

/// Swaps a waiting part into its place. In one move where something is to be replaced, if the file
/// system can; else what was there is moved away first.
pub(super) fn swap(live: &Path, holder: &Path, marks: Marks) -> Result<()> {
    let ready = holder.join(ROOT);
    let now = identity(live)?;
    let failed = |error: Errno| match error {
        Errno::BUSY | Errno::XDEV => Problem::Refused(format!(
            "{} cannot be moved because something is mounted there: unmount it, then try again",
            live.display()
        )),
        error => trying(|| format!("cannot swap {}", live.display()))(error),
    };
    match (marks.ready.is_some(), now.is_some()) {
        (true, true) => match rename(&ready, live, RenameFlags::EXCHANGE) {
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                rename(live, &holder.join(ASIDE), RenameFlags::NOREPLACE).map_err(failed)?;
                rename(&ready, live, RenameFlags::NOREPLACE).map_err(failed)?;
            }
            other => other.map_err(failed)?,
        },
        (true, false) => rename(&ready, live, RenameFlags::NOREPLACE).map_err(failed)?,
        (false, true) => rename(live, &ready, RenameFlags::NOREPLACE).map_err(failed)?,
        (false, false) => {}
    }
    sync_directory(holder)?;
    sync_directory(live.parent().unwrap_or(Path::new("/")))
}

/// Takes back a swap that was cut off between its two moves; for the file systems without the one move.
/// Answers whether our directory now holds nothing that was ever live.
pub(super) fn take_back(live: &Path, holder: &Path) -> Result<bool> {
    let aside = holder.join(ASIDE);
    if identity(&aside)?.is_none() {
        return Ok(true);
    }
    if identity(live)?.is_some() {
        return Ok(false);
    }
    rename(&aside, live, RenameFlags::NOREPLACE).map_err(trying(|| format!("cannot put {} back", live.display())))?;
    sync_directory(live.parent().unwrap_or(Path::new("/")))?;
    Ok(true)
}

/// The name of what was there, where it could not be exchanged in one move.
const ASIDE: &str = "before";

fn rename(from: &Path, to: &Path, flags: RenameFlags) -> rustix::io::Result<()> {
    match rustix::fs::renameat_with(CWD, from, CWD, to, flags) {
        // A file system without flags: we made sure that nothing is there.
        Err(Errno::INVAL | Errno::NOSYS) if flags == RenameFlags::NOREPLACE => rustix::fs::rename(from, to),
        other => other,
    }
}

/// Gives the directory with what was displaced a name that says so; `None`, and removed, if it is empty.
pub(super) fn keep_displaced(holder: &Path, displaced: &Path) -> Result<Option<PathBuf>> {
    let failed = || format!("cannot keep {}", holder.display());
    if identity(holder)?.is_none() {
        return Ok(identity(displaced)?.map(|_| displaced.to_owned()));
    }
    if rustix::fs::rmdir(holder).is_ok() {
        return Ok(None);
    }
    rename(holder, displaced, RenameFlags::NOREPLACE).map_err(trying(failed))?;
    sync_directory(holder.parent().unwrap_or(Path::new("/")))?;
    Ok(Some(displaced.to_owned()))
}
