//! Replaces one file in one moment: whoever reads sees the old or the new content, never a part.

use std::ffi::OsString;
use std::fs::{File, Metadata, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::{attributes, parent_of, problem, sync_folder};

/// Which mode and owner the new file gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Those of the file that is there; a new one gets the usual mode.
    Keep,
    /// This mode; the owner of the file that is there.
    Exactly(u32),
}

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
    let hash = Sha256::digest(key.as_bytes());
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    // A name has at most 255 bytes.
    let mut bytes = std::os::unix::ffi::OsStringExt::into_vec(name);
    bytes.truncate(220);
    let mut name: OsString = std::os::unix::ffi::OsStringExt::from_vec(bytes);
    name.push(format!(
        ".backstay-{:02x}{:02x}{:02x}{:02x}",
        hash[0], hash[1], hash[2], hash[3]
    ));
    path.with_file_name(name)
}

/// Replaces the file at `path` (not a link: see [`resolve`]) by one with this content, durably.
/// `unchanged` is what must still be there right before.
pub(super) fn replace(
    path: &Path,
    content: &[u8],
    mode: Mode,
    key: &str,
    unchanged: Option<&Metadata>,
) -> Result<(), String> {
    let folder = parent_of(path)?;
    let old = match path.symlink_metadata() {
        Ok(data) if data.is_file() => Some(data),
        Ok(_) => return Err(format!("{} is not a file", path.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(problem("look at", path, &error)),
    };
    let prepared = beside(path, key);
    clear(&prepared)?;
    let done = prepare(&prepared, content, mode, old.as_ref().map(|data| (path, data)))
        .map_err(|error| problem("write", path, &error))
        .and_then(|()| {
            if let (Some(before), Ok(now)) = (unchanged, path.symlink_metadata())
                && !is_same(before, &now)
            {
                return Err(format!(
                    "{} was changed by somebody else meanwhile; nothing was written, try again",
                    path.display()
                ));
            }
            std::fs::rename(&prepared, path).map_err(|error| problem("write", path, &error))
        });
    if done.is_err() {
        let _ = std::fs::remove_file(&prepared);
    }
    done.and_then(|()| sync_folder(folder))
}

/// Removes what an interrupted attempt left.
pub(super) fn clear(prepared: &Path) -> Result<(), String> {
    match std::fs::remove_file(prepared) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(problem("clear", prepared, &error)),
        _ => Ok(()),
    }
}

fn prepare(prepared: &Path, content: &[u8], mode: Mode, old: Option<(&Path, &Metadata)>) -> std::io::Result<()> {
    // Only a new file without a mode of its own is ever open to others, and only as the umask says.
    let is_usual = mode == Mode::Keep && old.is_none();
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
    let bits = match (mode, old) {
        (Mode::Exactly(bits), _) => Some(bits),
        (Mode::Keep, Some((_, old))) => Some(old.mode() & 0o7777),
        (Mode::Keep, None) => None,
    };
    if let Some(bits) = bits {
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
