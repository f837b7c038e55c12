//! Production in the simulated world: members, data and backups as the automaton of the language has them
//! (`backstay_dsl::state`), beside what each resource holds.
//!
//! Invariant: whatever is done, allowed or not, has its effect; what was not allowed is remembered as a
//! violation, so that a test can say that nothing ever broke a rule.

use std::collections::BTreeMap;

use backstay_dsl::effect::{Resource, ResourceKind, Touch};
use backstay_dsl::state::requirement::requirement;
use backstay_dsl::state::transition::next;
use backstay_dsl::state::{Difference, Extent, Given, Plain, State, Traffic};
use backstay_dsl::term::{Term, ground};
use backstay_dsl::topology::Topology;
use backstay_dsl::types::Type;

use super::answers;
use super::containers::{self, Containers};
use super::contents::{Content, Contents};
use crate::action::{Action, GroundCall, Simulated};
use crate::plan::Plan;
use crate::value::{Answer, Backup, GroundResource, Unanswered, Value};

/// Production as it is.
#[derive(Debug, Clone)]
pub struct Production {
    topology: Topology<Term>,
    start: State,
    state: State,
    contents: Contents,
    /// What each backup holds, by its path.
    backups: BTreeMap<String, BTreeMap<GroundResource, Content>>,
    containers: Containers,
    violations: Vec<String>,
}

impl Production {
    /// Production of a plan at the start.
    pub(super) fn new(plan: &Plan) -> Self {
        let topology = Topology::grounded(&plan.topology);
        let start = State::start(&topology);
        Self {
            state: start.clone(),
            start,
            topology,
            contents: Contents::default(),
            backups: BTreeMap::new(),
            containers: Containers::new(&plan.topology),
            violations: Vec::new(),
        }
    }

    /// The automaton's state.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// What was done though it was not allowed: the rule and words.
    pub fn violations(&self) -> &[String] {
        &self.violations
    }

    /// What is not as at the start, in words that begin with the resource; what was only added does not
    /// count. Empty: restored.
    pub fn differences(&self) -> Vec<String> {
        let differences = self.state.differences(&self.start);
        let mut found: Vec<String> = differences
            .iter()
            .map(|difference| match difference {
                Difference::Plain(resource, how) => format!("{}: {how:?}", named(&plain(resource))),
                other => format!("{other:?}"),
            })
            .collect();
        let changed =
            self.contents.changed(|resource| {
                let term = ground(resource);
                // The pin of a container is told of by the automaton.
                let is_usual_pin = resource.kind == ResourceKind::Image && self.is_pin(resource);
                !is_usual_pin
                    && !self.state.plain.iter().any(|(added, plain)| {
                        *plain == Plain::Added && self.topology.relation(&term, added).is_covered()
                    })
            });
        found.extend(
            changed
                .iter()
                .map(|(resource, content)| format!("{}: {content:?}", named(resource))),
        );
        found
    }

    /// Whether it would be right to stop here without being done or back.
    pub fn may_park(&self) -> bool {
        self.state.may_park()
    }

    /// What is not as it should be where the run has completed: a service that began running runs, and what
    /// runs has its traffic and was seen to be well.
    pub(super) fn not_as_completed(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (name, member) in &self.state.members {
            let began = self.start.members.get(name).and_then(|member| member.run);
            if member.run.is_none() && began.is_some() {
                found.push(format!("it ended completed, and `{name}` does not run"));
            }
            if member.run.is_some() && member.traffic == Some(Traffic::Drained) {
                found.push(format!("it ended completed, and `{name}` has no traffic"));
            }
            if member.run.is_some() && !member.valid {
                found.push(format!(
                    "it ended completed, and nothing has shown that `{name}` is well"
                ));
            }
        }
        found
    }

    pub(super) fn seed(&mut self, resource: &GroundResource, text: &str) {
        self.contents.start_text(resource, || text.to_owned());
    }

    pub(super) fn commit(&mut self) {
        self.state.committed = true;
    }

    /// Evidence held: what it read, and the service that was said to be well.
    pub(super) fn checked(&mut self, read: &[GroundResource], service: Option<&str>) {
        let read: Vec<Resource<Term>> = read.iter().map(ground).collect();
        self.state = self.state.checked(&self.topology, &read);
        if let Some(service) = service {
            self.state.validate(service);
        }
    }

    pub(super) fn hold(&mut self, name: &str, is_taken: bool) {
        self.state = if is_taken {
            self.state.take(name)
        } else {
            self.state.release(name)
        };
    }

