//! Which containers have their hands on protected state: by its volume, or by a mount of its folder.

use std::collections::BTreeMap;
use std::path::Path;

use super::super::part::Part;
use super::super::problem::{Problem, Result, refused};
use super::super::swap::identity;
use super::engine::Engine;
use crate::containers::{Container, ContainerState, Mount, MountKind};

/// How many containers a message names.
const NAMED_MAX: usize = 5;

/// What is to be done with a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Access {
    /// It is read: nobody may write to it.
    Read,
    /// It is read while others may write to it: the text says why that does no harm.
    ReadLive,
    /// Its content is replaced: nobody may even see it, because whoever runs goes on seeing what was replaced.
    Replace,
}

/// Which containers had a volume, and when each was last started.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Snapshot(BTreeMap<String, Seen>);

#[derive(Debug, PartialEq, Eq)]
struct Seen {
    name: String,
    started_at: String,
    /// What it has, as people say it.
    part: String,
}

/// Refuses while a container that runs is in the way.
pub(super) fn quiet(engine: &Engine, parts: &[Part], access: Access) -> Result<Snapshot> {
    let mut snapshot = Snapshot::default();
    let containers = engine.all_containers()?;
    let mut in_the_way = Vec::new();
    for part in parts {
        for container in &containers {
            let hands: Vec<Hand> = container.mounts.iter().filter_map(|mount| hand(mount, part)).collect();
            if hands.is_empty() {
                continue;
            }
            let seen = Seen {
                name: container.name.clone(),
                started_at: container.state.started_at.clone(),
                part: part.shown(),
            };
            snapshot
                .0
                .insert(format!("{} {}", container.id, part.named.display()), seen);
            if is_active(&container.state) {
                let harmful = hands.iter().filter(|hand| hand.does_harm(access));
                in_the_way.extend(harmful.map(|hand| hand.told(container, part)));
            }
        }
    }
    if in_the_way.is_empty() {
        return Ok(snapshot);
    }
    let more = in_the_way.len().saturating_sub(NAMED_MAX);
    in_the_way.truncate(NAMED_MAX);
    if more > 0 {
        in_the_way.push(format!("{more} more"));
    }
    refused(format!("{}: stop that first", in_the_way.join("; ")))
}

/// Refuses where a container was started between two looks, also where it has ended since.
pub(super) fn refuse_started(access: Access, before: &Snapshot, now: &Snapshot) -> Result<()> {
    if access == Access::ReadLive {
        return Ok(());
    }
    for (id, seen) in &now.0 {
        let earlier = before.0.get(id).map_or("", |seen| seen.started_at.as_str());
        if seen.started_at != earlier {
            let Seen { name, part, .. } = seen;
            return match access {
                Access::Read | Access::ReadLive => {
                    Err(Problem::Changed(format!("{part} (the container {name} was started)")))
                }
                Access::Replace => refused(format!(
                    "the container {name} was started while {part} was put back: stop it, and try again"
                )),
            };
        }
    }
    Ok(())
}

/// Whether a container has this volume, running or not.
pub(super) fn has(container: &Container, volume: &str) -> bool {
    let is_it = |mount: &Mount| matches!(&mount.kind, MountKind::Volume { name, .. } if name == volume);
    container.mounts.iter().any(is_it)
}

/// A container that is none of these may run at any moment.
fn is_active(state: &ContainerState) -> bool {
    state.is_running
        || state.is_restarting
        || !matches!(state.status.as_str(), "created" | "exited" | "dead" | "removing")
}

/// How a container has a volume.
struct Hand<'a> {
    mount: &'a Mount,
    /// The path of this machine that is mounted, where it is not the volume itself.
    path: Option<&'a str>,
    /// Whether what it sees stays what it was when the volume's folder is exchanged.
    sees_old: bool,
}

fn hand<'a>(mount: &'a Mount, part: &Part) -> Option<Hand<'a>> {
    match &mount.kind {
        MountKind::Volume { name, .. } if part.volume.as_ref().is_some_and(|volume| volume.name == *name) => {
            Some(Hand {
                mount,
                path: None,
                sees_old: true,
            })
        }
        MountKind::Volume { source, .. } | MountKind::Bind { source } => {
            let given = || Path::new(source).to_owned();
            let (mountpoint, real) = match part.mountpoint() {
                Some(mountpoint) => (mountpoint, given().canonicalize().unwrap_or_else(|_| given())),
                // On another machine: as its engine says it.
                None => (
                    part.volume.as_ref().map(|volume| Path::new(&volume.mountpoint))?,
                    given(),
                ),
            };
            if !mountpoint.is_absolute() || !real.is_absolute() {
                return None;
            }
            let is_in = real.starts_with(mountpoint) || part.mountpoint().is_some_and(|here| is_one(&real, here));
            (is_in || mountpoint.starts_with(&real)).then_some(Hand {
                mount,
                path: Some(source),
                sees_old: is_in,
            })
        }
        MountKind::Memory | MountKind::Other { .. } => None,
    }
}

/// Whether two paths of this machine are one folder, as those of a volume that mounts another one's are.
fn is_one(one: &Path, other: &Path) -> bool {
    matches!((identity(one), identity(other)), (Ok(Some(one)), Ok(Some(other))) if one == other)
}

impl Hand<'_> {
    fn does_harm(&self, access: Access) -> bool {
        match access {
            Access::Read => self.mount.is_writable,
            Access::ReadLive => false,
            Access::Replace => self.mount.is_writable || self.sees_old,
        }
    }

    fn told(&self, container: &Container, part: &Part) -> String {
        let can = if self.mount.is_writable {
            "can write to"
        } else {
            "reads"
        };
        let how = match self.path {
            None => format!("at {}", self.mount.target),
            Some(path) => format!("by its mount of {path}"),
        };
        let Container { name, state, .. } = container;
        let status = if state.status.is_empty() {
            "running"
        } else {
            state.status.as_str()
        };
        format!("the container {name} ({status}) {can} {} {how}", part.shown())
    }
}
