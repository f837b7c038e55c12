//! `runs container("NAME")`: the container of this name in the engine.

use async_trait::async_trait;
use backstay_dsl::effect::ResourceKind;
use backstay_dsl::service_kind::ServiceKind;

use super::{Asked, HangsOn, Kind, MemberState, Mounted, MountedWhat, about, question};
use crate::value::{Unanswered, Value};

pub(super) struct Container;

#[async_trait]
impl Kind for Container {
    fn kind(&self) -> ServiceKind {
        ServiceKind::Container
    }

    fn keeps(&self, part: ResourceKind) -> bool {
        part == ResourceKind::Volume
    }

    async fn reach(&self, asked: &dyn Asked) -> Result<Option<String>, String> {
        match asked.answer_to(&question("docker.version", [])).await {
            Ok(version) if !is(&version, "ok") => Err(text(&version, "reason")),
            Ok(version) => Ok(Some(format!(
                "the container engine {} answers",
                text(&version, "engine")
            ))),
            Err(unanswered) => Err(format!(
                "the container engine does not answer: {}; restart it, or name another with DOCKER_HOST",
                unanswered.reason
            )),
        }
    }

    async fn state(&self, asked: &dyn Asked, member: &str) -> Result<MemberState, Unanswered> {
        let state = asked.answer_to(&about("docker.state", member)).await?;
        let status = text(&state, "status");
        Ok(MemberState {
            runs: is(&state, "ok"),
            is_there: Some(status != "absent"),
            status,
        })
    }

    async fn mounts(&self, asked: &dyn Asked, member: &str) -> Result<Vec<Mounted>, Unanswered> {
        match asked.answer_to(&about("docker.mounts", member)).await? {
            Value::List(mounts) => Ok(mounts.iter().map(mounted).collect()),
            _ => Ok(Vec::new()),
        }
    }

    async fn sharers(&self, asked: &dyn Asked, member: &str) -> Result<Vec<HangsOn>, Unanswered> {
        match asked.answer_to(&about("docker.sharers", member)).await? {
            Value::List(sharers) => Ok(sharers.iter().map(hangs_on).collect()),
            _ => Ok(Vec::new()),
        }
    }

    async fn release(&self, asked: &dyn Asked, member: &str) -> Option<String> {
        let image = asked.answer_to(&about("docker.running_image", member)).await.ok()?;
        Some(image.canonical())
    }
}

/// One that hangs on a container, from the record that `docker.sharers` gives.
fn hangs_on(record: &Value) -> HangsOn {
    let shares = text(record, "shares");
    HangsOn {
        name: text(record, "name"),
        ends_with_a_stop: is(record, "running") && shares != "link",
        shares,
    }
}

/// A mount from the record that `docker.mounts` gives.
fn mounted(record: &Value) -> Mounted {
    let source = text(record, "source");
    let what = match text(record, "kind").as_str() {
        "volume" => MountedWhat::Volume {
            name: source,
            path: text(record, "path"),
        },
        "bind" => MountedWhat::Bind(source),
        "memory" | "tmpfs" => MountedWhat::Memory,
        other => MountedWhat::Other(other.to_owned()),
    };
    Mounted {
        what,
        target: text(record, "target"),
        // Whatever does not say that it is not.
        is_writable: field(record, "writable") != Some(&Value::Bool(false)),
    }
}

fn field<'a>(record: &'a Value, name: &str) -> Option<&'a Value> {
    match record {
        Value::Record(fields) => fields.get(name),
        _ => None,
    }
}

pub(super) fn is(record: &Value, name: &str) -> bool {
    field(record, name) == Some(&Value::Bool(true))
}

pub(super) fn text(record: &Value, name: &str) -> String {
    field(record, name).map(Value::canonical).unwrap_or_default()
}
