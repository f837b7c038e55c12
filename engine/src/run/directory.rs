//! Where runs are kept: one directory a run, private to the operator.
//!
//! `STATE/runs/RUN/` holds `transcript.jsonl`, `seal.json`, `blobs/`, `resolved/` (every source as it was
//! read), `key` (of the MACs), `lock`, `answers.json` where answers were given beforehand, `given-up` where nobody will
//! finish it, `requests/` and `questions/` while somebody asks for something, and what actions keep until its end.
//! What a run has on the machine is elsewhere (`claims.rs`).

#![expect(clippy::disallowed_methods, reason = "runs are kept in files")]

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use crate::private_files::{make_private, put_private, read_plain};
use crate::run::driver::{MAC_KEY_BYTES, MacKey};
use crate::transcript::RECORDS_FILE;
use crate::world::Clock;

/// The lock of a run, in its directory.
pub(crate) const LOCK_FILE: &str = "lock";

/// Says that a run was given up, in its directory.
pub(crate) const GIVEN_UP_FILE: &str = "given-up";

/// The directory in which runs are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateDirectory(pub PathBuf);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunDirectory {
    pub run: String,
    pub path: PathBuf,
}

impl StateDirectory {
    /// The directory of a new run, made now: `20261122-155800-openclaw_upgrade-3f2a`.
    pub fn new_run(&self, runbook: &str, clock: &dyn Clock) -> io::Result<RunDirectory> {
        make_private(&self.0.join("runs"))?;
        let stamp = jiff::Timestamp::from_millisecond(clock.wall_ms()).map_or_else(
            |_| "00000000-000000".to_owned(),
            |at| at.strftime("%Y%m%d-%H%M%S").to_string(),
        );
        for _ in 0..100 {
            let mut random = [0; 2];
            fill_random(&mut random)?;
            let run = format!("{stamp}-{runbook}-{:02x}{:02x}", random[0], random[1]);
            let path = self.0.join("runs").join(&run);
            match fs::DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(RunDirectory { run, path }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::other("no free name for a run was found"))
    }

    /// The directory of a run that is there; `None` where there is none of this name. An error: it cannot be told.
    pub fn run(&self, run: &str) -> io::Result<Option<RunDirectory>> {
        let is_name = !run.is_empty() && !run.contains('/') && run != "." && run != "..";
        if !is_name {
            return Ok(None);
        }
        let path = self.0.join("runs").join(run);
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_dir() => Ok(Some(RunDirectory {
                run: run.to_owned(),
                path,
            })),
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(None),
        }
    }

    /// Names of all runs, oldest first. An error: they cannot be listed.
    pub fn runs(&self) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(self.0.join("runs")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut runs = Vec::new();
        for entry in entries {
            runs.extend(entry?.file_name().into_string().ok());
        }
        runs.sort();
        Ok(runs)
    }
}

impl RunDirectory {
    /// The user (by number) who has the run, where that is not the caller: what it says is theirs. An error: it cannot be told.
    pub(crate) fn stranger(&self) -> io::Result<Option<u32>> {
        let me = rustix::process::geteuid().as_raw();
        for path in [&self.path, &self.file(RECORDS_FILE)] {
            let metadata = match fs::symlink_metadata(path) {
                // A run that was stopped before its first record has none.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                metadata => metadata?,
            };
            if metadata.uid() != me {
                return Ok(Some(metadata.uid()));
            }
        }
        Ok(None)
    }

    /// What of the run others than its user may write to: the folder of all runs, its own, or its record.
    pub(crate) fn open_to_others(&self) -> io::Result<Option<PathBuf>> {
        let runs = self.path.parent().map(Path::to_owned);
        for path in runs.into_iter().chain([self.path.clone(), self.file(RECORDS_FILE)]) {
            let mode = match fs::symlink_metadata(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                metadata => metadata?.mode(),
            };
            // Where there is a sticky bit, nobody replaces what is another's.
            if mode & 0o022 != 0 && (mode & 0o1000 == 0 || path.starts_with(&self.path)) {
                return Ok(Some(path));
            }
        }
        Ok(None)
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Removes what is left of a run that never began.
    pub(crate) fn discard(&self) {
        let _ = fs::remove_dir_all(&self.path);
    }

    /// Makes the key of the run's MACs.
    pub(crate) fn make_key(&self) -> io::Result<MacKey> {
        let mut key = [0; MAC_KEY_BYTES];
        fill_random(&mut key)?;
        put_private(&self.file("key"), &key)?;
        Ok(MacKey(key))
    }

    /// The key of the run's MACs.
    pub(crate) fn key(&self) -> io::Result<MacKey> {
        let bytes = read_plain(&self.file("key"), 1 << 10)?;
        let key = <[u8; MAC_KEY_BYTES]>::try_from(bytes.as_slice());
        key.map(MacKey)
            .map_err(|_| io::Error::other("the key of the run has the wrong length"))
    }
}

fn fill_random(buffer: &mut [u8]) -> io::Result<()> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        filled += rustix::rand::getrandom(rest, rustix::rand::GetRandomFlags::empty())?;
    }
    Ok(())
}
