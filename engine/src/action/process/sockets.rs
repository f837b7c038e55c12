//! Who listens on a TCP port, as `/proc` tells.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;

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
    let mut sockets = BTreeSet::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        match fs::read_to_string(table) {
            Ok(table) => sockets.extend(listening(&table, port)),
            // A kernel without the sixth version has no such table.
            Err(error) if error.kind() == ErrorKind::NotFound && table.ends_with('6') => {}
            Err(error) => {
                return Err(format!(
                    "who listens on port {port} cannot be told: {table} cannot be read ({error})"
                ));
            }
        }
    }
    if sockets.is_empty() {
        return Ok(Found::default());
    }
    let mut seen = BTreeSet::new();
    let mut pids = BTreeSet::new();
    for (pid, socket) in open_sockets() {
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
fn open_sockets() -> impl Iterator<Item = (i32, u64)> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
        .flat_map(|pid| {
            let handles = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
            handles.filter_map(move |handle| {
                let target = fs::read_link(handle.path()).ok()?;
                let number = target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
                Some((pid, number.parse().ok()?))
            })
        })
}
