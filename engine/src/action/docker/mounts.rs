//! `docker.mounts`: what is mounted into a service's container.

use std::collections::BTreeMap;

use async_trait::async_trait;
use backstay_dsl::catalogue::Signature;
use backstay_dsl::effect::{Effect, ResourceKind};
use backstay_dsl::types::Type;

use super::{Engine, target};
use crate::action::common::describe;
use crate::action::{Action, Arguments, Context, Evidence, GroundCall, Outcome, Simulated};
use crate::containers::{Mount, MountKind};
use crate::value::{Answer, Value};

pub(super) struct Mounts(pub(super) Engine);

#[async_trait]
impl Action for Mounts {
    fn signature(&self) -> Signature {
        let mount = Type::record(
            "ContainerMount",
            &[
                ("kind", Type::Text),
                ("source", Type::Text),
                ("path", Type::Text),
                ("target", Type::Text),
                ("writable", Type::Bool),
            ],
        );
        describe::read(
            "docker",
            "mounts",
            "Gives what is mounted into a service's container.\n\n`kind` is volume, bind, memory or the engine's own word; \
             `source` is the volume's name or the path on the engine's machine, `path` where that lies on the engine's \
             machine (empty where it does not say), `target` the place inside.",
        )
        .needs("service", Type::Service, "A service that runs container(\"NAME\").")
        .gives(Type::list(mount))
        .effects(Effect::Reads(describe::of(ResourceKind::Service, "service")))
        .done()
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        let mut mounts = match target::must_find(&self.0, context, arguments).await {
            Ok(container) => container.mounts,
            Err(trouble) => return trouble.outcome(context),
        };
        mounts.sort_by(|one, other| one.target.cmp(&other.target));
        let lines: Vec<String> = mounts.iter().map(in_words).collect();
        let summary = if lines.is_empty() {
            "nothing is mounted".to_owned()
        } else {
            lines.join(", ")
        };
        let value = Value::List(mounts.iter().map(value_of).collect());
        Outcome::Done(Evidence::value(value, summary))
    }

    fn simulate(&self, call: &GroundCall, production: &mut dyn Simulated) -> Option<Answer> {
        let service = match target::simulated(call, production) {
            Ok(service) => service,
            Err(unanswered) => return Some(Err(unanswered)),
        };
        // What it says it writes, so that nothing is forgotten here.
        let mounts = production.written_by(service).into_iter().map(|part| {
            let name = part.key.into_iter().next().unwrap_or_default();
            let kind = match part.kind {
                ResourceKind::Volume => MountKind::Volume {
                    source: format!("/simulated/volumes/{name}"),
                    name,
                },
                _ => MountKind::Bind { source: name },
            };
            value_of(&Mount {
                kind,
                target: "/simulated".to_owned(),
                is_writable: true,
            })
        });
        Some(Ok(Value::List(mounts.collect())))
    }
}

fn parts(kind: &MountKind) -> (&str, &str) {
    match kind {
        MountKind::Volume { name, .. } => ("volume", name),
        MountKind::Bind { source } => ("bind", source),
        MountKind::Memory => ("memory", ""),
        MountKind::Other { word } => (word, ""),
    }
}

/// Where it lies on the engine's machine.
fn path_of(kind: &MountKind) -> &str {
    match kind {
        MountKind::Volume { source, .. } | MountKind::Bind { source } => source,
        MountKind::Memory | MountKind::Other { .. } => "",
    }
}

fn value_of(mount: &Mount) -> Value {
    let (kind, source) = parts(&mount.kind);
    Value::Record(BTreeMap::from([
        ("kind".to_owned(), Value::Text(kind.to_owned())),
        ("source".to_owned(), Value::Text(source.to_owned())),
        ("path".to_owned(), Value::Text(path_of(&mount.kind).to_owned())),
        ("target".to_owned(), Value::Text(mount.target.clone())),
        ("writable".to_owned(), Value::Bool(mount.is_writable)),
    ]))
}

/// `volume app_data at /data`, `bind /etc/app at /etc/app (read-only)`.
fn in_words(mount: &Mount) -> String {
    let (kind, source) = parts(&mount.kind);
    let space = if source.is_empty() { "" } else { " " };
    let mode = if mount.is_writable { "" } else { " (read-only)" };
    format!("{kind}{space}{source} at {}{mode}", mount.target)
}