    /// Carries an action out as far as `extent`, and gives back its value: of a backup it is what was captured.
    pub(super) fn change(
        &mut self,
        key: &str,
        n: u32,
        call: &GroundCall,
        value: Option<Value>,
        extent: Extent,
    ) -> Option<Value> {
        let mut touches = call.touches.clone();
        if let Some(Value::Backup(backup)) = &value {
            touches.push(Touch::Captures {
                state: Resource::new(ResourceKind::State, backup.state.clone()),
                backup: Resource::new(ResourceKind::Backup, backup.path.clone()),
            });
        }
        for touch in &touches {
            self.touch(key, n, touch, extent);
        }
        if extent == Extent::Whole {
            self.containers.changed(call);
        }
        value
    }

    fn touch(&mut self, key: &str, n: u32, touch: &Touch<String>, extent: Extent) {
        let given = self.given(touch);
        let term = ground_touch(touch);
        if let Some(violation) = requirement(&self.state, &self.topology, &term, given) {
            let words = format!("{key}: {} ({})", violation.words, violation.slug);
            self.violations.push(words);
        }
        self.write(key, n, touch, given, extent);
        self.state = next(&self.state, &self.topology, &term, given, extent);
    }

    /// What is known about the value that is set or started.
    fn given(&self, touch: &Touch<String>) -> Given {
        let is_before = match touch {
            Touch::Sets { resource, to: Some(to) } => self.contents.is_start_text(resource, to),
            Touch::Starts {
                member,
                with: Some(with),
            } => self
                .pin_of(member)
                .is_some_and(|pin| self.contents.is_start_text(&pin, with)),
            _ => false,
        };
        if is_before { Given::BEFORE } else { Given::OTHER }
    }

    /// Whether this is where a service is pinned.
    fn is_pin(&self, resource: &GroundResource) -> bool {
        let members = self.topology.members();
        let mut pins = members.filter_map(|(_, member, _)| member.pinned_by.as_ref());
        pins.any(|pin| plain(pin) == *resource)
    }

    fn pin_of(&self, member: &GroundResource) -> Option<GroundResource> {
        self.topology.pin_of(&ground(member)).map(plain)
    }

    fn write(&mut self, key: &str, n: u32, touch: &Touch<String>, given: Given, extent: Extent) {
        let key = key.to_owned();
        let written = |to: &Option<String>| match (extent, to) {
            (Extent::Half, _) => Content::Half { key: key.clone(), n },
            (Extent::Whole, _) if given.is_before => Content::Was,
            (Extent::Whole, Some(to)) => Content::Text(to.clone()),
            (Extent::Whole, None) => Content::Written { key: key.clone(), n },
        };
        match touch {
            Touch::Sets { resource, to } => self.contents.write(resource, written(to)),
            Touch::Edits(resource) | Touch::Opaque(resource) => self.contents.write(resource, written(&None)),
            Touch::Removes(resource) => self.contents.write(resource, Content::Gone),
            Touch::Starts { member, with } => {
                let pin = self.pin_of(member);
                let runs = match (with, &pin) {
                    (None, Some(pin)) => self.contents.of(pin).clone(),
                    _ => written(with),
                };
                self.containers.started(&self.topology, member, &runs);
                if let (Some(pin), Some(_)) = (pin, with) {
                    self.contents.write(&pin, runs);
                }
            }
            Touch::Captures { state, backup } => {
                let held = self
                    .contents
                    .changed(|resource| covers(&self.topology, state, resource));
                if let Some(path) = backup.key.first() {
                    self.backups.insert(path.clone(), held);
                }
            }
            Touch::Restores(backup) => self.restore(backup, extent),
            _ => {}
        }
    }

    fn restore(&mut self, backup: &GroundResource, extent: Extent) {
        let Some(known) = self.state.backups.get(&ground(backup)) else {
            return;
        };
        let state = Resource::new(ResourceKind::State, known.state.clone());
        let held = backup.key.first().and_then(|path| self.backups.get(path));
        let held = held.cloned().unwrap_or_default();
        let topology = &self.topology;
        let is_half = extent == Extent::Half;
        self.contents
            .restore(&held, |resource| covers(topology, &state, resource), is_half);
    }

    /// Answers a question; the error says why there is no answer.
    pub(super) fn ask(&mut self, call: &GroundCall, action: Option<&dyn Action>, result: Option<&Type>) -> Answer {
        let ty = result.unwrap_or(&Type::Unknown);
        for touch in &call.touches {
            if let Touch::Proves(_) = touch {
                let term = ground_touch(touch);
                self.state = next(&self.state, &self.topology, &term, Given::OTHER, Extent::Whole);
            }
        }
        match action.and_then(|action| action.simulate(call, self)) {
            Some(answer) => answer,
            None => self.answer(call, ty).map_err(Unanswered::new),
        }
    }

