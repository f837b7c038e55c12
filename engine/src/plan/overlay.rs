//! What a dry run has changed so far, on paper: a read is real only where it is apart from all of it.

use std::collections::BTreeMap;
use std::path::Path;

use backstay_dsl::effect::{Resource, ResourceKind, Touch};
use backstay_dsl::topology::Topology;

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
    /// Changes of something whose name is not known yet.
    unnamed: Vec<Unnamed>,
}

/// A change of something whose name is not known yet: it may be anything of its kind.
#[derive(Debug, Clone)]
struct Unnamed {
    kind: ResourceKind,
    until: String,
    is_of_service: bool,
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
    /// Takes in a change of something whose name is not known yet.
    pub(super) fn change_unnamed<K>(&mut self, touch: &Touch<K>, step: &str, topology: &Topology<String>) {
        let Some(resource) = written(touch) else { return };
        self.values.retain(|known, _| !may_be_in_one(known.kind, resource.kind));
        if matches!(touch, Touch::Restores(_)) {
            self.restored(step, topology);
        }
        self.unnamed.push(Unnamed {
            kind: resource.kind,
            until: step.to_owned(),
            is_of_service: is_of_service(touch),
        });
    }

    /// Takes in what an action would do.
    pub(super) fn change(&mut self, touches: &[Touch<String>], step: &str, topology: &Topology<String>) {
        for touch in touches {
            let Some(resource) = written(touch) else { continue };
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
                is_of_service: is_of_service(touch),
            });
        }
    }

    /// A restore moves every protected state; which one the backup holds is not known on paper.
    fn restored(&mut self, step: &str, topology: &Topology<String>) {
        for name in topology.states.keys() {
            self.changes.push(Change {
                resource: Resource::new(ResourceKind::State, name.clone()),
                until: step.to_owned(),
                is_of_service: true,
            });
        }
    }

    /// What it says to a read of these touches.
    pub(super) fn says(&self, touches: &[Touch<String>], topology: &Topology<String>) -> Says {
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
            let unnamed = self.unnamed.iter().rev().find(|change| {
                may_be_in_one(change.kind, resource.kind) || (change.is_of_service && answers(resource.kind))
            });
            if let Some(change) = unnamed {
                return Says::UnknownUntil(change.until.clone());
            }
        }
        value.map_or(Says::Apart, Says::Value)
    }
}

/// What a touch writes to; `None` where it only looks or tells.
fn written<K>(touch: &Touch<K>) -> Option<&Resource<K>> {
    let is_added = matches!(touch, Touch::Adds(_) | Touch::Captures { .. } | Touch::Proves(_));
    touch.resource().filter(|_| touch.is_changing() || is_added)
}

/// Whether a touch moves what runs.
fn is_of_service<K>(touch: &Touch<K>) -> bool {
    matches!(
        touch,
        Touch::Starts { .. }
            | Touch::Stops(_)
            | Touch::Drains(_)
            | Touch::Opens(_)
            | Touch::Opaque(_)
            | Touch::Restores(_)
    )
}

/// Whether resources of two kinds may be, or lie in, one thing: of one kind, or both somewhere on disk.
fn may_be_in_one(first: ResourceKind, second: ResourceKind) -> bool {
    let is_on_disk = |kind| {
        matches!(
            kind,
            ResourceKind::File
                | ResourceKind::Tree
                | ResourceKind::Link
                | ResourceKind::Key
                | ResourceKind::Backup
                | ResourceKind::State
                | ResourceKind::Volume
        )
    };
    first == second || (is_on_disk(first) && is_on_disk(second))
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
fn overlap(first: &GroundResource, second: &GroundResource, topology: &Topology<String>) -> bool {
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
fn volumes_of(resource: &GroundResource, topology: &Topology<String>) -> Vec<String> {
    let Some(name) = resource.key.first() else {
        return Vec::new();
    };
    match resource.kind {
        ResourceKind::Volume => vec![name.clone()],
        ResourceKind::State => {
            let parts = topology.states.get(name).into_iter().flatten();
            let volumes = parts.filter(|part| part.kind == ResourceKind::Volume);
            volumes.map(|part| part.first().to_owned()).collect()
        }
        _ => Vec::new(),
    }
}

/// The paths that a resource lies at; `None` for what is no part of the file system.
fn paths_of(resource: &GroundResource, topology: &Topology<String>) -> Option<Vec<String>> {
    match resource.kind {
        ResourceKind::File | ResourceKind::Tree | ResourceKind::Link | ResourceKind::Key | ResourceKind::Backup => {
            Some(resource.key.iter().take(1).cloned().collect())
        }
        ResourceKind::State => {
            let state = topology.states.get(resource.key.first()?)?;
            let paths = state.iter().filter(|part| part.kind != ResourceKind::Volume);
            Some(paths.map(|part| part.first().to_owned()).collect())
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
        overlay.change(&[sets], "one", &topology);
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
        overlay.change(&[stops], "two", &topology);
        assert_eq!(
            says(&overlay, Touch::Reads(endpoint)),
            Says::UnknownUntil("two".to_owned())
        );
        overlay.change_unnamed(&Touch::Edits(file("")), "three", &topology);
        assert_eq!(
            says(&overlay, Touch::Reads(file("/b"))),
            Says::UnknownUntil("three".to_owned())
        );
    }

    #[test]
    fn a_change_without_a_name_hides_only_what_it_may_be() {
        let topology = Topology::default();
        let named = |kind| Resource::new(kind, "x".to_owned());
        let unknown = |changes: Touch<String>, kind| {
            let mut overlay = Overlay::default();
            overlay.change_unnamed(&changes, "one", &topology);
            overlay.says(&[Touch::Reads(named(kind))], &topology) == Says::UnknownUntil("one".to_owned())
        };
        let image = Touch::Adds(named(ResourceKind::Image));
        assert!(unknown(image.clone(), ResourceKind::Image));
        for kind in [ResourceKind::Service, ResourceKind::Volume, ResourceKind::File] {
            assert!(!unknown(image.clone(), kind), "{kind}");
        }
        let volume = Touch::Opaque(named(ResourceKind::Volume));
        for kind in [ResourceKind::State, ResourceKind::File, ResourceKind::Endpoint] {
            assert!(unknown(volume.clone(), kind), "{kind}");
        }
        assert!(!unknown(volume, ResourceKind::Image));
    }

    #[test]
    fn a_volume_of_protected_state_is_that_state() {
        let state = vec![Resource::new(ResourceKind::Volume, "data".to_owned())];
        let topology = Topology {
            states: BTreeMap::from([("records".to_owned(), state)]),
            ..Topology::default()
        };
        let named = |kind, name: &str| Resource::new(kind, name.to_owned());
        let records = named(ResourceKind::State, "records");
        let mut overlay = Overlay::default();
        let opaque = Touch::Opaque(named(ResourceKind::Volume, "data"));
        overlay.change(&[opaque], "one", &topology);
        let says = |resource| overlay.says(&[Touch::Reads(resource)], &topology);
        assert_eq!(says(records), Says::UnknownUntil("one".to_owned()));
        assert_eq!(says(named(ResourceKind::Volume, "other")), Says::Apart);
    }
}
