//! `docker.version`: whether an engine answers, and which.

use async_trait::async_trait;
use backstay_dsl::catalogue::{Pattern, Signature};
use backstay_dsl::effect::{Effect, Resource, ResourceKind};
use backstay_dsl::types::Type;

use super::call::{Call, EngineAction};
use super::error::Error;
use crate::action::common::describe;
use crate::action::{Evidence, GroundCall, Outcome, Simulated};
use crate::value::{Answer, Value};

pub(super) struct Version;

#[async_trait]
impl EngineAction for Version {
    fn signature(&self) -> Signature {
        describe::read(
            "docker",
            "version",
            "Says whether a container engine answers, and which.\n\n`ok` is false where none can be reached; `reason` says \
             then what to do. Engines from 20.10 on are known to work.",
        )
        .gives(Type::record(
            "EngineVersion",
            &[
                ("ok", Type::Bool),
                ("engine", Type::Text),
                ("interface", Type::Text),
                ("reason", Type::Text),
            ],
        ))
        .effects(Effect::Reads(Resource::new(ResourceKind::External, Pattern::Text("docker"))))
        .example(r#"require docker.version() is ok else "Start the container engine""#)
        .done()
    }

    async fn perform(&self, call: Call<'_>) -> Result<Outcome, Error> {
        Ok(Outcome::Done(match call.engine.version().await {
            Ok(version) => {
                let summary = format!("Docker {}, interface {}", version.engine, version.interface);
                Evidence::value(value_of(&version.engine, &version.interface, ""), summary)
            }
            Err(problem) => Evidence::value(value_of("", "", &problem.to_string()), problem.to_string()),
        }))
    }

    fn simulate(&self, _call: &GroundCall, _production: &mut dyn Simulated) -> Option<Answer> {
        Some(Ok(value_of("simulated", "simulated", "")))
    }
}

fn value_of(engine: &str, interface: &str, reason: &str) -> Value {
    Value::record([
        ("ok", Value::Bool(reason.is_empty())),
        ("engine", Value::text(engine)),
        ("interface", Value::text(interface)),
        ("reason", Value::text(reason)),
    ])
}
