//! The commands, one a file. Each gives the exit code, or why it could not do what was asked.

mod actions;
mod anchors;
mod answer;
mod check;
mod explain;
mod give_up;
mod output;
mod pause;
mod plan;
mod resume;
mod run;
mod status;
mod symptoms;
mod transcript;
mod turn_back;

use crate::arguments::{Arguments, Command};
use crate::failure::Failure;

/// Carries out the command.
pub(crate) fn run(arguments: Arguments) -> Result<u8, Failure> {
    match arguments.command {
        Command::Check(arguments) => check::run(&arguments),
        Command::Run(arguments) => run::run(&arguments),
        Command::Resume(arguments) => resume::run(&arguments),
        Command::TurnBack(arguments) => turn_back::run(&arguments),
        Command::Pause(arguments) => pause::run(&arguments),
        Command::Answer(arguments) => answer::run(&arguments),
        Command::Status(arguments) => status::run(&arguments),
        Command::GiveUp(arguments) => give_up::run(&arguments),
        Command::Actions(arguments) => actions::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Transcript(arguments) => transcript::run(&arguments),
        Command::Plan(arguments) => plan::run(&arguments),
        Command::Symptoms(arguments) => symptoms::run(&arguments),
        Command::Anchors(arguments) => anchors::run(&arguments),
    }
}
