//! Whole-program cases: the real program on real directories, files and processes.
//!
//! `nine` holds the nine cases that other tools fail; `examples` runs what `examples/` promises; `crash` kills the
//! runner at every record boundary. New whole-program stories go here; messages and flags go to `tests/program/`.

#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(
    clippy::disallowed_methods,
    reason = "the program is a process, and a test waits for it"
)]

#[path = "../support/at_each.rs"]
mod at_each;
mod crash;
mod examples;
#[path = "../support/left_out.rs"]
mod left_out;
mod nine;
mod small;
mod support;
