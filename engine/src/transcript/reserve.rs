//! A reserve of disk: space that is taken when a run starts and given up when the disk is full, so that
//! the records of the way back still find room.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, fallocate};

const RESERVE_FILE: &str = "reserve";
const RESERVE_BYTES: u64 = 512 << 10;

/// The reserve of one run.
#[derive(Debug)]
pub(super) struct Reserve {
    path: PathBuf,
}

impl Reserve {
    /// Takes the space. A disk that is full already is an error: a run must not begin on it.
    pub(super) fn take(run_directory: &Path) -> io::Result<Self> {
        let path = run_directory.join(RESERVE_FILE);
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&path)?;
        if let Err(error) = fill(&mut file) {
            // What was taken of a full disk is given back.
            let _ = fs::remove_file(&path);
            return Err(error);
        }
        Ok(Self { path })
    }

    /// Gives the space up. Says whether there was any.
    pub(super) fn release(&self) -> bool {
        fs::remove_file(&self.path).is_ok()
    }
}

fn fill(file: &mut File) -> io::Result<()> {
    match fallocate(&*file, FallocateFlags::empty(), 0, RESERVE_BYTES) {
        // The space is taken at once; that a power cut gives it back does no harm.
        Ok(()) => Ok(()),
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => {
            let zeros = [0; 8 << 10];
            let mut left = RESERVE_BYTES;
            while left > 0 {
                file.write_all(&zeros)?;
                left = left.saturating_sub(zeros.len() as u64);
            }
            file.sync_all()
        }
        Err(error) => Err(error.into()),
    }
}
