//! What a killed runner left running: waited for or ended before anything is settled, so that nothing changes
//! behind the back of a question. The world knows how it is found.
//!
//! What an attempt left running and whose outcome is recorded is no orphan: a program that puts a service
//! into the background and ends well has done what it should.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use backstay_dsl::units;

use crate::event::{Event, OutcomeResult, Stamped};
use crate::run::directory::RunDirectory;
use crate::world::{Clock, Ending, Left, World};

/// How often is looked whether they have ended.
const POLL: Duration = Duration::from_millis(50);

/// How long one may take to end after it was asked to.
const GRACE: Duration = Duration::from_secs(5);

/// Waits until the orphans of a run have ended, at most until the deadlines of the attempts that they
/// belong to; ends those that have not. Who has to wait is told so. An error: they may still run.
pub(crate) async fn end(
    directory: &RunDirectory,
    history: &[Stamped],
    world: &dyn World,
    clock: &dyn Clock,
    tell: &dyn Fn(&str),
) -> Result<(), String> {
    let ended = ended(&directory.run, history.iter().map(|stamped| &stamped.event));
    let left = left(directory, &ended);
    let deadline_ns = deadline_ns(history, clock);
    let living = world.end_survivors(left, Ending::Untold).await?;
    if living.is_empty() {
        return Ok(());
    }
    let numbers: Vec<String> = living.iter().map(i32::to_string).collect();
    let left_ms = deadline_ns.saturating_sub(clock.boot_ns()) / 1_000_000;
    tell(&format!(
        "the last runner of run {} left something running (process {}): it is waited for until its limit, in {}, and \
         then ended",
        directory.run,
        numbers.join(", "),
        units::duration(left_ms)
    ));
    if gone_by(deadline_ns, left, world, clock).await?.is_empty() {
        return Ok(());
    }
    kill(left, world, clock).await
}

/// What a runner of this run may have left, but for what attempts that have ended did.
pub(crate) fn left<'a>(directory: &'a RunDirectory, ended: &'a BTreeSet<String>) -> Left<'a> {
    Left {
        run: &directory.run,
        directory: &directory.path,
        ended,
    }
}

/// Asks the orphans to end, and ends them after a moment. An error: they may still run.
pub(crate) async fn kill(left: Left<'_>, world: &dyn World, clock: &dyn Clock) -> Result<(), String> {
    let grace_ns = u64::try_from(GRACE.as_nanos()).unwrap_or(0);
    let mut living = BTreeSet::new();
    for how in [Ending::Asked, Ending::Killed] {
        if world.end_survivors(left, how).await?.is_empty() {
            return Ok(());
        }
        living = gone_by(clock.boot_ns().saturating_add(grace_ns), left, world, clock).await?;
        if living.is_empty() {
            return Ok(());
        }
    }
    let living: Vec<String> = living.iter().map(i32::to_string).collect();
    Err(format!(
        "process {} of it cannot be ended; end it yourself",
        living.join(", ")
    ))
}

/// Those that are left, waiting until none is, or until a moment of the boot clock.
async fn gone_by(end_ns: u64, left: Left<'_>, world: &dyn World, clock: &dyn Clock) -> Result<BTreeSet<i32>, String> {
    loop {
        let living = world.end_survivors(left, Ending::Untold).await?;
        if living.is_empty() || clock.boot_ns() >= end_ns {
            return Ok(living);
        }
        clock.sleep(POLL).await;
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

/// The last deadline of an attempt that has no outcome yet; now, where there is none. It means nothing after a restart
/// of the machine, which leaves nothing to wait for either.
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
    use crate::action::Registry;
    use crate::action::common::child::{KEY_MARK, RUN_MARK};
    use crate::world::real::{RealClock, RealWorld};

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
        let world = RealWorld::new(Registry::default());
        let directory = RunDirectory {
            run: run.clone(),
            path: std::env::temp_dir().join(&run),
        };
        let left = left(&directory, &ended);
        kill(left, &world, &RealClock).await.unwrap();
        assert!(
            done.try_wait().unwrap().is_none(),
            "what a program left behind lives on"
        );
        assert_eq!(world.end_survivors(left, Ending::Untold).await, Ok(BTreeSet::new()));
        let _ = open.wait();
        done.kill().unwrap();
        done.wait().unwrap();
    }
}
