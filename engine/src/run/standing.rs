//! Where a run stands, told from its directory alone: whoever asks need not be its runner, and changes nothing.

#![expect(clippy::disallowed_methods, reason = "the record of a run is a folder")]

use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::event::{End, Event, RunStart, StepState};
use crate::private_files::{read_json, write_json};
use crate::run::directory::{GIVEN_UP_FILE, LOCK_FILE};
use crate::run::lock::Lock;
use crate::transcript::{RECORDS_FILE, recorded, sealed_end};

/// The longest word about why a run was given up that is read again.
const GIVEN_UP_BYTES_MAX: u64 = 1 << 16;

/// Where a run stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Its record is not there any more.
    Gone,
    /// It was stopped before its first record: nothing was done.
    Unbegun,
    /// A runner is at it.
    Running,
    /// It has not ended, and nobody is at it: paused, with the reason, or killed.
    Open(Option<String>),
    /// It has ended; where a person is needed ([`End::Stuck`]), that is still to be done.
    Ended(End),
    /// Somebody said that nobody will finish it.
    GivenUp(GivenUp),
}

/// Who gave a run up, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenUp {
    pub who: String,
    pub because: String,
}

/// A run as its record tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub standing: Standing,
    /// Its first record; not read where it has its seal.
    pub start: Option<Box<RunStart>>,
    /// The steps that have begun and are not over.
    pub steps: Vec<String>,
    /// Whether it has left the way forward.
    pub has_turned: bool,
    /// Whether all that is left to do has no way back in the text, so that no runner can do it.
    pub is_for_hands: bool,
}

impl Standing {
    /// Whether something is still to be done about the run, by a runner or by a person.
    pub fn is_unfinished(&self) -> bool {
        matches!(self, Self::Running | Self::Open(_) | Self::Ended(End::Stuck))
    }
}

impl Account {
    /// Reads the record of a run. An error is one sentence: it cannot be told where it stands.
    pub fn of(directory: &Path) -> Result<Self, String> {
        let mut account = Self {
            standing: Standing::Gone,
            start: None,
            steps: Vec::new(),
            has_turned: false,
            is_for_hands: false,
        };
        match fs::symlink_metadata(directory) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound && is_gone(directory)? => return Ok(account),
            Err(error) => return Err(format!("{} cannot be seen: {error}", directory.display())),
        }
        let lock = directory.join(LOCK_FILE);
        let is_running = Lock::is_taken(&lock).map_err(|error| format!("{}: {error}", lock.display()))?;
        match sealed_end(directory) {
            Some(end) if end != End::Stuck && !is_running => {
                account.standing = Standing::Ended(end);
                return Ok(account);
            }
            _ => account.standing = Standing::Unbegun,
        }
        recorded(directory, |stamped| account.take(stamped.event))
            .map_err(|error| format!("{}: {error}", directory.join(RECORDS_FILE).display()))?;
        if is_running {
            account.standing = Standing::Running;
        } else if account.standing.is_unfinished()
            && let Some(given_up) = given_up(directory)?
        {
            account.standing = Standing::GivenUp(given_up);
        }
        Ok(account)
    }

    fn take(&mut self, event: Event) {
        self.standing = match &event {
            Event::RunEnd(end) => Standing::Ended(end.end),
            Event::RunInterrupted { reason } => Standing::Open(Some(reason.clone())),
            _ => Standing::Open(None),
        };
        match event {
            Event::RunStart(start) => self.start = Some(start),
            Event::Step { id, state, .. } => {
                self.steps.retain(|step| *step != id);
                if matches!(state, StepState::Running | StepState::Healing) {
                    self.steps.push(id);
                }
            }
            Event::Turn { .. } => self.has_turned = true,
            Event::RunEnd(end) => self.is_for_hands = end.is_for_hands(),
            _ => {}
        }
    }
}

/// Whether a run is not among those of its folder. What lies where nothing is mounted now, or where others see another
/// folder, cannot be told to be gone.
fn is_gone(directory: &Path) -> Result<bool, String> {
    let runs = directory.parent().unwrap_or(directory);
    let unseen = |error: io::Error| format!("{} cannot be seen: {}: {error}", directory.display(), runs.display());
    for entry in fs::read_dir(runs).map_err(unseen)? {
        if Some(entry.map_err(unseen)?.file_name().as_os_str()) == directory.file_name() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Writes down that nobody will finish a run.
pub(crate) fn give_up(directory: &Path, given_up: &GivenUp) -> io::Result<()> {
    write_json(&directory.join(GIVEN_UP_FILE), given_up)
}

/// Whether a run was given up. An error: it cannot be told.
pub(crate) fn given_up(directory: &Path) -> Result<Option<GivenUp>, String> {
    let path = directory.join(GIVEN_UP_FILE);
    read_json(&path, GIVEN_UP_BYTES_MAX).map_err(|error| format!("{}: {error}", path.display()))
}
