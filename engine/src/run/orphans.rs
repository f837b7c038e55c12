//! What a killed runner left running: found by the mark in its environment, waited for or ended before
//! anything is settled, so that nothing changes behind the back of a question.

use std::collections::BTreeMap;
use std::time::Duration;

use rustix::process::Signal;

use crate::action::common::child::RUN_MARK;
use crate::action::common::processes::{Process, all, marked};
use crate::event::{Event, Stamped};
use crate::world::Clock;

/// How often is looked whether they have ended.
const POLL: Duration = Duration::from_millis(50);

/// How long one may take to end after it was asked to.
const GRACE: Duration = Duration::from_secs(5);

/// Waits until the orphans of a run have ended, at most until the deadlines of the attempts that they
/// belong to; ends those that have not. Gives how many there were.
pub(crate) async fn end(run: &str, history: &[Stamped], clock: &dyn Clock) -> usize {
    let found = orphans(run).len();
    if found == 0 {
        return 0;
    }
    let deadline_ns = deadline_ns(history, clock);
    while clock.boot_ns() < deadline_ns && !orphans(run).is_empty() {
        clock.sleep(POLL).await;
    }
    kill(run, clock).await;
    found
}

/// Ends the children of a run at once: asks them, and ends them after a moment.
pub(crate) async fn kill(run: &str, clock: &dyn Clock) {
    for signal in [Signal::TERM, Signal::KILL] {
        let end_ns = clock
            .boot_ns()
            .saturating_add(u64::try_from(GRACE.as_nanos()).unwrap_or(0));
        let mut left = orphans(run);
        for process in left.values() {
            process.signal(signal);
        }
        while !left.is_empty() && clock.boot_ns() < end_ns {
            clock.sleep(POLL).await;
            for process in left.values() {
                process.collect();
            }
            left = orphans(run);
        }
        if left.is_empty() {
            return;
        }
    }
}

fn orphans(run: &str) -> BTreeMap<i32, Process> {
    marked(&all(), RUN_MARK, |value| value == run)
}

/// The last deadline of an attempt that has no outcome yet; now, where the boot is another.
fn deadline_ns(history: &[Stamped], clock: &dyn Clock) -> u64 {
    let mut open = BTreeMap::new();
    for stamped in history {
        match &stamped.event {
            Event::Intent(intent) => {
                let limit_ns = intent.limit_ms.saturating_mul(1_000_000);
                open.insert(intent.key.as_str(), stamped.boot_ns.saturating_add(limit_ns));
            }
            Event::Outcome(outcome) => {
                open.remove(outcome.key.as_str());
            }
            _ => {}
        }
    }
    open.into_values().max().unwrap_or_else(|| clock.boot_ns())
}
