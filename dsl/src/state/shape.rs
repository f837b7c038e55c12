//! What a runbook says is there, as far as the automaton needs it.

use std::collections::{BTreeMap, BTreeSet};

use crate::effect::{Resource, ResourceKind, Touch};
use crate::model::{Begins, Expr, ExprKind, Runbook, Runs, StatePart};
use crate::state::{Data, Member, Release, State, Traffic};
use crate::term::normal::Normal;
use crate::term::{Relation, Term, relation};
use crate::walk;

/// A service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceShape {
    /// The container or unit it is, where it is one: such a resource names the service too.
    pub runs_as: Option<Resource<Term>>,
    /// Where its release is pinned.
    pub pinned_by: Option<Resource<Term>>,
    /// The protected states it writes, and whether a new release may migrate each.
    pub writes: Vec<(String, bool)>,
    /// What carries its traffic.
    pub behind: Option<Resource<Term>>,
    /// What its `well` reads: reading one of these is evidence about it.
    pub endpoints: Vec<Resource<Term>>,
    /// How it is at the start.
    pub begins: Begins,
    /// How many members may write at once.
    pub writers_at_most: u64,
    /// How many members must have traffic.
    pub serving_at_least: u64,
}

impl ServiceShape {
    /// Whether nothing but what runs says which release it is: a container by its image.
    fn is_pinned_by_itself(&self) -> bool {
        self.pinned_by.is_some() && self.pinned_by == self.runs_as.as_ref().and_then(usual_pin)
    }
}

/// Services and protected states.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shape {
    /// Services by name.
    pub services: BTreeMap<String, ServiceShape>,
    /// The parts of protected states, by name.
    pub states: BTreeMap<String, Vec<Resource<Term>>>,
}

impl Shape {
    /// What this runbook says is there.
    pub fn of(runbook: &Runbook, normal: &Normal<'_>) -> Self {
        let services = runbook.services.iter().map(|service| {
            let runs_as = match &service.runs {
                Runs::Container(name) => Some(Resource::new(ResourceKind::Container, normal.value(name))),
                Runs::Unit(name) => Some(Resource::new(ResourceKind::Unit, normal.value(name))),
                Runs::Process(_) | Runs::Compose(..) => None,
            };
            let pinned_by = service.pinned_by.as_ref().map(|pin| normal.resource(pin));
            let writes = service.writes.iter();
            let mut endpoints = BTreeSet::new();
            if let Some(well) = &service.well {
                read_resources(&well.condition, runbook, normal, &mut endpoints);
            }
            let shape = ServiceShape {
                pinned_by: pinned_by.or_else(|| runs_as.as_ref().and_then(usual_pin)),
                runs_as,
                writes: writes
                    .map(|writes| (writes.state.clone(), writes.unmigrated.is_none()))
                    .collect(),
                behind: service.behind.as_ref().map(|behind| normal.resource(behind)),
                endpoints: endpoints.into_iter().collect(),
                begins: service.begins,
                writers_at_most: service.writers_at_most,
                serving_at_least: service.serving_at_least,
            };
            (service.name.clone(), shape)
        });
        let states = runbook.states.iter().map(|state| {
            let parts = state.parts.iter().map(|part| part_resource(part, normal));
            (state.name.clone(), parts.collect())
        });
        Self {
            services: services.collect(),
            states: states.collect(),
        }
    }

    /// Production as it is at the start.
    pub fn start(&self) -> State {
        let members = self.services.iter().map(|(name, service)| {
            let is_running = service.begins == Begins::Running;
            let traffic = if is_running { Traffic::Open } else { Traffic::Drained };
            let member = Member {
                traffic: service.behind.is_some().then_some(traffic),
                run: is_running.then_some(Release::Old),
                pin: Release::Old,
                valid: true,
                keeps_pin: service.begins != Begins::Absent || !service.is_pinned_by_itself(),
            };
            (name.clone(), member)
        });
        State {
            members: members.collect(),
            data: self.states.keys().map(|name| (name.clone(), Data::Own)).collect(),
            ..State::default()
        }
    }

    /// How two resources lie to each other, with protected states and services seen through.
    pub fn relation(&self, left: &Resource<Term>, right: &Resource<Term>) -> Relation {
        let direct = relation(left, right);
        if direct == Relation::Same {
            return direct;
        }
        match (left.kind, right.kind) {
            (_, ResourceKind::State) => self.to_state(left, right),
            (ResourceKind::State, _) => self.to_state(right, left).turned(),
            (ResourceKind::Container, ResourceKind::Service) => self.to_service(left, right),
            (ResourceKind::Service, ResourceKind::Container) => self.to_service(right, left).turned(),
            _ => direct,
        }
    }

    /// The protected states that certainly hold this resource, and those it certainly reaches into.
    pub fn states_touched(&self, resource: &Resource<Term>) -> Vec<&str> {
        let names = self.states.keys().map(String::as_str);
        names
            .filter(|name| {
                let state = Resource::new(ResourceKind::State, Term::text(*name));
                self.relation(resource, &state).overlaps()
            })
            .collect()
    }

