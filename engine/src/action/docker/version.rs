//! `docker.version`: whether an engine answers, and which.

use std::collections::BTreeMap;

use async_trait::async_trait;
use backstay_dsl::catalogue::{Pattern, Signature};
use backstay_dsl::effect::{Resource, ResourceKind, Touch};
use backstay_dsl::types::Type;

use super::Engine;
use crate::action::common::describe;
use crate::action::{Action, Arguments, Context, Evidence, Outcome};
use crate::value::Value;

/// Says whether an engine answers, and which.
pub(super) struct Version(pub(super) Engine);

#[async_trait]
impl Action for Version {
    fn signature(&self) -> Signature {
        describe::read(
            "docker",
            "version",
            "Says whether a container engine answers, and which.\n\n`ok` is false where none can be reached; `engine` says \
             then what to do. Engines from 20.10 on are known to work.",
        )
        .gives(Type::record(
            "EngineVersion",
            &[("ok", Type::Bool), ("engine", Type::Text), ("interface", Type::Text)],
        ))
        .touches(Touch::Reads(Resource::new(ResourceKind::External, Pattern::Text("docker"))))
        .done()
    }

    async fn perform(&self, _context: &Context, _arguments: &Arguments) -> Outcome {
        let (is_there, engine, interface) = match self.0.version().await {
            Ok(version) => (true, version.engine, version.interface),
            Err(problem) => (false, problem.to_string(), String::new()),
        };
        let summary = if is_there {
            format!("Docker {engine}, interface {interface}")
        } else {
            engine.clone()
        };
        let value = Value::Record(BTreeMap::from([
            ("ok".to_owned(), Value::Bool(is_there)),
            ("engine".to_owned(), Value::Text(engine)),
            ("interface".to_owned(), Value::Text(interface)),
        ]));
        Outcome::Done(Evidence::value(value, summary))
    }
}
