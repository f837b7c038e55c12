//! `docker.create_volume`: makes a volume; and the refusal of volumes that nobody made.

use std::collections::BTreeMap;

use async_trait::async_trait;
use backstay_dsl::catalogue::Signature;
use backstay_dsl::effect::{Effect, ResourceKind};
use backstay_dsl::types::Type;

use super::Engine;
use super::limit::bounded;
use super::target::labels_of;
use super::trouble::Trouble;
use crate::action::common::describe;
use crate::action::{Action, Arguments, Context, Evidence, Outcome, Settled};
use crate::containers::{ContainerOrder, labels};

pub(super) struct CreateVolume(pub(super) Engine);

#[async_trait]
impl Action for CreateVolume {
    fn signature(&self) -> Signature {
        describe::change(
            "docker",
            "create_volume",
            "Makes an empty volume of the engine's own driver.\n\nOne that is there already and was not made by this run is \
             refused: what is in it belongs to somebody. It stays when the run ends and is listed then.",
        )
        .needs("name", Type::Text, "Its name.")
        .effects(Effect::Adds(describe::of(ResourceKind::Volume, "name")))
        .done()
    }

    async fn preview(&self, context: &Context, arguments: &Arguments) -> Option<String> {
        let name = name_of(arguments);
        Some(match self.0.volume(name).await {
            Ok(None) => format!("makes the volume {name}"),
            Ok(Some(_)) => format!("there is a volume {name} already"),
            Err(problem) => Trouble::of_question(problem).preview(context),
        })
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        bounded(context, self.create(context, name_of(arguments))).await
    }

    async fn settle(&self, context: &Context, arguments: &Arguments) -> Settled {
        let name = name_of(arguments);
        match self.0.ask(|it| it.volume(name)).await {
            Ok(Some(volume)) if is_of_run(context, &volume.labels) => {
                Settled::Done(Evidence::line(format!("the volume {name} is there")))
            }
            Ok(_) => Settled::NotDone(format!("no volume {name} of this run is there")),
            Err(problem) => Trouble::of_question(problem).settled(context),
        }
    }
}

impl CreateVolume {
    async fn create(&self, context: &Context, name: &str) -> Result<String, Trouble> {
        let there = self.0.ask(|it| it.volume(name)).await.map_err(Trouble::of_question)?;
        match there {
            Some(volume) if is_of_run(context, &volume.labels) => Ok(format!("the volume {name} is there already")),
            Some(_) => Err(foreign(name)),
            None => self.make(context, name).await,
        }
    }

    async fn make(&self, context: &Context, name: &str) -> Result<String, Trouble> {
        let labels: Vec<(String, String)> = labels_of(context).into_iter().collect();
        self.0.create_volume(name, &labels).await.map_err(Trouble::of_change)?;
        // To an engine it is a success where somebody made one of this name in the meantime.
        let made = self.0.ask(|it| it.volume(name)).await.map_err(Trouble::of_proof)?;
        match made {
            Some(volume) if is_of_run(context, &volume.labels) => Ok(format!("the volume {name} was made")),
            _ => Err(foreign(name)),
        }
    }
}

fn name_of(arguments: &Arguments) -> &str {
    arguments.text("name").unwrap_or_default()
}

fn is_of_run(context: &Context, labels: &BTreeMap<String, String>) -> bool {
    labels.get(labels::RUN) == Some(&context.run)
}

fn foreign(name: &str) -> Trouble {
    Trouble::Failed(format!(
        "there is a volume {name} already, which this run did not make; choose another name, or leave this statement out \
         and use it as it is"
    ))
}

/// Refuses an order that mounts a volume which is not there: an engine would make an empty one without a word, so
/// that a slip of the pen would start a service without its state.
pub(super) async fn refuse_missing(engine: &Engine, order: &ContainerOrder) -> Result<(), Trouble> {
    for mount in order.mounts.iter().filter(|mount| !mount.source.starts_with('/')) {
        let name = mount.source.as_str();
        let found = engine.ask(|it| it.volume(name)).await.map_err(Trouble::of_question)?;
        if found.is_none() {
            return Err(Trouble::Failed(format!(
                "there is no volume {name}, which is to be mounted at {}; make it first: docker.create_volume(\"{name}\")",
                mount.target
            )));
        }
    }
    Ok(())
}
