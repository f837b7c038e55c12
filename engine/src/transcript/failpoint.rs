//! Kills this process at a record boundary, for the crash tests (`docs/contributing.md`).
//!
//! `BACKSTAY_FAILPOINT=before:N`: when record N is about to be written, everything before it durable.
//! `after:N`: when record N is durable, and nobody was told yet.

use std::ffi::OsStr;

use rustix::process::{Signal, getpid, kill_process};

/// A boundary at which the process is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failpoint {
    Before(u64),
    After(u64),
}

impl Failpoint {
    /// The boundary that the environment names; `None` where it names none.
    pub(super) fn from_environment() -> Option<Self> {
        std::env::var_os("BACKSTAY_FAILPOINT").and_then(|text| Self::parse(&text))
    }

    fn parse(text: &OsStr) -> Option<Self> {
        let (side, record) = text.to_str()?.split_once(':')?;
        let record = record.parse().ok()?;
        match side {
            "before" => Some(Self::Before(record)),
            "after" => Some(Self::After(record)),
            _ => None,
        }
    }

    /// Kills the process where this is the boundary.
    pub(super) fn pass(self, here: Self) {
        if self == here {
            // Nothing can be done where even this fails, and the test that asked for it says so.
            let _ = kill_process(getpid(), Signal::KILL);
        }
    }
}
