//! Replaces one file in one moment: whoever reads sees the old or the new content, never a part.

use std::ffi::OsStr;
use std::fs::{File, Metadata, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::attempt::Attempt;
use super::lock::lock;
use super::other_name::{OtherName, other_name};
use super::{attributes, done, in_place, parent_of, problem, sync_folder};
use crate::action::Settled;
use crate::action::common::blocking::Stop;
use crate::digest::short;

/// The file behind a path: where links lead. A path without anything is itself.
pub(super) fn resolve(path: &Path) -> Result<PathBuf, String> {
    match path.symlink_metadata() {
        Ok(data) if data.is_symlink() => path
            .canonicalize()
            .map_err(|error| problem("follow the link", path, &error)),
        Ok(_) => Ok(path.to_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(path.to_owned()),
        Err(error) => Err(problem("look at", path, &error)),
    }
}

/// The name beside `path` under which an attempt of this key prepares things.
pub(super) fn beside(path: &Path, key: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().as_bytes().to_vec();
    // A name has at most 255 bytes.
    name.truncate(220);
    let name = [b".", name.as_slice(), b".backstay-", short(key).as_bytes()].concat();
    path.with_file_name(OsStr::from_bytes(&name))
}

/// Whether an attempt of this key gave the file behind a path this content, and this mode where one is said; what it
/// prepared is cleared.
pub(super) fn settle(
    path: &Path,
    content: &[u8],
    mode: Option<u32>,
    attempt: &Attempt,
    stop: &Stop,
) -> Result<Settled, String> {
    let file = resolve(path)?;
    let _lock = lock(&file, stop)?;
    clear_up(&file, attempt)?;
    let name = path.display();
    let found = std::fs::metadata(&file).and_then(|data| Ok((data, Zeroizing::new(std::fs::read(&file)?))));
    Ok(match found {
        Ok((data, _)) if mode.is_some_and(|mode| data.mode() & 0o7777 != mode) => {
            Settled::NotDone(format!("{name} has another mode"))
        }
        Ok((_, found)) if *found == content => done(format!("{name} holds the content")),
        Ok(_) => Settled::NotDone(format!("{name} holds other content")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Settled::NotDone(format!("{name} does not exist"))
        }
        Err(error) => return Err(problem("read", path, &error)),
    })
}

/// Gives the file behind a path this content, durably, while nobody else changes it.
pub(super) fn put(
    path: &Path,
    content: &[u8],
    mode: Option<u32>,
    attempt: &Attempt,
    stop: &Stop,
) -> Result<(), String> {
    stop.check()?;
    let file = resolve(path)?;
    let _lock = lock(&file, stop)?;
    replace(&file, content, mode, attempt, None)
}

/// Replaces the file at `path` (not a link: see [`resolve`]) by one with this content, durably; one with another name is
/// written in place. Its mode is this one, else that of the file that is there, else the usual one; its owner is that of
/// the file that is there. `unchanged` is what must still be there right before.
pub(super) fn replace(
    path: &Path,
    content: &[u8],
    mode: Option<u32>,
    attempt: &Attempt,
    unchanged: Option<&Metadata>,
) -> Result<(), String> {
    let folder = parent_of(path)?;
    let old = match path.symlink_metadata() {
        Ok(data) if data.is_file() => Some(data),
        Ok(_) => return Err(format!("{} is not a file", path.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(problem("look at", path, &error)),
    };
    clear_up(path, attempt)?;
    let other = old
        .as_ref()
        .map_or(Ok(OtherName::None), |data| other_name(path, data))?;
    if let OtherName::Known(_) = other {
        check_unchanged(path, unchanged)?;
        return in_place::write(path, content, mode, attempt);
    }
    let prepared = beside(path, &attempt.key);
    let replaced = prepare(&prepared, content, mode, old.as_ref().map(|data| (path, data)))
        .map_err(|error| problem("write", path, &error))
        .and_then(|()| {
            check_unchanged(path, unchanged)?;
            std::fs::rename(&prepared, path).map_err(|error| problem("write", path, &error))
        });
    if replaced.is_err() {
        let _ = std::fs::remove_file(&prepared);
    }
    replaced.and_then(|()| sync_folder(folder))
}

fn check_unchanged(path: &Path, unchanged: Option<&Metadata>) -> Result<(), String> {
    let Some(before) = unchanged else { return Ok(()) };
    // One that is gone, or that cannot be seen any more, is not what it was.
    if path.symlink_metadata().is_ok_and(|now| is_same(before, &now)) {
        return Ok(());
    }
    Err(format!(
        "{} was changed by somebody else meanwhile; nothing was written, try again",
        path.display()
    ))
}

/// Clears what an interrupted attempt left at this file, and puts back what it had half written.
pub(super) fn clear_up(file: &Path, attempt: &Attempt) -> Result<(), String> {
    clear(&beside(file, &attempt.key))?;
    in_place::recover(file, attempt)
}

/// Removes what an interrupted attempt left.
pub(super) fn clear(prepared: &Path) -> Result<(), String> {
    match std::fs::remove_file(prepared) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(problem("clear", prepared, &error)),
        _ => Ok(()),
    }
}

fn prepare(prepared: &Path, content: &[u8], mode: Option<u32>, old: Option<(&Path, &Metadata)>) -> std::io::Result<()> {
    // Only a new file without a mode of its own is ever open to others, and only as the umask says.
    let is_usual = mode.is_none() && old.is_none();
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(if is_usual { 0o666 } else { 0o600 })
        .open(prepared)?;
    file.write_all(content)?;
    if let Some((path, data)) = old {
        keep_owner(&file, data)?;
        attributes::keep(path, &file)?;
    }
    if let Some(bits) = mode.or_else(|| old.map(|(_, data)| data.mode() & 0o7777)) {
        file.set_permissions(Permissions::from_mode(bits))?;
    }
    file.sync_all()
}

fn keep_owner(file: &File, old: &Metadata) -> std::io::Result<()> {
    let new = file.metadata()?;
    let user = (new.uid() != old.uid()).then_some(old.uid());
    let group = (new.gid() != old.gid()).then_some(old.gid());
    if user.is_some() || group.is_some() {
        fchown(file, user, group)?;
    }
    Ok(())
}

/// Whether nobody wrote between two looks.
pub(super) fn is_same(before: &Metadata, now: &Metadata) -> bool {
    let stamp = |data: &Metadata| {
        (
            data.dev(),
            data.ino(),
            data.len(),
            data.mtime(),
            data.mtime_nsec(),
            data.ctime(),
            data.ctime_nsec(),
        )
    };
    stamp(before) == stamp(now)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    #[test]
    fn nothing_is_cleared_up_while_another_program_has_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "new").unwrap();
        let attempt = Attempt::in_folder(folder.path());
        let prepared = beside(&file, &attempt.key);
        std::fs::write(&prepared, "").unwrap();
        let other = lock(&file, &Stop::never()).unwrap();
        let refused = settle(&file, b"new", None, &attempt, &Stop::asked());
        assert!(refused.unwrap_err().contains("is locked by another program"));
        assert!(prepared.exists());
        drop(other);
        let settled = settle(&file, b"new", None, &attempt, &Stop::never()).unwrap();
        assert!(matches!(settled, Settled::Done(_)) && !prepared.exists());
    }
}
