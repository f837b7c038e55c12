//! The tag that everything started here is born with and cannot lose by mistake.
//!
//! It is the soft limit on file locks (`RLIMIT_LOCKS`), which Linux keeps for every process and has not enforced
//! since 2.4. It is inherited through `fork`, `setsid`, a wiped environment, another user and the death of the
//! runner, everybody may read it (`/proc/PID/limits`), and no program has a reason to set it. A session that PAM
//! opens (`su -`) may reset it; then the other signs remain.

use std::fs;
use std::io::ErrorKind;
use std::sync::{Mutex, Once, PoisonError};

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use sha2::{Digest as _, Sha256};

/// In every tag; no limit that anybody would set has this bit.
const IS_TAG: u64 = 1 << 62;
/// In the tags of services.
const IS_SERVICE: u64 = 1 << 61;
/// So many of the lowest bits tell the attempt.
const ATTEMPT_BITS: u32 = 29;
const ATTEMPT: u64 = (1 << ATTEMPT_BITS) - 1;

/// What a process was started for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tag(u64);

impl Tag {
    /// Of a service by its name, whoever starts it from wherever.
    pub(crate) fn of_service(name: &str) -> Self {
        Self(IS_TAG | IS_SERVICE | (hash(name) & (IS_SERVICE - 1)))
    }

    /// Of an attempt (`run/statement#n`) of a run.
    pub(crate) fn of_attempt(run: &str, attempt: &str) -> Self {
        Self(Self::of_run(run).0 | (hash(attempt) & ATTEMPT).max(1))
    }

    /// Of a runner: what its children are born with.
    fn of_run(run: &str) -> Self {
        Self(IS_TAG | (hash(run) & (IS_SERVICE - 1) & !ATTEMPT))
    }

    /// The tag of a process; `None` where it has none, or is gone.
    pub(crate) fn of(pid: i32) -> Result<Option<Self>, String> {
        let limits = match fs::read_to_string(format!("/proc/{pid}/limits")) {
            Ok(limits) => limits,
            Err(error) if is_gone(&error) => return Ok(None),
            Err(error) => return Err(format!("the limits of process {pid} cannot be read: {error}")),
        };
        let line = limits.lines().find_map(|line| line.strip_prefix("Max file locks"));
        let soft = line.and_then(|line| line.split_ascii_whitespace().next()?.parse().ok());
        Ok(soft.filter(|soft| soft & IS_TAG != 0).map(Self))
    }

    /// Whether it is that of any attempt of this run, or of its runner.
    pub(crate) fn is_of_run(self, run: &str) -> bool {
        self.0 & !ATTEMPT == Self::of_run(run).0
    }

    /// Whether it says the runner only: the child of one that had no time to say more.
    pub(crate) fn is_of_runner(self) -> bool {
        self.0 & (IS_SERVICE | ATTEMPT) == 0
    }

    /// Puts it on a child. It is one sign among several: where the machine's own limit is lower there is none.
    pub(crate) fn put_on(self, pid: i32) {
        if let Some(pid) = Pid::from_raw(pid) {
            let _ = prlimit(Some(pid), Resource::Locks, self.limit());
        }
    }

    /// From now on every child is born as this run's. A program is the runner of one run; of the first, where it is
    /// not.
    pub(crate) fn every_child_is_of(run: &str) {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            let _ = prlimit(None, Resource::Locks, Self::of_run(run).limit());
        });
    }

    /// What starts a process, so that it is born with this tag: what it forks at once has it too. One at a time,
    /// since a tag is the whole program's.
    pub(crate) fn while_starting<T>(self, start: impl FnOnce() -> T) -> T {
        static ALONE: Mutex<()> = Mutex::new(());
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let before = getrlimit(Resource::Locks);
        let _ = prlimit(None, Resource::Locks, self.limit());
        let started = start();
        let _ = prlimit(None, Resource::Locks, before);
        started
    }

    /// The hard limit stays as it is: the same for us and our children.
    fn limit(self) -> Rlimit {
        Rlimit {
            current: Some(self.0),
            maximum: getrlimit(Resource::Locks).maximum,
        }
    }
}

/// Whether the error says that the process has ended meanwhile.
pub(crate) fn is_gone(error: &std::io::Error) -> bool {
    let ended = rustix::io::Errno::SRCH.raw_os_error();
    error.kind() == ErrorKind::NotFound || error.raw_os_error() == Some(ended)
}

fn hash(text: &str) -> u64 {
    let digest: [u8; 32] = Sha256::digest(text.as_bytes()).into();
    digest.iter().take(8).fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}
