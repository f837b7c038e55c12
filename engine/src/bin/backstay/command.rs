//! The commands, one a file. Each gives the exit code, or why it could not do what was asked.

mod actions;
// mod explain;
mod transcript;

use crate::arguments::{Arguments, Command};
use crate::failure::Failure;

/// Carries out the command.
pub(crate) fn run(arguments: Arguments) -> Result<u8, Failure> {
    match arguments.command {
        Command::Actions(arguments) => actions::run(&arguments),
        Command::Transcript(arguments) => transcript::run(&arguments),
        _ => Err(Failure::usage("not yet")),
    }
}
