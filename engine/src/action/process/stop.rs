//! `process.stop`: ends every process of a service, and proves that it is gone.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use backstay_dsl::catalogue::Signature;
use backstay_dsl::effect::{Cancel, Effect, ResourceKind};
use backstay_dsl::types::Type;
use tokio_util::sync::CancellationToken;

use super::members::{Known, about_service};
use crate::action::common::processes::{Ask, NotEnded, Presence, in_words};
use crate::action::common::supervised::{self, How, status_in_words};
use crate::action::common::{blocking, child, describe};
use crate::action::{Action, Arguments, Context, Evidence, NoProgram, Outcome, Settled};
use crate::value::Value;

/// How long a process may take to end where the text does not say.
const GRACE_DEFAULT: Duration = Duration::from_secs(10);

pub(super) struct Stop;

#[async_trait]
impl Action for Stop {
    fn signature(&self) -> Signature {
        about_service(describe::change(
            "process",
            "stop",
            "Ends every process of a service, and proves that it is gone.\n\nEach is asked to end (TERM, or as the service \
             says by `stop:`); what is still there after the grace is killed. All of its sessions and children go with it. What does not run is stopped already; \
             where that cannot be told it fails and does nothing.",
        ))
        .takes("grace", Type::Duration, "How long it may take to end; `10s` where it is not said.")
        .effects(Effect::Stops(describe::of(ResourceKind::Service, "service")))
        .cancel(Cancel::Never)
        .limit_ms(30_000)
        .example(
            r#"
            do process.stop(app, grace: 30s) undo process.start(app, [folder / "app"]) within 1m
            do process.start(app, [folder / "app"]) undo process.stop(app) within 1m
            check "it lives": process.alive(app) within 10s every 1s
            "#,
        )
        .done()
    }

    async fn preview(&self, context: &Context, arguments: &Arguments) -> Option<String> {
        let known = Known::of(context, arguments);
        blocking::preview(context, move |_| {
            Ok(match known?.presence() {
                Presence::There(living) => format!("ends {}", in_words(living.keys())),
                Presence::NotThere => "nothing runs".to_owned(),
                Presence::CannotTell(reason) => return Err(reason),
            })
        })
        .await
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        let known = match Known::of(context, arguments) {
            Ok(known) => known,
            Err(reason) => return Outcome::failed(reason),
        };
        let grace = arguments.duration("grace").unwrap_or(GRACE_DEFAULT);
        // What is killed must still be proved gone inside the limit.
        let grace = grace.min(context.limit.saturating_sub(Duration::from_secs(2)));
        stop(&known, context, grace).await
    }

    /// Of a service with a command in `stop:`.
    fn program(&self, folder: &Path, arguments: &Arguments) -> Result<(), NoProgram> {
        child::program(folder, arguments)
    }

    async fn settle(&self, context: &Context, arguments: &Arguments) -> Settled {
        let known = Known::of(context, arguments);
        blocking::settle(context, move |_| {
            Ok(match known?.presence() {
                Presence::NotThere => Settled::Done(Evidence::line("no process of it is left")),
                Presence::There(living) => Settled::NotDone(format!("{} still there", in_words(living.keys()))),
                Presence::CannotTell(reason) => Settled::Undecidable(reason),
            })
        })
        .await
    }
}

async fn stop(service: &Known, context: &Context, grace: Duration) -> Outcome {
    let known = match service.presence() {
        Presence::There(living) => living,
        Presence::NotThere => return Outcome::done("nothing ran"),
        Presence::CannotTell(reason) => return Outcome::failed(reason),
    };
    let words = in_words(known.keys());
    let asked = Instant::now();
    let how = match (service.stop_command(), service.stop_signal()) {
        (Some(command), _) => match told_by(command, context, grace).await {
            Ok(()) => Ask::Nobody,
            Err(outcome) => return outcome,
        },
        (None, Some(signal)) => Ask::Leaders(signal),
        (None, None) => Ask::Each,
    };
    match service.end(grace.saturating_sub(asked.elapsed()), how, known).await {
        Ok(was_killed) => {
            service.forget();
            let grace = backstay_dsl::units::duration_of(grace);
            let how = format!("; not within {grace}, so it was killed");
            Outcome::done(format!("{words} ended{}", if was_killed { how } else { String::new() }))
        }
        Err(NotEnded::Lives(left)) => Outcome::failed(format!(
            "{} cannot be ended; it may wait for a disk, or belong to another user",
            in_words(left.keys())
        )),
        // It was asked to end, so what is true now only a look can tell.
        Err(NotEnded::CannotTell(reason)) => Outcome::unknown(reason),
    }
}

/// Runs the command that asks a service to end.
async fn told_by(words: &[String], context: &Context, grace: Duration) -> Result<(), Outcome> {
    let words = words.iter().map(|word| Value::Text(word.clone())).collect();
    let arguments = Arguments(BTreeMap::from([("argv".to_owned(), Value::List(words))]));
    let within_grace = Context {
        limit: grace,
        cancelled: CancellationToken::new(),
        cancel: Cancel::Kill,
        ..context.clone()
    };
    let ended = supervised::run(&within_grace, &arguments, true)
        .await
        .map_err(|reason| Outcome::failed(format!("its stop command: {reason}")))?;
    let command = format!("its stop command {}", ended.name);
    match &ended.how {
        How::Exited(status) if status.success() => Ok(()),
        How::Exited(status) => {
            let how = status_in_words(*status);
            let summary = ended.with_last_line(format!("{command} {how}, and nothing else was done"));
            Err(Outcome::Failed(ended.evidence(summary)))
        }
        How::Ended(reason) | How::Lost(reason) => {
            let summary = ended.with_last_line(format!("{command}: {reason}"));
            Err(Outcome::Unknown(ended.evidence(summary)))
        }
    }
}
