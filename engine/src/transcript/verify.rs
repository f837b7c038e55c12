//! Judges a transcript: is it, byte for byte, what a run wrote?

use std::collections::BTreeSet;
use std::io::{self, Read as _};
use std::path::Path;

use crate::private_files::open_plain;

use super::blobs::kept_output;
use super::lines::Lines;
use super::reader::{OUT_OF_PLACE, ReadError};
use super::record::Line;
use super::seal::Seal;
use super::{FORMAT, RECORDS_FILE, SEAL_FILE};

/// The longest seal that is read at all.
const SEAL_BYTES_MAX: u64 = 64 << 10;

/// What a transcript is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Whole, sealed, and signed by somebody who may.
    Valid,
    /// Whole and sealed; nobody signed the seal.
    Unsigned,
    /// Whole as far as it goes; the run has not ended, or was killed.
    Unsealed,
    /// Not sealed, and its last line is cut off.
    Torn,
    Altered,
    Signature,
    /// In a format that this program does not know.
    Version,
}

impl Verdict {
    /// Its word, as scripts read it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Unsigned => "unsigned",
            Self::Unsealed => "unsealed",
            Self::Torn => "torn",
            Self::Altered => "altered",
            Self::Signature => "signature",
            Self::Version => "version",
        }
    }

    /// Whether the transcript may be taken as evidence of a finished run.
    pub fn is_accepted(self) -> bool {
        matches!(self, Self::Valid | Self::Unsigned)
    }
}

/// The judgement of a transcript.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    pub verdict: Verdict,
    /// The run whose record it says it is; empty where its first record does not say it.
    pub run: String,
    /// How many records are whole and in place.
    pub records: u64,
    /// SHA-256 of the last of them; 64 zeros where there is none.
    pub head: String,
    /// One line for a person.
    pub detail: String,
}

/// Judges the transcript in the directory of a run, by the form of its lines, the chain, the outputs that it
/// names, the seal and, where they are given, the name of the run that is meant and the head that was kept elsewhere;
/// what the records say beyond that is not looked at. The error is that there is none, or that something cannot be read.
pub fn verify(run_directory: &Path, run: Option<&str>, head: Option<&str>) -> io::Result<Verification> {
    let path = run_directory.join(RECORDS_FILE);
    let seal = read_seal(run_directory)?;
    let mut lines = Lines::new(open_plain(&path)?);
    let mut line = Vec::new();
    let mut course = Course::default();
    let mut head_at = None;
    let chain_error = loop {
        match lines.read(&mut line) {
            Ok(true) => course.note(&lines, &line, run_directory)?,
            Ok(false) => break None,
            Err(ReadError::File(error)) => return Err(error),
            Err(error) => break Some(error),
        }
        if head.is_some_and(|head| head == lines.head) {
            head_at = Some((lines.records, course.end.is_some()));
        }
    };
    let (verdict, detail) = match (chain_error, &course.wrong) {
        (_, Some(wrong)) => altered(wrong.clone()),
        (Some(error), None) => judge_error(&error, &course, seal.as_deref()),
        (None, None) => judge_seal(&course, seal.as_deref()),
    };
    let (verdict, detail) = match head.and(judge_head(head_at, lines.records)) {
        Some(wrong) if !matches!(verdict, Verdict::Altered | Verdict::Version) => altered(wrong),
        _ => (verdict, detail),
    };
    let is_another = run.is_some_and(|run| !course.run.is_empty() && run != course.run);
    let (verdict, detail) = if is_another && !matches!(verdict, Verdict::Altered | Verdict::Version) {
        altered(format!("this is the record of another run, {}", course.run))
    } else {
        (verdict, detail)
    };
    Ok(Verification {
        verdict,
        run: course.run,
        records: lines.records,
        head: lines.head,
        detail,
    })
}

/// From where to where the records go.
#[derive(Default)]
struct Course {
    run: String,
    /// Whether nothing may follow but a resumption of a run that is stuck.
    end: Option<String>,
    /// The seals that the ends so far have to have.
    seals: Vec<u8>,
    /// How many bytes of them there were before the last end.
    sealed_before: usize,
    /// The outputs that were looked at, by their SHA-256.
    outputs: BTreeSet<String>,
    /// The first thing that is wrong.
    wrong: Option<String>,
}

impl Course {
    /// Takes in the line that was read last.
    fn note<R: io::Read>(&mut self, lines: &Lines<R>, line: &[u8], run_directory: &Path) -> io::Result<()> {
        if self.wrong.is_some() {
            return Ok(());
        }
        let seq = lines.records;
        let place = |reason: &str| Some(format!("record {seq}: {reason}"));
        let line = match Line::read(line) {
            Ok(line) => line,
            Err(error) => {
                self.wrong = place(&error.to_string());
                return Ok(());
            }
        };
        match (line.kind(), self.end.as_deref()) {
            ("run.resumed", Some("stuck")) => self.end = None,
            (_, Some(_)) => self.wrong = Some("a record stands behind the end of the run".to_owned()),
            (kind, None) if (kind == "run.start") != (seq == 1) => self.wrong = place(OUT_OF_PLACE),
            ("run.start", None) => self.run = line.text("run").unwrap_or_default().into_owned(),
            ("run.end", None) => self.note_end(lines, line.text("end").unwrap_or_default().into_owned())?,
            _ => {
                let wrong = self.look_at_outputs(&line, run_directory)?;
                self.wrong = wrong.and_then(|reason| place(&reason));
            }
        }
        Ok(())
    }

