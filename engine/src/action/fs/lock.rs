//! One change of a file after the other, whatever name it is called by and whichever run makes it.

use std::fs::{File, Metadata, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::problem;
use crate::action::common::blocking::Stop;

/// How often we try again.
const TRY_EVERY: Duration = Duration::from_millis(5);

/// The right to change a file, until it is dropped.
pub(super) struct Lock {
    _file: File,
}

/// Waits for the right to change the file at this path; `None` where there is no file.
pub(super) fn lock(path: &Path, stop: &Stop) -> Result<Option<Lock>, String> {
    let failed = |error| problem("lock", path, &error);
    loop {
        match path.metadata() {
            Ok(data) if data.is_file() => {}
            Ok(_) => return Ok(None),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(problem("look at", path, &error)),
        }
        // Some file systems give a lock only to who may write.
        let opened = OpenOptions::new().read(true).write(true).open(path);
        let file = match opened.or_else(|_| File::open(path)) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let mut is_told = false;
        while let Err(error) = flock(&file, FlockOperation::NonBlockingLockExclusive) {
            if error != Errno::WOULDBLOCK {
                return Err(failed(error.into()));
            }
            stop.check()
                .map_err(|why| format!("{} is locked by another program: {why}", path.display()))?;
            if !std::mem::replace(&mut is_told, true) {
                stop.say(&format!("waits for {}, which somebody else changes", path.display()));
            }
            std::thread::sleep(TRY_EVERY);
        }
        // It may have been replaced while we waited.
        let identity = |data: Metadata| (data.dev(), data.ino());
        let locked = file.metadata().map(identity).map_err(failed)?;
        if path.metadata().map(identity).is_ok_and(|now| now == locked) {
            return Ok(Some(Lock { _file: file }));
        }
    }
}
