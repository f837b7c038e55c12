//! Who of this program can be the origin of an orphan: every start, in the whole program.
//!
//! We are the reaper of our descendants (Linux): one that lost its parent becomes our child and stays in sight.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

use super::child::{KEY_MARK, PROCESS_MARK, RUN_MARK};
use super::processes::{self, Process, Processes};
use super::tag::Tag;

static ORIGINS: Mutex<Origins> = Mutex::new(Origins {
    begun: 0,
    open: 0,
    firsts: BTreeSet::new(),
});

struct Origins {
    begun: u64,
    /// Those that can still make orphans: attempts that run, and services.
    open: u64,
    /// The first process of each: a child of ours that is no orphan.
    firsts: BTreeSet<i32>,
}

/// One start, from before its program begins. Dropped, it is no origin any more.
pub(crate) struct Origin {
    begun: u64,
    first: Option<i32>,
    /// When that began, in ticks since boot; nothing can have come from it before.
    first_ticks: u64,
}

fn origins() -> MutexGuard<'static, Origins> {
    ORIGINS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Origin {
    pub(crate) fn new() -> Self {
        become_reaper();
        let mut all = origins();
        all.begun += 1;
        all.open += 1;
        // Whoever began while others were open is never the only one.
        let begun = if all.open == 1 { all.begun } else { 0 };
        Self {
            begun,
            first: None,
            first_ticks: u64::MAX,
        }
    }

    /// Takes note of its first process, and of what was seen of it; nothing where it was over already.
    pub(crate) fn began(&mut self, pid: i32, seen: Option<&Process>) {
        self.first = Some(pid);
        self.first_ticks = seen.map_or(0, |process| process.start_ticks);
        origins().firsts.insert(pid);
    }

    /// Whether nothing else was open, nor has begun, since it began.
    pub(crate) fn is_only_one(&self) -> bool {
        self.begun == origins().begun
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        let mut all = origins();
        all.open -= 1;
        if let Some(first) = self.first {
            all.firsts.remove(&first);
        }
    }
}

/// Orphans that came to us since this start and lost every sign of whose they are.
pub(crate) fn strays(all: &Processes, since: &Origin) -> Result<Processes, String> {
    let own = processes::own_pid();
    // As `/proc` shows it: 0 where its leader is outside our process namespace, which `getsid` cannot say.
    let own_session = all.get(&own).map_or(0, |own| own.session);
    let mut found = Processes::new();
    for (pid, process) in all {
        let is_orphan = process.parent == own
            && !process.has_ended()
            && process.start_ticks >= since.first_ticks
            && process.session != own_session
            && !origins().firsts.contains(pid);
        let marks = [KEY_MARK, RUN_MARK, PROCESS_MARK];
        if is_orphan
            && Tag::of(*pid)?.is_none_or(Tag::is_of_runner)
            && marks.iter().all(|mark| processes::variable(*pid, mark).is_none())
        {
            found.insert(*pid, process.clone());
        }
    }
    Ok(found)
}

/// Makes orphans among our descendants come to us and not to the first process of the machine.
fn become_reaper() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Where the kernel refuses, what loses every sign is out of sight; everything else works.
        let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
    });
}
