//! Containers: what they are like, and their beginning and end.

use std::collections::HashMap;
use std::pin::pin;
use std::time::Duration;

use bollard::errors::Error;
use bollard::models::{
    ContainerInspectResponse, ContainerSummary, ContainerUpdateBody, Health as EngineHealth, HealthStatusEnum,
    HostConfig, MountPoint, RestartPolicy as EnginePolicy, RestartPolicyNameEnum,
};
use bollard::query_parameters::{
    ListContainersOptions, RemoveContainerOptions, RenameContainerOptions, StopContainerOptions, WaitContainerOptions,
};
use futures_util::StreamExt as _;

use crate::containers::{Container, ContainerState, Health, HealthStatus, Mount, MountKind, Problem, RestartPolicy};

use super::DockerEngine;
use super::problem::{self, NOT_MODIFIED};

/// How often an end is asked for beside the waiting.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// An id may be shortened to so many digits, not further: a name must not be taken for one.
const ID_DIGITS_MIN: usize = 12;

/// What the engine tells of a container, whole: stays inside this module.
pub(super) async fn inspect(engine: &DockerEngine, name: &str) -> Result<Option<ContainerInspectResponse>, Problem> {
    let name = problem::name(name)?;
    let docker = engine.docker().await?;
    let what = format!("what container {name} is like");
    let told = match engine.ask(&what, docker.inspect_container(name, None)).await {
        Err(problem) if problem.is_missing() => return Ok(None),
        told => told?,
    };
    // The engine also takes the first digits of an id, so `cafe` may find what is not called so.
    let id = told.id.as_deref().unwrap_or_default();
    let is_meant = told
        .name
        .as_deref()
        .is_some_and(|known| known.trim_start_matches('/') == name)
        || (name.len() >= ID_DIGITS_MIN && id.starts_with(name));
    Ok(is_meant.then_some(told))
}

pub(super) async fn container(engine: &DockerEngine, name: &str) -> Result<Option<Container>, Problem> {
    Ok(inspect(engine, name).await?.map(view))
}

fn view(told: ContainerInspectResponse) -> Container {
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
        restart_count: told
            .restart_count
            .and_then(|count| u64::try_from(count).ok())
            .unwrap_or(0),
        restart_policy: policy(&host),
        labels: config.labels.unwrap_or_default().into_iter().collect(),
        mounts: told.mounts.unwrap_or_default().into_iter().map(mount).collect(),
        stop_grace_ms: stop_seconds.map(|seconds| seconds.saturating_mul(1000)),
        is_removed_at_end: host.auto_remove.unwrap_or(false),
    }
}

fn state(told: bollard::models::ContainerState) -> ContainerState {
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
        failing_streak: told
            .failing_streak
            .and_then(|count| u64::try_from(count).ok())
            .unwrap_or(0),
        last_output: last.unwrap_or_default().lines().next().unwrap_or_default().to_owned(),
    })
}

