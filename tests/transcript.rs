//! The transcript: written, read back, opened again, altered in every way, and judged by two verifiers.

mod alterations;
mod events;
mod journal;
mod sample;
mod shell;
mod stuck;
