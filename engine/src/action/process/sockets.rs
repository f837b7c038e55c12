//! Who listens on a TCP port, as `/proc` tells.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, ErrorKind};

use crate::action::common::processes;
use crate::action::common::tag::is_gone;

/// What is known of the listeners of a port.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// The processes that hold one of its sockets.
    pub(super) pids: BTreeSet<i32>,
    /// Sockets of which nobody was seen to hold them: another user's, or another container's.
    pub(super) unseen: usize,
}

/// The listeners of a port, of either version of IP; an error where the kernel's tables cannot be read.
pub(super) fn listeners(port: u16) -> Result<Found, String> {
    let unread = |what: &str, error: &io::Error| {
        format!("who listens on port {port} cannot be told: {what} cannot be read ({error})")
    };
    let mut sockets = BTreeSet::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        match fs::read_to_string(table) {
            Ok(table) => sockets.extend(listening(&table, port)),
            // A kernel without the sixth version has no such table.
            Err(error) if error.kind() == ErrorKind::NotFound && table.ends_with('6') => {}
            Err(error) => return Err(unread(table, &error)),
        }
    }
    if sockets.is_empty() {
        return Ok(Found::default());
    }
    let mut seen = BTreeSet::new();
    let mut pids = BTreeSet::new();
    for (pid, socket) in open_sockets().map_err(|error| unread("/proc", &error))? {
        if sockets.contains(&socket) {
            seen.insert(socket);
            pids.insert(pid);
        }
    }
    Ok(Found {
        pids,
        unseen: sockets.difference(&seen).count(),
    })
}

/// The numbers of the sockets of a table that listen on the port.
fn listening(table: &str, port: u16) -> Vec<u64> {
    const LISTEN: &str = "0A";
    let here = format!(":{port:04X}");
    table
        .lines()
        .skip(1)
        .filter_map(|line| {
            let fields: Vec<&str> = line.split_ascii_whitespace().collect();
            let is_wanted = fields.get(1)?.ends_with(&here) && *fields.get(3)? == LISTEN;
            is_wanted.then(|| fields.get(9)?.parse().ok()).flatten()
        })
        .collect()
}

/// Every open socket that we may see: the process and the socket's number.
fn open_sockets() -> io::Result<Vec<(i32, u64)>> {
    let mut found = Vec::new();
    for pid in processes::numbers()? {
        let handles = match processes::handles(pid) {
            Ok(handles) => handles,
            // What is another's stays unseen, and is counted so.
            Err(error) if error.kind() == ErrorKind::PermissionDenied || is_gone(&error) => continue,
            Err(error) => return Err(error),
        };
        found.extend(handles.iter().filter_map(|(_, to)| {
            let number = to.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
            Some((pid, number.parse().ok()?))
        }));
    }
    Ok(found)
}
