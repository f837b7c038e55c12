//! `docker.create_volume`: makes a volume; and the refusal of volumes that nobody made.

use async_trait::async_trait;
use backstay_dsl::catalogue::Signature;
use backstay_dsl::effect::{Effect, ResourceKind};
use backstay_dsl::types::Type;

use super::call::{Call, EngineAction};
use super::error::Error;
use crate::action::common::describe;
use crate::action::{Evidence, Outcome, Settled};
use crate::containers::{CreateContainer, Volume, labels};

pub(super) struct CreateVolume;

#[async_trait]
impl EngineAction for CreateVolume {
    fn signature(&self) -> Signature {
        describe::change(
            "docker",
            "create_volume",
            "Makes an empty volume of the engine's own driver.\n\nOne that is there already and was not made by this run is \
             refused: what is in it belongs to somebody. It stays when the run ends and is listed then.",
        )
        .needs("name", Type::Text, "Its name.")
        .effects(Effect::Adds(describe::of(ResourceKind::Volume, "name")))
        .example(r#"do docker.create_volume("shop_data") no undo because "an empty volume harms nobody""#)
        .done()
    }

    async fn preview(&self, call: Call<'_>) -> Result<Option<String>, Error> {
        let name = call.text("name");
        let found = call.engine.volume(name).await.map_err(Error::of_question)?;
        Ok(Some(match found {
            None => format!("makes the volume {name}"),
            Some(_) => format!("there is a volume {name} already"),
        }))
    }

    async fn perform(&self, call: Call<'_>) -> Result<Outcome, Error> {
        call.within_limit(create(call, call.text("name"))).await
    }

    async fn settle(&self, call: Call<'_>) -> Result<Settled, Error> {
        let name = call.text("name");
        Ok(match call.ask(|it| it.volume(name)).await? {
            Some(volume) if is_of_run(call, &volume) => {
                Settled::Done(Evidence::line(format!("the volume {name} is there")))
            }
            _ => Settled::NotDone(format!("no volume {name} of this run is there")),
        })
    }
}

async fn create(call: Call<'_>, name: &str) -> Result<Outcome, Error> {
    match call.ask(|it| it.volume(name)).await? {
        Some(volume) if is_of_run(call, &volume) => {
            return Ok(Outcome::was_there(format!("the volume {name} is there already")));
        }
        Some(_) => return Err(foreign(name)),
        None => {}
    }
    let labels: Vec<(String, String)> = call.labels().into_iter().collect();
    let made = call.engine.create_volume(name, &labels).await;
    made.map_err(Error::of_change)?;
    // To an engine it is a success where somebody made one of this name in the meantime.
    match call.ask_after(|it| it.volume(name)).await? {
        Some(volume) if is_of_run(call, &volume) => Ok(Outcome::done(format!("the volume {name} was made"))),
        _ => Err(foreign(name)),
    }
}

fn is_of_run(call: Call<'_>, volume: &Volume) -> bool {
    volume.labels.get(labels::RUN) == Some(&call.context.run)
}

fn foreign(name: &str) -> Error {
    Error::Failed(format!(
        "there is a volume {name} already, which this run did not make; choose another name, or leave this statement out \
         and use it as it is"
    ))
}

/// Refuses an order that mounts a volume which is not there: an engine would make an empty one without a word, so
/// that a slip of the pen would start a service without its state.
pub(super) async fn refuse_missing(call: Call<'_>, order: &CreateContainer) -> Result<(), Error> {
    for mount in order.mounts.iter().filter(|mount| !mount.source.starts_with('/')) {
        let name = mount.source.as_str();
        if call.ask(|it| it.volume(name)).await?.is_none() {
            return Err(Error::Failed(format!(
                "there is no volume {name}, which is to be mounted at {}; make it first: docker.create_volume(\"{name}\")",
                mount.target
            )));
        }
    }
    Ok(())
}
