//! Everything that an attempt started, also what hid from it: found, ended, and proved gone.
//!
//! A process is the attempt's when it carries its mark, descends from its first process, or is in that one's
//! group. Because we are the reaper of our descendants (Linux), one that lost its parent becomes our child
//! and stays in sight; one that also wiped its environment is recognised by that, as long as nothing else
//! that we started can be its origin. What a program leaves behind when it ends by itself lives on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rustix::process::Signal;

use crate::action::common::child::{KEY_MARK, PROCESS_MARK, RUN_MARK};
use crate::action::common::processes::{self, Process};

/// Attempts that run now, in this whole program.
static RUNNING: AtomicUsize = AtomicUsize::new(0);

/// The family of one attempt.
pub(super) struct Family {
    /// The first process. Its number is that of its group and, on a terminal, of its session.
    leader: Option<Process>,
    mark: String,
    is_settled: bool,
    detached_before: usize,
}

impl Family {
    /// Counts the attempt in; to be called before its program starts.
    pub(super) fn expect(mark: String) -> Self {
        become_reaper();
        RUNNING.fetch_add(1, Ordering::SeqCst);
        Self {
            leader: None,
            mark,
            is_settled: false,
            detached_before: processes::DETACHED.load(Ordering::SeqCst),
        }
    }

    /// Takes note of the first process.
    pub(super) fn began(&mut self, pid: i32) {
        self.leader = processes::look(pid);
    }

    /// Takes note that the attempt came to its end: what lives on may.
    pub(super) fn is_settled(&mut self) {
        self.is_settled = true;
    }

    /// The living members of the family.
    fn living(&self) -> BTreeMap<i32, Process> {
        let all = processes::all();
        let mut found = processes::marked(&all, KEY_MARK, |mark| mark == self.mark);
        let mut roots: BTreeSet<i32> = found.keys().copied().collect();
        if let Some(leader) = &self.leader {
            for (pid, process) in &all {
                // The number of a group or session is not used again while anybody is in it.
                let is_beside = process.group == leader.pid || process.session == leader.pid;
                let is_in_group = is_beside && process.start_ticks >= leader.start_ticks;
                if !process.has_ended() && (is_in_group || self.is_stray(process, leader)) {
                    found.insert(*pid, process.clone());
                }
            }
            roots.insert(leader.pid);
        }
        roots.extend(found.keys());
        found.extend(processes::descendants(&all, &roots));
        found
    }

    /// Whether it came to us as an orphan that wiped its marks, and can have no other origin.
    fn is_stray(&self, process: &Process, leader: &Process) -> bool {
        process.parent == processes::own_pid()
            && process.start_ticks >= leader.start_ticks
            && process.session != own_session()
            && RUNNING.load(Ordering::SeqCst) == 1
            && processes::DETACHED.load(Ordering::SeqCst) == self.detached_before
            && [KEY_MARK, RUN_MARK, PROCESS_MARK]
                .iter()
                .all(|mark| processes::variable(process.pid, mark).is_none())
    }

    /// Asks all of it to end, gives it time, ends it and proves it gone. Says what could not be ended.
    pub(super) async fn end(&self, grace: Duration) -> Result<(), String> {
        let mut seen: BTreeMap<i32, Process> = BTreeMap::new();
        let leader = self.leader.as_ref().map(|leader| leader.pid);
        let ended = processes::end(grace, || {
            // Whoever started the first process collects it; the orphans that came to us are ours.
            for process in seen.values().filter(|process| Some(process.pid) != leader) {
                if processes::look(process.pid).is_some_and(|now| now.has_ended()) {
                    process.collect();
                }
            }
            seen = self.living();
            seen.clone()
        });
        ended.await.map(drop).map_err(|left| {
            let left: Vec<String> = left.keys().map(i32::to_string).collect();
            format!("these processes could not be ended: {}", left.join(", "))
        })
    }
}

impl Drop for Family {
    /// An attempt that is dropped on the way (a question that nobody waits for any more) leaves nobody behind.
    fn drop(&mut self) {
        const ROUNDS: usize = 3;
        if !self.is_settled && self.leader.is_some() {
            for _ in 0..ROUNDS {
                for process in self.living().values() {
                    process.signal(Signal::STOP);
                    process.signal(Signal::KILL);
                }
            }
        }
        RUNNING.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The session we are in, as `/proc` shows it to us: 0 where its leader is outside our process namespace.
///
/// Read from there, and not asked with `getsid`, because its answer is then compared with what `/proc` says of
/// others, and because a 0 is no process number, which is all that rustix's `getsid` can hold.
fn own_session() -> i32 {
    processes::look(processes::own_pid()).map_or(0, |own| own.session)
}

/// Makes orphans among our descendants come to us and not to the first process of the machine.
fn become_reaper() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Where the kernel refuses, what wipes its marks is out of sight; everything else works.
        let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
    });
}
