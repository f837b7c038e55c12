//! `docker.health`: what a container's own health check says.

use std::collections::BTreeMap;

use async_trait::async_trait;
use backstay_dsl::catalogue::Signature;
use backstay_dsl::effect::{Effect, ResourceKind};
use backstay_dsl::types::Type;

use super::trouble::clean;
use super::{Engine, target};
use crate::action::common::describe;
use crate::action::{Action, Arguments, Context, Evidence, GroundCall, Outcome, Simulated};
use crate::containers::{Container, HealthStatus};
use crate::value::{Answer, Value};

pub(super) struct ReadHealth(pub(super) Engine);

#[async_trait]
impl Action for ReadHealth {
    fn signature(&self) -> Signature {
        describe::read(
            "docker",
            "health",
            "Says what the health check of a service's container says.\n\n`ok` says whether it runs and its last check \
             passed. `status` is healthy, unhealthy, starting, not running, or none where the container has no health \
             check; `output` is the first line that the last check printed.",
        )
        .needs("service", Type::Service, "A service that runs container(\"NAME\").")
        .gives(Type::record(
            "ContainerHealth",
            &[("ok", Type::Bool), ("status", Type::Text), ("output", Type::Text)],
        ))
        .effects(Effect::Reads(describe::of(ResourceKind::Service, "service")))
        .done()
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        let container = match target::must_find(&self.0, context, arguments).await {
            Ok(container) => container,
            Err(trouble) => return trouble.outcome(context),
        };
        let (status, output) = verdict(&container);
        let shown = clean(context, &output);
        let summary = if shown.is_empty() {
            status.to_owned()
        } else {
            format!("{status}: {shown}")
        };
        Outcome::Done(Evidence::value(value_of(status, output), summary))
    }

    fn simulate(&self, call: &GroundCall, production: &mut dyn Simulated) -> Option<Answer> {
        Some(target::simulated(call, production).map(|service| {
            let status = if production.runs(service) { "healthy" } else { "none" };
            value_of(status, String::new())
        }))
    }
}

fn value_of(status: &str, output: String) -> Value {
    Value::Record(BTreeMap::from([
        ("ok".to_owned(), Value::Bool(status == "healthy")),
        ("status".to_owned(), Value::Text(status.to_owned())),
        ("output".to_owned(), Value::Text(output)),
    ]))
}

fn verdict(container: &Container) -> (&'static str, String) {
    let state = &container.state;
    let Some(health) = &state.health else {
        let output = format!("{} has no health check; ask its endpoint instead", container.name);
        return ("none", output);
    };
    if !state.is_running || state.is_restarting {
        return ("not running", state.status.clone());
    }
    let status = match health.status {
        HealthStatus::Starting => "starting",
        HealthStatus::Healthy => "healthy",
        HealthStatus::Unhealthy => "unhealthy",
    };
    (status, health.last_output.clone())
}
