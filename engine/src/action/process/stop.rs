//! `process.stop`: ends every process of a service, and proves that it is gone.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use async_trait::async_trait;
use backstay_dsl::catalogue::Signature;
use backstay_dsl::effect::{Cancel, Effect, ResourceKind};
use backstay_dsl::types::Type;

use super::members::{Known, about_service};
use crate::action::common::child::{Apart, Start, plain};
use crate::action::common::processes::{self, Ask, NotEnded, Presence, in_words};
use crate::action::common::{blocking, describe};
use crate::action::{Action, Arguments, Context, Evidence, Outcome, Settled};
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
    // What belongs to it only by its session is out of sight when the leader has ended, so it is remembered.
    let mut known = match service.presence() {
        Presence::There(living) => living,
        Presence::NotThere => return Outcome::done("nothing ran"),
        Presence::CannotTell(reason) => return Outcome::failed(reason),
    };
    let words = in_words(known.keys());
    let how = match (service.stop_command(), service.stop_signal()) {
        (Some(command), _) => match told_by(command, context, grace).await {
            Ok(()) => Ask::Nobody,
            Err(outcome) => return outcome,
        },
        (None, Some(signal)) => Ask::Leaders(signal),
        (None, None) => Ask::Each,
    };
    let ended = processes::end(grace, how, || {
        match service.presence() {
            Presence::There(found) => known.extend(found),
            Presence::NotThere => {}
            Presence::CannotTell(reason) => return Err(reason),
        }
        known.retain(|_, process| process.lives());
        Ok(known.clone())
    });
    match ended.await {
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
    let start = Start::new(context, &arguments).map_err(Outcome::failed)?;
    let mut command = start.command(Apart::Group);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    let failed = |why: String| Outcome::failed(format!("its stop command {} {why}", start.name()));
    let mut child = command
        .spawn()
        .map_err(|error| failed(format!("cannot be started: {}", plain(&error))))?;
    match tokio::time::timeout(grace, child.wait()).await {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(failed(format!("failed ({status}); nothing else was done"))),
        Ok(Err(error)) => Err(failed(format!("was lost: {}", plain(&error)))),
        Err(_) => Err(Outcome::unknown(format!(
            "its stop command {} did not end in time",
            start.name()
        ))),
    }
}
