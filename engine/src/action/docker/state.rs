//! `docker.state`: how a service's container is.

use std::collections::BTreeMap;

use async_trait::async_trait;
use backstay_dsl::catalogue::Signature;
use backstay_dsl::effect::{Effect, ResourceKind};
use backstay_dsl::types::Type;

use super::{Engine, target};
use crate::action::common::describe;
use crate::action::{Action, Arguments, Context, Evidence, GroundCall, Outcome, Simulated};
use crate::value::{Answer, Value};

pub(super) struct State(pub(super) Engine);

#[async_trait]
impl Action for State {
    fn signature(&self) -> Signature {
        describe::read(
            "docker",
            "state",
            "Says how a service's container is.\n\n`ok` says whether it runs and is not about to be started again. `status` \
             is the engine's word (created, running, paused, restarting, exited, dead), or absent where there is no \
             container. `exit` is the exit status of what ran last. That it runs does not say that it works.",
        )
        .needs("service", Type::Service, "A service that runs container(\"NAME\").")
        .gives(Type::record(
            "ContainerState",
            &[("ok", Type::Bool), ("status", Type::Text), ("exit", Type::Int)],
        ))
        .effects(Effect::Reads(describe::of(ResourceKind::Service, "service")))
        .done()
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        let found = match target::find(&self.0, context, arguments).await {
            Ok((_, found)) => found,
            Err(trouble) => return trouble.outcome(context),
        };
        let (is_up, status, exit) = match &found {
            Some(container) => (
                container.state.status == "running" && !container.state.is_restarting,
                container.state.status.clone(),
                container.state.exit_code,
            ),
            None => (false, "absent".to_owned(), 0),
        };
        let has_ended = matches!(status.as_str(), "exited" | "dead" | "restarting");
        let summary = if has_ended {
            format!("{status}, exit status {exit}")
        } else {
            status.clone()
        };
        Outcome::Done(Evidence::value(value_of(is_up, status, exit), summary))
    }

    fn simulate(&self, call: &GroundCall, production: &mut dyn Simulated) -> Option<Answer> {
        let service = call.arguments.text("service")?;
        let status = match (production.is_there(service), production.runs(service)) {
            (false, _) => "absent",
            (true, false) => "exited",
            (true, true) => "running",
        };
        Some(Ok(value_of(status == "running", status.to_owned(), 0)))
    }
}

fn value_of(is_up: bool, status: String, exit: i64) -> Value {
    Value::Record(BTreeMap::from([
        ("ok".to_owned(), Value::Bool(is_up)),
        ("status".to_owned(), Value::Text(status)),
        ("exit".to_owned(), Value::Int(exit)),
    ]))
}
