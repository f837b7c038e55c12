//! What went wrong, in three kinds: nobody was reached, the engine said no, no whole answer came.

use std::fmt;
use std::io;
use std::time::Duration;

use bollard::errors::Error;

use crate::containers::Problem;

use super::connect::Address;

/// "Nothing had to be done."
pub(super) const NOT_MODIFIED: u16 = 304;

/// Marks an error from before the request was sent; its text says what to do.
#[derive(Debug)]
pub(super) struct Unreached(pub(super) String);

impl fmt::Display for Unreached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unreached {}

/// Why no connection stands, and what to do.
pub(super) fn unreached(address: &Address, error: &io::Error) -> String {
    let start = "start Docker, or name its socket with DOCKER_HOST";
    match (address, error.kind()) {
        (Address::Unusable(text), _) => format!(
            "DOCKER_HOST is {text:?}, which is not understood: name a socket as unix:///path or a port as \
             tcp://host:port; TLS and ssh are not spoken"
        ),
        (_, io::ErrorKind::NotFound) => format!("no container engine: there is no socket {address}; {start}"),
        (_, io::ErrorKind::PermissionDenied) => format!(
            "the container engine's socket {address} may not be used: add yourself to the docker group \
             (and log in again), or run as root"
        ),
        (_, io::ErrorKind::ConnectionRefused) => {
            format!("no container engine: nobody listens at {address}; {start}")
        }
        (_, io::ErrorKind::TimedOut) => {
            format!("the container engine at {address} takes no connection: it hangs or is not there; {start}")
        }
        _ => format!("the container engine at {address} cannot be reached: {error}; {start}"),
    }
}

/// No answer within a limit.
pub(super) fn silent(address: &Address, what: &str, limit: Duration) -> String {
    let seconds = limit.as_secs_f64();
    format!("the container engine at {address} has not answered within {seconds} s ({what}): see whether it hangs")
}

/// What an error of the library means for the request `what`.
pub(super) fn problem(address: &Address, what: &str, error: Error) -> Problem {
    match error {
        Error::DockerResponseServerError { status_code, message } => Problem::Refused {
            status: status_code,
            message: words(&message),
        },
        Error::DockerStreamError { error } => Problem::Refused {
            status: 500,
            message: words(&error),
        },
        Error::IOError { err }
            if err
                .get_ref()
                .and_then(|inner| inner.downcast_ref::<Unreached>())
                .is_some() =>
        {
            Problem::Unreachable(err.to_string())
        }
        Error::JsonDataError { .. } | Error::JsonSerdeError { .. } => Problem::Lost(format!(
            "the container engine at {address} gave an answer that is cut off or not understood ({what})"
        )),
        Error::RequestTimeoutError | Error::IOError { .. } | Error::HyperResponseError { .. } => {
            Problem::Lost(format!(
                "the connection to the container engine at {address} broke before the answer was there ({what}): {}",
                chain(&error)
            ))
        }
        other => Problem::Refused {
            status: 400,
            message: format!("the request cannot be made ({what}): {other}"),
        },
    }
}

/// An error with its causes, the deepest last.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let said = next.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = next.source();
    }
    text
}

/// An engine's words in one line; shortened only where secrets are taken out.
fn words(message: &str) -> String {
    let line = message.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.is_empty() {
        return "no, without a reason".to_owned();
    }
    line
}

/// Refuses what would not be a name in the path of a request.
pub(super) fn name(text: &str) -> Result<&str, Problem> {
    let what = "name: letters, digits, '_', '.' and '-', a letter or digit first";
    only(text, "_.-", what)
}

/// Refuses what would not be an image reference in the path of a request.
pub(super) fn reference(text: &str) -> Result<&str, Problem> {
    let leads_away = text.contains("..") || text.contains("//");
    only(if leads_away { "" } else { text }, "_.-/:@", "image reference").map_err(|_| no(text, "image reference"))
}

fn only<'a>(text: &'a str, more: &str, what: &str) -> Result<&'a str, Problem> {
    let is_fine = |one: char| one.is_ascii_alphanumeric() || more.contains(one);
    let is_name = text.starts_with(|first: char| first.is_ascii_alphanumeric()) && text.chars().all(is_fine);
    is_name.then_some(text).ok_or_else(|| no(text, what))
}

fn no(text: &str, what: &str) -> Problem {
    Problem::Refused {
        status: 400,
        message: format!("{text:?} is no {what}"),
    }
}
