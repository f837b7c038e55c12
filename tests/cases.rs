//! Whole-program cases: the real program on real directories, files and processes.
//!
//! `nine` holds the nine cases that other tools fail; `examples` runs what `examples/` promises; `crash` kills the
//! runner at every record boundary. New whole-program stories go here; messages and flags go to `tests/program/`.

mod crash;
mod examples;
mod nine;
mod small;
