//! `compose.running_image`: the image that a service runs, by its digest.

use async_trait::async_trait;
use backstay_dsl::catalogue::Signature;
use backstay_dsl::effect::Effect;
use backstay_dsl::types::Type;

use super::others::Others;
use super::{about_service, the_service};
use crate::action::common::describe;
use crate::action::{Action, Arguments, Context, GroundCall, Outcome, Simulated};
use crate::value::Answer;

/// Carried out by the question of a container.
const OF_CONTAINER: &str = "docker.running_image";

pub(super) struct RunningImage(pub(super) Others);

#[async_trait]
impl Action for RunningImage {
    fn signature(&self) -> Signature {
        about_service(describe::read(
            "compose",
            "running_image",
            "Gives the image that a service of the project runs, by its digest in a registry.\n\nIt goes by what the \
             running container was made from, whatever tags say now. There is no answer where the service does not run, \
             or where what it runs came from no registry: nobody could fetch that again.",
        ))
        .gives(Type::Image { pinned: true })
        .effects(Effect::ValueOf(the_service()))
        .example(r#"check "what runs is what was approved": compose.running_image(wiki) == new_image"#)
        .done()
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        let outcome = self.0.perform(OF_CONTAINER, context, arguments).await;
        match &outcome {
            Outcome::Done(evidence) => {
                let image = evidence
                    .value
                    .as_ref()
                    .map(crate::value::Value::canonical)
                    .unwrap_or_default();
                if image.contains("@sha256:") {
                    return outcome;
                }
                Outcome::failed(format!(
                    "{image} came from no registry, so nobody could fetch it again: push it to one, and bring the service up \
                     from there"
                ))
            }
            _ => outcome,
        }
    }

    fn simulate(&self, call: &GroundCall, production: &mut dyn Simulated) -> Option<Answer> {
        self.0.get(OF_CONTAINER)?.simulate(call, production)
    }
}
