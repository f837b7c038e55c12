//! Obligations about containers: the engine can be reached, each service is as it begins, what is mounted
//! is protected, and what runs is what is pinned. Asked by the questions of the catalogue, so that every
//! world answers them.

use std::collections::BTreeMap;

use async_trait::async_trait;
use backstay_dsl::effect::{Resource, ResourceKind};
use backstay_dsl::model::StatementKind;
use backstay_dsl::topology::{Begins, Member, Runs, Service};

use super::PathUse;
use super::mounts::{Mounted, MountedWhat, not_mounted, unprotected};
use crate::action::{Arguments, GroundCall};
use crate::plan::Plan;
use crate::value::{Answer, GroundResource, Value};
use crate::world::PathIdentity;

/// Answers what obligations ask.
#[async_trait]
pub trait Asked: Send + Sync {
    /// The answer to a question of the catalogue, within the limit of a question.
    async fn answer_to(&self, call: &GroundCall) -> Answer;

    /// What a path really is.
    async fn identify(&self, path: &str, is_link: bool) -> Option<PathIdentity>;
}

/// What was found out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// What does not hold: the obligation and a sentence.
    pub broken: Vec<(&'static str, String)>,
    /// Volumes of protected state, as names that could stand for what a path stands for.
    pub volumes: Vec<(PathUse, PathIdentity)>,
    /// What was seen, for the record.
    pub seen: Vec<String>,
}

/// Asks everything that a plan assumes about containers. Nothing is asked where it has none.
pub async fn containers(plan: &Plan, asked: &dyn Asked) -> Found {
    let mut found = Found::default();
    if !needs_engine(plan) {
        return found;
    }
    match asked.answer_to(&call("docker.version", None)).await {
        Ok(version) if field(&version, "ok") == Some(&Value::Bool(false)) => {
            found.broken.push(("engine", text(&version, "reason")));
            return found;
        }
        Ok(version) => found
            .seen
            .push(format!("the container engine {} answers", text(&version, "engine"))),
        Err(unanswered) => {
            let reason = format!(
                "the container engine does not answer: {}; restart it, or name another with DOCKER_HOST",
                unanswered.reason
            );
            found.broken.push(("engine", reason));
            return found;
        }
    }
    let mut mounts = Vec::new();
    for (id, member, service) in plan.topology.members() {
        let name = id.as_str();
        if let Runs::Container(container) = &member.runs {
            let status = begins(asked, (name, member.begins), container, &mut found).await;
            if status.as_deref().is_some_and(|status| status != "absent") {
                mounted(plan, asked, (name, service), &mut mounts, &mut found).await;
            }
            if status.as_deref() == Some("running") {
                pinned(asked, (name, member), &mut found).await;
            }
        }
    }
    if !mounts.is_empty() {
        volumes(plan, asked, &mounts, &mut found).await;
    }
    found
}

/// Whether a plan speaks of anything that only a container engine knows.
fn needs_engine(plan: &Plan) -> bool {
    let topology = &plan.topology;
    let mut statements = plan.program.statements();
    topology
        .members()
        .any(|(_, member, _)| matches!(member.runs, Runs::Container(_)))
        || topology.parts().any(|part| part.kind == ResourceKind::Volume)
        || statements.any(|(_, statement)| {
            matches!(&statement.kind, StatementKind::Do(action) if action.call.action.starts_with("docker."))
        })
}

/// How a service is against how it begins; gives the engine's word for it.
async fn begins(
    asked: &dyn Asked,
    (name, begins): (&str, Begins),
    container: &str,
    found: &mut Found,
) -> Option<String> {
    let state = match asked.answer_to(&call("docker.state", Some(name))).await {
        Ok(state) => state,
        Err(unanswered) => {
            let reason = format!("service `{name}` could not be asked how it is: {}", unanswered.reason);
            found.broken.push(("begins", reason));
            return None;
        }
    };
    let (runs, status) = (field(&state, "ok") == Some(&Value::Bool(true)), text(&state, "status"));
    let is_there = status != "absent";
    let wrong = match begins {
        Begins::Running if !is_there => Some(format!(
            "should run, and there is no container `{container}`: start it, or say `begins absent`"
        )),
        Begins::Running if !runs => Some(format!(
            "should run, and its container `{container}` is {status}: start it, or say `begins stopped`"
        )),
        Begins::Stopped if !is_there => Some(format!(
            "should be there and stopped, and there is no container `{container}`: say `begins absent`"
        )),
        Begins::Stopped if runs => Some(format!(
            "should be stopped, and its container `{container}` is {status}: stop it, or say `begins running`"
        )),
        Begins::Absent if is_there => Some(format!(
            "should not be there yet, and there is a container `{container}` ({status}) that this run did not make: \
             remove it, or say `begins running` or `begins stopped`"
        )),
        _ => None,
    };
    match wrong {
        Some(wrong) => found.broken.push(("begins", format!("service `{name}` {wrong}"))),
        None => found.seen.push(format!("`{name}` is {status}")),
    }
    Some(if runs { "running".to_owned() } else { status })
}

