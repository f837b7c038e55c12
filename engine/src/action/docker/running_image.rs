//! `docker.running_image`: the image that a service runs, by digest.

use async_trait::async_trait;
use backstay_dsl::catalogue::Signature;
use backstay_dsl::effect::Effect;
use backstay_dsl::types::Type;

use super::call::{Call, EngineAction, about_service, simulated, the_service};
use super::error::Error;
use crate::action::common::describe;
use crate::action::{GroundCall, Outcome, Simulated};
use crate::containers::Image;
use crate::value::{Answer, Value};

pub(super) struct RunningImage;

#[async_trait]
impl EngineAction for RunningImage {
    fn signature(&self) -> Signature {
        about_service(describe::read(
            "docker",
            "running_image",
            "Gives the image that a service runs, by its digest in a registry.\n\nIt goes by what the running container was \
             made from, whatever tags say now. An image that came from no registry is known by its local id only, which \
             is not pinned. There is no answer where no container of the service runs.",
        ))
        .gives(Type::Image { pinned: false })
        .effects(Effect::ValueOf(the_service()))
        .example(r#"check "what runs is what was approved": docker.running_image(box) == new_image"#)
        .done()
    }

    async fn perform(&self, call: Call<'_>) -> Result<Outcome, Error> {
        let container = call.must_find().await?;
        if !container.state.is_running {
            return Err(Error::Failed(format!(
                "the container {} does not run ({})",
                container.name, container.state.status
            )));
        }
        let image = call.engine.image(&container.image_id).await;
        let image = image.map_err(Error::of_question)?;
        let reference = reference(&container.image, &container.image_id, image.as_ref());
        Ok(Outcome::value(Value::Image(reference)))
    }

    fn simulate(&self, call: &GroundCall, production: &mut dyn Simulated) -> Option<Answer> {
        Some(simulated(call, production).and_then(|service| production.release(service)))
    }
}

/// The best name of an image: a digest of the repository that the container was made from, else of another, else
/// the local id. `named` is what it was called when the container was made.
fn reference(named: &str, id: &str, image: Option<&Image>) -> String {
    let wanted = repository(named);
    let mut digests: Vec<&String> = image.iter().flat_map(|image| &image.repository_digests).collect();
    digests.sort();
    let is_same = |digest: &str| familiar(digest) == familiar(&without_tag(named));
    let by_name = digests.iter().find(|digest| is_same(digest));
    let by_repository = || digests.iter().find(|digest| repository(digest) == wanted);
    if let Some(digest) = by_name.or_else(by_repository).or_else(|| digests.first()) {
        return (*digest).clone();
    }
    // The image lost its names while the container ran on; what it was made from by digest is still that.
    if named.contains("@sha256:") {
        return without_tag(named);
    }
    id.to_owned()
}

/// The name without what only Docker's own registry may leave out.
fn familiar(name: &str) -> String {
    let name = name.strip_prefix("index.docker.io/").unwrap_or(name);
    let name = name.strip_prefix("docker.io/").unwrap_or(name);
    name.strip_prefix("library/").unwrap_or(name).to_owned()
}

/// `host:port/name@sha256:…` of `host:port/name:tag@sha256:…`.
fn without_tag(name: &str) -> String {
    let (place, digest) = name
        .split_once('@')
        .map_or((name, None), |(place, digest)| (place, Some(digest)));
    let last = place.rfind('/').map_or(0, |slash| slash + 1);
    let end = place[last..].find(':').map_or(place.len(), |colon| last + colon);
    match digest {
        Some(digest) => format!("{}@{digest}", &place[..end]),
        None => place[..end].to_owned(),
    }
}

/// The repository of an image's name.
fn repository(name: &str) -> String {
    let name = without_tag(name);
    familiar(name.split('@').next().unwrap_or_default())
}
