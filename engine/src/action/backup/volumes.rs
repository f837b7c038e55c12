//! Volumes of a container engine as parts of protected state: where they lie, and how they are reached.
//!
//! A volume whose files lie on this machine is kept as the directory that it is: its *mountpoint*. Any other one
//! is read and written through a helper container. Invariants:
//! a mountpoint is believed only after the engine made something there that is seen from here; an engine that
//! does not answer is never taken for one that says "nobody".

mod bridge;
mod engine;
mod helper;
mod here;
mod users;

use super::manifest::{PartKind, VolumeHeader};
use super::part::Part;
use super::problem::{Result, refused};
use crate::action::Context;
use crate::action::common::engine::RetryingEngine;
use crate::containers::Volume;
use backstay_dsl::service_kind::ServiceKind;
use engine::Engine;
pub(super) use helper::{Helpers, Reader};
pub(super) use users::{Access, Snapshot};

/// What a runbook's volumes are reached with.
#[derive(Clone)]
pub(super) struct Volumes {
    engine: Engine,
    /// The image that was named for helpers.
    helper: Option<String>,
    /// The containers of the services that write the state.
    writers: Vec<String>,
}

/// Whether something may be made to find out where a volume lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trial {
    /// It may: what is found out can be built upon.
    Allowed,
    /// It may not: for a preview.
    Forbidden,
}

impl Volumes {
    /// Those of this state, reached with this engine for this attempt. To be called inside of the runtime.
    pub(super) fn new(engine: &RetryingEngine, context: &Context, state: &str, helper: Option<&str>) -> Self {
        let writers = context
            .topology
            .members()
            .filter(|(_, _, service)| service.is_writer(state));
        Self {
            engine: Engine::new(engine.clone(), context),
            helper: helper.map(ToOwned::to_owned),
            writers: writers
                .filter_map(|(_, member, _)| member.runs.named(ServiceKind::Container).cloned())
                .collect(),
        }
    }

    /// Removes what an attempt of this key left because it was killed.
    pub(super) fn remove_left(&self) -> Result<()> {
        self.engine.remove_left()
    }

    /// Helpers: of the image that was named, else of that of a service that writes the state, else
    /// of any container that has the volume. It has to be here; nothing is fetched.
    pub(super) fn helpers(&self, volume: &str) -> Result<Helpers> {
        let helpers = |image: String| Helpers {
            engine: self.engine.clone(),
            image,
        };
        if let Some(image) = &self.helper {
            return match self.engine.image(image)? {
                Some(_) => Ok(helpers(image.clone())),
                None => refused(format!(
                    "the image {image} for the helper is not here: fetch it first, with `docker.pull` or `docker pull`"
                )),
            };
        }
        for container in &self.writers {
            if let Some(container) = self.engine.container(container)? {
                return Ok(helpers(container.image_id));
            }
        }
        let users = self.engine.all_containers()?;
        match users.into_iter().find(|container| users::has(container, volume)) {
            Some(container) => Ok(helpers(container.image_id)),
            None => refused(format!(
                "the volume {volume} can only be reached by a helper container, and there is no container to take an image from: name one with `helper:`"
            )),
        }
    }

    /// The part that a volume is; refused where there is none.
    pub(super) fn part(&self, name: &str, trial: Trial) -> Result<Part> {
        match self.engine.volume(name)? {
            Some(volume) => self.located(&volume, trial),
            None => refused(format!(
                "there is no volume with the name {name}: look at `docker volume ls`, and at the name in the runbook"
            )),
        }
    }

    /// The same, or `None` where there is none.
    pub(super) fn part_if_there(&self, name: &str) -> Result<Option<Part>> {
        let volume = self.engine.volume(name)?;
        volume.map(|volume| self.located(&volume, Trial::Allowed)).transpose()
    }

    /// Makes a volume again that is gone, as it was.
    pub(super) fn make_again(&self, kept: &VolumeHeader) -> Result<Part> {
        if kept.driver != "local" || kept.has_options {
            return refused(format!(
                "the volume {} is gone, and only plain volumes of the driver local can be made again (it was of the driver {}{}): make it with `docker volume create`, then try again",
                kept.name,
                kept.driver,
                if kept.has_options { ", with options" } else { "" }
            ));
        }
        let labels: Vec<(String, String)> = kept.labels.clone().into_iter().collect();
        self.engine.create_volume(&kept.name, &labels)?;
        self.part(&kept.name, Trial::Allowed)
    }

    fn located(&self, volume: &Volume, trial: Trial) -> Result<Part> {
        if volume.options.get("type").is_some_and(|kind| kind == "tmpfs") {
            return refused(format!(
                "the volume {} is memory, which is gone as soon as no container runs with it: nothing of it can be kept \
                 once the service is stopped; use a volume on disk, or `ignores volume \"{}\" because \"…\"` in the service",
                volume.name, volume.name
            ));
        }
        let mountpoint = match (here::mountpoint(volume), trial) {
            (Some(mountpoint), Trial::Allowed) if !here::is_here(&self.engine, &mountpoint)? => None,
            (mountpoint, _) => mountpoint,
        };
        let header = VolumeHeader {
            name: volume.name.clone(),
            driver: volume.driver.clone(),
            has_options: !volume.options.is_empty(),
            labels: volume.labels.clone(),
            mountpoint: volume.mountpoint.clone(),
            through_helper: mountpoint.is_none(),
        };
        let unreached = Part::unreached(header);
        match mountpoint {
            None => Ok(unreached),
            Some(mountpoint) => Ok(Part {
                path: Part::new(PartKind::Tree, &mountpoint)?.path,
                ..unreached
            }),
        }
    }

    /// Refuses while a container that runs has its hands on one of these parts, and gives what was seen. Nobody is
    /// asked where no part is a volume and no container writes the state.
    pub(super) fn quiet(&self, parts: &[Part], access: Access) -> Result<Snapshot> {
        if self.writers.is_empty() && parts.iter().all(|part| part.volume.is_none()) {
            return Ok(Snapshot::default());
        }
        users::quiet(&self.engine, parts, access)
    }

    /// The same once more, and refuses what was started since.
    pub(super) fn still_quiet(&self, parts: &[Part], access: Access, before: &Snapshot) -> Result<()> {
        let now = self.quiet(parts, access)?;
        users::refuse_started(access, before, &now)
    }
}
