//! The port to container engines, as requests to Docker.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use bollard::models::{ContainerInspectResponse, ContainerSummary, ContainerUpdateBody, VolumeCreateRequest};
use bollard::query_parameters::{
    ListContainersOptions, ListVolumesOptions, RemoveContainerOptions, RemoveVolumeOptions, RenameContainerOptions,
    StopContainerOptions,
};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::io::AsyncRead;

use super::problem::{self, NOT_MODIFIED};
use super::{DockerEngine, connect, create, ended, images, neighbours, printed, trees, view};
use crate::containers::{
    Container, Containers, CreateContainer, EngineVersion, Image, LogEnd, Printed, Problem, ProgramOrder,
    RestartPolicy, Sharer, Volume,
};

/// An id may be shortened to so many digits, not further: a name must not be taken for one.
const ID_DIGITS_MIN: usize = 12;
/// How many containers are looked at at once, each over a connection of its own.
const LOOKS_AT_ONCE: usize = 8;

impl DockerEngine {
    /// What the engine tells of a container, whole: stays inside this module.
    pub(super) async fn inspect(&self, name: &str) -> Result<Option<ContainerInspectResponse>, Problem> {
        let name = problem::name(name)?;
        let docker = self.docker().await?;
        let what = format!("what container {name} is like");
        let told = if_there(self.ask(&what, docker.inspect_container(name, None)).await)?;
        // The engine also takes the first digits of an id, so `cafe` may find what is not called so.
        Ok(told.filter(|told| {
            let known = told.name.as_deref().map(|known| known.trim_start_matches('/'));
            let id = told.id.as_deref().unwrap_or_default();
            known == Some(name) || (name.len() >= ID_DIGITS_MIN && id.starts_with(name))
        }))
    }

    /// The containers, running or not, that carry every one of these labels.
    async fn list(&self, labels: &[(&str, &str)]) -> Result<Vec<ContainerSummary>, Problem> {
        let docker = self.docker().await?;
        let options = ListContainersOptions {
            all: true,
            filters: Some(HashMap::from([("label".to_owned(), label_words(labels))])),
            ..ListContainersOptions::default()
        };
        let listed = docker.list_containers(Some(options));
        self.ask("which containers there are", listed).await
    }

    /// Every container, running or not. They are looked at by their ids, of which no other has one later, so what is
    /// not there is gone and was not renamed.
    pub(super) async fn inspect_all(&self) -> Result<Vec<ContainerInspectResponse>, Problem> {
        let listed = self.list(&[]).await?.into_iter().filter_map(|listed| listed.id);
        let told = stream::iter(listed).map(async |id| self.inspect(&id).await);
        let told: Vec<_> = told.buffered(LOOKS_AT_ONCE).try_collect().await?;
        Ok(told.into_iter().flatten().collect())
    }
}

/// `None` where the engine says that the thing is not there.
pub(super) fn if_there<T>(answer: Result<T, Problem>) -> Result<Option<T>, Problem> {
    match answer {
        Err(problem) if problem.is_missing() => Ok(None),
        answer => answer.map(Some),
    }
}

/// Whether something was done: `false` where nothing had to be.
fn was_done(answer: Result<(), Problem>) -> Result<bool, Problem> {
    match answer {
        Err(Problem::Refused {
            status: NOT_MODIFIED, ..
        }) => Ok(false),
        answer => answer.map(|()| true),
    }
}

fn label_words(labels: &[(&str, &str)]) -> Vec<String> {
    labels.iter().map(|(name, value)| format!("{name}={value}")).collect()
}

#[async_trait]
#[deny(
    clippy::missing_trait_methods,
    reason = "a method that it has not would say that there is no engine"
)]
impl Containers for DockerEngine {
    async fn version(&self) -> Result<EngineVersion, Problem> {
        self.docker().await?;
        let limit = self.limits().question;
        let asked = connect::agree(self.bare()?, &self.shared.address);
        let agreed = tokio::time::timeout(limit, asked)
            .await
            .map_err(|_| Problem::Lost(problem::silent(&self.shared.address, "its version", limit)))??;
        Ok(EngineVersion {
            interface: format!("1.{}", agreed.minor),
            engine: agreed.engine,
        })
    }

    async fn container(&self, name: &str) -> Result<Option<Container>, Problem> {
        Ok(self.inspect(name).await?.map(view::container))
    }

    async fn all(&self) -> Result<Vec<Container>, Problem> {
        Ok(self.inspect_all().await?.into_iter().map(view::container).collect())
    }

    async fn labelled(&self, labels: &[(&str, &str)]) -> Result<Vec<String>, Problem> {
        let listed = self.list(labels).await?;
        let mut names: Vec<String> = listed.iter().map(view::name_of).collect();
        names.sort();
        Ok(names)
    }

    async fn sharers(&self, container: &str) -> Result<Vec<Sharer>, Problem> {
        neighbours::sharers(self, container).await
    }

    async fn obstacles(&self, container: &str, other: Option<&str>) -> Result<Vec<String>, Problem> {
        Box::pin(neighbours::obstacles(self, container, other)).await
    }

    async fn create(&self, order: &CreateContainer) -> Result<String, Problem> {
        Box::pin(create::create(self, order)).await
    }

    async fn start(&self, container: &str) -> Result<bool, Problem> {
        let name = problem::name(container)?;
        let started = self.docker().await?.start_container(name, None);
        was_done(self.change(&format!("start of container {name}"), started).await)
    }

