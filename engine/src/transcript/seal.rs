//! The seal: how many records a finished transcript has, and which is the last.
//!
//! `seal.json` is one line for each end, in one form, so it is compared as bytes: whoever reads a transcript can
//! work out what its seal has to be. A run that was stuck and resumed has more than one end; the lines of the
//! earlier ones stay.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::event::End;
use crate::private_files::{read_if_there, write_private};

use super::{FORMAT, SEAL_FILE};

/// The longest seal that is read, in bytes.
const SEAL_BYTES_MAX: u64 = 1 << 16;

/// What a seal says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seal {
    /// The format of the transcript.
    pub(super) format: u32,
    pub(super) run: String,
    /// How many records there are.
    pub(super) records: u64,
    /// How many bytes they have, line ends included.
    pub(super) bytes: u64,
    /// SHA-256 of the last line with its line end.
    pub(super) head: String,
    pub(super) end: String,
}

/// The head of a finished transcript as its seal has it: 64 hexadecimal digits, to be kept where the
/// operator of the run cannot change it. `None` without a seal. Nothing is verified.
pub fn sealed_head(run_directory: &Path) -> Option<String> {
    read(run_directory).map(|seal| seal.head)
}

/// How a finished run ended, as its seal has it. `None` without a seal. Nothing is verified.
pub(crate) fn sealed_end(run_directory: &Path) -> Option<End> {
    let seal = read(run_directory)?;
    serde_json::from_value(seal.end.into()).ok()
}

/// The seals of all ends so far, as bytes. `None` without any.
pub(super) fn content(run_directory: &Path) -> io::Result<Option<Vec<u8>>> {
    read_if_there(&run_directory.join(SEAL_FILE), SEAL_BYTES_MAX)
}

/// The seal of the last end.
fn read(run_directory: &Path) -> Option<Seal> {
    let seal = content(run_directory).ok()??;
    let last = seal.strip_suffix(b"\n")?.rsplit(|byte| *byte == b'\n').next()?;
    serde_json::from_slice(last).ok()
}

impl Seal {
    /// The seal of a transcript of this program's format.
    pub(super) fn new(run: String, records: u64, bytes: u64, head: String, end: &str) -> Self {
        Self {
            format: FORMAT,
            run,
            records,
            bytes,
            head,
            end: end.to_owned(),
        }
    }

    /// The exact content of the file.
    pub(super) fn encode(&self) -> io::Result<Vec<u8>> {
        let mut line = serde_json::to_vec(self)?;
        line.push(b'\n');
        Ok(line)
    }

    /// Adds the seal to those of earlier ends, where it is not there yet, so that it is there as a whole or not at
    /// all, also after a power cut.
    pub(super) fn write(&self, run_directory: &Path) -> io::Result<()> {
        let mut lines = content(run_directory)?.unwrap_or_default();
        let own = self.encode()?;
        if lines.ends_with(&own) {
            return Ok(());
        }
        lines.extend(own);
        write_private(&run_directory.join(SEAL_FILE), &lines)
    }
}
