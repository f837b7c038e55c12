//! What the engine tells, in words of our own.

use bollard::models::{
    ContainerInspectResponse, ContainerSummary, Health as EngineHealth, HealthStatusEnum, HostConfig, MountPoint,
    RestartPolicy as EnginePolicy, RestartPolicyNameEnum,
};

use crate::containers::{Container, ContainerState, Health, HealthStatus, Mount, MountKind, Problem, RestartPolicy};

pub(super) fn container(told: ContainerInspectResponse) -> Container {
    let config = told.config.unwrap_or_default();
    let host = told.host_config.unwrap_or_default();
    // Less than none is without end.
    let stop_seconds = config
        .stop_timeout
        .map(|seconds| u64::try_from(seconds).unwrap_or(u64::MAX));
    Container {
        id: told.id.unwrap_or_default(),
        name: told.name.unwrap_or_default().trim_start_matches('/').to_owned(),
        image_id: told.image.unwrap_or_default(),
        image: config.image.unwrap_or_default(),
        state: state(told.state.unwrap_or_default()),
        restart_count: told.restart_count.map_or(0, number),
        restart_policy: policy(&host),
        labels: config.labels.unwrap_or_default().into_iter().collect(),
        mounts: told.mounts.unwrap_or_default().into_iter().map(mount).collect(),
        stop_grace_ms: stop_seconds.map(|seconds| seconds.saturating_mul(1000)),
        is_removed_at_end: host.auto_remove.unwrap_or(false),
    }
}

pub(super) fn state(told: bollard::models::ContainerState) -> ContainerState {
    let time = |text: Option<String>| text.filter(|text| !text.starts_with("0001-")).unwrap_or_default();
    ContainerState {
        status: told.status.map(|status| status.to_string()).unwrap_or_default(),
        is_running: told.running.unwrap_or(false),
        is_restarting: told.restarting.unwrap_or(false),
        pid: told.pid.and_then(|pid| i32::try_from(pid).ok()).filter(|pid| *pid > 0),
        exit_code: told.exit_code.unwrap_or(0),
        error: told.error.unwrap_or_default(),
        started_at: time(told.started_at),
        finished_at: time(told.finished_at),
        health: told.health.and_then(health),
    }
}

fn health(told: EngineHealth) -> Option<Health> {
    let status = match told.status? {
        HealthStatusEnum::STARTING => HealthStatus::Starting,
        HealthStatusEnum::HEALTHY => HealthStatus::Healthy,
        HealthStatusEnum::UNHEALTHY => HealthStatus::Unhealthy,
        HealthStatusEnum::NONE | HealthStatusEnum::EMPTY => return None,
    };
    let last = told.log.and_then(|mut log| log.pop()).and_then(|last| last.output);
    Some(Health {
        status,
        last_output: last.unwrap_or_default().lines().next().unwrap_or_default().to_owned(),
    })
}

fn policy(host: &HostConfig) -> RestartPolicy {
    let told = host.restart_policy.clone().unwrap_or_default();
    let name = told.name.map(|name| name.to_string()).filter(|name| !name.is_empty());
    RestartPolicy {
        name: name.unwrap_or_else(|| "no".to_owned()),
        maximum_retries: told.maximum_retry_count.map_or(0, number),
    }
}

fn mount(told: MountPoint) -> Mount {
    let source = told.source.unwrap_or_default();
    let kind = match told.typ.unwrap_or_default().as_str() {
        "volume" => MountKind::Volume {
            name: told.name.unwrap_or_default(),
            source,
        },
        "bind" => MountKind::Bind { source },
        "tmpfs" => MountKind::Memory,
        word => MountKind::Other { word: word.to_owned() },
    };
    Mount {
        kind,
        target: told.destination.unwrap_or_default(),
        is_writable: told.rw.unwrap_or(true),
    }
}

/// A count of the engine's; less than none is none.
fn number<T: TryFrom<i64> + Default>(count: i64) -> T {
    T::try_from(count).unwrap_or_default()
}

/// The name of a container in a list: a link makes further names with a slash in them.
pub(super) fn name_of(summary: &ContainerSummary) -> String {
    let names = summary.names.iter().flatten().map(|name| name.trim_start_matches('/'));
    let own = names.clone().find(|name| !name.contains('/'));
    own.or(summary.id.as_deref()).unwrap_or_default().to_owned()
}

/// The engine's words for a restart policy.
pub(super) fn engine_policy(policy: &RestartPolicy) -> Result<EnginePolicy, Problem> {
    let name = match policy.name.as_str() {
        "" | "no" => RestartPolicyNameEnum::NO,
        "always" => RestartPolicyNameEnum::ALWAYS,
        "unless-stopped" => RestartPolicyNameEnum::UNLESS_STOPPED,
        "on-failure" => RestartPolicyNameEnum::ON_FAILURE,
        other => {
            return Err(Problem::Refused {
                status: 400,
                message: format!("{other:?} is no restart policy: no, always, unless-stopped or on-failure"),
            });
        }
    };
    Ok(EnginePolicy {
        maximum_retry_count: (name == RestartPolicyNameEnum::ON_FAILURE).then_some(i64::from(policy.maximum_retries)),
        name: Some(name),
    })
}
