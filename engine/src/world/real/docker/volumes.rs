//! Volumes.

use bollard::models::VolumeCreateRequest;
use bollard::query_parameters::{ListVolumesOptions, RemoveVolumeOptions};

use crate::containers::{Problem, Volume};

use super::DockerEngine;
use super::containers::{filter, label_words};
use super::problem;

pub(super) async fn volume(engine: &DockerEngine, name: &str) -> Result<Option<Volume>, Problem> {
    let name = problem::name(name)?;
    let docker = engine.docker().await?;
    let what = format!("what volume {name} is like");
    match engine.ask(&what, docker.inspect_volume(name)).await {
        Err(problem) if problem.is_missing() => Ok(None),
        Err(problem) => Err(problem),
        Ok(told) => Ok(Some(Volume {
            name: told.name,
            driver: told.driver,
            mountpoint: told.mountpoint,
            options: told.options.into_iter().collect(),
            labels: told.labels.into_iter().collect(),
        })),
    }
}

/// Makes a volume. The engine takes one of this name that is there already for a success: who makes one asks first.
pub(super) async fn create(engine: &DockerEngine, name: &str, labels: &[(String, String)]) -> Result<(), Problem> {
    let name = problem::name(name)?;
    let order = VolumeCreateRequest {
        name: Some(name.to_owned()),
        labels: Some(labels.iter().cloned().collect()),
        ..VolumeCreateRequest::default()
    };
    let docker = engine.docker().await?;
    let what = format!("new volume {name}");
    engine.change(&what, docker.create_volume(order)).await.map(|_| ())
}

pub(super) async fn remove(engine: &DockerEngine, name: &str) -> Result<bool, Problem> {
    let name = problem::name(name)?;
    let docker = engine.docker().await?;
    let what = format!("removal of volume {name}");
    let removed = docker.remove_volume(name, None::<RemoveVolumeOptions>);
    match engine.change(&what, removed).await {
        Err(problem) if problem.is_missing() => Ok(false),
        removed => removed.map(|()| true),
    }
}

pub(super) async fn labelled(engine: &DockerEngine, labels: &[(&str, &str)]) -> Result<Vec<String>, Problem> {
    let docker = engine.docker().await?;
    let options = ListVolumesOptions {
        filters: Some(filter("label", label_words(labels))),
    };
    let told = engine
        .ask("which volumes there are", docker.list_volumes(Some(options)))
        .await?;
    let mut names: Vec<String> = told.volumes.into_iter().flatten().map(|volume| volume.name).collect();
    names.sort();
    Ok(names)
}
