//! The processes of this machine as `/proc` shows them, and signals that cannot hit the wrong one.
//!
//! A process is named by its number and the moment it started, since numbers are used again. Signals go
//! through a handle of the process (pidfd) that is opened before that moment is compared.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::atomic::AtomicUsize;
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions, pidfd_open, pidfd_send_signal, waitpid};

/// How long the kernel may take to end what was killed.
const KILL_PATIENCE: Duration = Duration::from_secs(5);
/// How often we look again whether what should end has ended.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// How many processes this program has started that live on by themselves.
pub(crate) static DETACHED: AtomicUsize = AtomicUsize::new(0);

/// One process, as it was when it was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) pid: i32,
    /// The process that it belongs to now.
    pub(crate) parent: i32,
    pub(crate) group: i32,
    pub(crate) session: i32,
    /// Its state, as the kernel writes it: `R`, `S`, `Z` …
    pub(crate) state: char,
    /// When it started, in ticks since boot.
    pub(crate) start_ticks: u64,
}

impl Process {
    /// Whether it has ended and only waits to be collected.
    pub(crate) fn has_ended(&self) -> bool {
        matches!(self.state, 'Z' | 'X' | 'x')
    }

    /// Sends it a signal; quietly nothing where it is gone already.
    pub(crate) fn signal(&self, signal: Signal) {
        let Some(pid) = Pid::from_raw(self.pid) else { return };
        match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(handle) => {
                let is_same = look(self.pid).is_some_and(|now| now.start_ticks == self.start_ticks);
                if is_same {
                    let _ = pidfd_send_signal(handle, signal);
                }
            }
            Err(rustix::io::Errno::NOSYS) => {
                let _ = rustix::process::kill_process(pid, signal);
            }
            Err(_) => {}
        }
    }

    /// Collects it where it has ended as our own child, so that no entry is left.
    pub(crate) fn collect(&self) {
        let _ = waitpid(Pid::from_raw(self.pid), WaitOptions::NOHANG);
    }
}

/// One process; `None` where there is none of this number.
pub(crate) fn look(pid: i32) -> Option<Process> {
    let text = fs::read(format!("/proc/{pid}/stat")).ok()?;
    parse(pid, &String::from_utf8_lossy(&text))
}

/// Reads the line of `/proc/PID/stat`. The name in brackets may itself hold brackets and spaces.
fn parse(pid: i32, text: &str) -> Option<Process> {
    let rest = &text[text.rfind(')')? + 1..];
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    Some(Process {
        pid,
        state: fields.first()?.chars().next()?,
        parent: fields.get(1)?.parse().ok()?,
        group: fields.get(2)?.parse().ok()?,
        session: fields.get(3)?.parse().ok()?,
        start_ticks: fields.get(19)?.parse().ok()?,
    })
}

/// All processes by number.
pub(crate) fn all() -> BTreeMap<i32, Process> {
    let Ok(folder) = fs::read_dir("/proc") else {
        return BTreeMap::new();
    };
    folder
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
        .filter_map(|pid| Some((pid, look(pid)?)))
        .collect()
}

/// The value of a variable in the environment that a process was started with; `None` where it has none,
/// or where it may not be read.
pub(crate) fn variable(pid: i32, name: &str) -> Option<String> {
    let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
    environment.split(|byte| *byte == 0).find_map(|entry| {
        let value = entry.strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
        Some(String::from_utf8_lossy(value).into_owned())
    })
}

/// The living processes whose variable `name` passes `wanted`; never ourselves nor what we came from.
pub(crate) fn marked(
    all: &BTreeMap<i32, Process>,
    name: &str,
    wanted: impl Fn(&str) -> bool,
) -> BTreeMap<i32, Process> {
    let ancestors = ancestors(all);
    all.iter()
        .filter(|(pid, process)| !process.has_ended() && !ancestors.contains(pid))
        .filter(|(pid, _)| variable(**pid, name).is_some_and(|value| wanted(&value)))
        .map(|(pid, process)| (*pid, process.clone()))
        .collect()
}

/// The living descendants of these processes, without them.
pub(crate) fn descendants(all: &BTreeMap<i32, Process>, of: &BTreeSet<i32>) -> BTreeMap<i32, Process> {
    let mut found: BTreeMap<i32, Process> = BTreeMap::new();
    let mut frontier = of.clone();
    while !frontier.is_empty() {
        let next: BTreeMap<i32, Process> = all
            .iter()
            .filter(|(pid, process)| {
                frontier.contains(&process.parent) && !found.contains_key(pid) && !of.contains(pid)
            })
            .map(|(pid, process)| (*pid, process.clone()))
            .collect();
        frontier = next.keys().copied().collect();
        found.extend(next);
    }
    found.retain(|_, process| !process.has_ended());
    found
}

/// Asks processes to end, gives them time, kills what is left, and proves that nobody is. `living` tells who of them
/// lives now. Gives whether some had to be killed; an `Err` tells who still lives.
pub(crate) async fn end(
    grace: Duration,
    mut living: impl FnMut() -> BTreeMap<i32, Process>,
) -> Result<bool, BTreeMap<i32, Process>> {
    for process in living().values() {
        process.signal(Signal::TERM);
        // A stopped process would hear of it only when it goes on.
        process.signal(Signal::CONT);
    }
    for (patience, must_be_killed) in [(grace, false), (KILL_PATIENCE, true)] {
        let deadline = Instant::now() + patience;
        loop {
            let left = living();
            if left.is_empty() {
                return Ok(must_be_killed);
            }
            if must_be_killed {
                // Stopped first, so that none of them forks while we go through them.
                for signal in [Signal::STOP, Signal::KILL] {
                    for process in left.values() {
                        process.signal(signal);
                    }
                }
            }
            if Instant::now() >= deadline {
                break;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
    Err(living())
}

/// Ourselves and everything that we came from.
pub(crate) fn ancestors(all: &BTreeMap<i32, Process>) -> BTreeSet<i32> {
    let mut found = BTreeSet::from([1]);
    let mut pid = own_pid();
    while found.insert(pid) {
        let Some(process) = all.get(&pid) else { break };
        pid = process.parent;
    }
    found
}

/// Our own number.
pub(crate) fn own_pid() -> i32 {
    rustix::process::getpid().as_raw_pid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn we_are_among_all_and_never_marked() {
        let all = all();
        assert!(all.contains_key(&own_pid()));
        assert!(!marked(&all, "PATH", |_| true).contains_key(&own_pid()));
    }
}
