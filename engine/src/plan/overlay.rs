//! What a dry run has changed so far, on paper: a read is real only where it is apart from all of it.

use std::collections::BTreeMap;
use std::path::Path;

use backstay_dsl::effect::{Resource, ResourceKind, Touch};

use crate::topology::{PartView, Topology};
use crate::value::GroundResource;

/// One change on paper.
#[derive(Debug, Clone)]
struct Change {
    resource: GroundResource,
    /// The step that makes it, for `unknown until step N`.
    until: String,
    /// Whether it moves what runs: then nothing that answers can be believed any more.
    is_of_service: bool,
}

/// All changes on paper.
#[derive(Debug, Default)]
pub(super) struct Overlay {
    changes: Vec<Change>,
    /// Values that were given to resources.
    values: BTreeMap<GroundResource, String>,
    /// The first step that changes something that cannot be said.
    unsaid: Option<String>,
}

/// What the overlay says to a read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Says {
    /// Nothing: ask the world.
    Apart,
    /// The value that the resource has been given.
    Value(String),
    /// It is not known until this step has been done.
    UnknownUntil(String),
}

impl Overlay {
    /// Takes in what an action would do. `is_whole` is false where a touch of it could not be worked out.
    pub(super) fn change(&mut self, touches: &[Touch<String>], is_whole: bool, step: &str, topology: &Topology) {
        if !is_whole && self.unsaid.is_none() {
            self.unsaid = Some(step.to_owned());
        }
        for touch in touches {
            let is_added = matches!(touch, Touch::Adds(_) | Touch::Captures { .. } | Touch::Proves(_));
            let Some(resource) = touch.resource().filter(|_| touch.is_changing() || is_added) else {
                continue;
            };
            let is_of_service = matches!(
                touch,
                Touch::Starts { .. }
                    | Touch::Stops(_)
                    | Touch::Drains(_)
                    | Touch::Opens(_)
                    | Touch::Opaque(_)
                    | Touch::Restores(_)
            );
            self.values.retain(|known, _| !overlap(known, resource, topology));
            if let Touch::Sets { to: Some(value), .. } = touch {
                self.values.insert(resource.clone(), value.clone());
            }
            if matches!(touch, Touch::Restores(_)) {
                self.restored(step, topology);
            }
            self.changes.push(Change {
                resource: resource.clone(),
                until: step.to_owned(),
                is_of_service,
            });
        }
    }

    /// A restore moves every protected state; which one the backup holds is not known on paper.
    fn restored(&mut self, step: &str, topology: &Topology) {
        for name in topology.states.keys() {
            self.changes.push(Change {
                resource: Resource::new(ResourceKind::State, name.clone()),
                until: step.to_owned(),
                is_of_service: true,
            });
        }
    }

    /// What it says to a read of these touches.
    pub(super) fn says(&self, touches: &[Touch<String>], topology: &Topology) -> Says {
        if let Some(step) = &self.unsaid {
            return Says::UnknownUntil(step.clone());
        }
        let mut value = None;
        for touch in touches {
            let Some(resource) = touch.resource() else { continue };
            if let (Touch::ValueOf(_), Some(known)) = (touch, self.values.get(resource)) {
                value = Some(known.clone());
                continue;
            }
            let change = self.changes.iter().rev().find(|change| {
                overlap(&change.resource, resource, topology) || (change.is_of_service && answers(resource.kind))
            });
            if let Some(change) = change {
                return Says::UnknownUntil(change.until.clone());
            }
        }
        value.map_or(Says::Apart, Says::Value)
    }
}

/// Whether a resource is something that answers: after a stop on paper the real one still would.
fn answers(kind: ResourceKind) -> bool {
    matches!(
        kind,
        ResourceKind::Endpoint
            | ResourceKind::Port
            | ResourceKind::Service
            | ResourceKind::Member
            | ResourceKind::Container
            | ResourceKind::Unit
            | ResourceKind::Ingress
            | ResourceKind::External
    )
}

/// Whether two resources may be, or lie in, one thing.
fn overlap(first: &GroundResource, second: &GroundResource, topology: &Topology) -> bool {
    if first == second {
        return true;
    }
    let volumes = (volumes_of(first, topology), volumes_of(second, topology));
    if volumes.0.iter().any(|volume| volumes.1.contains(volume)) {
        return true;
    }
    let are_paths = |path: &str, other: &str| Path::new(path).starts_with(other) || Path::new(other).starts_with(path);
    let paths = (paths_of(first, topology), paths_of(second, topology));
    if let (Some(first_paths), Some(second_paths)) = paths {
        let is_same_file_other_key = first.kind == ResourceKind::Key
            && second.kind == ResourceKind::Key
            && first.key.first() == second.key.first()
            && first.key != second.key;
        return !is_same_file_other_key
            && first_paths
                .iter()
                .any(|path| second_paths.iter().any(|other| are_paths(path, other)));
    }
    false
}

