//! What one look at a service's container answers: `docker.state`, `health`, `restarts`, `restart_policy`, `mounts`.
//!
//! A simulated container is looked at in the same way.

use async_trait::async_trait;
use backstay_dsl::catalogue::Signature;
use backstay_dsl::effect::{Effect, ResourceKind};
use backstay_dsl::types::Type;

use super::call::{Call, EngineAction, about_service, simulated, the_service};
use super::error::{Error, clean};
use super::policy;
use crate::action::common::describe;
use crate::action::{Evidence, GroundCall, Outcome, Simulated};
use crate::containers::{Container, ContainerState, Health, HealthStatus, Mount, MountKind, RestartPolicy};
use crate::value::{Answer, Value};

/// A question about a container.
pub(super) struct Inspection {
    name: &'static str,
    example: &'static str,
    doc: &'static str,
    result: fn() -> Type,
    /// The value, and one line where that says more. `None` where there must be a container.
    answer: fn(Option<&Container>) -> Option<(Value, String)>,
}

pub(super) const ALL: [Inspection; 5] = [
    Inspection {
        name: "state",
        example: "check \"it runs\": docker.state(box) is ok within 30s every 1s",
        doc: "Says how a service's container is.\n\n`ok` says whether it runs and is not about to be started again. `status` \
              is the engine's word (created, running, paused, restarting, exited, dead), or absent where there is no \
              container. `exit` is the exit status of what ran last. That it runs does not say that it works.",
        result: || {
            Type::record(
                "ContainerState",
                &[("ok", Type::Bool), ("status", Type::Text), ("exit", Type::Int)],
            )
        },
        answer: |container| Some(state(container)),
    },
    Inspection {
        name: "health",
        example: "check \"it is healthy\": docker.health(box) is ok within 1m every 2s",
        doc: "Says what the health check of a service's container says.\n\n`ok` says whether it runs and its last check \
              passed. `status` is healthy, unhealthy, starting, not running, or none where the container has no health \
              check; `output` is the first line that the last check printed.",
        result: || {
            Type::record(
                "ContainerHealth",
                &[("ok", Type::Bool), ("status", Type::Text), ("output", Type::Text)],
            )
        },
        answer: |container| container.map(health),
    },
    Inspection {
        name: "restarts",
        example: "check \"it stays up\": docker.restarts(box) == 0 for 30s every 10s",
        doc: "Says how often the engine has started a service's container again by itself since it was last started.\n\nA \
              number that grows is a container that cannot run.",
        result: || Type::Int,
        answer: |container| {
            let container = container?;
            let count = i64::try_from(container.restart_count).unwrap_or(i64::MAX);
            Some((Value::Int(count), format!("{count}, now {}", container.state.status)))
        },
    },
    Inspection {
        name: "restart_policy",
        example: "check \"it comes back by itself\": docker.restart_policy(box) == \"unless-stopped\"",
        doc: "Says what the engine does when a service's container ends: no, always, unless-stopped, on-failure, or \
              on-failure:N.\n\nWhile `docker.stop` keeps a service stopped, it is no.",
        result: || Type::Text,
        answer: |container| {
            let policy = policy::in_words(&container?.restart_policy);
            Some((Value::Text(policy.clone()), policy))
        },
    },
    Inspection {
        name: "mounts",
        example: "let mounts = docker.mounts(box)\nrecord mounts",
        doc: "Gives what is mounted into a service's container.\n\n`kind` is volume, bind, memory or the engine's own word; \
              `source` is the volume's name or the path on the engine's machine, `path` where that lies on the engine's \
              machine (empty where it does not say), `target` the place inside.",
        result: || {
            let texts = ["kind", "source", "path", "target"].map(|name| (name, Type::Text));
            let fields = [texts.as_slice(), &[("writable", Type::Bool)]].concat();
            Type::list(Type::record("ContainerMount", &fields))
        },
        answer: |container| container.map(mounts),
    },
];

#[async_trait]
impl EngineAction for Inspection {
    fn signature(&self) -> Signature {
        about_service(describe::read("docker", self.name, self.doc))
            .gives((self.result)())
            .effects(Effect::Reads(the_service()))
            .example(self.example)
            .done()
    }

    async fn perform(&self, call: Call<'_>) -> Result<Outcome, Error> {
        let (name, found) = call.find().await?;
        let answer = (self.answer)(found.as_ref());
        let (value, line) = answer.ok_or_else(|| Error::Failed(format!("there is no container {name}")))?;
        Ok(Outcome::Done(Evidence::value(value, clean(call.context, &line))))
    }

