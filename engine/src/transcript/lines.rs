//! The lines of a transcript as bytes: whole, in place, and each following from the one before.
//!
//! Nothing is decoded here: the first bytes of a line are known before it is read.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read};

use serde::Deserialize;

use crate::digest::sha256_hex;

use super::LINE_BYTES_MAX;
use super::reader::ReadError;
use super::record::RecordError;

/// The link of the first record: there is no line before it.
pub(super) const NO_LINE: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Reads lines and checks the chain.
#[derive(Debug)]
pub(super) struct Lines<R> {
    input: BufReader<R>,
    pub(super) records: u64,
    pub(super) bytes: u64,
    pub(super) head: String,
    /// How the next line has to begin.
    place: String,
}

impl<R: Read> Lines<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            input: BufReader::new(input),
            records: 0,
            bytes: 0,
            head: NO_LINE.to_owned(),
            place: String::new(),
        }
    }

    /// Puts the next line with its line end into `line`; false at the end of the file.
    pub(super) fn read(&mut self, line: &mut Vec<u8>) -> Result<bool, ReadError> {
        line.clear();
        let limit = LINE_BYTES_MAX as u64 + 1;
        self.input.by_ref().take(limit).read_until(b'\n', line)?;
        if line.is_empty() {
            return Ok(false);
        }
        if line.len() > LINE_BYTES_MAX {
            return Err(self.altered(RecordError::TooLong.to_string()));
        }
        if line.last() != Some(&b'\n') {
            return Err(ReadError::Torn {
                bytes: line.len() as u64,
            });
        }
        if self.records == 0 {
            check_version(line)?;
        }
        self.place.clear();
        // A text takes whatever is written into it.
        let _ = write!(self.place, "{{\"seq\":{},\"prev\":\"{}\",", self.records + 1, self.head);
        if !line.starts_with(self.place.as_bytes()) {
            return Err(self.altered("it does not follow from the line before it"));
        }
        self.records += 1;
        self.bytes += line.len() as u64;
        self.head = sha256_hex(line);
        Ok(true)
    }

    fn altered(&self, reason: impl Into<String>) -> ReadError {
        ReadError::Altered {
            seq: self.records + 1,
            reason: reason.into(),
        }
    }
}

/// What is looked at of the first record, which may be long, before its form is known.
#[derive(Deserialize)]
struct WithFormat {
    format: Option<serde_json::Value>,
}

/// A first record that says another format is told as such, whatever else is in it.
fn check_version(line: &[u8]) -> Result<(), ReadError> {
    let format = serde_json::from_slice::<WithFormat>(line)
        .ok()
        .and_then(|record| record.format?.as_u64());
    match format {
        Some(format) if format == u64::from(super::FORMAT) => Ok(()),
        Some(format) => Err(ReadError::Version(format)),
        None => Err(ReadError::Altered {
            seq: 1,
            reason: "it names no format".to_owned(),
        }),
    }
}