/// The container volumes that a resource is or holds.
fn volumes_of(resource: &GroundResource, topology: &Topology) -> Vec<String> {
    let Some(name) = resource.key.first() else {
        return Vec::new();
    };
    match resource.kind {
        ResourceKind::Volume => vec![name.clone()],
        ResourceKind::State => {
            let parts = topology.states.get(name).map_or(&[][..], |state| &state.parts);
            let volumes = parts.iter().filter_map(|part| match part {
                PartView::Volume(volume) => Some(volume.clone()),
                PartView::Tree(_) | PartView::File(_) => None,
            });
            volumes.collect()
        }
        _ => Vec::new(),
    }
}

/// The paths that a resource lies at; `None` for what is no part of the file system.
fn paths_of(resource: &GroundResource, topology: &Topology) -> Option<Vec<String>> {
    match resource.kind {
        ResourceKind::File | ResourceKind::Tree | ResourceKind::Link | ResourceKind::Key | ResourceKind::Backup => {
            Some(resource.key.iter().take(1).cloned().collect())
        }
        ResourceKind::State => {
            let state = topology.states.get(resource.key.first()?)?;
            let paths = state.parts.iter().filter_map(|part| match part {
                PartView::Tree(path) | PartView::File(path) => Some(path.clone()),
                PartView::Volume(_) => None,
            });
            Some(paths.collect())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str) -> GroundResource {
        Resource::new(ResourceKind::File, path.to_owned())
    }

    fn key(name: &str) -> GroundResource {
        Resource {
            kind: ResourceKind::Key,
            key: vec!["/a/.env".to_owned(), name.to_owned()],
        }
    }

    #[test]
    fn a_read_is_real_only_apart_from_what_was_changed() {
        let topology = Topology::default();
        let mut overlay = Overlay::default();
        let sets = Touch::Sets {
            resource: key("X"),
            to: Some("2".to_owned()),
        };
        overlay.change(&[sets], true, "one", &topology);
        let says = |overlay: &Overlay, touch| overlay.says(&[touch], &topology);
        assert_eq!(says(&overlay, Touch::ValueOf(key("X"))), Says::Value("2".to_owned()));
        assert_eq!(says(&overlay, Touch::ValueOf(key("Y"))), Says::Apart);
        assert_eq!(
            says(&overlay, Touch::Reads(file("/a/.env"))),
            Says::UnknownUntil("one".to_owned())
        );
        assert_eq!(says(&overlay, Touch::Reads(file("/b"))), Says::Apart);
        let endpoint = Resource::new(ResourceKind::Endpoint, "http://x".to_owned());
        assert_eq!(says(&overlay, Touch::Reads(endpoint.clone())), Says::Apart);
        let stops = Touch::Stops(Resource::new(ResourceKind::Service, "s".to_owned()));
        overlay.change(&[stops], true, "two", &topology);
        assert_eq!(
            says(&overlay, Touch::Reads(endpoint)),
            Says::UnknownUntil("two".to_owned())
        );
        overlay.change(&[], false, "three", &topology);
        assert_eq!(
            says(&overlay, Touch::Reads(file("/b"))),
            Says::UnknownUntil("three".to_owned())
        );
    }

    #[test]
    fn a_volume_of_protected_state_is_that_state() {
        let state = crate::topology::StateView {
            parts: vec![PartView::Volume("data".to_owned())],
        };
        let topology = Topology {
            states: BTreeMap::from([("records".to_owned(), state)]),
            ..Topology::default()
        };
        let named = |kind, name: &str| Resource::new(kind, name.to_owned());
        let records = named(ResourceKind::State, "records");
        let mut overlay = Overlay::default();
        let opaque = Touch::Opaque(named(ResourceKind::Volume, "data"));
        overlay.change(&[opaque], true, "one", &topology);
        let says = |resource| overlay.says(&[Touch::Reads(resource)], &topology);
        assert_eq!(says(records), Says::UnknownUntil("one".to_owned()));
        assert_eq!(says(named(ResourceKind::Volume, "other")), Says::Apart);
    }
}
