//! What is really mounted into a container beside what is protected: the forgotten third mount.
//!
//! A service that may write somewhere must write within a part of protected state that it says it writes,
//! or say that the place is ignored and why. Absent on purpose: what a container writes outside of its
//! mounts, since that is gone with the container anyway.

use std::collections::BTreeMap;
use std::path::Path;

use backstay_dsl::effect::{Resource, ResourceKind};
use backstay_dsl::topology::{Service, Topology, Writes};

use crate::service_kind::{Mounted, MountedWhat};
use crate::value::GroundResource;

/// What a mount of a service breaks, in a sentence; `None` where it is in order. `real` gives the paths
/// without symbolic links, for the paths that differ from how they are written.
pub(super) fn unprotected(
    topology: &Topology<String>,
    service: (&str, &Service<String>),
    mount: &Mounted,
    real: &BTreeMap<String, String>,
) -> Option<String> {
    let (name, view) = service;
    let is_ignored = view.ignores.iter().any(|part| {
        let is_target = |path: &str| Path::new(&mount.target) == Path::new(path);
        let by_target = mount.is_anonymous() || matches!(mount.what, MountedWhat::Other(_));
        holds(part, mount, real) || (by_target && part.kind == ResourceKind::Tree && is_target(part.first()))
    });
    if !mount.is_writable || mount.what == MountedWhat::Memory || is_ignored {
        return None;
    }
    let excepts = |state: &str| {
        topology.excepted(state).any(|(part, place)| {
            let place = Path::new(part.first()).join(place).to_string_lossy().into_owned();
            part.kind == ResourceKind::Tree && holds(&Resource::new(ResourceKind::Tree, place), mount, real)
        })
    };
    let holding = topology
        .states
        .iter()
        .filter(|(_, parts)| parts.iter().any(|part| holds(part, mount, real)));
    let holding = holding.map(|(state, _)| state.as_str());
    let (excepted, within): (Vec<&str>, Vec<&str>) = holding.partition(|state| excepts(state));
    if within.is_empty() && !excepted.is_empty() {
        return None;
    }
    let is_said = |state: &&str| view.is_writer(state);
    let (what, target) = (mount.in_words(), &mount.target);
    match within.first() {
        Some(_) if within.iter().any(is_said) => None,
        Some(state) => Some(format!(
            "service `{name}` writes to {what}, mounted at {target}, which is part of `{state}`, and does not say so: \
             add `writes {state}` to the service, or mount it read-only"
        )),
        None => Some(format!(
            "service `{name}` writes to {what}, mounted at {target}, which nothing protects: {}",
            what_to_do(view, mount)
        )),
    }
}

fn what_to_do(view: &Service<String>, mount: &Mounted) -> String {
    let target = &mount.target;
    match mount.as_part().filter(|_| !mount.is_anonymous()) {
        Some(part) => {
            let ignores = format!("add `ignores {part} because \"…\"` to the service");
            match view.writes.first() {
                Some(Writes { state, .. }) => format!("add `{part}` to `protect {state}`, or {ignores}"),
                None => format!("protect `{part}` in a state that it `writes`, or {ignores}"),
            }
        }
        None if mount.is_anonymous() => format!(
            "give it a name and protect it (`volume \"NAME\"`), or add `ignores path \"{target}\" because \"…\"` to the service"
        ),
        None => format!("mount it read-only, or add `ignores path \"{target}\" because \"…\"` to the service"),
    }
}

/// Whether a mount lies within a part.
fn holds(part: &GroundResource, mount: &Mounted, real: &BTreeMap<String, String>) -> bool {
    let real_of = |path: &str| real.get(path).map_or_else(|| path.to_owned(), Clone::clone);
    let lies_in = |outer: &str| {
        mount
            .path()
            .is_some_and(|path| Path::new(&real_of(path)).starts_with(real_of(outer)))
    };
    match part.kind {
        ResourceKind::Volume => mount.is_volume(part.first()),
        _ => lies_in(part.first()),
    }
}

/// The protected volumes that none of these mounts is, each with its state.
pub(super) fn not_mounted(topology: &Topology<String>, mounts: &[Mounted]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (state, parts) in &topology.states {
        let volumes = parts.iter().filter(|part| part.kind == ResourceKind::Volume);
        for volume in volumes.map(Resource::first) {
            if !mounts.iter().any(|mount| mount.is_volume(volume)) {
                found.push((state.clone(), volume.to_owned()));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests;
