//! `docker.start`: starts the container of a service, and sees that it stays up.

use async_trait::async_trait;
use backstay_dsl::catalogue::Signature;
use backstay_dsl::effect::{Cancel, Effect};

use super::call::{Call, EngineAction, about_service, simulated, the_service};
use super::error::Error;
use super::neighbours::refuse_unstartable;
use super::place::Place;
use super::policy;
use super::start_and_watch::{start_and_watch, sweep};
use crate::action::common::describe;
use crate::action::common::typed::pasted;
use crate::action::{Arguments, Evidence, GroundCall, Outcome, Settled, Simulated};
use crate::containers::Container;
use crate::value::Answer;

pub(super) struct Start;

#[async_trait]
impl EngineAction for Start {
    fn signature(&self) -> Signature {
        about_service(describe::change(
            "docker",
            "start",
            "Starts the container of a service, and gives it back the restart policy that `docker.stop` took off.\n\nIt has \
             failed when the container ends at once or is started again and again. What runs already is not started a \
             second time. To know that it works, check that the service is well.",
        ))
        .effects(Effect::Starts {
            member: the_service(),
            with: None,
        })
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
        Ok(Some(match found {
            None => format!("there is no container {name} to start"),
            Some(container) if container.state.is_running => format!("{name} runs already"),
            Some(container) => {
                let kept = policy::kept(call, &container.id).ok().flatten();
                let back = kept.map(|kept| format!(" and gives its restart policy {} back", policy::in_words(&kept)));
                let back = back.unwrap_or_default();
                format!("starts the container {name} ({}){back}", container.image)
            }
        }))
    }

    fn by_hand(&self, container: &str, _arguments: &Arguments) -> Option<String> {
        pasted(["docker", "start", container])
    }

    async fn perform(&self, call: Call<'_>) -> Result<Outcome, Error> {
        call.bounded(start(call)).await
    }

    async fn settle(&self, call: Call<'_>) -> Result<Settled, Error> {
        let (name, found) = call.find_with_retries().await?;
        let Some(container) = found else {
            return Ok(Settled::NotDone(format!("there is no container {name}")));
        };
        let state = &container.state;
        Ok(if !state.is_running || state.is_restarting {
            Settled::NotDone(format!("{name} is {}", state.status))
        } else if policy::is_off(call, &container)? {
            Settled::Undecidable(format!("half-way: {name} runs, but its restart policy is still off"))
        } else {
            Settled::Done(Evidence::line(format!("{name} runs")))
        })
    }

    fn simulate(&self, call: &GroundCall, production: &mut dyn Simulated) -> Option<Answer> {
        simulated(call, production).err().map(Err)
    }
}

async fn start(call: Call<'_>) -> Result<String, Error> {
    let (name, found) = call.find_with_retries().await?;
    let container = match call.own(found)? {
        Some(container) => Some(container),
        None => put_back(call, name).await?,
    };
    let container =
        container.ok_or_else(|| format!("there is no container {name} to start; make it with docker.run"))?;
    sweep(call, name, "").await;
    if !container.state.is_running {
        refuse_unstartable(call, &container, None).await?;
    }
    start_and_watch(call, &container).await
}

/// Where a replacement was cut short and nothing has the service's name, the container that it took out, given the
/// name again.
async fn put_back(call: Call<'_>, name: &str) -> Result<Option<Container>, Error> {
    let place = Place::of(call, name)?;
    for id in place.earlier() {
        if call.ask(|it| it.container(id)).await?.is_some() {
            call.change(|it| it.rename(id, name)).await?;
            return call.ask_after(|it| it.container(id)).await;
        }
    }
    Ok(None)
}