    fn note_end<R: io::Read>(&mut self, lines: &Lines<R>, end: String) -> io::Result<()> {
        let seal = Seal::new(self.run.clone(), lines.records, lines.bytes, lines.head.clone(), &end);
        self.sealed_before = self.seals.len();
        self.seals.extend(seal.encode()?);
        self.end = Some(end);
        Ok(())
    }

    /// The seals that are written before the last record, at the latest.
    fn earlier_seals(&self) -> &[u8] {
        match self.end {
            Some(_) => self.seals.get(..self.sealed_before).unwrap_or_default(),
            None => &self.seals,
        }
    }

    /// What is wrong with the outputs that a record names.
    fn look_at_outputs(&mut self, line: &Line<'_>, run_directory: &Path) -> io::Result<Option<String>> {
        let Some(named) = line.outputs() else {
            return Ok(Some("its outputs are not named by their SHA-256".to_owned()));
        };
        for digest in named {
            if self.outputs.contains(&digest) {
                continue;
            }
            if let Err(reason) = kept_output(run_directory, &digest)? {
                return Ok(Some(reason));
            }
            self.outputs.insert(digest);
        }
        Ok(None)
    }
}

/// Why this is not the transcript whose head was kept elsewhere, if it is not.
fn judge_head(head_at: Option<(u64, bool)>, records: u64) -> Option<String> {
    match head_at {
        // A run that was stuck goes on behind its end.
        Some((seq, is_end)) if seq == records || is_end => None,
        Some((seq, _)) => Some(format!(
            "the head that was given is that of record {seq}; {} more follow it",
            records - seq
        )),
        None => Some("no record has the head that was given: this is another transcript, or it was altered".to_owned()),
    }
}

fn altered(detail: impl Into<String>) -> (Verdict, String) {
    (Verdict::Altered, detail.into())
}

/// A seal is written after the last record is durable: with one, a cut line is no accident, unless the run went on
/// behind it.
fn judge_error(error: &ReadError, course: &Course, seal: Option<&[u8]>) -> (Verdict, String) {
    let detail = error.to_string();
    let lines = seal.unwrap_or_default();
    let may_go_on = course.end.as_deref() == Some("stuck") && lines == course.seals;
    let is_accident = seal.is_none_or(|seal| !seal.is_empty()) && (may_go_on || lines == course.earlier_seals());
    match error {
        ReadError::Version(_) => (Verdict::Version, detail),
        ReadError::Torn { .. } if is_accident => (Verdict::Torn, detail),
        _ => altered(detail),
    }
}

fn judge_seal(course: &Course, seal: Option<&[u8]>) -> (Verdict, String) {
    if seal.is_some_and(<[u8]>::is_empty) {
        return altered("the seal is empty");
    }
    let seal = seal.unwrap_or_default();
    if let Some(format) = format_of(seal)
        && format != u64::from(FORMAT)
    {
        let detail = format!("the seal has format {format}, this program reads format {FORMAT}");
        return (Verdict::Version, detail);
    }
    let unsealed = |detail: &str| (Verdict::Unsealed, detail.to_owned());
    let is_sealed = seal == course.seals;
    match &course.end {
        Some(_) if is_sealed => (Verdict::Unsigned, "whole and sealed; the seal is not signed".to_owned()),
        Some(_) if seal == course.earlier_seals() => unsealed("the run has ended, but its transcript was not sealed"),
        None if is_sealed && seal.is_empty() => unsealed("the run has not ended: it goes on, is paused, or was killed"),
        None if is_sealed => unsealed("the run was stuck, and goes on: what was sealed then is as it was"),
        None if course.seals.is_empty() => altered("there is a seal, but the end of the run is missing"),
        _ if seal.is_empty() => altered("the seal of an earlier end is missing"),
        _ => altered("the seal does not fit the records"),
    }
}

fn format_of(seal: &[u8]) -> Option<u64> {
    let first = seal.split(|byte| *byte == b'\n').next()?;
    serde_json::from_slice::<serde_json::Value>(first)
        .ok()?
        .get("format")?
        .as_u64()
}

fn read_seal(run_directory: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = match open_plain(&run_directory.join(SEAL_FILE)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut seal = Vec::new();
    file.take(SEAL_BYTES_MAX).read_to_end(&mut seal)?;
    Ok(Some(seal))
}