    /// The services whose pin this resource is, or holds.
    pub fn pins_within(&self, resource: &Resource<Term>) -> Vec<&str> {
        let services = self.services.iter().filter(|(_, service)| {
            let pin = service.pinned_by.as_ref();
            pin.is_some_and(|pin| self.relation(pin, resource).is_covered())
        });
        services.map(|(name, _)| name.as_str()).collect()
    }

    /// Whether this resource is the pin of a service and nothing else.
    pub fn is_pin(&self, resource: &Resource<Term>) -> bool {
        let mut pins = self.services.values().filter_map(|service| service.pinned_by.as_ref());
        pins.any(|pin| relation(resource, pin) == Relation::Same)
    }

    /// The members that a resource names: a service, a member, what a service runs as, or an ingress with
    /// everything behind it. Empty: nothing that the runbook knows.
    pub fn members_of(&self, resource: &Resource<Term>) -> Vec<&str> {
        let services = self.services.iter().filter(|(name, service)| match resource.kind {
            ResourceKind::Service | ResourceKind::Member => resource.key.first() == Some(&Term::Text((*name).clone())),
            ResourceKind::Container | ResourceKind::Unit => service.runs_as.as_ref() == Some(resource),
            ResourceKind::Ingress => service
                .behind
                .as_ref()
                .is_some_and(|behind| relation(behind, resource) == Relation::Same),
            _ => false,
        });
        services.map(|(name, _)| name.as_str()).collect()
    }

    /// Where the release of a service is pinned: the resource whose value is the value of the service.
    pub fn pin_of(&self, service: &Resource<Term>) -> Option<&Resource<Term>> {
        let name = *self.members_of(service).first()?;
        self.services.get(name)?.pinned_by.as_ref()
    }

    /// The services that write a protected state.
    pub fn writers<'a>(&'a self, state: &'a str) -> impl Iterator<Item = &'a str> {
        let services = self.services.iter();
        services
            .filter(move |(_, service)| service.writes.iter().any(|(written, _)| written == state))
            .map(|(name, _)| name.as_str())
    }

    /// How many members of a service have traffic in a state.
    pub fn serving(&self, state: &State, service: &str) -> u64 {
        let member = state.members.get(service);
        u64::from(member.is_some_and(|member| member.run.is_some() && member.traffic != Some(Traffic::Drained)))
    }

    /// As for any resource and protected state: by the state's parts.
    fn to_state(&self, resource: &Resource<Term>, state: &Resource<Term>) -> Relation {
        let Some(Term::Text(name)) = state.key.first() else {
            return Relation::AssumedApart;
        };
        let parts = self.states.get(name).map_or(&[][..], Vec::as_slice);
        parts
            .iter()
            .map(|part| self.to_part(resource, part))
            .max()
            .unwrap_or(Relation::Apart)
    }

    fn to_part(&self, resource: &Resource<Term>, part: &Resource<Term>) -> Relation {
        let lies = if resource.kind == ResourceKind::State {
            self.to_state(part, resource).turned()
        } else {
            relation(resource, part)
        };
        if lies == Relation::Same { Relation::Inside } else { lies }
    }

    fn to_service(&self, container: &Resource<Term>, service: &Resource<Term>) -> Relation {
        let Some(Term::Text(name)) = service.key.first() else {
            return Relation::AssumedApart;
        };
        let known = self.services.get(name).and_then(|service| service.runs_as.as_ref());
        match known.map(|known| relation(container, known)) {
            Some(Relation::Same) => Relation::Inside,
            Some(other) => other,
            None => Relation::Apart,
        }
    }
}

/// What pins a release where the text does not say: of a container, the image that it was made from.
pub fn usual_pin(runs_as: &Resource<Term>) -> Option<Resource<Term>> {
    let name = runs_as
        .key
        .first()
        .filter(|_| runs_as.kind == ResourceKind::Container)?;
    let image = Term::Field(Box::new(name.clone()), "image".to_owned());
    Some(Resource::new(ResourceKind::Image, image))
}

fn part_resource(part: &StatePart, normal: &Normal<'_>) -> Resource<Term> {
    let (kind, value) = match part {
        StatePart::Path(value) => (ResourceKind::Tree, value),
        StatePart::Volume(value) => (ResourceKind::Volume, value),
        StatePart::File(value) => (ResourceKind::File, value),
    };
    Resource::new(kind, normal.value(value))
}

/// The resources that an expression reads; questions are seen through without their arguments.
fn read_resources(expr: &Expr, runbook: &Runbook, normal: &Normal<'_>, found: &mut BTreeSet<Resource<Term>>) {
    let mut asked = BTreeSet::new();
    let mut work = vec![expr];
    while let Some(expr) = work.pop() {
        if let ExprKind::Read(call) = &expr.kind {
            let reads = call.effects.touches.iter().filter_map(|touch| match touch {
                Touch::Reads(resource) | Touch::ValueOf(resource) => Some(normal.resource(resource)),
                _ => None,
            });
            found.extend(reads);
        }
        if let ExprKind::Question { name, .. } = &expr.kind
            && asked.insert(name.as_str())
        {
            let question = runbook.questions.iter().find(|question| question.name == *name);
            if let Some(question) = question {
                work.push(&question.give);
                work.extend(question.lets.iter().map(|(_, value)| value));
            }
        }
        work.extend(walk::children(expr));
    }
}
