//! Processes that attempts of a run started and that still live, found by the marks in their environment.

use std::collections::{BTreeMap, BTreeSet};

use rustix::process::Signal;

use crate::action::common::child::{KEY_MARK, RUN_MARK};
use crate::action::common::processes::{Process, all, marked, variable};
use crate::world::Ending;

/// The body of [`World::end_survivors`](crate::world::World::end_survivors).
pub(super) fn end(run: &str, ended: &BTreeSet<String>, how: Ending) -> usize {
    let found = survivors(run, ended);
    let signal = match how {
        Ending::Untold => None,
        Ending::Asked => Some(Signal::TERM),
        Ending::Killed => Some(Signal::KILL),
    };
    if let Some(signal) = signal {
        for process in found.values() {
            process.signal(signal);
        }
    }
    found.len()
}

fn survivors(run: &str, ended: &BTreeSet<String>) -> BTreeMap<i32, Process> {
    let mut found = marked(&all(), RUN_MARK, |value| value == run);
    found.retain(|pid, _| variable(*pid, KEY_MARK).is_none_or(|attempt| !ended.contains(&attempt)));
    found
}
