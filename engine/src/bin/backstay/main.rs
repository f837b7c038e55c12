//! The program `backstay`: arguments in, exit code out. It sees only the library's public API.
//!
//! Standard output is data, standard error is talk; exit codes and JSON shapes are a contract
//! (`docs/language/README.md`, README). One file per command in `command/`.

#![expect(clippy::disallowed_methods, reason = "the program is the edge")]

mod answers;
mod arguments;
mod command;
mod failure;
mod log;
mod person;
mod places;
mod screen;
mod setup;
mod streams;

use std::process::ExitCode;

fn main() -> ExitCode {
    backstay::action::forbid_core_dumps();
    let arguments = match arguments::parse(std::env::args_os()) {
        Ok(arguments) => arguments,
        Err(exit) => return exit,
    };
    let format = arguments.format();
    match log::start(arguments.log.as_deref()).and_then(|()| command::run(arguments)) {
        Ok(exit) => ExitCode::from(exit),
        Err(failure) => ExitCode::from(failure.report(format)),
    }
}
