//! What a dry run has changed so far, on paper: a read is real only where it is apart from all of it.

use std::collections::BTreeMap;

use backstay_dsl::effect::{Effect, Resource, ResourceKind};
use backstay_dsl::source::Span;
use backstay_dsl::term::{Relation, Term, ground_effect};
use backstay_dsl::topology::Topology;

/// One change on paper.
#[derive(Debug, Clone)]
struct Change {
    resource: Resource<Term>,
    /// The step that makes it, for `unknown until step N`.
    until: String,
    /// Whether it moves what runs: then nothing that answers can be believed any more.
    is_of_service: bool,
}

/// All changes on paper.
#[derive(Debug)]
pub(super) struct Overlay {
    topology: Topology<Term>,
    changes: Vec<Change>,
    /// Values that were given to resources.
    values: BTreeMap<Resource<Term>, String>,
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
    /// Nothing has been changed of what is there.
    pub(super) fn new(topology: &Topology<String>) -> Self {
        Self {
            topology: Topology::grounded(topology),
            changes: Vec::new(),
            values: BTreeMap::new(),
        }
    }

    /// Takes in a change of something whose name is not known yet: it may be anything of its kind.
    pub(super) fn change_unnamed<K>(&mut self, effect: &Effect<K>, step: &str) {
        let unknown = |_: &K| Term::Opaque(Span::default(), Vec::new());
        self.take_in(&effect.map(&mut { unknown }), None, step);
    }

    /// Takes in what an action would do.
    pub(super) fn change(&mut self, effects: &[Effect<String>], step: &str) {
        for effect in effects {
            let value = match effect {
                Effect::Sets { to, .. } => to.clone(),
                _ => None,
            };
            self.take_in(&ground_effect(effect), value, step);
        }
    }

    fn take_in(&mut self, effect: &Effect<Term>, value: Option<String>, step: &str) {
        let Some(resource) = written(effect) else { return };
        let topology = &self.topology;
        self.values
            .retain(|known, _| !may_be_touched(topology, known, resource));
        self.values.extend(value.map(|value| (resource.clone(), value)));
        let mut changed = vec![(resource.clone(), is_of_service(effect))];
        if matches!(effect, Effect::Restores(_)) {
            // Which state the backup holds is not known on paper.
            let states = self.topology.states.keys();
            changed.extend(states.map(|name| (Resource::new(ResourceKind::State, Term::text(name)), true)));
        }
        self.changes
            .extend(changed.into_iter().map(|(resource, is_of_service)| Change {
                resource,
                until: step.to_owned(),
                is_of_service,
            }));
    }

    /// What it says to a read of these effects.
    pub(super) fn says(&self, effects: &[Effect<String>]) -> Says {
        let mut value = None;
        for effect in effects.iter().map(ground_effect) {
            let Some(resource) = effect.resource() else { continue };
            if let (Effect::ValueOf(_), Some(known)) = (&effect, self.values.get(resource)) {
                value = Some(known.clone());
                continue;
            }
            let change = self.changes.iter().rev().find(|change| {
                may_be_touched(&self.topology, resource, &change.resource)
                    || (change.is_of_service && answers(resource.kind))
            });
            if let Some(change) = change {
                return Says::UnknownUntil(change.until.clone());
            }
        }
        value.map_or(Says::Apart, Says::Value)
    }
}

/// Whether a change touches a resource, or may since its name is not known.
fn may_be_touched(topology: &Topology<Term>, resource: &Resource<Term>, changed: &Resource<Term>) -> bool {
    match topology.relation(resource, changed) {
        Relation::Apart => false,
        Relation::AssumedApart => !changed.key.iter().all(Term::is_known),
        Relation::Same | Relation::Inside | Relation::Around => true,
    }
}

/// What an effect writes to; `None` where it only looks or tells.
fn written<K>(effect: &Effect<K>) -> Option<&Resource<K>> {
    let is_added = matches!(effect, Effect::Adds(_) | Effect::Captures { .. } | Effect::Proves(_));
    effect.resource().filter(|_| effect.is_changing() || is_added)
}

/// Whether an effect moves what runs.
pub(crate) fn is_of_service<K>(effect: &Effect<K>) -> bool {
    effect.is_of_service() || matches!(effect, Effect::Opaque(_) | Effect::Restores(_))
}

