//! One runner: a lock per run and a lock per service, freed by the kernel, naming its owner.

#![expect(clippy::disallowed_methods, reason = "a lock is a file")]

use std::fs::{File, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

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

impl Lock {
    /// Takes a lock, and writes down who holds it. A held lock is asked for again for a second: a child that a killed
    /// runner was just starting keeps its lock until it has become the other program.
    pub fn take(name: &str, path: &Path, owner: &str) -> Result<Self, LockError> {
        let file_error = |error| LockError::File {
            path: path.to_owned(),
            error,
        };
        let mut file = std::fs::OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(file_error)?;
        match patiently(&file) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut owner = String::new();
                // An owner that cannot be read is still an owner.
                let _ = file.take(1000).read_to_string(&mut owner);
                let owner = if owner.trim().is_empty() {
                    "another process".to_owned()
                } else {
                    owner.trim().to_owned()
                };
                return Err(LockError::Held {
                    name: name.to_owned(),
                    owner,
                });
            }
            Err(TryLockError::Error(error)) => return Err(file_error(error)),
        }
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(owner.as_bytes()))
            .map_err(file_error)?;
        Ok(Self {
            name: name.to_owned(),
            path: path.to_owned(),
            file,
        })
    }

    /// Whether the file is still the one that was locked: nobody removed or replaced it.
    pub fn is_held(&self) -> bool {
        let ours = self.file.metadata().map(|metadata| (metadata.dev(), metadata.ino()));
        let there = std::fs::metadata(&self.path).map(|metadata| (metadata.dev(), metadata.ino()));
        matches!((ours, there), (Ok(ours), Ok(there)) if ours == there)
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
        assert!(first.is_held());
        std::fs::remove_file(&path).unwrap();
        assert!(!first.is_held());
        drop(first);
        Lock::take("run x", &path, "process 2").unwrap();
    }
}
