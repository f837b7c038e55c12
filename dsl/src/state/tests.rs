use std::collections::BTreeMap;

use super::*;
use crate::effect::ResourceKind;
use crate::service_kind::ServiceKind;
use crate::topology::{self, Begins, Runs, Service, Topology, Writes};

mod data;
mod members;
mod sets;
mod things;

fn named(kind: ResourceKind, name: &str) -> Resource<Term> {
    crate::term::ground(&Resource::new(kind, name.to_owned()))
}

fn file(path: &str) -> Resource<Term> {
    named(ResourceKind::File, path)
}

fn tree(path: &str) -> Resource<Term> {
    named(ResourceKind::Tree, path)
}

fn key(file: &str, name: &str) -> Resource<Term> {
    crate::term::ground(&Resource::keyed(
        ResourceKind::Key,
        vec![file.to_owned(), name.to_owned()],
    ))
}

fn sets(resource: Resource<Term>) -> Effect<Term> {
    Effect::Sets { resource, to: None }
}

/// A member that is a process and runs.
fn process(name: &str) -> topology::Member<Term> {
    topology::Member {
        host: None,
        runs: Runs::new(ServiceKind::Process, Term::text(name)),
        pinned_by: None,
        begins: Begins::Running,
        ends: None,
    }
}

/// A gateway behind an ingress, pinned in a file that is protected together with its state.
fn topology() -> Topology<Term> {
    let member = topology::Member {
        pinned_by: Some(key("/p/.env", "IMAGE")),
        ..process("gateway")
    };
    let writes = Writes {
        state: "state".to_owned(),
        migrates: true,
    };
    let gateway = Service {
        writes: vec![writes],
        behind: Some(named(ResourceKind::Ingress, "site")),
        endpoints: vec![named(ResourceKind::Endpoint, "http://g:1/ready")],
        ..Service::plain("gateway", member)
    };
    Topology {
        services: BTreeMap::from([("gateway".to_owned(), gateway)]),
        states: BTreeMap::from([("state".to_owned(), vec![tree("/s"), file("/p/.env")])]),
        ..Topology::default()
    }
}

fn gateway() -> Resource<Term> {
    named(ResourceKind::Service, "gateway")
}

fn site() -> Resource<Term> {
    named(ResourceKind::Ingress, "site")
}

fn starts(with: &str) -> Effect<Term> {
    Effect::Starts {
        member: gateway(),
        with: Some(Term::text(with)),
    }
}

fn captures() -> Effect<Term> {
    Effect::Captures {
        state: named(ResourceKind::State, "state"),
        backup: named(ResourceKind::Backup, "/b"),
    }
}

fn restores() -> Effect<Term> {
    Effect::Restores(named(ResourceKind::Backup, "/b"))
}

fn upgrade() -> Vec<(Effect<Term>, Given)> {
    let proves = Effect::Proves(named(ResourceKind::Backup, "/b"));
    let effects = [
        Effect::Drains(site()),
        Effect::Stops(gateway()),
        captures(),
        proves,
        starts("new"),
    ];
    effects.map(|effect| (effect, Given::OTHER)).to_vec()
}

/// A production to which things are done one after the other.
#[derive(Clone)]
struct World {
    universe: std::rc::Rc<Universe>,
    state: State,
}

impl World {
    /// A production in which whatever these effects name has a slot from the start.
    fn new(topology: &Topology<Term>, effects: &[Effect<Term>]) -> Self {
        let mut universe = Universe::new(topology);
        for effect in effects {
            universe.note(effect);
        }
        Self {
            state: State::start(&universe),
            universe: universe.into(),
        }
    }

    /// The gateway with what its upgrade names, and with these effects.
    fn gateway(effects: &[Effect<Term>]) -> Self {
        let upgrade: Vec<Effect<Term>> = upgrade().into_iter().map(|(effect, _)| effect).collect();
        Self::new(&topology(), &[&upgrade, effects].concat())
    }

    fn apply(&mut self, effect: &Effect<Term>, given: Given, extent: Extent) {
        self.state.apply(&self.universe, effect, given, extent);
    }

    /// Carries effects out in order and stops at the first that is refused.
    fn run(&self, effects: &[(Effect<Term>, Given)]) -> Result<Self, &'static str> {
        let mut world = self.clone();
        for (effect, given) in effects {
            if let Some(violation) = world.state.violation(&world.universe, effect, *given) {
                return Err(violation.slug);
            }
            world.apply(effect, *given, Extent::Whole);
        }
        Ok(world)
    }

    fn member(&self, name: &str) -> Member {
        self.state.member(&self.universe, name).expect("a member")
    }

    fn data(&self) -> Data {
        self.state.data(&self.universe, "state").expect("a state")
    }

    fn differences(&self) -> Vec<Difference> {
        self.state.differences(&self.universe)
    }

    fn plain(&self, resource: &Resource<Term>) -> Plain {
        let slot = self.universe.get(resource).expect("it has a slot");
        self.state.plain(&self.universe, slot).expect("a plain thing")
    }

    fn is_as_at_start(&self) -> bool {
        self.differences().is_empty()
    }
}

/// What is left of effects that were all carried out to their end.
fn after(effects: &[(Effect<Term>, Given)]) -> World {
    let all: Vec<Effect<Term>> = effects.iter().map(|(effect, _)| effect.clone()).collect();
    World::new(&Topology::default(), &all)
        .run(effects)
        .expect("nothing is refused")
}