/// Whether a resource is something that answers: after a stop on paper the real one still would.
pub(crate) fn answers(kind: ResourceKind) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str) -> Resource<String> {
        Resource::new(ResourceKind::File, path.to_owned())
    }

    fn key(name: &str) -> Resource<String> {
        Resource::keyed(ResourceKind::Key, vec!["/a/.env".to_owned(), name.to_owned()])
    }

    #[test]
    fn a_read_is_real_only_apart_from_what_was_changed() {
        let mut overlay = Overlay::new(&Topology::default());
        let sets = Effect::Sets {
            resource: key("X"),
            to: Some("2".to_owned()),
        };
        overlay.change(&[sets], "one");
        let says = |overlay: &Overlay, effect| overlay.says(&[effect]);
        assert_eq!(says(&overlay, Effect::ValueOf(key("X"))), Says::Value("2".to_owned()));
        assert_eq!(says(&overlay, Effect::ValueOf(key("Y"))), Says::Apart);
        assert_eq!(
            says(&overlay, Effect::Reads(file("/a/.env"))),
            Says::UnknownUntil("one".to_owned())
        );
        assert_eq!(says(&overlay, Effect::Reads(file("/b"))), Says::Apart);
        let endpoint = Resource::new(ResourceKind::Endpoint, "http://x".to_owned());
        assert_eq!(says(&overlay, Effect::Reads(endpoint.clone())), Says::Apart);
        let stops = Effect::Stops(Resource::new(ResourceKind::Service, "s".to_owned()));
        overlay.change(&[stops], "two");
        assert_eq!(
            says(&overlay, Effect::Reads(endpoint)),
            Says::UnknownUntil("two".to_owned())
        );
        overlay.change_unnamed(&Effect::Edits(file("")), "three");
        assert_eq!(
            says(&overlay, Effect::Reads(file("/b"))),
            Says::UnknownUntil("three".to_owned())
        );
    }

    #[test]
    fn a_change_without_a_name_hides_only_what_it_may_be() {
        let named = |kind| Resource::new(kind, "x".to_owned());
        let topology = Topology {
            states: BTreeMap::from([("x".to_owned(), vec![named(ResourceKind::Tree)])]),
            ..Topology::default()
        };
        let unknown = |changes: Effect<String>, kind| {
            let mut overlay = Overlay::new(&topology);
            overlay.change_unnamed(&changes, "one");
            overlay.says(&[Effect::Reads(named(kind))]) == Says::UnknownUntil("one".to_owned())
        };
        let image = Effect::Adds(named(ResourceKind::Image));
        assert!(unknown(image.clone(), ResourceKind::Image));
        for kind in [ResourceKind::Service, ResourceKind::Volume, ResourceKind::File] {
            assert!(!unknown(image.clone(), kind), "{kind}");
        }
        let volume = Effect::Opaque(named(ResourceKind::Volume));
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
        let mut overlay = Overlay::new(&topology);
        let opaque = Effect::Opaque(named(ResourceKind::Volume, "data"));
        overlay.change(&[opaque], "one");
        let says = |resource| overlay.says(&[Effect::Reads(resource)]);
        assert_eq!(says(records), Says::UnknownUntil("one".to_owned()));
        assert_eq!(says(named(ResourceKind::Volume, "other")), Says::Apart);
    }
    /// What the overlay takes for apart is what the language takes for apart: of every two kinds, by any name.
    #[test]
    fn the_language_and_the_dry_run_agree_on_what_overlaps() {
        let keys = [
            "/a",
            "/a/b",
            "/a/../a/b",
            "nginx=1",
            "nginx=2",
            "http://x/",
            "http://x/h",
            "HTTP://X/h",
            "app",
        ];
        let mut all = Vec::new();
        for (_, kind) in ResourceKind::ALL {
            all.extend(keys.map(|key| {
                let mut resource = Resource::new(*kind, key.to_owned());
                resource.key.resize(kind.keys(), "K".to_owned());
                resource
            }));
        }
        for one in &all {
            let mut overlay = Overlay::new(&Topology::default());
            overlay.change(&[Effect::Edits(one.clone())], "one");
            for other in &all {
                let is_hidden = overlay.says(&[Effect::Reads(other.clone())]) != Says::Apart;
                let overlaps = backstay_dsl::term::ground_relation(other, one).overlaps();
                assert_eq!(is_hidden, overlaps, "{one} and {other}");
            }
        }
        let hides = |one: (ResourceKind, &str), other: (ResourceKind, &str)| {
            let mut overlay = Overlay::new(&Topology::default());
            overlay.change(&[Effect::Edits(Resource::new(one.0, one.1.to_owned()))], "one");
            overlay.says(&[Effect::Reads(Resource::new(other.0, other.1.to_owned()))]) != Says::Apart
        };
        let (package, endpoint) = (ResourceKind::Package, ResourceKind::Endpoint);
        assert!(hides((package, "nginx=1"), (package, "nginx=2")));
        assert!(hides((endpoint, "http://x/"), (endpoint, "http://x/h")));
        assert!(!hides((endpoint, "http://x/h"), (endpoint, "http://x/other")));
    }
}
