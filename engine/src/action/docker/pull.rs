//! `docker.pull`: fetches an image by its digest.

use async_trait::async_trait;
use backstay_dsl::catalogue::Signature;
use backstay_dsl::effect::{Effect, ResourceKind};
use backstay_dsl::types::Type;

use super::Engine;
use super::call::{Call, EngineAction};
use super::error::Error;
use crate::action::common::describe;
use crate::action::{Evidence, Outcome, Settled};
use crate::containers::{Image, Problem};

/// How long a pull may take, in milliseconds.
const LIMIT_MS: u64 = 600_000;

pub(super) struct Pull;

#[async_trait]
impl EngineAction for Pull {
    fn signature(&self) -> Signature {
        describe::change(
            "docker",
            "pull",
            "Fetches an image from its registry by its digest.\n\nWhat is here already is not fetched again.",
        )
        .needs("image", Type::Image { pinned: true }, "The image, by its digest.")
        .effects(Effect::Adds(describe::of(ResourceKind::Image, "image")))
        .limit_ms(LIMIT_MS)
        .example("do docker.pull(new_image)")
        .done()
    }

    async fn preview(&self, call: Call<'_>) -> Result<Option<String>, Error> {
        let image = call.text("image");
        let is_here = is_here(call.engine, image).await.map_err(Error::of_question)?;
        Ok(Some(if is_here {
            format!("{image} is here already")
        } else {
            format!("fetches {image}")
        }))
    }

    async fn perform(&self, call: Call<'_>) -> Result<Outcome, Error> {
        tokio::select! {
            outcome = call.within_limit(pull(call, call.text("image"))) => outcome,
            () = call.context.cancelled.cancelled() => Ok(Outcome::failed("stopped on request before it was done")),
        }
    }

    async fn settle(&self, call: Call<'_>) -> Result<Settled, Error> {
        let image = call.text("image");
        let is_here = call.ask(|_| Box::pin(is_here(call.engine, image))).await?;
        Ok(if is_here {
            Settled::Done(Evidence::line(format!("{image} is here")))
        } else {
            Settled::NotDone(format!("{image} is not here"))
        })
    }
}

/// Whether an image is here under this very digest.
async fn is_here(engine: &Engine, reference: &str) -> Result<bool, Problem> {
    let Some((_, digest)) = reference.split_once('@') else {
        return Ok(false);
    };
    let image = engine.image(reference).await?;
    Ok(image.is_some_and(|image| {
        let mut known = image.repository_digests.iter();
        known.any(|known| known.ends_with(&format!("@{digest}")))
    }))
}

async fn pull(call: Call<'_>, image: &str) -> Result<Outcome, Error> {
    if !image.contains("@sha256:") {
        return Err(Error::Failed(format!(
            "{image} is not pinned: write it by its digest, as in name@sha256:…"
        )));
    }
    if call.ask(|_| Box::pin(is_here(call.engine, image))).await? {
        return Ok(Outcome::was_there(format!("{image} is here already")));
    }
    let mut say = |line: String| call.context.progress.say(&line);
    let pulled = call.engine.pull(image, &mut say).await;
    pulled.map_err(Error::of_change)?;
    if is_here(call.engine, image).await.map_err(Error::of_proof)? {
        return Ok(Outcome::done(format!("{image} was fetched")));
    }
    Err(Error::Failed(format!(
        "{image} was fetched, but the engine does not know it by this digest"
    )))
}

/// The image of this name, which must be here.
pub(super) async fn must_be_here(call: Call<'_>, reference: &str) -> Result<Image, Error> {
    let found = call.ask(|it| it.image(reference)).await?;
    found.ok_or_else(|| Error::Failed(format!("the image {reference} is not here; pull it first: docker.pull")))
}
