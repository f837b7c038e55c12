//! What a killed runner left running: found by the mark in its environment, waited for or ended before
//! anything is settled, so that nothing changes behind the back of a question.
//!
//! What an attempt left running and whose outcome is recorded is no orphan: a program that puts a service
//! into the background and ends well has done what it should.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rustix::process::Signal;

use crate::action::common::child::{KEY_MARK, RUN_MARK};
use crate::action::common::processes::{Process, all, marked, variable};
use crate::event::{Event, OutcomeResult, Stamped};
use crate::world::Clock;

/// How often is looked whether they have ended.
const POLL: Duration = Duration::from_millis(50);

/// How long one may take to end after it was asked to.
const GRACE: Duration = Duration::from_secs(5);

/// Waits until the orphans of a run have ended, at most until the deadlines of the attempts that they
/// belong to; ends those that have not. Gives how many there were.
pub(crate) async fn end(run: &str, history: &[Stamped], clock: &dyn Clock) -> usize {
    let ended = ended(run, history.iter().map(|stamped| &stamped.event));
    let found = orphans(run, &ended).len();
    if found == 0 {
        return 0;
    }
    let deadline_ns = deadline_ns(history, clock);
    while clock.boot_ns() < deadline_ns && !orphans(run, &ended).is_empty() {
        clock.sleep(POLL).await;
    }
    kill(run, &ended, clock).await;
    found
}

/// Ends the children of a run at once, but for those of attempts that have ended: asks them, and ends them
/// after a moment.
pub(crate) async fn kill(run: &str, ended: &BTreeSet<String>, clock: &dyn Clock) {
    for signal in [Signal::TERM, Signal::KILL] {
        let end_ns = clock
            .boot_ns()
            .saturating_add(u64::try_from(GRACE.as_nanos()).unwrap_or(0));
        let mut left = orphans(run, ended);
        for process in left.values() {
            process.signal(signal);
        }
        while !left.is_empty() && clock.boot_ns() < end_ns {
            clock.sleep(POLL).await;
            for process in left.values() {
                process.collect();
            }
            left = orphans(run, ended);
        }
        if left.is_empty() {
            return;
        }
    }
}

/// The attempts whose outcome is known, as their children are marked: `run/statement#n`.
pub(crate) fn ended<'a>(run: &str, events: impl Iterator<Item = &'a Event>) -> BTreeSet<String> {
    events
        .filter_map(|event| match event {
            Event::Outcome(outcome) if outcome.result != OutcomeResult::Unknown => {
                Some(format!("{run}/{}#{}", outcome.key, outcome.n))
            }
            _ => None,
        })
        .collect()
}

fn orphans(run: &str, ended: &BTreeSet<String>) -> BTreeMap<i32, Process> {
    let mut found = marked(&all(), RUN_MARK, |value| value == run);
    found.retain(|pid, _| variable(*pid, KEY_MARK).is_none_or(|attempt| !ended.contains(&attempt)));
    found
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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    #![expect(clippy::disallowed_methods, reason = "a test of real processes")]

    use super::*;
    use crate::world::real::RealClock;

    #[tokio::test]
    async fn only_what_attempts_without_an_outcome_left_is_ended() {
        let run = format!("orphans-{}", std::process::id());
        let start = |attempt: &str| {
            let mut command = std::process::Command::new("sleep");
            command
                .arg("300")
                .env(RUN_MARK, &run)
                .env(KEY_MARK, format!("{run}/{attempt}"));
            command.spawn().unwrap()
        };
        let (mut done, mut open) = (start("a/1#1"), start("a/1#2"));
        let ended = BTreeSet::from([format!("{run}/a/1#1")]);
        kill(&run, &ended, &RealClock).await;
        assert!(
            done.try_wait().unwrap().is_none(),
            "what a program left behind lives on"
        );
        assert!(orphans(&run, &ended).is_empty());
        let _ = open.wait();
        done.kill().unwrap();
        done.wait().unwrap();
    }
}
