//! `docker.stop`: stops the container of a service so that it stays stopped, and proves it.

use std::time::Duration;

use async_trait::async_trait;
use backstay_dsl::catalogue::Signature;
use backstay_dsl::effect::{Cancel, Effect, ResourceKind};
use backstay_dsl::types::Type;

use super::halt::{grace_within, halt, stays_stopped, too_long};
use super::limit::bounded;
use super::target::{look_again, look_up};
use super::trouble::Trouble;
use super::{Engine, policy, target};
use crate::action::common::describe;
use crate::action::{Action, Arguments, Context, Evidence, Outcome, Settled};
use crate::containers::Container;

pub(super) struct Stop(pub(super) Engine);

#[async_trait]
impl Action for Stop {
    fn signature(&self) -> Signature {
        describe::change(
            "docker",
            "stop",
            "Stops the container of a service so that it stays stopped, and proves it.\n\nIts restart policy is kept in the \
             run's directory and taken off, so that not even a restart of the engine brings it back; `docker.start` and \
             `docker.run` give it back. It is asked to end, and ended after the grace. That it stays stopped is seen twice, \
             by the engine's word and by its processes.",
        )
        .needs("service", Type::Service, "A service that runs container(\"NAME\").")
        .takes("grace", Type::Duration, "How long it may take to end; the container's own (mostly `10s`) where it is not said.")
        .effects(Effect::Stops(describe::of(ResourceKind::Service, "service")))
        .cancel(Cancel::Never)
        .done()
    }

    async fn preview(&self, context: &Context, arguments: &Arguments) -> Option<String> {
        Some(match target::find(&self.0, context, arguments).await {
            Ok((name, None)) => format!("there is no container {name}"),
            Ok((_, Some(container))) if container.is_removed_at_end => no_way_back(&container)?,
            Ok((_, Some(container))) if too_long(&self.0, context, arguments, &container).is_some() => {
                too_long(&self.0, context, arguments, &container)?
            }
            Ok((name, Some(container))) => {
                let stops = if container.state.is_running {
                    let grace = grace_within(&self.0, Duration::MAX, &container, arguments.duration("grace"));
                    format!(
                        "stops the container {name} within {}",
                        backstay_dsl::units::duration_of(grace)
                    )
                } else {
                    format!("the container {name} does not run")
                };
                if container.restart_policy.is_never() {
                    stops
                } else {
                    let policy = policy::in_words(&container.restart_policy);
                    format!("{stops}; takes its restart policy {policy} off until it is started")
                }
            }
            Err(trouble) => trouble.preview(context),
        })
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        bounded(context, self.stop(context, arguments)).await
    }

    async fn settle(&self, context: &Context, arguments: &Arguments) -> Settled {
        let container = match target::find_patiently(&self.0, context, arguments).await {
            Ok((_, Some(container))) => container,
            Ok((name, None)) => return Settled::Done(Evidence::line(format!("there is no container {name}"))),
            Err(trouble) => return trouble.settled(context),
        };
        match stays_stopped(&self.0, &container).await {
            Ok(Ok(line)) => Settled::Done(Evidence::line(line)),
            // Without its policy it is not as it was: that is to be undone.
            Ok(Err(reason)) => match policy::is_off(&context.run_directory, &container) {
                Ok(false) => Settled::NotDone(reason),
                Ok(true) => Settled::Undecidable(format!("half-way: its restart policy is off, and {reason}")),
                Err(problem) => Settled::Undecidable(problem),
            },
            Err(trouble) => trouble.settled(context),
        }
    }
}

impl Stop {
    async fn stop(&self, context: &Context, arguments: &Arguments) -> Result<String, Trouble> {
        let name = target::name_of(context, arguments).map_err(Trouble::Failed)?;
        let found = look_up(&self.0, &name).await?;
        let Some(container) = found else {
            return Ok(format!("there is no container {name}, so nothing runs"));
        };
        if !target::is_own(context, arguments, &container) {
            return Err(target::foreign(&name));
        }
        if let Some(reason) = no_way_back(&container).or_else(|| too_long(&self.0, context, arguments, &container)) {
            return Err(Trouble::Failed(reason));
        }
        let grace = grace_within(&self.0, context.limit, &container, arguments.duration("grace"));
        let line = halt(&self.0, context, &container, grace).await?;
        let now = look_again(&self.0, &name).await?;
        if now.is_some_and(|now| now.id != container.id) {
            return Err(Trouble::Failed(format!(
                "{name} {line}; but another container has its name since: find out who made that"
            )));
        }
        Ok(format!("{name} {line}"))
    }
}

/// Why a container could not be started again once it is stopped; `None` where it can.
fn no_way_back(container: &Container) -> Option<String> {
    container.is_removed_at_end.then(|| {
        format!(
            "{} was made to be removed when it ends (--rm), so it could never be started again; replace it with docker.run, \
             or make it without --rm",
            container.name
        )
    })
}
