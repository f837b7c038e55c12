//! `docker.pull`: fetches an image by its digest.

use async_trait::async_trait;
use backstay_dsl::catalogue::Signature;
use backstay_dsl::effect::{Effect, ResourceKind};
use backstay_dsl::types::Type;

use super::Engine;
use super::limit::bounded;
use super::trouble::Trouble;
use crate::action::common::describe;
use crate::action::{Action, Arguments, Context, Evidence, Outcome, Settled};
use crate::containers::Problem;

/// How long a pull may take, in milliseconds.
const LIMIT_MS: u64 = 600_000;

pub(super) struct Pull(pub(super) Engine);

#[async_trait]
impl Action for Pull {
    fn signature(&self) -> Signature {
        describe::change(
            "docker",
            "pull",
            "Fetches an image from its registry by its digest.\n\nWhat is here already is not fetched again.",
        )
        .needs("image", Type::Image { pinned: true }, "The image, by its digest.")
        .effects(Effect::Adds(describe::of(ResourceKind::Image, "image")))
        .limit_ms(LIMIT_MS)
        .done()
    }

    async fn preview(&self, context: &Context, arguments: &Arguments) -> Option<String> {
        let image = image_of(arguments);
        Some(match is_here(&self.0, image).await {
            Ok(true) => format!("{image} is here already"),
            Ok(false) => format!("fetches {image}"),
            Err(problem) => Trouble::of_question(problem).preview(context),
        })
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        let pull = bounded(context, self.pull(context, image_of(arguments)));
        tokio::select! {
            outcome = pull => outcome,
            () = context.cancelled.cancelled() => Outcome::failed("stopped on request before it was done"),
        }
    }

    async fn settle(&self, context: &Context, arguments: &Arguments) -> Settled {
        let image = image_of(arguments);
        match self.0.ask(|_| Box::pin(is_here(&self.0, image))).await {
            Ok(true) => Settled::Done(Evidence::line(format!("{image} is here"))),
            Ok(false) => Settled::NotDone(format!("{image} is not here")),
            Err(problem) => Trouble::of_question(problem).settled(context),
        }
    }
}

fn image_of(arguments: &Arguments) -> &str {
    arguments.text("image").unwrap_or_default()
}

/// Whether an image is here under this very digest.
pub(super) async fn is_here(engine: &Engine, reference: &str) -> Result<bool, Problem> {
    let Some((_, digest)) = reference.split_once('@') else {
        return Ok(false);
    };
    let image = engine.image(reference).await?;
    Ok(image.is_some_and(|image| {
        let mut known = image.repository_digests.iter();
        known.any(|known| known.ends_with(&format!("@{digest}")))
    }))
}

impl Pull {
    async fn pull(&self, context: &Context, image: &str) -> Result<String, Trouble> {
        if !image.contains("@sha256:") {
            return Err(Trouble::Failed(format!(
                "{image} is not pinned: write it by its digest, as in name@sha256:…"
            )));
        }
        let here = self.0.ask(|_| Box::pin(is_here(&self.0, image))).await;
        if here.map_err(Trouble::of_question)? {
            return Ok(format!("{image} is here already"));
        }
        let mut say = |line: String| context.progress.say(&line);
        self.0.pull(image, &mut say).await.map_err(Trouble::of_change)?;
        if is_here(&self.0, image).await.map_err(Trouble::of_proof)? {
            return Ok(format!("{image} was fetched"));
        }
        Err(Trouble::Failed(format!(
            "{image} was fetched, but the engine does not know it by this digest"
        )))
    }
}