    fn answer(&mut self, call: &GroundCall, ty: &Type) -> Result<Value, String> {
        let plain = match &call.healthy {
            Some(said) => answers::healthy(ty, said),
            None => answers::plausible(ty, ""),
        };
        if self.reads_stopped(call) {
            return Ok(answers::untrue(&plain));
        }
        let asked = call.touches.iter().find_map(|touch| match touch {
            Touch::ValueOf(resource) => Some(self.pin_of(resource).unwrap_or_else(|| resource.clone())),
            _ => None,
        });
        let Some(resource) = &asked else {
            return Ok(plain);
        };
        let text = self.contents.start_text(resource, || answers::text_of(&plain));
        match self.contents.of(resource) {
            Content::Was => answers::typed(ty, &text),
            Content::Text(text) => answers::typed(ty, text),
            Content::Written { key, n } => answers::typed(ty, &format!("{key}#{n}")),
            Content::Half { key, n } => answers::typed(ty, &format!("half {key}#{n}")),
            Content::Gone => Err(format!("{} is gone", named(resource))),
        }
    }
}

impl Simulated for Production {
    fn exists(&self, resource: &GroundResource) -> bool {
        *self.contents.of(resource) != Content::Gone
    }

    fn runs(&self, service: &str) -> bool {
        self.state
            .members
            .get(service)
            .is_some_and(|member| member.run.is_some())
    }

    fn is_there(&self, service: &str) -> bool {
        self.containers.is_there(service)
    }

    fn release(&mut self, service: &str) -> Answer {
        if !self.runs(service) {
            return Err(Unanswered::new(format!("the service `{service}` does not run")));
        }
        let resource = Resource::new(ResourceKind::Service, service.to_owned());
        let pin = self.pin_of(&resource).unwrap_or(resource);
        let start = self.contents.start_text(&pin, || containers::image_of(service));
        match self.containers.runs(service) {
            Content::Text(text) => Ok(Value::Image(text.clone())),
            Content::Half { .. } => Err(Unanswered::new(format!("the service `{service}` was left half-way"))),
            _ => Ok(Value::Image(start)),
        }
    }

    fn written_by(&self, service: &str) -> Vec<GroundResource> {
        let service = self.topology.services.get(service);
        let written = service.iter().flat_map(|service| &service.writes);
        let states = written.filter_map(|writes| self.topology.states.get(&writes.state));
        states.flatten().map(plain).collect()
    }

    /// An ingress answers whatever runs behind it.
    fn reads_stopped(&self, call: &GroundCall) -> bool {
        call.touches.iter().any(|touch| match touch {
            Touch::Reads(resource) | Touch::ValueOf(resource) => {
                let names = self.topology.members_of(&ground(resource));
                resource.kind != ResourceKind::Ingress
                    && names.into_iter().any(|name| {
                        let member = self.state.members.get(name);
                        member.is_some_and(|member| member.run.is_none())
                    })
            }
            _ => false,
        })
    }
}

/// What an action gives, where it does not say itself.
pub(super) fn value_of_change(key: &str, n: u32, call: &GroundCall, result: Option<&Type>) -> Option<Value> {
    let ty = result?;
    if let (Type::Backup, Some(state)) = (ty, call.arguments.text("state")) {
        let folder = call.arguments.text("to").unwrap_or("/simulated");
        return Some(Value::Backup(Backup {
            path: format!("{folder}/{state}-{}-{n}.tar.zst", key.replace(['/', ':'], "-")),
            digest: crate::plan::sha256(format!("{key}#{n}").as_bytes()),
            state: state.to_owned(),
            bytes: 1024,
            entries: 1,
        }));
    }
    match (ty, &call.healthy) {
        (Type::Nothing, _) => None,
        (_, Some(said)) => Some(answers::healthy(ty, said)),
        _ => Some(answers::plausible(ty, "")),
    }
}

/// A resource as records name it.
fn named(resource: &GroundResource) -> String {
    format!("{}({})", resource.kind, resource.key.join(", "))
}

/// Whether a resource certainly lies in a protected state.
fn covers(topology: &Topology<Term>, state: &GroundResource, resource: &GroundResource) -> bool {
    topology.relation(&ground(resource), &ground(state)).is_covered()
}

/// A touch with real keys, as the automaton wants it.
fn ground_touch(touch: &Touch<String>) -> Touch<Term> {
    touch.map_resources(&mut ground, &mut |value| Term::text(value))
}

/// A resource over known terms with its texts again.
fn plain(resource: &Resource<Term>) -> GroundResource {
    resource.map(&mut |term: &Term| match term {
        Term::Join(base, segments) => {
            let mut text = plain_text(base);
            for segment in segments {
                if !text.ends_with('/') {
                    text.push('/');
                }
                text.push_str(&plain_text(segment));
            }
            text
        }
        other => plain_text(other),
    })
}

fn plain_text(term: &Term) -> String {
    match term {
        Term::Text(text) => text.clone(),
        other => other.to_string(),
    }
}
