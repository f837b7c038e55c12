//! `docker.restarts`: how often the engine has started a service's container again.

use async_trait::async_trait;
use backstay_dsl::catalogue::Signature;
use backstay_dsl::effect::{Effect, ResourceKind};
use backstay_dsl::types::Type;

use super::{Engine, target};
use crate::action::common::describe;
use crate::action::{Action, Arguments, Context, Evidence, GroundCall, Outcome, Simulated};
use crate::value::{Answer, Value};

pub(super) struct Restarts(pub(super) Engine);

#[async_trait]
impl Action for Restarts {
    fn signature(&self) -> Signature {
        describe::read(
            "docker",
            "restarts",
            "Says how often the engine has started a service's container again by itself since it was last started.\n\nA \
             number that grows is a container that cannot run.",
        )
        .needs("service", Type::Service, "A service that runs container(\"NAME\").")
        .gives(Type::Int)
        .effects(Effect::Reads(describe::of(ResourceKind::Service, "service")))
        .done()
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        match target::must_find(&self.0, context, arguments).await {
            Ok(container) => {
                let count = i64::try_from(container.restart_count).unwrap_or(i64::MAX);
                let summary = format!("{count}, now {}", container.state.status);
                Outcome::Done(Evidence::value(Value::Int(count), summary))
            }
            Err(trouble) => trouble.outcome(context),
        }
    }

    fn simulate(&self, call: &GroundCall, production: &mut dyn Simulated) -> Option<Answer> {
        Some(target::simulated(call, production).map(|_| Value::Int(0)))
    }
}
