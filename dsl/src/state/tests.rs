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

fn sets(resource: Resource<Term>) -> Touch<Term> {
    Touch::Sets { resource, to: None }
}

/// A member that is a process and runs.
fn process(name: &str) -> topology::Member<Term> {
    topology::Member {
        runs: Runs::new(ServiceKind::Process, Term::text(name)),
        pinned_by: None,
        begins: Begins::Running,
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
    }
}

fn gateway() -> Resource<Term> {
    named(ResourceKind::Service, "gateway")
}

fn site() -> Resource<Term> {
    named(ResourceKind::Ingress, "site")
}

fn starts(with: &str) -> Touch<Term> {
    Touch::Starts {
        member: gateway(),
        with: Some(Term::text(with)),
    }
}

fn captures() -> Touch<Term> {
    Touch::Captures {
        state: named(ResourceKind::State, "state"),
        backup: named(ResourceKind::Backup, "/b"),
    }
}

fn restores() -> Touch<Term> {
    Touch::Restores(named(ResourceKind::Backup, "/b"))
}

fn upgrade() -> Vec<(Touch<Term>, Given)> {
    let proves = Touch::Proves(named(ResourceKind::Backup, "/b"));
    let touches = [
        Touch::Drains(site()),
        Touch::Stops(gateway()),
        captures(),
        proves,
        starts("new"),
    ];
    touches.map(|touch| (touch, Given::OTHER)).to_vec()
}

/// A production to which things are done one after the other.
#[derive(Clone)]
struct World {
    universe: std::rc::Rc<Universe>,
    state: State,
}

impl World {
    /// A production in which whatever these effects name has a slot from the start.
    fn new(topology: &Topology<Term>, touches: &[Touch<Term>]) -> Self {
        let mut universe = Universe::new(topology);
        for touch in touches {
            universe.note(touch);
        }
        Self {
            state: State::start(&universe),
            universe: universe.into(),
        }
    }

    /// The gateway with what its upgrade names, and with these effects.
    fn gateway(touches: &[Touch<Term>]) -> Self {
        let upgrade: Vec<Touch<Term>> = upgrade().into_iter().map(|(touch, _)| touch).collect();
        Self::new(&topology(), &[&upgrade, touches].concat())
    }

    fn apply(&mut self, touch: &Touch<Term>, given: Given, extent: Extent) {
        self.state.apply(&self.universe, touch, given, extent);
    }

    /// Carries effects out in order and stops at the first that is refused.
    fn run(&self, touches: &[(Touch<Term>, Given)]) -> Result<Self, &'static str> {
        let mut world = self.clone();
        for (touch, given) in touches {
            if let Some(violation) = world.state.violation(&world.universe, touch, *given) {
                return Err(violation.slug);
            }
            world.apply(touch, *given, Extent::Whole);
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
fn after(touches: &[(Touch<Term>, Given)]) -> World {
    let all: Vec<Touch<Term>> = touches.iter().map(|(touch, _)| touch.clone()).collect();
    World::new(&Topology::default(), &all)
        .run(touches)
        .expect("nothing is refused")
}
