//! The second signal beside the engine's word: the processes of a container, as this machine shows them.
//!
//! The control group of a process names the container it is in. That can only be seen where the engine runs on
//! this machine; whether it does is proved by finding the first process of a container that runs.

use std::collections::BTreeSet;
use std::fs;

use crate::action::common::processes;
use crate::containers::Container;

/// Whether the processes of this container can be seen from here. `None` where it has none that could be looked at.
pub(super) fn can_be_seen(container: &Container) -> Option<bool> {
    let pid = container.state.pid.filter(|pid| *pid > 0)?;
    Some(processes::all().is_ok() && is_in(pid, &container.id))
}

/// The living processes of a container on this machine. Where processes cannot be seen, `can_be_seen` has said so of
/// its first one, and the proof tells that it is the engine's word only.
pub(super) async fn living(id: &str) -> BTreeSet<i32> {
    let id = id.to_owned();
    tokio::task::spawn_blocking(move || {
        let all = processes::all().unwrap_or_default();
        let living = all.values().filter(|process| !process.has_ended());
        living
            .map(|process| process.pid)
            .filter(|pid| is_in(*pid, &id))
            .collect()
    })
    .await
    .unwrap_or_default()
}

/// Whether a process is in the control group of a container. Both drivers write the whole id into the path.
fn is_in(pid: i32, id: &str) -> bool {
    !id.is_empty() && fs::read_to_string(format!("/proc/{pid}/cgroup")).is_ok_and(|groups| groups.contains(id))
}
