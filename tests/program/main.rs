//! The program as scripts and people meet it: help, exit codes, JSON shapes, bad input.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]
#![expect(clippy::disallowed_methods, reason = "the program is a process")]

mod arguments;
mod bad_input;
mod call;
mod checking;
mod disk;
mod evidence;
#[path = "../support/left_out.rs"]
mod left_out;
mod planning;
mod resuming;
mod running;
mod terminal;
