//! Who holds files open for writing, from `/proc`.
//!
//! Files are compared by device and inode, so that a container which sees them under another path is
//! found too. What other users' processes hold is seen only by root; their file locks are seen by all. A process that
//! we may not look at is nobody only where it has no right to write there: as another user who neither owns the files
//! nor is let in by their mode, or as root where they are another's.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::action::common::files::if_there;
use crate::action::common::processes;
use crate::action::common::tag::is_gone;

/// A file by device and inode.
pub(super) type Identity = (u64, u64);

/// Files or directories by identity, with who may write to them.
pub(super) type Guarded = BTreeMap<Identity, Rights>;

/// Who may write to a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rights {
    pub user: u32,
    pub group: u32,
    pub mode: u32,
}

/// So many processes are named.
const NAMED_MAX: usize = 5;

/// A process with a hand on a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Holder {
    pub pid: i32,
    pub command: String,
    /// What it holds, as it names it.
    pub path: PathBuf,
    /// What it does with it.
    pub how: &'static str,
}

/// Several holders as one text: each process once, the first few by name.
pub(super) fn list(holders: &BTreeSet<Holder>) -> String {
    let mut grouped: BTreeMap<(i32, &str, &str), Vec<&Path>> = BTreeMap::new();
    for holder in holders {
        let process = (holder.pid, holder.command.as_str(), holder.how);
        grouped.entry(process).or_default().push(&holder.path);
    }
    let mut texts: Vec<String> = Vec::new();
    for ((pid, command, how), paths) in grouped.iter().take(NAMED_MAX) {
        let path = paths.first().map(|path| path.display().to_string()).unwrap_or_default();
        let more = match paths.len() {
            1 => String::new(),
            count => format!(" and {} more", count - 1),
        };
        texts.push(format!("process {pid} ({command}) {how} {path}{more}"));
    }
    if grouped.len() > NAMED_MAX {
        texts.push(format!("{} more", grouped.len() - NAMED_MAX));
    }
    texts.join(", ")
}

/// Fails where a process that we may not look at could write to one of these.
fn refuse_hidden(pid: i32, guarded: &Guarded) -> Result<(), String> {
    let status = match std::fs::read_to_string(format!("/proc/{pid}/status")) {
        Ok(status) => Some(status),
        Err(error) if is_gone(&error) => return Ok(()),
        Err(_) => None,
    };
    let numbers = |name: &str| -> Vec<u32> {
        let line = status
            .iter()
            .flat_map(|status| status.lines())
            .find_map(|line| line.strip_prefix(name));
        line.into_iter()
            .flat_map(str::split_ascii_whitespace)
            .filter_map(|word| word.parse().ok())
            .collect()
    };
    let users = numbers("Uid:");
    let groups = [numbers("Gid:"), numbers("Groups:")].concat();
    // One of our own user that hides itself keeps keys and no files.
    let is_own = users.contains(&rustix::process::geteuid().as_raw());
    let may_write = |rights: &Rights| {
        let is_let_in = rights.mode & 0o002 != 0 || (rights.mode & 0o020 != 0 && groups.contains(&rights.group));
        users.contains(&rights.user) || (is_let_in && !users.contains(&0))
    };
    if status.is_some() && (is_own || !guarded.values().any(may_write)) {
        return Ok(());
    }
    let command = holder(pid, PathBuf::new(), "").command;
    Err(format!(
        "whether process {pid} ({command}) of another user writes there cannot be told; run as root, or end it first"
    ))
}

/// Processes that could write to one of these files: open for writing, mapped for writing, or locked
/// for writing. An error says why that cannot be told.
pub(super) fn writers(files: &Guarded) -> Result<BTreeSet<Holder>, String> {
    let mut found = BTreeSet::new();
    if files.is_empty() {
        return Ok(found);
    }
    for pid in processes::all()?.into_keys() {
        match held(pid, files) {
            Ok(held) => found.extend(held.into_iter().map(|(path, how)| holder(pid, path, how))),
            Err(error) if is_gone(&error) => {}
            Err(_) => refuse_hidden(pid, files)?,
        }
    }
    let locks =
        locks().map_err(|error| format!("who locks files cannot be told: /proc/locks cannot be read ({error})"))?;
    for (pid, identity) in locks {
        if files.contains_key(&identity) {
            found.insert(holder(
                pid,
                PathBuf::from(format!("inode {}", identity.1)),
                "has a write lock on",
            ));
        }
    }
    Ok(found)
}

/// Processes whose working directory is one of these, without this process and those that started it:
/// the shell that a person called the program from does no harm there. An error says why that cannot be told.
pub(super) fn residents(directories: &Guarded) -> Result<BTreeSet<Holder>, String> {
    let all = processes::all()?;
    let own = processes::ancestors(&all);
    let mut found = BTreeSet::new();
    for pid in all.into_keys().filter(|pid| !own.contains(pid)) {
        let link = PathBuf::from(format!("/proc/{pid}/cwd"));
        match (std::fs::metadata(&link), std::fs::read_link(&link)) {
            (Ok(place), Ok(path)) if directories.contains_key(&(place.dev(), place.ino())) => {
                found.insert(holder(pid, path, "works in"));
            }
            (_, Err(error)) if !is_gone(&error) => refuse_hidden(pid, directories)?,
            _ => {}
        }
    }
    Ok(found)
}

fn holder(pid: i32, path: PathBuf, how: &'static str) -> Holder {
    let command = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    Holder {
        pid,
        command: command.trim().to_owned(),
        path,
        how,
    }
}

