//! A control group (cgroup v2) of its own for a service, below the one that we are in, where we may make one.
//!
//! What is in it is told by the kernel, whatever it did to its session, its environment or its limits, and everybody
//! may read that. Moving a process into one takes the kernel a millisecond and often more, so a child of `exec` has
//! none: its tag tells as much.

use std::fs;
use std::path::PathBuf;

/// The name of the control group of a service: the same for whoever starts it.
pub(crate) fn name_of(service: &str) -> String {
    format!("backstay-{}", crate::digest::short(service))
}

/// Whether a process is in the control group of this name, or in one that it made in there.
pub(crate) fn holds(name: &str, pid: i32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/cgroup"))
        .is_ok_and(|groups| unified(&groups).is_some_and(|path| path.split('/').any(|part| part == name)))
}

/// Puts a child into the control group of this name. It is one sign among several: where the kernel or the rights
/// forbid it there is none.
pub(crate) fn enclose(name: &str, pid: i32) {
    if let Some(place) = place(name) {
        let _ = fs::create_dir(&place);
        let _ = fs::write(place.join("cgroup.procs"), pid.to_string());
    }
}

/// Removes it; nothing happens where anything is in it, or it is elsewhere.
pub(crate) fn remove(name: &str) {
    if let Some(place) = place(name) {
        let _ = fs::remove_dir(place);
    }
}

fn place(name: &str) -> Option<PathBuf> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let ours = unified(&groups)?.trim_start_matches('/');
    let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
    let root = mounts.lines().find_map(|line| {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        (words.get(2) == Some(&"cgroup2")).then(|| PathBuf::from(words[1]))
    })?;
    Some(root.join(ours).join(name))
}

/// The path in the one hierarchy of version 2.
fn unified(groups: &str) -> Option<&str> {
    groups.lines().find_map(|line| line.strip_prefix("0::"))
}