    async fn stop(&self, container: &str, grace: Duration) -> Result<bool, Problem> {
        let name = problem::name(container)?.to_owned();
        self.docker().await?;
        let engine = self.clone();
        let grace_seconds = i32::try_from(grace.as_millis().div_ceil(1000)).unwrap_or(i32::MAX);
        let limit = Duration::from_secs(u64::from(grace_seconds.unsigned_abs())) + self.limits().change;
        // A task of its own: dropping the caller does not drop the request.
        let sent = tokio::spawn(async move {
            let options = StopContainerOptions {
                t: Some(grace_seconds),
                ..StopContainerOptions::default()
            };
            let stopped = engine.docker().await?.stop_container(&name, Some(options));
            let what = format!("stop of container {name}");
            was_done(engine.within(&what, limit, stopped).await)
        });
        let ended = "the task that asked the engine to stop a container has ended";
        sent.await.unwrap_or_else(|_| Err(Problem::Lost(ended.to_owned())))
    }

    async fn set_restart_policy(&self, container: &str, policy: &RestartPolicy) -> Result<(), Problem> {
        let name = problem::name(container)?;
        let body = ContainerUpdateBody {
            restart_policy: Some(view::engine_policy(policy)?),
            ..ContainerUpdateBody::default()
        };
        let updated = self.docker().await?.update_container(name, body);
        self.change(&format!("restart policy of container {name}"), updated)
            .await
    }

    async fn rename(&self, container: &str, name: &str) -> Result<(), Problem> {
        let old = problem::name(container)?;
        let name = problem::name(name)?.to_owned();
        let renamed = self
            .docker()
            .await?
            .rename_container(old, RenameContainerOptions { name });
        self.change(&format!("new name of container {old}"), renamed).await
    }

    async fn remove(&self, container: &str, with_volumes: bool) -> Result<bool, Problem> {
        let name = problem::name(container)?;
        let options = RemoveContainerOptions {
            v: with_volumes,
            ..RemoveContainerOptions::default()
        };
        let removed = self.docker().await?.remove_container(name, Some(options));
        let removed = self.change(&format!("removal of container {name}"), removed).await;
        Ok(if_there(removed)?.is_some())
    }

    async fn ended(&self, container: &str) -> Result<i64, Problem> {
        ended::ended(self, container).await
    }

    async fn logs(&self, container: &str, end: &LogEnd) -> Result<Printed, Problem> {
        printed::logs(self, container, end).await
    }

    async fn run_in(
        &self,
        container: &str,
        program: &ProgramOrder,
        limit: Duration,
    ) -> Result<(i64, Printed), Problem> {
        printed::run_in(self, container, program, limit).await
    }

    async fn image(&self, reference: &str) -> Result<Option<Image>, Problem> {
        Ok(images::inspect(self, reference).await?.map(|told| Image {
            id: told.id.unwrap_or_default(),
            repository_digests: told.repo_digests.unwrap_or_default(),
        }))
    }

    async fn pull(&self, reference: &str, progress: &mut (dyn FnMut(String) + Send)) -> Result<(), Problem> {
        images::pull(self, reference, progress).await
    }

    async fn volume(&self, name: &str) -> Result<Option<Volume>, Problem> {
        let name = problem::name(name)?;
        let told = self.docker().await?.inspect_volume(name);
        let told = self.ask(&format!("what volume {name} is like"), told).await;
        Ok(if_there(told)?.map(|told| Volume {
            name: told.name,
            driver: told.driver,
            mountpoint: told.mountpoint,
            options: told.options.into_iter().collect(),
            labels: told.labels.into_iter().collect(),
        }))
    }

    /// The engine takes one of this name that is there already for a success: who makes one asks first.
    async fn create_volume(&self, name: &str, labels: &[(String, String)]) -> Result<(), Problem> {
        let name = problem::name(name)?;
        let order = VolumeCreateRequest {
            name: Some(name.to_owned()),
            labels: Some(labels.iter().cloned().collect()),
            ..VolumeCreateRequest::default()
        };
        let made = self.docker().await?.create_volume(order);
        self.change(&format!("new volume {name}"), made).await.map(drop)
    }

    async fn remove_volume(&self, name: &str) -> Result<bool, Problem> {
        let name = problem::name(name)?;
        let removed = self.docker().await?.remove_volume(name, None::<RemoveVolumeOptions>);
        let removed = self.change(&format!("removal of volume {name}"), removed).await;
        Ok(if_there(removed)?.is_some())
    }

    async fn labelled_volumes(&self, labels: &[(&str, &str)]) -> Result<Vec<String>, Problem> {
        let options = ListVolumesOptions {
            filters: Some(HashMap::from([("label".to_owned(), label_words(labels))])),
        };
        let listed = self.docker().await?.list_volumes(Some(options));
        let told = self.ask("which volumes there are", listed).await?;
        let mut names: Vec<String> = told.volumes.into_iter().flatten().map(|volume| volume.name).collect();
        names.sort();
        Ok(names)
    }

    async fn read_tree(&self, container: &str, path: &str) -> Result<Box<dyn AsyncRead + Send + Unpin>, Problem> {
        trees::read(self, container, path).await
    }

    async fn write_tree(
        &self,
        container: &str,
        path: &str,
        tar: Box<dyn AsyncRead + Send + Unpin>,
    ) -> Result<(), Problem> {
        trees::write(self, container, path, tar).await
    }
}