    fn simulate(&self, call: &GroundCall, production: &mut dyn Simulated) -> Option<Answer> {
        let container = simulated(call, production).map(|service| container_of(service, production));
        let answer = (self.answer)(container.as_ref().ok());
        Some(answer.map_or_else(|| container.map(|_| Value::Nothing), |(value, _)| Ok(value)))
    }
}

/// The container of a service as a simulated production has it.
fn container_of(service: &str, production: &dyn Simulated) -> Container {
    let is_running = production.runs(service);
    // What it says it writes is mounted, so that nothing is forgotten.
    let mounts = production.written_by(service).into_iter().map(|part| {
        let name = part.key.into_iter().next().unwrap_or_default();
        let kind = match part.kind {
            ResourceKind::Volume => MountKind::Volume {
                source: format!("/simulated/volumes/{name}"),
                name,
            },
            _ => MountKind::Bind { source: name },
        };
        Mount {
            kind,
            target: "/simulated".to_owned(),
            is_writable: true,
        }
    });
    let policy = if is_running { "unless-stopped" } else { "no" };
    Container {
        name: service.to_owned(),
        mounts: mounts.collect(),
        restart_policy: RestartPolicy {
            name: policy.to_owned(),
            maximum_retries: 0,
        },
        state: ContainerState {
            status: if is_running { "running" } else { "exited" }.to_owned(),
            is_running,
            health: Some(Health {
                status: HealthStatus::Healthy,
                last_output: String::new(),
            }),
            ..ContainerState::default()
        },
        ..Container::default()
    }
}

fn state(container: Option<&Container>) -> (Value, String) {
    let absent = ContainerState {
        status: "absent".to_owned(),
        ..ContainerState::default()
    };
    let state = container.map_or(&absent, |container| &container.state);
    let (status, exit) = (state.status.as_str(), state.exit_code);
    let line = match status {
        "exited" | "dead" | "restarting" => format!("{status}, exit status {exit}"),
        _ => status.to_owned(),
    };
    let is_up = status == "running" && !state.is_restarting;
    let value = Value::record([
        ("ok", Value::Bool(is_up)),
        ("status", Value::text(status)),
        ("exit", Value::Int(exit)),
    ]);
    (value, line)
}

fn health(container: &Container) -> (Value, String) {
    let state = &container.state;
    let (status, output) = match &state.health {
        None => (
            "none",
            format!("{} has no health check; ask its endpoint instead", container.name),
        ),
        Some(_) if !state.is_running || state.is_restarting => ("not running", state.status.clone()),
        Some(health) => {
            let status = match health.status {
                HealthStatus::Starting => "starting",
                HealthStatus::Healthy => "healthy",
                HealthStatus::Unhealthy => "unhealthy",
            };
            (status, health.last_output.clone())
        }
    };
    let colon = if output.is_empty() { "" } else { ": " };
    let line = format!("{status}{colon}{output}");
    let value = Value::record([
        ("ok", Value::Bool(status == "healthy")),
        ("status", Value::text(status)),
        ("output", Value::Text(output)),
    ]);
    (value, line)
}

fn mounts(container: &Container) -> (Value, String) {
    let mut mounts: Vec<&Mount> = container.mounts.iter().collect();
    mounts.sort_by_key(|mount| &mount.target);
    let (values, lines): (Vec<Value>, Vec<String>) = mounts.into_iter().map(mount).unzip();
    let line = if lines.is_empty() {
        "nothing is mounted".to_owned()
    } else {
        lines.join(", ")
    };
    (Value::List(values), line)
}

/// One mount as a value, and as a person reads it: `bind /etc/app at /etc/app (read-only)`.
fn mount(mount: &Mount) -> (Value, String) {
    let (kind, source, path) = match &mount.kind {
        MountKind::Volume { name, source } => ("volume", name.as_str(), source.as_str()),
        MountKind::Bind { source } => ("bind", source.as_str(), source.as_str()),
        MountKind::Memory => ("memory", "", ""),
        MountKind::Other { word } => (word.as_str(), "", ""),
    };
    let space = if source.is_empty() { "" } else { " " };
    let mode = if mount.is_writable { "" } else { " (read-only)" };
    let line = format!("{kind}{space}{source} at {}{mode}", mount.target);
    let value = Value::record([
        ("kind", Value::text(kind)),
        ("source", Value::text(source)),
        ("path", Value::text(path)),
        ("target", Value::text(&mount.target)),
        ("writable", Value::Bool(mount.is_writable)),
    ]);
    (value, line)
}
