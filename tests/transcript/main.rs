//! The transcript: written, read back, opened again, altered in every way, and judged by two verifiers.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod alterations;
mod events;
mod journal;
#[path = "../support/left_out.rs"]
mod left_out;
mod sample;
mod shell;
