//! The transcript: what a run did, kept on disk as a chain of records (`docs/transcript-format.md`).
//!
//! One file is journal and evidence: [`DiskJournal`] writes it while a run goes on, [`Reader`] reads it
//! back as events, [`verify`](verify()) judges it. Invariants: a record is acknowledged only when it is
//! durable; every record carries the SHA-256 of the line before it; a line is read only in the one form
//! in which it is written; the first error of a write or a sync is final.
//! Absent on purpose: redaction (secrets are gone before an event is made) and signing.

#![expect(clippy::disallowed_methods, reason = "the record of a run is a file")]

mod blobs;
mod failpoint;
mod form;
mod journal;
mod lines;
mod queue;
mod reader;
mod record;
mod reserve;
mod seal;
mod verify;
mod writer;

pub use blobs::kept_output;
pub use journal::{DiskJournal, OpenError, Opened};
pub(crate) use reader::recorded;
pub use reader::{ReadError, Reader};
pub use record::{Record, RecordError};
pub(crate) use seal::sealed_end;
pub use seal::sealed_head;
pub use verify::{Verdict, Verification, verify};

/// The format of transcripts that this program writes and reads. It rises where an older program would take
/// something for what it is not: another form, another chain, another meaning of a field.
pub const FORMAT: u32 = 1;

/// The minor format: it rises with each kind and field that older readers may pass over.
pub const MINOR: u32 = 1;

/// The records, in the directory of a run.
pub const RECORDS_FILE: &str = "transcript.jsonl";

/// The seal, beside the records; written when a run ends.
pub const SEAL_FILE: &str = "seal.json";

/// The directory of long outputs, beside the records.
pub const BLOBS_DIRECTORY: &str = "blobs";

/// The longest line, with its line end.
pub const LINE_BYTES_MAX: usize = 4 << 20;
