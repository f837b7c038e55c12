//! No picture of this program's memory on disk, since its secrets would be in it.

use std::sync::OnceLock;

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit, setrlimit};

/// The kernel writes nothing with this limit, and hands nothing to a program either, as it does with 0.
const NO_DUMP: u64 = 1;

/// What the operator allows.
static ALLOWED: OnceLock<Rlimit> = OnceLock::new();

/// Forbids core dumps of this program from now on. What it starts gets back what was allowed before.
///
/// A limit and not `PR_SET_DUMPABLE`, which would also hide this program's marks from another run of the same user.
pub fn forbid_core_dumps() {
    let allowed = getrlimit(Resource::Core);
    let none = Rlimit {
        current: Some(NO_DUMP.min(allowed.maximum.unwrap_or(NO_DUMP))),
        maximum: allowed.maximum,
    };
    if setrlimit(Resource::Core, none).is_ok() {
        // Where it was set before, that counts.
        let _ = ALLOWED.set(allowed);
    }
}

/// Lets a child dump as the operator allows. It may be over already, which is no failure.
pub(crate) fn allow_as_before(child: Option<u32>) {
    let pid = child.and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
    if let (Some(pid), Some(allowed)) = (pid, ALLOWED.get()) {
        let _ = prlimit(Some(pid), Resource::Core, *allowed);
    }
}
