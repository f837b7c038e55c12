//! Files that have another name, which would keep the old content where a new file took the place of this one: they are
//! written as they stand.
//!
//! That is not one moment: whoever reads meanwhile may see a part. What was there is kept in the run's directory until
//! all of the new is durable, so that an attempt that ends half-way is put back.

use std::collections::BTreeSet;
use std::fs::{Metadata, OpenOptions, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::attempt::Attempt;
use super::problem;
use crate::action::common::files::{MOUNT_TABLE, mount_points, mounts_in};
use crate::digest::{sha256_hex, short};
use crate::private_files::{make_private, write_private};

/// What other name a file has; `None` where another file may take its place. What is mounted for processes of other
/// users only root sees.
pub(super) fn other_name(path: &Path, data: &Metadata) -> Result<Option<String>, String> {
    if data.nlink() > 1 {
        return Ok(Some(format!("it has {} names (hard links)", data.nlink())));
    }
    let real = path.canonicalize().map_err(|error| problem("look at", path, &error))?;
    let points = mount_points().map_err(|error| problem("read", Path::new(MOUNT_TABLE), &error))?;
    if points.contains(&real) {
        return Ok(Some("it is a mount point".to_owned()));
    }
    let elsewhere = mounted_elsewhere(&real, data).map_err(|error| problem("read", Path::new("/proc"), &error))?;
    Ok(elsewhere.map(|(pid, point)| format!("it is mounted by itself at {} for process {pid}", point.display())))
}

/// A process for which a file is mounted by itself, and where; containers have their files of settings so.
fn mounted_elsewhere(real: &Path, data: &Metadata) -> io::Result<Option<(u32, PathBuf)>> {
    let mut spaces = BTreeSet::new();
    for entry in std::fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let of_process = |file: &str| PathBuf::from(format!("/proc/{pid}/{file}"));
        let Ok(space) = std::fs::read_link(of_process("ns/mnt")) else {
            continue;
        };
        if !spaces.insert(space) {
            continue;
        }
        let table = std::fs::read(of_process("mountinfo")).unwrap_or_default();
        let mut mounts = mounts_in(&table).filter(|(root, _)| root.file_name() == real.file_name());
        let is_it = |point: &Path| {
            let below = point.strip_prefix("/").unwrap_or(point);
            let there = std::fs::metadata(of_process("root").join(below));
            there.is_ok_and(|there| (there.dev(), there.ino()) == (data.dev(), data.ino()))
        };
        if let Some((_, point)) = mounts.find(|(_, point)| is_it(point)) {
            return Ok(Some((pid, point)));
        }
    }
    Ok(None)
}

/// What a preview adds of a file that is written in place.
pub(super) fn told(path: &Path) -> String {
    let other = path.metadata().ok().and_then(|data| other_name(path, &data).ok()?);
    other.map_or_else(String::new, |why| {
        format!("written in place, since {why}: who reads at that moment may see a part")
    })
}

/// What is kept of a file while it is written over.
struct Kept {
    /// The SHA-256 of what is written.
    new: String,
    /// Its mode before.
    mode: u32,
    old: Zeroizing<Vec<u8>>,
}

impl Kept {
    fn place(attempt: &Attempt) -> PathBuf {
        attempt.run_directory.join("in_place").join(short(&attempt.key))
    }

    fn write(&self, place: &Path) -> io::Result<()> {
        make_private(place.parent().unwrap_or(place))?;
        let head = format!("{} {:o}\n", self.new, self.mode);
        write_private(place, &Zeroizing::new([head.as_bytes(), &self.old].concat()))
    }

    fn read(place: &Path) -> Result<Option<Self>, String> {
        let bytes = match std::fs::read(place) {
            Ok(bytes) => Zeroizing::new(bytes),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(problem("read", place, &error)),
        };
        let damaged = || format!("{} is damaged; look at it before going on", place.display());
        let end = bytes.iter().position(|byte| *byte == b'\n').ok_or_else(damaged)?;
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let (new, mode) = head.split_once(' ').ok_or_else(damaged)?;
        Ok(Some(Self {
            new: new.to_owned(),
            mode: u32::from_str_radix(mode, 8).map_err(|_| damaged())?,
            old: Zeroizing::new(bytes[end + 1..].to_vec()),
        }))
    }
}

/// Gives the file this content, and this mode where one is said, and makes it durable.
pub(super) fn write(path: &Path, content: &[u8], mode: Option<u32>, attempt: &Attempt) -> Result<(), String> {
    let failed = |error| problem("write", path, &error);
    let place = Kept::place(attempt);
    let kept = Kept {
        new: sha256_hex(content),
        mode: path.metadata().map_err(failed)?.mode() & 0o7777,
        old: Zeroizing::new(std::fs::read(path).map_err(failed)?),
    };
    kept.write(&place).map_err(|error| problem("write", &place, &error))?;
    let written = overwrite(path, content, mode.unwrap_or(kept.mode)).map_err(failed);
    match written {
        Ok(()) => forget(&place),
        Err(reason) => match recover(path, attempt) {
            Ok(()) => Err(reason),
            Err(left) => Err(format!(
                "{reason}; what was there is kept in {}: {left}",
                place.display()
            )),
        },
    }
}

/// Puts back what was there, where an attempt was interrupted while it wrote.
pub(super) fn recover(path: &Path, attempt: &Attempt) -> Result<(), String> {
    let place = Kept::place(attempt);
    let Some(kept) = Kept::read(&place)? else {
        return Ok(());
    };
    let now = Zeroizing::new(std::fs::read(path).map_err(|error| problem("read", path, &error))?);
    if sha256_hex(&now) != kept.new {
        overwrite(path, &kept.old, kept.mode).map_err(|error| problem("put back", path, &error))?;
    }
    forget(&place)
}

fn forget(place: &Path) -> Result<(), String> {
    std::fs::remove_file(place).map_err(|error| problem("remove", place, &error))
}

/// The blocks of the old content stay until the new is there, so that it can be put back on a full disk too.
fn overwrite(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(path)?;
    if file.metadata()?.mode() & 0o7777 != mode {
        file.set_permissions(Permissions::from_mode(mode))?;
    }
    file.write_all_at(content, 0)?;
    file.set_len(content.len() as u64)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    #[test]
    fn what_was_half_written_is_put_back_and_what_was_whole_stays() {
        for (found, expected) in [
            ("new and l", "old and longer\n"),
            ("new\n", "new\n"),
            ("", "old and longer\n"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("file");
            std::fs::write(&file, found).unwrap();
            let attempt = Attempt {
                key: "run/a/1".to_owned(),
                run_directory: folder.path().join("run"),
            };
            let kept = Kept {
                new: sha256_hex(b"new\n"),
                mode: 0o640,
                old: Zeroizing::new(b"old and longer\n".to_vec()),
            };
            kept.write(&Kept::place(&attempt)).unwrap();
            recover(&file, &attempt).unwrap();
            assert_eq!(std::fs::read_to_string(&file).unwrap(), expected);
            assert!(Kept::read(&Kept::place(&attempt)).unwrap().is_none());
            // Nothing is put back a second time.
            std::fs::write(&file, "other").unwrap();
            recover(&file, &attempt).unwrap();
            assert_eq!(std::fs::read_to_string(&file).unwrap(), "other");
        }
    }
}