/// Compares what is mounted into a service with what is protected.
async fn mounted(
    plan: &Plan,
    asked: &dyn Asked,
    (name, view): (&str, &Service<String>),
    mounts: &mut Vec<Mounted>,
    found: &mut Found,
) {
    let listed = match asked.answer_to(&call("docker.mounts", Some(name))).await {
        Ok(Value::List(listed)) => listed,
        Ok(_) => Vec::new(),
        Err(unanswered) => {
            let reason = format!(
                "service `{name}` could not be asked what is mounted: {}",
                unanswered.reason
            );
            found.broken.push(("mounts", reason));
            return;
        }
    };
    let listed: Vec<Mounted> = listed.iter().filter_map(Mounted::from_value).collect();
    let said = plan.topology.parts().chain(&view.ignores);
    let said = said
        .filter(|part| part.kind != ResourceKind::Volume)
        .map(Resource::first);
    let mut real = BTreeMap::new();
    for path in said.chain(listed.iter().filter_map(Mounted::path)) {
        if let Some(identity) = asked.identify(path, false).await {
            real.insert(path.to_owned(), identity.real_path);
        }
    }
    if !listed.is_empty() {
        let mounts: Vec<String> = listed.iter().map(ToString::to_string).collect();
        found.seen.push(format!("mounted into `{name}`: {}", mounts.join(", ")));
    }
    for mount in &listed {
        let wrong = unprotected(&plan.topology, (name, view), mount, &real);
        found.broken.extend(wrong.map(|wrong| ("mounts", wrong)));
    }
    mounts.extend(listed);
}

/// Whether what runs is what is pinned, where the text says a place that can be read, and both have a digest.
async fn pinned(asked: &dyn Asked, (name, member): (&str, &Member<String>), found: &mut Found) {
    let Some((pin, reading)) = member.pinned_by.as_ref().and_then(|pin| Some((pin, reading_of(pin)?))) else {
        return;
    };
    let running = asked.answer_to(&call("docker.running_image", Some(name))).await;
    let (Ok(running), Ok(pinned)) = (running, asked.answer_to(&reading).await) else {
        return;
    };
    let (running, pinned) = (running.canonical(), pinned.canonical());
    let digest = |image: &str| image.trim().rsplit_once('@').map(|(_, digest)| digest.to_owned());
    if let (Some(runs), Some(is_pinned)) = (digest(&running), digest(&pinned))
        && runs != is_pinned
    {
        let place = pin.key.join(", ");
        found.broken.push((
            "pinned",
            format!(
                "service `{name}` runs {running}, and what is pinned ({place}) is {}: bring them together before the change",
                pinned.trim()
            ),
        ));
    }
}

/// The question that reads a pin; `None` where the kind of pin has none.
fn reading_of(pin: &GroundResource) -> Option<GroundCall> {
    let mut arguments = BTreeMap::from([]);
    let path = Value::Path(pin.key.first()?.clone());
    let action = match pin.kind {
        ResourceKind::Key => {
            arguments.insert("file".to_owned(), path);
            arguments.insert("key".to_owned(), Value::Text(pin.key.get(1)?.clone()));
            "fs.key"
        }
        ResourceKind::File => {
            arguments.insert("path".to_owned(), path);
            "fs.read"
        }
        _ => return None,
    };
    Some(question(action, arguments))
}

/// What the protected volumes really are, and which of them no service mounts.
async fn volumes(plan: &Plan, asked: &dyn Asked, mounts: &[Mounted], found: &mut Found) {
    let mut known: BTreeMap<&str, (&str, bool)> = BTreeMap::new();
    for mount in mounts {
        if let MountedWhat::Volume { name, path } = &mount.what {
            known.entry(name).or_insert((path, false)).1 |= mount.is_writable;
        }
    }
    let volumes = plan.topology.parts().filter(|part| part.kind == ResourceKind::Volume);
    for volume in volumes.map(Resource::first) {
        let Some((path, is_changed)) = known.get(volume) else {
            continue;
        };
        if let Some(identity) = asked.identify(path, false).await.filter(|_| !path.is_empty()) {
            let path_use = PathUse {
                path: format!("volume `{volume}`"),
                is_link: false,
                is_changed: *is_changed,
            };
            found.volumes.push((path_use, identity));
        }
    }
    let missed = not_mounted(&plan.topology, mounts).into_iter();
    found.seen.extend(missed.map(|(state, volume)| {
        format!("the volume `{volume}` of `{state}` is mounted into no service that is there: is that its name?")
    }));
}

fn call(action: &str, service: Option<&str>) -> GroundCall {
    let service = service.map(|name| ("service".to_owned(), Value::Service(name.to_owned())));
    question(action, service.into_iter().collect())
}

fn question(action: &str, arguments: BTreeMap<String, Value>) -> GroundCall {
    GroundCall {
        action: action.to_owned(),
        arguments: Arguments(arguments),
        touches: Vec::new(),
        of_result: Vec::new(),
        healthy: None,
    }
}

fn field<'a>(record: &'a Value, name: &str) -> Option<&'a Value> {
    match record {
        Value::Record(fields) => fields.get(name),
        _ => None,
    }
}

fn text(record: &Value, name: &str) -> String {
    field(record, name).map(Value::canonical).unwrap_or_default()
}
