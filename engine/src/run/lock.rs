//! One runner: locks on files, freed by the kernel.
//!
//! Links are never followed, nothing but a plain file is locked, and a file that was removed or replaced while it was
//! waited for is not taken for the lock. A lock in a place of all users is only ever read: anybody may lock it, and
//! nobody can be made to write through it.

#![expect(clippy::disallowed_methods, reason = "a lock is a file")]

use std::fs::{File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::private_files::open_no_link;

/// How often a file is opened anew that was removed while its lock was waited for.
const ATTEMPTS_MAX: usize = 100;

/// A lock that is held until it is dropped or the process ends.
#[derive(Debug)]
pub struct Lock {
    /// What is locked, in words: `run X`, `service Y`.
    pub name: String,
    path: PathBuf,
    file: File,
}

/// Why a lock is not had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    #[error("{name} is locked by {owner}")]
    Held {
        name: String,
        /// Who holds it: process, host, run.
        owner: String,
    },
    /// The file of the lock cannot be used.
    #[error("the lock {} cannot be used: {error}", path.display())]
    File { path: PathBuf, error: io::Error },
}

/// Who may lock a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Users {
    One,
    All,
}

impl Lock {
    /// Takes a lock that only this user has, and writes down who holds it.
    pub fn take(name: &str, path: &Path, owner: &str) -> Result<Self, LockError> {
        let mut lock = Self::of(name, path, Users::One)?;
        let signed = lock.file.set_len(0).and_then(|()| lock.file.rewind());
        signed
            .and_then(|()| lock.file.write_all(owner.as_bytes()))
            .map_err(|error| file_error(path, error))?;
        Ok(lock)
    }

    /// Takes a lock that every user of the machine can take.
    pub(crate) fn take_public(name: &str, path: &Path) -> Result<Self, LockError> {
        Self::of(name, path, Users::All)
    }

    /// Whether somebody holds the lock of this file; `false` where there is none. An error: one cannot tell.
    pub(crate) fn is_taken(path: &Path) -> io::Result<bool> {
        let file = match open_no_link(OpenOptions::new().read(true), path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// A held lock is asked for again for a second: a child that a killed runner was just starting keeps its lock until
    /// it has become the other program.
    fn of(name: &str, path: &Path, users: Users) -> Result<Self, LockError> {
        for _ in 0..ATTEMPTS_MAX {
            let file = open(path, users).map_err(|error| file_error(path, error))?;
            match patiently(&file) {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    let owner = match users {
                        Users::One => owner(file),
                        // Whoever made the file may have written anything into it.
                        Users::All => "another process".to_owned(),
                    };
                    let name = name.to_owned();
                    return Err(LockError::Held { name, owner });
                }
                Err(TryLockError::Error(error)) => return Err(file_error(path, error)),
            }
            let lock = Self {
                name: name.to_owned(),
                path: path.to_owned(),
                file,
            };
            if lock.is_held() {
                return Ok(lock);
            }
        }
        let error = io::Error::other("it is removed again and again");
        Err(file_error(path, error))
    }

    /// Whether the file is still the one that was locked: nobody removed or replaced it.
    pub fn is_held(&self) -> bool {
        let ours = self.file.metadata().map(|metadata| (metadata.dev(), metadata.ino()));
        let there = std::fs::symlink_metadata(&self.path).map(|metadata| (metadata.dev(), metadata.ino()));
        matches!((ours, there), (Ok(ours), Ok(there)) if ours == there)
    }

    /// Frees the lock and removes its file, where this user may.
    pub(crate) fn remove(&self) {
        if self.is_held() {
            // Another's file stays: it is empty, and locks as well as a new one.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Opens the file, or makes it. Never both in one call: in a place of all users the kernel refuses to open another's
/// file for whoever would make it.
fn open(path: &Path, users: Users) -> io::Result<File> {
    for _ in 0..ATTEMPTS_MAX {
        match open_no_link(OpenOptions::new().read(true).write(users == Users::One), path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            opened => return opened,
        }
        let mode = if users == Users::All { 0o444 } else { 0o600 };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true).mode(mode);
        match options.open(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            created => {
                let file = created?;
                // Whatever the umask says.
                file.set_permissions(Permissions::from_mode(mode))?;
                return Ok(file);
            }
        }
    }
    Err(io::Error::other("it is made and removed again and again"))
}

/// Who holds it, as they wrote it down. An owner that cannot be read is still an owner.
fn owner(file: File) -> String {
    let mut owner = String::new();
    let _ = file.take(1000).read_to_string(&mut owner);
    match owner.trim() {
        "" => "another process".to_owned(),
        owner => owner.to_owned(),
    }
}

fn file_error(path: &Path, error: io::Error) -> LockError {
    LockError::File {
        path: path.to_owned(),
        error,
    }
}

/// Asks for the lock again and again, for a second at most.
fn patiently(file: &File) -> Result<(), TryLockError> {
    for _ in 0..20 {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(std::time::Duration::from_millis(50)),
            decided => return decided,
        }
    }
    file.try_lock()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    #[test]
    fn the_second_is_told_who_the_first_is() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        let first = Lock::take("run x", &path, "process 1 on here").unwrap();
        let error = Lock::take("run x", &path, "process 2").unwrap_err();
        assert_eq!(error.to_string(), "run x is locked by process 1 on here");
        assert!(first.is_held() && Lock::is_taken(&path).unwrap());
        std::fs::remove_file(&path).unwrap();
        assert!(!first.is_held());
        drop(first);
        Lock::take("run x", &path, "process 2").unwrap();
    }

    #[test]
    fn links_and_what_is_no_file_are_not_locked() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("target");
        std::fs::write(&target, "precious").unwrap();
        let link = directory.path().join("link");
        std::os::unix::fs::symlink(&target, &link).unwrap();
        let dangling = directory.path().join("dangling");
        std::os::unix::fs::symlink(directory.path().join("nowhere"), &dangling).unwrap();
        for path in [&link, &dangling, directory.path()] {
            Lock::take("run x", path, "process 1").unwrap_err();
            Lock::take_public("run x", path).unwrap_err();
        }
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "precious");
        assert!(!directory.path().join("nowhere").exists());
    }

    #[test]
    fn what_was_removed_while_it_was_waited_for_is_not_the_lock() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        let first = Lock::take_public("service x", &path).unwrap();
        let waiting = std::thread::spawn({
            let path = path.clone();
            move || Lock::take_public("service x", &path).map(|lock| lock.is_held())
        });
        first.remove();
        drop(first);
        assert!(waiting.join().unwrap().unwrap());
        assert!(path.exists());
    }
}
