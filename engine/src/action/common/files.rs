//! What the families do with files in the same way.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use sha2::{Digest as _, Sha256};

use super::blocking::{Stop, Stopped};

/// Renames to a name that is free; nothing is ever replaced.
pub(crate) fn rename_new(from: &Path, to: &Path) -> rustix::io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // Not every file system knows such a rename.
        Err(Errno::INVAL | Errno::NOSYS) if matches!(is_there(to), Ok(false)) => rustix::fs::rename(from, to),
        other => other,
    }
}

/// The SHA-256 of what a file holds from where it stands.
pub(crate) fn hash(file: &mut File, stop: &Stop) -> Result<io::Result<[u8; 32]>, Stopped> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 256 << 10];
    loop {
        stop.check()?;
        match file.read(&mut buffer) {
            Ok(0) => return Ok(Ok(hasher.finalize().into())),
            Ok(count) => hasher.update(&buffer[..count]),
            Err(error) => return Ok(Err(error)),
        }
    }
}

/// How many bytes an ordinary user may still use where a path lies.
pub(crate) fn free_bytes(path: &Path) -> io::Result<u64> {
    let figures = rustix::fs::statvfs(path)?;
    Ok(figures.f_bavail.saturating_mul(figures.f_frsize))
}

/// Whether something has this name; a link counts, also where it leads nowhere. An error where one may not look.
pub(crate) fn is_there(path: &Path) -> io::Result<bool> {
    Ok(if_there(path.symlink_metadata())?.is_some())
}

/// An answer about a path; `None` where nothing is there.
pub(crate) fn if_there<T>(answer: io::Result<T>) -> io::Result<Option<T>> {
    match answer {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        answer => answer.map(Some),
    }
}

/// Where the mounts of this process stand.
pub(crate) const MOUNT_TABLE: &str = "/proc/self/mountinfo";

/// Every mount point, whatever bytes its name has.
pub(crate) fn mount_points() -> io::Result<Vec<PathBuf>> {
    let table = std::fs::read(MOUNT_TABLE)?;
    Ok(mounts_in(&table).map(|(_, point)| point).collect())
}

/// The mounts in a mount table: what is mounted, as its file system calls it, and where.
pub(crate) fn mounts_in(table: &[u8]) -> impl Iterator<Item = (PathBuf, PathBuf)> {
    let lines = table.split(|byte| *byte == b'\n');
    lines.filter_map(|line| {
        let mut words = line.split(|byte| *byte == b' ').skip(3);
        Some((unescape(words.next()?), unescape(words.next()?)))
    })
}

/// The mount table writes blanks and the like as `\040`.
fn unescape(text: &[u8]) -> PathBuf {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        let digits = tail.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) if *first == b'\\' => {
                bytes.push(byte);
                rest = &tail[3..];
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    OsString::from_vec(bytes).into()
}
