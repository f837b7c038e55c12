//! What goes wrong with backups, and how it is told.

use std::io;

use crate::action::common::blocking::{Lost, Stopped};

/// Why a backup could not be made, proved or put back.
#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    /// Something outside has to change first; nothing was done. A whole sentence with its help.
    #[error("{0}")]
    Refused(String),
    /// The archive is not what was written; a whole sentence.
    #[error("{0}")]
    Damaged(String),
    /// A file changed while it was read.
    #[error("{0} changed while it was read: stop what writes it, then try again")]
    Changed(String),
    #[error("{what}: {source}{}", help(source))]
    System { what: String, source: io::Error },
    /// Somebody wanted it to stop, or its time was up.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// A mistake in this program.
    #[error(transparent)]
    Lost(#[from] Lost),
}

/// A result of this module.
pub(super) type Result<T> = std::result::Result<T, Problem>;

fn help(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "; free some space, then try again",
        io::ErrorKind::PermissionDenied => "; run as a user who may do that",
        io::ErrorKind::ReadOnlyFilesystem => "; the file system is mounted read-only",
        _ => "",
    }
}

/// Turns an error of the system into a [`Problem`] that says what was tried.
pub(super) fn trying<E: Into<io::Error>>(what: impl FnOnce() -> String) -> impl FnOnce(E) -> Problem {
    move |error| Problem::System {
        what: what(),
        source: error.into(),
    }
}

/// A refusal.
pub(super) fn refused<T>(text: impl Into<String>) -> Result<T> {
    Err(Problem::Refused(text.into()))
}

/// A damaged archive.
pub(super) fn damaged<T>(text: impl Into<String>) -> Result<T> {
    Err(Problem::Damaged(text.into()))
}
