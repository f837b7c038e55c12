//! Volumes of a container engine as parts of protected state: where they lie, and how they are reached.
//!
//! A volume whose files lie on this machine is kept as the directory that it is: its *mountpoint*. Invariants:
//! a mountpoint is believed only after the engine made something there that is seen from here; an engine that
//! does not answer is never taken for one that says "nobody".

mod engine;
mod here;
mod users;

use std::sync::Arc;

use super::manifest::{PartKind, VolumeHeader};
use super::problem::{Result, refused};
use super::scope::Part;
use crate::action::Context;
use crate::containers::{Containers, Volume};
pub(super) use engine::Engine;
pub(super) use users::{Sight, Wanted};

/// What a runbook's volumes are reached with.
#[derive(Clone)]
pub(super) struct Volumes {
    engine: Engine,
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
    /// Reached with this engine, for this attempt. To be called inside of the runtime.
    pub(super) fn new(containers: &Arc<dyn Containers>, context: &Context) -> Self {
        Self {
            engine: Engine::new(containers.clone(), context),
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
        let mountpoint = match (here::mountpoint(volume), trial) {
            (Some(mountpoint), Trial::Allowed) if !here::is_here(&self.engine, &mountpoint)? => None,
            (mountpoint, _) => mountpoint,
        };
        let header = VolumeHeader {
            name: volume.name.clone(),
            driver: volume.driver.clone(),
            has_options: !volume.options.is_empty(),
            labels: volume.labels.clone(),
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

    /// Refuses while a container that runs has its hands on one of these parts' volumes, and gives what was seen.
    pub(super) fn quiet(&self, parts: &[Part], wanted: Wanted) -> Result<Sight> {
        users::quiet(&self.engine, parts, wanted)
    }

    /// The same once more, and refuses what was started since.
    pub(super) fn still_quiet(&self, parts: &[Part], wanted: Wanted, before: &Sight) -> Result<()> {
        let now = users::quiet(&self.engine, parts, wanted)?;
        users::refuse_started(before, &now)
    }
}