/// Which of these files a process holds so that it can write to them, and how.
fn held(pid: i32, files: &Guarded) -> io::Result<Vec<(PathBuf, &'static str)>> {
    let process = PathBuf::from(format!("/proc/{pid}"));
    let mut found = Vec::new();
    for (number, path) in processes::handles(pid)? {
        // What nobody can look at is none of those that were looked at.
        let data = std::fs::metadata(process.join(format!("fd/{number}")));
        let is_guarded = data.is_ok_and(|data| data.is_file() && files.contains_key(&(data.dev(), data.ino())));
        if path.is_absolute() && is_guarded && is_open_for_writing(&process, number)? {
            found.push((path, "has open for writing"));
        }
    }
    found.extend(mappings(&process, files)?);
    Ok(found)
}

fn is_open_for_writing(process: &Path, number: i32) -> io::Result<bool> {
    let text = match std::fs::read_to_string(process.join(format!("fdinfo/{number}"))) {
        Err(error) if is_gone(&error) => return Ok(false),
        text => text?,
    };
    let flags = text.lines().find_map(|line| line.strip_prefix("flags:"));
    let flags = flags.and_then(|flags| u64::from_str_radix(flags.trim(), 8).ok());
    // The access mode is in the two lowest bits; a path handle (O_PATH) can write nothing.
    Ok(flags.is_none_or(|flags| flags & 3 != 0 && flags & 0o10_000_000 == 0))
}

fn mappings(process: &Path, files: &Guarded) -> io::Result<Vec<(PathBuf, &'static str)>> {
    let text = std::fs::read(process.join("maps"))?;
    let mut found = Vec::new();
    for line in String::from_utf8_lossy(&text).lines() {
        let mut words = line.split_ascii_whitespace().skip(1);
        let (Some(rights), _, Some(device), Some(inode)) = (words.next(), words.next(), words.next(), words.next())
        else {
            continue;
        };
        if !rights.contains('w') || !rights.ends_with('s') {
            continue;
        }
        if let Some(identity) = identity(device, inode)
            && files.contains_key(&identity)
        {
            found.push((
                PathBuf::from(words.collect::<Vec<_>>().join(" ")),
                "has mapped for writing",
            ));
        }
    }
    Ok(found)
}

/// `major:minor` in hexadecimal and an inode.
fn identity(device: &str, inode: &str) -> Option<Identity> {
    let (major, minor) = device.split_once(':')?;
    let device = rustix::fs::makedev(
        u32::from_str_radix(major, 16).ok()?,
        u32::from_str_radix(minor, 16).ok()?,
    );
    Some((device, inode.parse().ok()?))
}

fn locks() -> io::Result<Vec<(i32, Identity)>> {
    let text = match std::fs::read_to_string("/proc/locks") {
        // A kernel without locks has no table of them.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        text => text?,
    };
    let lock = |line: &str| {
        // `1: POSIX  ADVISORY  WRITE 1234 fd:00:5678 0 EOF`; one that waits has `->` before its kind.
        let words: Vec<&str> = line.split_ascii_whitespace().filter(|word| *word != "->").collect();
        let [_, _, _, "WRITE", pid, file, ..] = words[..] else {
            return None;
        };
        let (device, inode) = file.rsplit_once(':')?;
        Some((pid.parse().unwrap_or(0), identity(device, inode)?))
    };
    Ok(text.lines().filter_map(lock).collect())
}

/// Adds the files and directories below a place, by identity, but for those that are excepted; links are not followed,
/// what vanishes is skipped. An error says what cannot be looked at.
pub(super) fn below(
    place: &Path,
    excepted: &[PathBuf],
    files: &mut Guarded,
    directories: &mut Guarded,
) -> Result<(), String> {
    if excepted.iter().any(|excepted| excepted == place) {
        return Ok(());
    }
    let unseen = |error: io::Error| {
        format!(
            "whether somebody writes to {} cannot be told, since it cannot be looked at ({error}); run as root",
            place.display()
        )
    };
    let Some(data) = if_there(place.symlink_metadata()).map_err(unseen)? else {
        return Ok(());
    };
    let identity = (data.dev(), data.ino());
    let rights = Rights {
        user: data.uid(),
        group: data.gid(),
        mode: data.mode(),
    };
    if data.is_file() {
        files.insert(identity, rights);
    } else if data.is_dir() {
        directories.insert(identity, rights);
        let entries = if_there(std::fs::read_dir(place)).map_err(unseen)?;
        for entry in entries.into_iter().flatten() {
            below(&entry.map_err(unseen)?.path(), excepted, files, directories)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_looked_at_is_not_nobodys() {
        let below = |name: &str| below(Path::new(name), &[], &mut Guarded::new(), &mut Guarded::new());
        assert_eq!(below("/none/of/it"), Ok(()));
        let reason = below(&format!("/{}", "x".repeat(1000)));
        assert!(reason.is_err_and(|reason| reason.contains("cannot be told")));
    }

    #[test]
    fn a_process_is_named_once_however_much_it_holds() {
        let database = |name: &str| {
            holder(
                1,
                PathBuf::from(format!("/state/{name}.sqlite")),
                "has open for writing",
            )
        };
        let mut holders: BTreeSet<Holder> = ["agents", "main", "memory", "sessions"].map(database).into();
        holders.insert(holder(1, PathBuf::from("/state"), "works in"));
        let text = list(&holders);
        let (first, second) = text.split_once(", ").unwrap_or_default();
        assert!(
            first.ends_with("has open for writing /state/agents.sqlite and 3 more"),
            "{text}"
        );
        assert!(second.ends_with("works in /state"), "{text}");
    }
}
