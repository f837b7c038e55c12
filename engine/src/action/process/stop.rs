//! `process.stop`: ends every process of a service, and proves that it is gone.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use backstay_dsl::catalogue::Signature;
use backstay_dsl::effect::{Cancel, Effect, ResourceKind};
use backstay_dsl::types::Type;
use rustix::process::Signal;

use super::members::{all_of, in_words, mark_of};
use crate::action::common::processes::Process;
use crate::action::common::{blocking, describe};
use crate::action::{Action, Arguments, Context, Evidence, Outcome, Settled};

/// How long a process may take to end where the text does not say.
const GRACE_DEFAULT: Duration = Duration::from_secs(10);
/// How long the kernel may take to end what was killed.
const KILL_PATIENCE: Duration = Duration::from_secs(5);
/// How often we look again.
const LOOK_EVERY: Duration = Duration::from_millis(30);

pub(super) struct Stop;

#[async_trait]
impl Action for Stop {
    fn signature(&self) -> Signature {
        describe::change(
            "process",
            "stop",
            "Ends every process of a service, and proves that it is gone.\n\nEach is asked to end (TERM); what is still there \
             after the grace is killed. All of its sessions and children go with it. What does not run is stopped already.",
        )
        .needs("service", Type::Service, "A service that runs process(\"NAME\").")
        .takes("grace", Type::Duration, "How long it may take to end; `10s` where it is not said.")
        .effects(Effect::Stops(describe::of(ResourceKind::Service, "service")))
        .cancel(Cancel::Never)
        .limit_ms(30_000)
        .done()
    }

    async fn preview(&self, context: &Context, arguments: &Arguments) -> Option<String> {
        let mark = mark_of(context, arguments);
        blocking::preview(context, move |_| {
            let living = all_of(&mark?);
            Ok(match living.len() {
                0 => "nothing runs".to_owned(),
                _ => format!("ends {}", in_words(living.keys())),
            })
        })
        .await
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        let mark = match mark_of(context, arguments) {
            Ok(mark) => mark,
            Err(reason) => return Outcome::failed(reason),
        };
        let grace = arguments.duration("grace").unwrap_or(GRACE_DEFAULT);
        // What is killed must still be proved gone inside the limit.
        let grace = grace.min(context.limit.saturating_sub(Duration::from_secs(2)));
        stop(&mark, grace).await
    }

    async fn settle(&self, context: &Context, arguments: &Arguments) -> Settled {
        let mark = mark_of(context, arguments);
        blocking::settle(context, move |_| {
            let living = all_of(&mark?);
            if living.is_empty() {
                return Ok(Settled::Done(Evidence::line("no process of it is left")));
            }
            Ok(Settled::NotDone(format!("{} still there", in_words(living.keys()))))
        })
        .await
    }
}

async fn stop(mark: &str, grace: Duration) -> Outcome {
    let first = all_of(mark);
    if first.is_empty() {
        return Outcome::done("nothing ran");
    }
    for process in first.values() {
        process.signal(Signal::TERM);
        // A stopped process would hear of it only when it goes on.
        process.signal(Signal::CONT);
    }
    let words = in_words(first.keys());
    // What belongs to it only by its session is out of sight when the leader has ended, so it is remembered.
    let mut known = first;
    if is_gone_within(mark, &mut known, grace, false).await {
        return Outcome::done(format!("{words} ended"));
    }
    if is_gone_within(mark, &mut known, KILL_PATIENCE, true).await {
        return Outcome::done(format!(
            "{words} ended; not within {}, so it was killed",
            backstay_dsl::units::duration_of(grace)
        ));
    }
    Outcome::failed(format!(
        "{} cannot be ended; it may wait for a disk, or belong to another user",
        in_words(known.keys())
    ))
}

async fn is_gone_within(mark: &str, known: &mut BTreeMap<i32, Process>, patience: Duration, kill: bool) -> bool {
    let deadline = Instant::now() + patience;
    loop {
        known.extend(all_of(mark));
        known.retain(|_, process| {
            crate::action::common::processes::look(process.pid)
                .is_some_and(|now| now.start_ticks == process.start_ticks && !now.has_ended())
        });
        if known.is_empty() {
            return true;
        }
        if kill {
            for process in known.values() {
                process.signal(Signal::KILL);
            }
        }
        if Instant::now() >= deadline {
            return false;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
