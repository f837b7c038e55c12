//! The topology over terms: resources are seen through to the members and protected states they speak of.

use crate::effect::{Resource, ResourceKind};
use crate::model::Runbook;
use crate::term::normal::Normal;
use crate::term::reads::Readings;
use crate::term::{Relation, Term, ground, relation};
use crate::topology::{Member, MemberId, Service, Topology};

impl Member<Term> {
    /// Whether this resource is what the member runs as.
    fn runs_as(&self, resource: &Resource<Term>) -> bool {
        self.resource().as_ref() == Some(resource)
    }

    /// Whether nothing but what runs says which release it is: a container by its image.
    pub fn is_pinned_by_itself(&self) -> bool {
        self.pinned_by.is_some() && self.pinned_by == usual_pin(self)
    }
}

impl Topology<Term> {
    /// What this runbook says is there.
    pub fn of(runbook: &Runbook, normal: &Normal<'_>) -> Self {
        let written = &runbook.topology;
        let mut topology = written.map(&mut |resource| normal.resource(resource), &mut |key| normal.value(key));
        for service in &runbook.services {
            if let (Some(known), Some(well)) = (topology.services.get_mut(&service.name), &service.well) {
                known.endpoints = Readings::new(runbook, normal).read(&well.condition);
            }
        }
        topology.with_usual_pins()
    }

    /// The same topology with real keys, over terms.
    pub fn grounded(topology: &Topology<String>) -> Self {
        let topology = topology.map(&mut ground, &mut |key| Term::text(key));
        topology.with_usual_pins()
    }

    fn with_usual_pins(mut self) -> Self {
        for member in self
            .services
            .values_mut()
            .flat_map(|service| service.members.values_mut())
        {
            member.pinned_by = member.pinned_by.take().or_else(|| usual_pin(member));
        }
        self
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

    /// The members that a resource names: those of a service, one of them, what runs as this, or an ingress
    /// with everything behind it. Empty: nothing that the runbook knows.
    pub fn members_of(&self, resource: &Resource<Term>) -> Vec<&MemberId> {
        let named = |service: &str| resource.key.first() == Some(&Term::text(service));
        let is_meant = |name: &str, service: &Service<Term>, id: &MemberId, member: &Member<Term>| match resource.kind {
            ResourceKind::Service => named(name),
            ResourceKind::Member => {
                let second = Term::text(id.as_str());
                named(name) && (service.members.len() == 1 || resource.key.get(1) == Some(&second))
            }
            ResourceKind::Container | ResourceKind::Unit => member.runs_as(resource),
            ResourceKind::Ingress => {
                let behind = service.behind.as_ref();
                behind.is_some_and(|behind| relation(behind, resource) == Relation::Same)
            }
            _ => false,
        };
        let members = self.services.iter().flat_map(|(name, service)| {
            let members = service.members.iter();
            members.filter(move |(id, member)| is_meant(name, service, id, member))
        });
        members.map(|(id, _)| id).collect()
    }

    /// The places that are excepted from a protected state, where effects can name them: not in volumes.
    pub fn excepted_places(&self, state: &str) -> impl Iterator<Item = Resource<Term>> {
        let of_files = self.excepted(state).filter(|(part, _)| part.kind == ResourceKind::Tree);
        of_files.map(|(part, path)| Resource {
            host: part.host.clone(),
            ..Resource::new(
                ResourceKind::Tree,
                part.key[0].clone().join(path.split('/').map(Term::text).collect()),
            )
        })
    }

    /// Whether a resource lies within what is excepted from a protected state.
    pub fn is_excepted(&self, resource: &Resource<Term>, state: &str) -> bool {
        self.excepted_places(state)
            .any(|place| relation(resource, &place).is_covered())
    }

    /// Whether a resource lies in what is excepted from a protected state, and in none.
    pub fn is_owed_nothing(&self, resource: &Resource<Term>) -> bool {
        let in_state = |parts: &Vec<Resource<Term>>| parts.iter().any(|part| relation(resource, part).overlaps());
        let mut states = self.states.iter().filter(|(_, parts)| in_state(parts)).peekable();
        states.peek().is_some() && states.all(|(state, _)| self.is_excepted(resource, state))
    }

    /// Whether what touches all of one state touches the other, for states whose parts lie in each other.
    pub(crate) fn are_touched_at_once(&self, one: &str, other: &str) -> bool {
        if !self.excepted.contains_key(one) && !self.excepted.contains_key(other) {
            return true;
        }
        let pairs = self.states[one]
            .iter()
            .flat_map(|part| self.states[other].iter().map(move |also| (part, also)));
        let mut overlapping = pairs.filter(|(part, also)| relation(part, also).overlaps());
        overlapping.any(|(part, also)| !self.is_excepted(also, one) && !self.is_excepted(part, other))
    }

    /// As for any resource and protected state: by the state's parts.
    fn to_state(&self, resource: &Resource<Term>, state: &Resource<Term>) -> Relation {
        let Some(Term::Text(name)) = state.key.first() else {
            return Relation::AssumedApart;
        };
        if self.is_excepted(resource, name) {
            return Relation::Apart;
        }
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
        let members = self
            .services
            .get(name)
            .into_iter()
            .flat_map(|service| service.members.values());
        let lies = members.filter_map(|member| Some(relation(container, &member.resource()?)));
        match lies.max() {
            Some(Relation::Same) => Relation::Inside,
            Some(other) => other,
            None => Relation::Apart,
        }
    }
}

/// What pins a release where the text does not say: of a container, the image that it was made from.
fn usual_pin(member: &Member<Term>) -> Option<Resource<Term>> {
    let runs_as = member.resource().filter(|_| member.runs.kind.is_pinned_by_image())?;
    let name = runs_as.key.first()?;
    let image = Term::Field(Box::new(name.clone()), "image".to_owned());
    Some(Resource {
        host: member.host.clone(),
        ..Resource::new(ResourceKind::Image, image)
    })
}
