//! Whether a file has another name, which would keep the old content where a new file took the place of this one.

use std::collections::BTreeSet;
use std::fs::Metadata;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use super::problem;
use crate::action::CAVEAT;
use crate::action::common::files::{MOUNT_TABLE, mount_points, mounts_in};
use crate::action::common::processes;
use crate::action::common::tag::is_gone;

/// What another file may take the place of.
pub(super) enum OtherName {
    /// It has none.
    None,
    /// It has one: why, in words.
    Known(String),
    /// It has none that could be seen, and not all could be looked at.
    Unseen,
}

/// What other name a file has.
pub(super) fn other_name(path: &Path, data: &Metadata) -> Result<OtherName, String> {
    if data.nlink() > 1 {
        return Ok(OtherName::Known(format!("it has {} names (hard links)", data.nlink())));
    }
    let real = path.canonicalize().map_err(|error| problem("look at", path, &error))?;
    let points = mount_points().map_err(|error| problem("read", Path::new(MOUNT_TABLE), &error))?;
    if points.contains(&real) {
        return Ok(OtherName::Known("it is a mount point".to_owned()));
    }
    mounted_elsewhere(&real, data).map_err(|error| problem("read", Path::new("/proc"), &error))
}

/// Whether a file is mounted by itself for a process; containers have their files of settings so.
fn mounted_elsewhere(real: &Path, data: &Metadata) -> io::Result<OtherName> {
    let mut spaces = BTreeSet::new();
    let mut unseen = false;
    for pid in processes::numbers()? {
        match mounted_for(pid, real, data, &mut spaces) {
            Ok(Some(point)) => {
                let why = format!("it is mounted by itself at {} for process {pid}", point.display());
                return Ok(OtherName::Known(why));
            }
            Ok(None) => {}
            Err(error) if error.kind() == ErrorKind::PermissionDenied => unseen = true,
            Err(error) if has_ended(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(if unseen { OtherName::Unseen } else { OtherName::None })
}

/// Where a process has the file mounted by itself. Name spaces that were looked at are in `spaces`, and not again.
fn mounted_for(pid: i32, real: &Path, data: &Metadata, spaces: &mut BTreeSet<PathBuf>) -> io::Result<Option<PathBuf>> {
    let of_process = |file: &str| PathBuf::from(format!("/proc/{pid}/{file}"));
    let space = std::fs::read_link(of_process("ns/mnt"))?;
    if spaces.contains(&space) {
        return Ok(None);
    }
    let table = std::fs::read(of_process("mountinfo"))?;
    for (_, point) in mounts_in(&table).filter(|(root, _)| root.file_name() == real.file_name()) {
        let below = point.strip_prefix("/").unwrap_or(&point);
        match std::fs::metadata(of_process("root").join(below)) {
            Ok(there) if (there.dev(), there.ino()) == (data.dev(), data.ino()) => return Ok(Some(point)),
            Err(error) if error.kind() == ErrorKind::PermissionDenied => return Err(error),
            // Another mount may stand over it.
            _ => {}
        }
    }
    // A process that has ended meanwhile has shown nothing.
    if std::fs::read_link(of_process("ns/mnt"))? == space {
        spaces.insert(space);
    }
    Ok(None)
}

/// Whether a process was not there any more; one that nobody has waited for yet has no table.
fn has_ended(error: &io::Error) -> bool {
    is_gone(error) || Errno::from_io_error(error) == Some(Errno::INVAL)
}

/// What a preview adds of a file that may have another name.
pub(super) fn told(path: &Path) -> Result<String, String> {
    let data = match path.metadata() {
        Ok(data) => data,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(String::new()),
        Err(error) => return Err(problem("look at", path, &error)),
    };
    Ok(match other_name(path, &data)? {
        OtherName::None => String::new(),
        OtherName::Known(why) => format!("written in place, since {why}: who reads at that moment may see a part"),
        OtherName::Unseen => unseen(),
    })
}

/// What a preview says where not all mounts could be looked at: once for a whole plan.
pub(super) fn unseen() -> String {
    format!(
        "{CAVEAT}whether a file that gets new content is mounted elsewhere by itself, where it would keep the old: the mounts \
         of other users are not to be seen"
    )
}
