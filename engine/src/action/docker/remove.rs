//! `docker.remove`: removes the container of a service.

use async_trait::async_trait;
use backstay_dsl::catalogue::Signature;
use backstay_dsl::effect::{Cancel, Effect};

use super::call::{Call, EngineAction, about_service, the_service};
use super::error::Error;
use super::neighbours::{Touch, refuse_cut_off};
use super::policy;
use super::start_and_watch::sweep;
use super::stop_and_prove::{grace, stop_and_prove, too_long, within};
use super::stopped;
use crate::action::common::describe;
use crate::action::common::typed::pasted;
use crate::action::{Arguments, Evidence, Outcome, Settled};

pub(super) struct Remove;

#[async_trait]
impl EngineAction for Remove {
    fn signature(&self) -> Signature {
        grace(about_service(describe::change(
            "docker",
            "remove",
            "Removes the container of a service; it is stopped first, and its volumes stay.\n\nWhere there is none it is \
             removed already. A container of the same name that is not the service's is refused.",
        )))
        .effects(Effect::Removes(the_service()))
        .cancel(Cancel::Never)
        .example(r#"do docker.remove(old) no undo because "nobody uses it any more""#)
        .done()
    }

    async fn preview(&self, call: Call<'_>) -> Result<Option<String>, Error> {
        let (name, found) = call.find().await?;
        Ok(Some(match found {
            None => format!("there is no container {name}"),
            Some(container) if !call.is_own(&container) => {
                format!("there is a container {name} already, which is not the service's")
            }
            Some(container) => {
                let stops = if container.state.is_running { "stops and " } else { "" };
                format!(
                    "{stops}removes the container {name} ({}); its volumes stay",
                    container.image
                )
            }
        }))
    }

    fn by_hand(&self, container: &str, _arguments: &Arguments) -> Option<String> {
        let stop = pasted(["docker", "stop", container])?;
        Some(format!("{stop} && {}", pasted(["docker", "rm", container])?))
    }

    async fn perform(&self, call: Call<'_>) -> Result<Outcome, Error> {
        call.bounded(remove(call)).await
    }

    async fn settle(&self, call: Call<'_>) -> Result<Settled, Error> {
        let (name, found) = call.find_with_retries().await?;
        let Some(container) = found else {
            return Ok(Settled::Done(Evidence::line(format!("there is no container {name}"))));
        };
        let line = format!("the container {name} is there ({})", container.state.status);
        Ok(if container.state.is_running && !policy::is_off(call, &container)? {
            Settled::NotDone(line)
        } else {
            // It may have been stopped for that.
            Settled::Undecidable(format!("half-way: {line}"))
        })
    }
}

async fn remove(call: Call<'_>) -> Result<String, Error> {
    let (name, found) = call.find_with_retries().await?;
    sweep(call, name, "").await;
    let Some(container) = call.own(found)? else {
        return Ok(format!("there was no container {name}"));
    };
    too_long(call, &container).map_or(Ok(()), Err)?;
    refuse_cut_off(call, &container, Touch::Replace).await?;
    let grace = within(call, call.context.limit, &container, call.arguments.duration("grace"));
    let ended = stop_and_prove(call, &container, grace).await?;
    call.change(|it| it.remove(&container.id, false)).await?;
    policy::forget(&call.context.run_directory, &container.id);
    stopped::forget(&call.context.run_directory, &container.id);
    Ok(format!("{name} {ended}; removed"))
}
