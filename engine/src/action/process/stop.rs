//! `process.stop`: ends every process of a service, and proves that it is gone.

use std::time::Duration;

use async_trait::async_trait;
use backstay_dsl::catalogue::Signature;
use backstay_dsl::effect::{Cancel, Effect, ResourceKind};
use backstay_dsl::types::Type;

use super::members::{about_service, all_of, in_words, mark_of};
use crate::action::common::{blocking, describe, processes};
use crate::action::{Action, Arguments, Context, Evidence, Outcome, Settled};

/// How long a process may take to end where the text does not say.
const GRACE_DEFAULT: Duration = Duration::from_secs(10);
pub(super) struct Stop;

#[async_trait]
impl Action for Stop {
    fn signature(&self) -> Signature {
        about_service(describe::change(
            "process",
            "stop",
            "Ends every process of a service, and proves that it is gone.\n\nEach is asked to end (TERM); what is still there \
             after the grace is killed. All of its sessions and children go with it. What does not run is stopped already.",
        ))
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
    // What belongs to it only by its session is out of sight when the leader has ended, so it is remembered.
    let mut known = all_of(mark);
    if known.is_empty() {
        return Outcome::done("nothing ran");
    }
    let words = in_words(known.keys());
    let ended = processes::end(grace, || {
        known.extend(all_of(mark));
        known.retain(|_, process| {
            processes::look(process.pid).is_some_and(|now| now.start_ticks == process.start_ticks && !now.has_ended())
        });
        known.clone()
    });
    match ended.await {
        Ok(false) => Outcome::done(format!("{words} ended")),
        Ok(true) => {
            let grace = backstay_dsl::units::duration_of(grace);
            Outcome::done(format!("{words} ended; not within {grace}, so it was killed"))
        }
        Err(left) => Outcome::failed(format!(
            "{} cannot be ended; it may wait for a disk, or belong to another user",
            in_words(left.keys())
        )),
    }
}
