//! Brings a service of a project up with what is pinned, and with it what shares its network.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::Engine;
use super::others::Others;
use super::pin::Pin;
use super::project::{Error, Project};
use crate::action::{Arguments, Context, Outcome, Settled};
use crate::containers::Container;

/// Starts one service and nothing that it depends on; builds nothing.
const UP: [&str; 5] = ["up", "--detach", "--no-deps", "--no-build", "--quiet-pull"];

/// What starting needs.
#[derive(Clone)]
pub(super) struct BringUp {
    pub(super) engine: Engine,
    pub(super) others: Others,
}

impl BringUp {
    pub(super) fn new(engine: &Engine, others: &Others) -> Self {
        Self {
            engine: engine.clone(),
            others: others.clone(),
        }
    }

    pub(super) async fn project<'a>(&self, context: &'a Context, arguments: &Arguments) -> Result<Project<'a>, Error> {
        Project::of(context, arguments, &self.engine).await
    }

    /// What would become otherwise beside the image: the project is not as it was when the container was made. Refused
    /// where that is because variables are missing that the environment of whoever made it had.
    pub(super) async fn other_changes(
        &self,
        project: &Project<'_>,
        pin: Option<&Pin>,
    ) -> Result<Option<String>, Error> {
        let Some(container) = project.container(&self.engine).await? else {
            return Ok(None);
        };
        let variables = pin.map(|pin| pin.as_variable(&container.image));
        let (is_same, unset) = project
            .is_as_made(&container, variables.as_ref().map_or(&[], |one| one))
            .await?;
        if is_same {
            return Ok(None);
        }
        if unset.is_empty() {
            return Ok(Some(format!(
                "{} was made from other settings than its project has now, so more than the image changes",
                container.name
            )));
        }
        let names = unset.into_iter().collect::<Vec<_>>().join(", ");
        Err(Error::Failed(format!(
            "{} was made with other variables than its project has now: nothing sets {names}; put them into {}",
            container.name,
            project.of.folder.join(".env").display()
        )))
    }

    /// Does it; gives what was seen.
    pub(super) async fn perform(&self, project: &Project<'_>, arguments: &Arguments) -> Result<String, Outcome> {
        let service = project.of.service.as_str();
        project.container(&self.engine).await.map_err(Outcome::from)?;
        self.sweep(project, service).await.map_err(Outcome::from)?;
        if let Err(outcome) = self.up(project, &[], &[service]).await
            // A reply that was lost says nothing of what was done.
            && !(matches!(outcome, Outcome::Failed(_)) && self.is_up(project).await)
        {
            return Err(outcome);
        }
        let started = self.others.perform("docker.start", project.context, arguments).await;
        if !matches!(started, Outcome::Done(_)) {
            return Err(started);
        }
        let running = project
            .container(&self.engine)
            .await
            .map_err(Outcome::from)?
            .unwrap_or_default();
        let seen = format!("{} runs from {}", running.name, running.image);
        let cut_off = self.cut_off(project).await.map_err(Outcome::from)?;
        if cut_off.is_empty() {
            return Ok(seen);
        }
        for service in &cut_off {
            self.sweep(project, service).await.map_err(Outcome::from)?;
        }
        let names: Vec<&str> = cut_off.iter().map(String::as_str).collect();
        self.up(project, &["--force-recreate"], &names).await?;
        let left = self.cut_off(project).await.map_err(Outcome::from)?;
        if left.is_empty() {
            return Ok(format!("{seen}; made anew with it: {}", names.join(", ")));
        }
        let left = left.into_iter().collect::<Vec<_>>().join(", ");
        Err(Outcome::failed(format!("{seen}; but {left} is still cut off from it")))
    }

    async fn up(&self, project: &Project<'_>, how: &[&str], services: &[&str]) -> Result<(), Outcome> {
        let words = [&UP[..], how, services].concat();
        project.call(&words, &[], true).await.map(drop).map_err(Outcome::from)
    }

    /// Removes what Compose was about to put in a service's place when it was interrupted.
    async fn sweep(&self, project: &Project<'_>, service: &str) -> Result<(), Error> {
        for left in project.of.unfinished_of(service, &self.engine).await? {
            self.engine.change(|it| it.remove(&left.id, true)).await?;
        }
        Ok(())
    }

    /// Whether it runs as the project says.
    async fn is_up(&self, project: &Project<'_>) -> bool {
        let Ok(Some(container)) = project.container(&self.engine).await else {
            return false;
        };
        let as_made = project.is_as_made(&container, &[]).await;
        container.state.is_running && as_made.is_ok_and(|(is_same, _)| is_same)
    }

    /// Whether it was done.
    pub(super) async fn settle(&self, project: &Project<'_>, arguments: &Arguments) -> Result<Settled, Error> {
        let settled = self.others.settle("docker.start", project.context, arguments).await;
        if !matches!(settled, Settled::Done(_)) {
            return Ok(settled);
        }
        let cut_off = self.cut_off(project).await?;
        Ok(match cut_off.first() {
            None => settled,
            Some(name) => Settled::NotDone(format!("{name} is still cut off from it")),
        })
    }

    /// The services of the project that run, share what this one has, and are older than it is up: what they share is
    /// that of before.
    async fn cut_off(&self, project: &Project<'_>) -> Result<BTreeSet<String>, Error> {
        let Some(owner) = project.container(&self.engine).await? else {
            return Ok(BTreeSet::new());
        };
        let config = project.config(&[], true).await?;
        let mut found = BTreeSet::new();
        for service in config.sharing(&project.of.service) {
            let containers = project.of.containers_of(&service, &self.engine).await?;
            let is_older = |container: &Container| container.state.is_running && since(container) < since(&owner);
            if containers.iter().any(is_older) {
                found.insert(service);
            }
        }
        Ok(found)
    }
}

/// Since when a container is up.
fn since(container: &Container) -> Option<Timestamp> {
    container.state.started_at.parse().ok()
}
