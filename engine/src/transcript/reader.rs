//! Reads a transcript from its first record to its last, and checks the chain on the way.
//!
//! Reading is linear and holds one line at a time. The first thing that is not as it was written ends it.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::event::{Event, Stamped};
use crate::private_files::open_plain;

use super::FORMAT;
use super::lines::Lines;
use super::record::{Record, RecordError};

/// What is wrong where the first record is another one, or a later one is `run.start`.
pub(super) const OUT_OF_PLACE: &str = "`run.start` stands at the beginning and nowhere else";

/// Why a transcript cannot be read further.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file cannot be read.
    #[error("the transcript cannot be read: {0}")]
    File(#[from] io::Error),
    /// The last line has no end: its writer was stopped in the middle of it.
    #[error("the last line is cut off after {bytes} bytes")]
    Torn {
        /// Bytes after the last line end.
        bytes: u64,
    },
    /// A record is not as it was written.
    #[error("record {seq}: {reason}")]
    Altered {
        /// The number that the record should have.
        seq: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// A record says something that this program does not know: it was written by a later one.
    #[error("record {seq}: {reason}")]
    Unknown { seq: u64, reason: String },
    /// It was written in a format that this program does not know.
    #[error("the transcript has format {0}, this program reads format {FORMAT}")]
    Version(u64),
}

/// A transcript being read: an iterator over its records that ends after the first error.
#[derive(Debug)]
pub struct Reader<R> {
    lines: Lines<R>,
    /// The line that was read last.
    line: Vec<u8>,
    is_over: bool,
}

impl Reader<File> {
    /// Opens the transcript of the run in this directory.
    pub fn open(run_directory: &Path) -> io::Result<Self> {
        open_plain(&run_directory.join(super::RECORDS_FILE)).map(Self::new)
    }
}

/// Calls `take` with all that a run has recorded so far. A run that was stopped before its first record has none, and
/// a torn last line was never acknowledged.
pub(crate) fn recorded(run_directory: &Path, mut take: impl FnMut(Stamped)) -> Result<(), ReadError> {
    let reader = match Reader::open(run_directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        reader => reader?,
    };
    for record in reader {
        match record {
            Err(ReadError::Torn { .. }) => break,
            record => take(record?.stamped),
        }
    }
    Ok(())
}

impl<R: Read> Reader<R> {
    /// Reads from the first byte.
    pub fn new(input: R) -> Self {
        Self {
            lines: Lines::new(input),
            line: Vec::new(),
            is_over: false,
        }
    }

    /// How many lines were read so far.
    pub fn records(&self) -> u64 {
        self.lines.records
    }

    /// How many bytes they have.
    pub fn bytes(&self) -> u64 {
        self.lines.bytes
    }

    /// SHA-256 of the last line read; 64 zeros before the first.
    pub fn head(&self) -> &str {
        &self.lines.head
    }

    fn read(&mut self) -> Result<Option<Record>, ReadError> {
        if !self.lines.read(&mut self.line)? {
            return Ok(None);
        }
        let seq = self.lines.records;
        let record = Record::decode(&self.line).map_err(|error| {
            let reason = error.to_string();
            match error {
                RecordError::Unknown(_) => ReadError::Unknown { seq, reason },
                _ => ReadError::Altered { seq, reason },
            }
        })?;
        if matches!(record.stamped.event, Event::RunStart(_)) == (seq == 1) {
            return Ok(Some(record));
        }
        let reason = OUT_OF_PLACE.to_owned();
        Err(ReadError::Altered { seq, reason })
    }
}

impl<R: Read> Iterator for Reader<R> {
    type Item = Result<Record, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let next = self.read().transpose();
        self.is_over = !matches!(next, Some(Ok(_)));
        next
    }
}
