//! The processes of this machine as `/proc` shows them, and signals that cannot hit the wrong one.
//!
//! A process is named by its number and the moment it started, since numbers are used again. Signals go
//! through a handle of the process (pidfd) that is opened before that moment is compared. Whoever asks for
//! processes gets them all, or hears why they cannot be seen: never a part for the whole.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions, pidfd_open, pidfd_send_signal, waitpid};

use super::tag::is_gone;

/// How long the kernel may take to end what was killed.
const KILL_PATIENCE: Duration = Duration::from_secs(5);
/// How long the kernel may take to load a program.
const LOAD_PATIENCE: Duration = Duration::from_secs(1);
/// How often we look again whether it is loaded.
const LOAD_EVERY: Duration = Duration::from_millis(1);
/// How often we look again whether what should end has ended.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Processes by number.
pub(crate) type Processes = BTreeMap<i32, Process>;

/// Whether something that is made of processes is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Presence {
    /// These are it; never empty.
    There(Processes),
    NotThere,
    /// Why, and what to do about it. Nothing may go on from here.
    CannotTell(String),
}

impl Presence {
    /// Of processes that were all looked at.
    pub(crate) fn of(found: Processes) -> Self {
        if found.is_empty() {
            Self::NotThere
        } else {
            Self::There(found)
        }
    }
}

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
    /// How long it and the children that it waited for have worked, in ticks.
    pub(crate) worked_ticks: u64,
}

impl Process {
    /// Whether it has ended and only waits to be collected.
    pub(crate) fn has_ended(&self) -> bool {
        matches!(self.state, 'Z' | 'X' | 'x')
    }

    /// Whether it still lives, and is no other of the same number.
    pub(crate) fn lives(&self) -> bool {
        look(self.pid).is_some_and(|now| now.start_ticks == self.start_ticks && !now.has_ended())
    }

    /// Sends it a signal; quietly nothing where it is gone already.
    pub(crate) fn signal(&self, signal: Signal) {
        let Some(pid) = Pid::from_raw(self.pid) else { return };
        let handle = pidfd_open(pid, PidfdFlags::empty());
        if look(self.pid).is_none_or(|now| now.start_ticks != self.start_ticks) {
            return;
        }
        match handle {
            Ok(handle) => {
                let _ = pidfd_send_signal(handle, signal);
            }
            Err(rustix::io::Errno::SRCH) => {}
            // A kernel without handles, or one that gives none now: it was looked at a moment ago.
            Err(_) => {
                let _ = rustix::process::kill_process(pid, signal);
            }
        }
    }

    /// Collects it where it has ended as our own child, so that no entry is left.
    pub(crate) fn collect(&self) {
        let _ = waitpid(Pid::from_raw(self.pid), WaitOptions::NOHANG);
    }
}

/// One process; `None` where there is none of this number, or it cannot be seen. For processes that were seen
/// before.
pub(crate) fn look(pid: i32) -> Option<Process> {
    let text = fs::read(format!("/proc/{pid}/stat")).ok()?;
    parse(pid, &String::from_utf8_lossy(&text))
}

/// Among the flags of a thread of the kernel, which is no process.
const KERNEL_THREAD: u32 = 0x0020_0000;

/// Reads the line of `/proc/PID/stat`; `None` for a thread of the kernel. The name in brackets may itself hold
/// brackets and spaces.
fn parse(pid: i32, text: &str) -> Option<Process> {
    let rest = &text[text.rfind(')')? + 1..];
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let is_of_kernel = fields.get(6)?.parse::<u32>().ok()? & KERNEL_THREAD != 0;
    (!is_of_kernel).then_some(())?;
    Some(Process {
        pid,
        state: fields.first()?.chars().next()?,
        parent: fields.get(1)?.parse().ok()?,
        group: fields.get(2)?.parse().ok()?,
        session: fields.get(3)?.parse().ok()?,
        start_ticks: fields.get(19)?.parse().ok()?,
        worked_ticks: fields
            .get(11..15)?
            .iter()
            .filter_map(|ticks| ticks.parse::<u64>().ok())
            .sum(),
    })
}

