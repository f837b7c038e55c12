//! `docker.stop`: stops the container of a service so that it stays stopped, and proves it.

use std::time::Duration;

use async_trait::async_trait;
use backstay_dsl::catalogue::Signature;
use backstay_dsl::effect::{Cancel, Effect};
use backstay_dsl::units;

use super::call::{Call, EngineAction, about_service, the_service};
use super::error::Error;
use super::neighbours::{Touch, hangs_on, refuse_cut_off};
use super::policy;
use super::stop_and_prove::{grace, stays_stopped, stop_and_prove, too_long, within};
use crate::action::common::describe;
use crate::action::common::typed::pasted;
use crate::action::{Arguments, Evidence, Outcome, Settled};
use crate::containers::Container;

pub(super) struct Stop;

#[async_trait]
impl EngineAction for Stop {
    fn signature(&self) -> Signature {
        grace(about_service(describe::change(
            "docker",
            "stop",
            "Stops the container of a service so that it stays stopped, and proves it.\n\nIts restart policy is kept in the \
             run's directory and taken off, so that not even a restart of the engine brings it back; `docker.start` and \
             `docker.run` give it back. It is asked to end, and ended after the grace. That it stays stopped is seen twice, \
             by the engine's word and by its processes.",
        )))
        .effects(Effect::Stops(the_service()))
        .cancel(Cancel::Never)
        .example(
            r#"
            do docker.stop(box, grace: 30s) undo docker.start(box) within 1m
            do docker.start(box) undo docker.stop(box) within 1m
            check "it runs": docker.state(box) is ok within 30s every 1s
            "#,
        )
        .done()
    }

    async fn preview(&self, call: Call<'_>) -> Result<Option<String>, Error> {
        let (name, found) = call.find().await?;
        let Some(container) = found else {
            return Ok(Some(format!("there is no container {name}")));
        };
        if let Some(refusal) = no_way_back(&container).or_else(|| too_long(call, &container)) {
            return Ok(Some(refusal.reason().to_owned()));
        }
        if let Some(reason) = hangs_on(call, &container, Touch::Stop).await? {
            return Ok(Some(reason));
        }
        let mut text = if container.state.is_running {
            let grace = within(call, Duration::MAX, &container, call.arguments.duration("grace"));
            format!("stops the container {name} within {}", units::duration_of(grace))
        } else {
            format!("the container {name} does not run")
        };
        if !container.restart_policy.is_never() {
            let policy = policy::in_words(&container.restart_policy);
            text = format!("{text}; takes its restart policy {policy} off until it is started");
        }
        Ok(Some(text))
    }

    fn by_hand(&self, container: &str, _arguments: &Arguments) -> Option<String> {
        pasted(["docker", "stop", container])
    }

    async fn perform(&self, call: Call<'_>) -> Result<Outcome, Error> {
        call.bounded(stop(call)).await
    }

    async fn settle(&self, call: Call<'_>) -> Result<Settled, Error> {
        let (name, found) = call.find_with_retries().await?;
        let Some(container) = found else {
            return Ok(Settled::Done(Evidence::line(format!("there is no container {name}"))));
        };
        Ok(match stays_stopped(call, &container).await? {
            Ok(line) => Settled::Done(Evidence::line(line)),
            // Without its policy it is not as it was: that is to be undone.
            Err(reason) if policy::is_off(call, &container)? => {
                Settled::Undecidable(format!("half-way: its restart policy is off, and {reason}"))
            }
            Err(reason) => Settled::NotDone(reason),
        })
    }
}

async fn stop(call: Call<'_>) -> Result<String, Error> {
    let (name, found) = call.find_with_retries().await?;
    let Some(container) = call.own(found)? else {
        return Ok(format!("there is no container {name}, so nothing runs"));
    };
    let refusal = no_way_back(&container).or_else(|| too_long(call, &container));
    refusal.map_or(Ok(()), Err)?;
    refuse_cut_off(call, &container, Touch::Stop).await?;
    let grace = within(call, call.context.limit, &container, call.arguments.duration("grace"));
    let line = stop_and_prove(call, &container, grace).await?;
    let now = call.ask_after(|it| it.container(&container.name)).await?;
    if now.is_some_and(|now| now.id != container.id) {
        return Err(Error::Failed(format!(
            "{name} {line}; but another container has its name since: find out who made that"
        )));
    }
    Ok(format!("{name} {line}"))
}

/// Why a container could not be started again once it is stopped; `None` where it can.
fn no_way_back(container: &Container) -> Option<Error> {
    container.is_removed_at_end.then(|| {
        Error::Failed(format!(
            "{} was made to be removed when it ends (--rm), so it could never be started again; replace it with docker.run, \
             or make it without --rm",
            container.name
        ))
    })
}