fn policy(host: &HostConfig) -> RestartPolicy {
    let told = host.restart_policy.clone().unwrap_or_default();
    let name = told.name.map(|name| name.to_string()).filter(|name| !name.is_empty());
    RestartPolicy {
        name: name.unwrap_or_else(|| "no".to_owned()),
        maximum_retries: told
            .maximum_retry_count
            .and_then(|count| u32::try_from(count).ok())
            .unwrap_or(0),
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

/// A filter of a list.
pub(super) fn filter(key: &str, values: Vec<String>) -> HashMap<String, Vec<String>> {
    HashMap::from([(key.to_owned(), values)])
}

pub(super) fn label_words(labels: &[(&str, &str)]) -> Vec<String> {
    labels.iter().map(|(name, value)| format!("{name}={value}")).collect()
}

async fn list(engine: &DockerEngine, key: &str, values: Vec<String>) -> Result<Vec<ContainerSummary>, Problem> {
    let docker = engine.docker().await?;
    let options = ListContainersOptions {
        all: true,
        filters: Some(filter(key, values)),
        ..ListContainersOptions::default()
    };
    engine
        .ask("which containers there are", docker.list_containers(Some(options)))
        .await
}

/// The name of a container in a list: a link makes further names with a slash in them.
fn name_of(summary: &ContainerSummary) -> String {
    let names = summary.names.iter().flatten().map(|name| name.trim_start_matches('/'));
    let own = names.clone().find(|name| !name.contains('/'));
    own.or(summary.id.as_deref()).unwrap_or_default().to_owned()
}

pub(super) async fn labelled(engine: &DockerEngine, labels: &[(&str, &str)]) -> Result<Vec<String>, Problem> {
    let mut names: Vec<String> = list(engine, "label", label_words(labels))
        .await?
        .iter()
        .map(name_of)
        .collect();
    names.sort();
    Ok(names)
}

pub(super) async fn users_of_volume(engine: &DockerEngine, volume: &str) -> Result<Vec<String>, Problem> {
    let found = list(engine, "volume", vec![volume.to_owned()]).await?;
    // The engine also finds what has something mounted *at* a path of this name.
    let mounts_it = |summary: &&ContainerSummary| {
        summary
            .mounts
            .iter()
            .flatten()
            .any(|mount| mount.name.as_deref() == Some(volume))
    };
    let mut names: Vec<String> = found.iter().filter(mounts_it).map(name_of).collect();
    names.sort();
    Ok(names)
}

/// Whether something was done: `false` where nothing had to be.
fn was_done(answer: Result<(), Problem>) -> Result<bool, Problem> {
    match answer {
        Ok(()) => Ok(true),
        Err(Problem::Refused {
            status: NOT_MODIFIED, ..
        }) => Ok(false),
        Err(problem) => Err(problem),
    }
}

pub(super) async fn start(engine: &DockerEngine, container: &str) -> Result<bool, Problem> {
    let name = problem::name(container)?;
    let docker = engine.docker().await?;
    let what = format!("start of container {name}");
    was_done(engine.change(&what, docker.start_container(name, None)).await)
}

pub(super) async fn stop(engine: &DockerEngine, container: &str, grace: Duration) -> Result<bool, Problem> {
    let name = problem::name(container)?.to_owned();
    engine.docker().await?;
    let engine = engine.clone();
    let grace_seconds = i32::try_from(grace.as_millis().div_ceil(1000)).unwrap_or(i32::MAX);
    let limit = Duration::from_secs(u64::from(grace_seconds.unsigned_abs())) + engine.limits().change;
    // A task of its own: dropping the caller does not drop the request.
    let sent = tokio::spawn(async move {
        let docker = engine.docker().await?;
        let options = StopContainerOptions {
            t: Some(grace_seconds),
            ..StopContainerOptions::default()
        };
        let what = format!("stop of container {name}");
        was_done(
            engine
                .within(&what, limit, docker.stop_container(&name, Some(options)))
                .await,
        )
    });
    sent.await.unwrap_or_else(|_| {
        Err(Problem::Lost(
            "the task that asked the engine to stop a container has ended".into(),
        ))
    })
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

pub(super) async fn set_restart_policy(
    engine: &DockerEngine,
    container: &str,
    policy: &RestartPolicy,
) -> Result<(), Problem> {
    let name = problem::name(container)?;
    let body = ContainerUpdateBody {
        restart_policy: Some(engine_policy(policy)?),
        ..ContainerUpdateBody::default()
    };
    let docker = engine.docker().await?;
    let what = format!("restart policy of container {name}");
    engine.change(&what, docker.update_container(name, body)).await
}

pub(super) async fn rename(engine: &DockerEngine, container: &str, name: &str) -> Result<(), Problem> {
    let old = problem::name(container)?;
    let options = RenameContainerOptions {
        name: problem::name(name)?.to_owned(),
    };
    let docker = engine.docker().await?;
    let what = format!("new name of container {old}");
    engine.change(&what, docker.rename_container(old, options)).await
}

pub(super) async fn remove(engine: &DockerEngine, container: &str, with_volumes: bool) -> Result<bool, Problem> {
    let name = problem::name(container)?;
    let options = RemoveContainerOptions {
        v: with_volumes,
        ..RemoveContainerOptions::default()
    };
    let docker = engine.docker().await?;
    let what = format!("removal of container {name}");
    match engine.change(&what, docker.remove_container(name, Some(options))).await {
        Err(problem) if problem.is_missing() => Ok(false),
        removed => removed.map(|()| true),
    }
}

/// Waits for an end. The waiting request only wakes: what counts is what the container is like then, because the
/// waiting also ends at once for a container that was never started.
pub(super) async fn ended(engine: &DockerEngine, container: &str) -> Result<i64, Problem> {
    let mut was_woken_in_vain = false;
    loop {
        if let Some(exit_code) = ended_already(engine, container).await? {
            return Ok(exit_code);
        }
        let woken = async {
            if was_woken_in_vain || !wakes(engine, container).await {
                std::future::pending::<()>().await;
            }
        };
        was_woken_in_vain = tokio::time::timeout(ASK_AGAIN, woken).await.is_ok();
    }
}

/// Holds a waiting request; `true` when the engine says that the container does not run.
async fn wakes(engine: &DockerEngine, container: &str) -> bool {
    let Ok(docker) = engine.docker().await else {
        return false;
    };
    let options = WaitContainerOptions {
        condition: "not-running".to_owned(),
    };
    let mut answers = pin!(docker.wait_container(container, Some(options)));
    // An exit status other than 0 is an error to the library.
    matches!(
        answers.next().await,
        Some(Ok(_) | Err(Error::DockerContainerWaitError { .. }))
    )
}

async fn ended_already(engine: &DockerEngine, container: &str) -> Result<Option<i64>, Problem> {
    match inspect(engine, container).await {
        Ok(Some(told)) => {
            let state = state(told.state.unwrap_or_default());
            let is_over = matches!(state.status.as_str(), "exited" | "dead") && !state.is_restarting;
            Ok(is_over.then_some(state.exit_code))
        }
        Ok(None) => Err(Problem::Refused {
            status: 404,
            message: format!("container {container} is gone, and its exit status with it"),
        }),
        // An engine that is being restarted is asked again.
        Err(Problem::Unreachable(_) | Problem::Lost(_)) => Ok(None),
        Err(Problem::Refused { status, .. }) if status >= 500 => Ok(None),
        Err(problem) => Err(problem),
    }
}
