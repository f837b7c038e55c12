//! `docker.version`: whether an engine answers, and which.

use std::collections::BTreeMap;

use async_trait::async_trait;
use backstay_dsl::catalogue::{Pattern, Signature};
use backstay_dsl::effect::{Effect, Resource, ResourceKind};
use backstay_dsl::types::Type;

use super::Engine;
use crate::action::common::describe;
use crate::action::{Action, Arguments, Context, Evidence, GroundCall, Outcome, Simulated};
use crate::value::{Answer, Value};

pub(super) struct Version(pub(super) Engine);

#[async_trait]
impl Action for Version {
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
        .done()
    }

    async fn perform(&self, _context: &Context, _arguments: &Arguments) -> Outcome {
        let (summary, engine, interface, reason) = match self.0.version().await {
            Ok(version) => (
                format!("Docker {}, interface {}", version.engine, version.interface),
                version.engine,
                version.interface,
                String::new(),
            ),
            Err(problem) => (problem.to_string(), String::new(), String::new(), problem.to_string()),
        };
        let value = value_of(&engine, &interface, &reason);
        Outcome::Done(Evidence::value(value, summary))
    }

    fn simulate(&self, _call: &GroundCall, _production: &mut dyn Simulated) -> Option<Answer> {
        Some(Ok(value_of("simulated", "simulated", "")))
    }
}

fn value_of(engine: &str, interface: &str, reason: &str) -> Value {
    let text = |text: &str| Value::Text(text.to_owned());
    Value::Record(BTreeMap::from([
        ("ok".to_owned(), Value::Bool(reason.is_empty())),
        ("engine".to_owned(), text(engine)),
        ("interface".to_owned(), text(interface)),
        ("reason".to_owned(), text(reason)),
    ]))
}