/// The numbers that `/proc` shows, without a look at whose they are.
pub(crate) fn numbers() -> io::Result<Vec<i32>> {
    let number = |entry: io::Result<fs::DirEntry>| Ok(entry?.file_name().to_str().and_then(|name| name.parse().ok()));
    fs::read_dir("/proc")?
        .filter_map(|entry| number(entry).transpose())
        .collect()
}

/// What a process holds open: the number of each handle, and what it leads to, in the kernel's words. What was closed
/// meanwhile is left out.
pub(crate) fn handles(pid: i32) -> io::Result<Vec<(i32, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(format!("/proc/{pid}/fd"))? {
        let entry = entry?;
        match fs::read_link(entry.path()) {
            Ok(to) => found.extend(
                entry
                    .file_name()
                    .to_str()
                    .and_then(|name| Some((name.parse().ok()?, to))),
            ),
            Err(error) if is_gone(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// All processes of this machine (of our process namespace), or why they cannot all be seen.
pub(crate) fn all() -> Result<Processes, String> {
    const MEND: &str = "mount it whole: mount -t proc proc /proc";
    let numbers = numbers().map_err(|error| format!("/proc cannot be read ({error}); {MEND}"))?;
    let mut found = Processes::new();
    for pid in numbers {
        match fs::read(format!("/proc/{pid}/stat")) {
            Ok(text) => {
                let process = parse(pid, &String::from_utf8_lossy(&text));
                found.extend(process.map(|process| (pid, process)));
            }
            Err(error) if is_gone(&error) => {}
            Err(error) => return Err(format!("process {pid} is hidden from us ({error}); run as root")),
        }
    }
    let shown = fs::read_link("/proc/self").ok();
    let is_ours = shown.is_some_and(|shown| shown.as_os_str() == own_pid().to_string().as_str());
    if !is_ours {
        return Err(format!("/proc does not show the processes that we are among; {MEND}"));
    }
    if !found.contains_key(&1) || hides()? {
        return Err("/proc hides the processes of other users (hidepid); run as root".to_owned());
    }
    Ok(found)
}

/// Whether `/proc` is mounted so that a user like us does not see what belongs to others.
fn hides() -> Result<bool, String> {
    if rustix::process::geteuid().is_root() {
        return Ok(false);
    }
    let mounts = fs::read_to_string("/proc/self/mounts")
        .map_err(|error| format!("how /proc is mounted cannot be read ({error}); run as root"))?;
    let options = mounts.lines().rev().find_map(|line| {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        (words.get(1) == Some(&"/proc")).then(|| words.get(3).copied().unwrap_or_default().to_owned())
    });
    let options = options.unwrap_or_default();
    let value = |name: &str| options.split(',').find_map(|option| option.strip_prefix(name));
    let group = value("gid=").and_then(|gid| gid.parse().ok());
    let groups = rustix::process::getgroups().unwrap_or_default();
    let is_exempt = group.is_some_and(|gid: u32| {
        rustix::process::getegid().as_raw() == gid || groups.iter().any(|group| group.as_raw() == gid)
    });
    Ok(value("hidepid=").is_some_and(|how| how != "0" && how != "off") && !is_exempt)
}

/// The value of a variable in the environment that a process was started with; `None` where it has none,
/// or where it may not be read: that one does not carry a mark says nothing.
pub(crate) fn variable(pid: i32, name: &str) -> Option<String> {
    environment(pid)?.split(|byte| *byte == 0).find_map(|entry| {
        let value = entry.strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
        Some(String::from_utf8_lossy(value).into_owned())
    })
}

/// The environment that a process was started with. Whoever started it goes on before the kernel has loaded its
/// program; until then it has neither an environment nor words of its own, and that is waited for.
fn environment(pid: i32) -> Option<Vec<u8>> {
    let deadline = Instant::now() + LOAD_PATIENCE;
    let mut is_loaded = false;
    loop {
        let found = fs::read(format!("/proc/{pid}/environ")).ok()?;
        if !found.is_empty() || is_loaded || Instant::now() >= deadline {
            return Some(found);
        }
        let has_words = fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|words| !words.is_empty());
        is_loaded = has_words || look(pid).is_none_or(|now| now.has_ended());
        std::thread::sleep(LOAD_EVERY);
    }
}

/// The living descendants of these processes, without them.
pub(crate) fn descendants(all: &Processes, of: &BTreeSet<i32>) -> Processes {
    let mut found = Processes::new();
    let mut frontier = of.clone();
    while !frontier.is_empty() {
        let next: Processes = all
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

/// How processes are asked to end.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ask {
    /// Each of them, with TERM.
    Each,
    /// Those that lead the others, with this signal.
    Leaders(Signal),
    /// They were asked already.
    Nobody,
}

/// Why processes are not proved to have ended.
#[derive(Debug)]
pub(crate) enum NotEnded {
    Lives(Processes),
    CannotTell(String),
}

/// Asks processes to end, gives them time, kills what is left, and proves that nobody is. `living` tells who of them
/// lives now. Gives whether some had to be killed.
pub(crate) async fn end(
    grace: Duration,
    how: Ask,
    mut living: impl FnMut() -> Result<Processes, String>,
) -> Result<bool, NotEnded> {
    let mut left = Processes::new();
    let mut asked = BTreeSet::new();
    for (patience, must_be_killed) in [(grace, false), (KILL_PATIENCE, true)] {
        let deadline = Instant::now() + patience;
        loop {
            left = living().map_err(NotEnded::CannotTell)?;
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
            } else {
                ask(how, &left, &mut asked);
            }
            if Instant::now() >= deadline {
                break;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
    Err(NotEnded::Lives(left))
}

/// Asks those that were not asked yet.
fn ask(how: Ask, living: &Processes, asked: &mut BTreeSet<(i32, u64)>) {
    for process in living.values() {
        let signal = match how {
            Ask::Each => Signal::TERM,
            Ask::Leaders(signal) if !living.contains_key(&process.parent) => signal,
            Ask::Leaders(_) | Ask::Nobody => continue,
        };
        if asked.insert((process.pid, process.start_ticks)) {
            process.signal(signal);
            // A stopped process would hear of it only when it goes on.
            process.signal(Signal::CONT);
        }
    }
}

/// Ourselves and everything that we came from.
pub(crate) fn ancestors(all: &Processes) -> BTreeSet<i32> {
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

/// `process 12`, `processes 12, 13 and 2 more`.
pub(crate) fn in_words<'a>(pids: impl Iterator<Item = &'a i32>) -> String {
    const SHOWN_MAX: usize = 5;
    let pids: Vec<String> = pids.map(i32::to_string).collect();
    match pids.len() {
        1 => format!("process {}", pids[0]),
        count if count > SHOWN_MAX => format!(
            "processes {} and {} more",
            pids[..SHOWN_MAX].join(", "),
            count - SHOWN_MAX
        ),
        _ => format!("processes {}", pids.join(", ")),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_and_spaces_does_not_shift_the_fields() {
        let line = "42 (a) b) S 7 8 9 0 -1 0 0 0 0 0 1 2 3 4 20 0 1 0 12345 0 0";
        let process = parse(42, line);
        assert_eq!(
            process,
            Some(Process {
                pid: 42,
                parent: 7,
                group: 8,
                session: 9,
                state: 'S',
                start_ticks: 12345,
                worked_ticks: 10,
            })
        );
        assert_eq!(parse(42, "42 (cut"), None);
        assert_eq!(
            parse(2, "2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 0 0 0 20 0 1 0 7 0 0"),
            None
        );
    }

    #[test]
    fn a_mark_is_seen_from_the_first_moment() {
        for _ in 0..100 {
            let mut sleep = std::process::Command::new("sleep");
            let mut marked = sleep.arg("300").env("MARK", "ours").spawn().unwrap();
            let mut bare = sleep.env_clear().spawn().unwrap();
            let of = |child: &std::process::Child| variable(child.id().try_into().unwrap(), "MARK");
            let seen = (of(&marked), of(&bare));
            for child in [&mut marked, &mut bare] {
                child.kill().unwrap();
                child.wait().unwrap();
            }
            assert_eq!(seen, (Some("ours".to_owned()), None));
        }
    }
}
