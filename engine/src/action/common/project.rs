//! Which containers are of a service of a Compose project: by the labels that Compose gives them.

use std::path::{Path, PathBuf};

use backstay_dsl::service_kind::ServiceKind;

use super::engine::RetryingEngine;
use crate::action::{Arguments, Context};
use crate::containers::{Container, Problem};

/// The project of a container.
pub(crate) const PROJECT: &str = "com.docker.compose.project";
/// The service that it is of.
const SERVICE: &str = "com.docker.compose.service";
/// The folder of its project.
const FOLDER: &str = "com.docker.compose.project.working_dir";
/// `True` of one that was made to run one command.
const ONE_OFF: &str = "com.docker.compose.oneoff";

/// A service of a project, as a text names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OfProject {
    pub(crate) folder: PathBuf,
    pub(crate) service: String,
}

impl OfProject {
    /// The service of a call; `None` where it is of no project.
    pub(crate) fn of(context: &Context, arguments: &Arguments) -> Option<Self> {
        let member = context.topology.member(arguments.text("service")?)?;
        let service = member.runs.named(ServiceKind::Compose)?.clone();
        let folder = context.working_directory.join(member.runs.within().first()?);
        Some(Self { folder, service })
    }

    /// Its containers, running or not.
    pub(crate) async fn containers(&self, engine: &RetryingEngine) -> Result<Vec<Container>, Problem> {
        self.containers_of(&self.service, engine).await
    }

    /// The one that it has; `None` where it has none. An error in words where there are several.
    pub(crate) async fn container(
        &self,
        engine: &RetryingEngine,
    ) -> Result<Result<Option<Container>, String>, Problem> {
        let mut all = self.containers(engine).await?;
        all.retain(|container| !is_unfinished(container));
        let found = all.pop();
        let service = &self.service;
        Ok(match all.len() {
            0 => Ok(found),
            more => Err(format!(
                "`{service}` has {} containers, and nothing is done to more than one yet",
                more + 1
            )),
        })
    }

    /// Those of any service of its project that were made in place of another, and never came to run.
    pub(crate) async fn unfinished_of(
        &self,
        service: &str,
        engine: &RetryingEngine,
    ) -> Result<Vec<Container>, Problem> {
        let mut all = self.containers_of(service, engine).await?;
        all.retain(is_unfinished);
        Ok(all)
    }

    /// The containers of any service of its project.
    pub(crate) async fn containers_of(
        &self,
        service: &str,
        engine: &RetryingEngine,
    ) -> Result<Vec<Container>, Problem> {
        let labels = [(SERVICE, service)];
        let mut found = Vec::new();
        for name in engine.ask(|it| it.labelled(&labels)).await? {
            let container = engine.ask(|it| it.container(&name)).await?;
            found.extend(container.filter(|container| self.is_ours(container)));
        }
        Ok(found)
    }

    /// Any container of its project, which tells how the project is called.
    pub(crate) async fn any(&self, engine: &RetryingEngine) -> Result<Option<Container>, Problem> {
        if let Some(own) = self.containers(engine).await?.into_iter().next() {
            return Ok(Some(own));
        }
        let folder = self.folder.to_string_lossy();
        let labels = [(FOLDER, folder.as_ref())];
        for name in engine.ask(|it| it.labelled(&labels)).await? {
            if let Some(container) = engine.ask(|it| it.container(&name)).await? {
                return Ok(Some(container));
            }
        }
        Ok(None)
    }

    fn is_ours(&self, container: &Container) -> bool {
        let label = |name: &str| container.labels.get(name).map_or("", String::as_str);
        !label(ONE_OFF).eq_ignore_ascii_case("true") && is_same_folder(Path::new(label(FOLDER)), &self.folder)
    }
}

/// Whether Compose was interrupted while it put this container in the place of another: until it has that one's name it is
/// called `ID_NAME`, and it is started last.
fn is_unfinished(container: &Container) -> bool {
    let digits = container.name.split_once('_').map_or("", |(digits, _)| digits);
    digits.len() == 12
        && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
        && !container.state.is_running
        && (container.state.started_at.is_empty() || container.state.status == "created")
}

/// Whether two names lead to one folder, as far as it is on this machine.
fn is_same_folder(one: &Path, other: &Path) -> bool {
    let is_same = |one: &Path, other: &Path| one.components().eq(other.components());
    is_same(one, other)
        || match (one.canonicalize(), other.canonicalize()) {
            (Ok(one), Ok(other)) => one == other,
            _ => false,
        }
}
