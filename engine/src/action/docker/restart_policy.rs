//! `docker.restart_policy`: what the engine does when a service's container ends.

use async_trait::async_trait;
use backstay_dsl::catalogue::Signature;
use backstay_dsl::effect::{Effect, ResourceKind};
use backstay_dsl::types::Type;

use super::{Engine, policy, target};
use crate::action::common::describe;
use crate::action::{Action, Arguments, Context, GroundCall, Outcome, Simulated};
use crate::value::{Answer, Value};

pub(super) struct ReadRestartPolicy(pub(super) Engine);

#[async_trait]
impl Action for ReadRestartPolicy {
    fn signature(&self) -> Signature {
        describe::read(
            "docker",
            "restart_policy",
            "Says what the engine does when a service's container ends: no, always, unless-stopped, on-failure, or \
             on-failure:N.\n\nWhile `docker.stop` keeps a service stopped, it is no.",
        )
        .needs("service", Type::Service, "A service that runs container(\"NAME\").")
        .gives(Type::Text)
        .effects(Effect::Reads(describe::of(ResourceKind::Service, "service")))
        .done()
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        match target::must_find(&self.0, context, arguments).await {
            Ok(container) => Outcome::value(Value::Text(policy::in_words(&container.restart_policy))),
            Err(trouble) => trouble.outcome(context),
        }
    }

    fn simulate(&self, call: &GroundCall, production: &mut dyn Simulated) -> Option<Answer> {
        Some(target::simulated(call, production).map(|service| {
            let policy = if production.runs(service) {
                "unless-stopped"
            } else {
                "no"
            };
            Value::Text(policy.to_owned())
        }))
    }
}
