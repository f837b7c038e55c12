//! Production in the simulated world: the automaton of the language ([`backstay_dsl::state`]) in one state,
//! and beside each of its slots what the thing holds.
//!
//! Whatever is done, allowed or not, has its effect; what was not allowed is remembered as a violation, so that
//! a test can say that nothing ever broke a rule. A thing gets its slot when it is first named.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use backstay_dsl::effect::{Effect, Resource, ResourceKind};
use backstay_dsl::state::slot::SlotId;
use backstay_dsl::state::universe::Universe;
use backstay_dsl::state::{Difference, Extent, Given, Member, State, Traffic};
use backstay_dsl::term::{Term, ground, ground_effect};
use backstay_dsl::topology::{Begins, Topology};
use backstay_dsl::types::Type;

mod inside;
mod links;

use super::answers;
use super::containers::{self, Containers};
use super::contents::{Content, Contents};
use crate::action::{Action, GroundCall, Simulated};
use crate::plan::Plan;
use crate::value::{Answer, Backup, GroundResource, Unanswered, Value};

#[derive(Debug, Clone)]
pub struct Production {
    topology: Arc<Topology<String>>,
    universe: Arc<Universe>,
    state: State,
    contents: Contents,
    /// The slot of each thing, by every name that it was given.
    slots: Arc<HashMap<GroundResource, SlotId>>,
    /// As what each thing was named first.
    first_names: Arc<BTreeMap<SlotId, GroundResource>>,
    /// As what a thing was changed last, where that is another name.
    names: BTreeMap<SlotId, GroundResource>,
    /// Whether the run has made a link.
    has_links: bool,
    backups: BTreeMap<GroundResource, Held>,
    containers: Containers,
    violations: Vec<String>,
}

/// What a backup holds.
#[derive(Debug, Clone)]
struct Held {
    state: String,
    /// What was not as at the start.
    contents: Vec<(SlotId, Content)>,
}

impl Production {
    /// Production of a plan at the start.
    pub(super) fn new(plan: &Plan) -> Self {
        let mut universe = Universe::new(&Topology::grounded(&plan.topology));
        for hold in &plan.program.runbook().holds {
            universe.add_hold(&hold.name, &[]);
        }
        let mut contents = Contents::default();
        contents.grow(&universe);
        Self {
            topology: Arc::clone(&plan.topology),
            state: State::start(&universe),
            universe: Arc::new(universe),
            contents,
            slots: Arc::default(),
            first_names: Arc::default(),
            names: BTreeMap::new(),
            has_links: false,
            backups: BTreeMap::new(),
            containers: Containers::new(&plan.topology),
            violations: Vec::new(),
        }
    }

    /// A member by its name: that of the service where it is plain.
    pub fn member(&self, name: &str) -> Option<Member> {
        self.state.member(&self.universe, name)
    }

    /// What was done though it was not allowed: the rule and words.
    pub fn violations(&self) -> &[String] {
        &self.violations
    }

    /// What is not as at the start, each thing once, in words that begin with the resource, in their order; what
    /// was only added does not count. Empty: restored.
    pub fn differences(&self) -> Vec<String> {
        self.told(self.state.differences(&self.universe))
    }

    /// What must not be left where the run stops without being done or back, in the same words.
    pub fn unsettled(&self) -> Vec<String> {
        self.told(self.state.unsettled(&self.universe))
    }

    fn told(&self, differences: Vec<Difference>) -> Vec<String> {
        let told = differences.into_iter().map(|difference| match difference {
            Difference::Plain(slot, how) => {
                let name = self.name(slot).map_or_else(String::new, named);
                format!("{name}: {how:?}")
            }
            other => format!("{other:?}"),
        });
        let mut told: Vec<String> = told.collect();
        told.sort();
        told
    }

    /// What is not as it should be where the run has completed: a service that began running, and does not end
    /// otherwise, runs, and what runs has its traffic and was seen to be well.
    pub(super) fn not_as_completed(&self) -> Vec<String> {
        let start = State::start(&self.universe);
        let mut found = Vec::new();
        for ((name, member), (_, was)) in self.state.members(&self.universe).zip(start.members(&self.universe)) {
            let ends = self.topology.member(name.as_str()).and_then(|member| member.ends);
            let is_to_run = ends.map_or(was.run.is_some(), |ends| ends == Begins::Running);
            if !member.is_up() && is_to_run {
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

    /// What of the members is not as it should be where the change is done, as the proofs see it.
    pub fn unserved(&self) -> Vec<String> {
        let found = self.state.unserved(&self.universe);
        found.map(|(name, how)| format!("{name}: {how:?}")).collect()
    }

    /// Gives these things their slots, so that no run has to.
    pub(super) fn know(&mut self, things: &[GroundResource]) {
        for thing in things.iter().filter(|thing| thing.kind.is_of_files()) {
            self.slot(thing);
        }
    }

    pub(super) fn seed(&mut self, resource: &GroundResource, text: Option<&str>) {
        let slot = self.slot(resource);
        match text {
            Some(text) => drop(self.contents.start_text(slot, || text.to_owned())),
            None => self.contents.start_without(&self.universe, slot),
        }
    }

    /// That the rules allow it is asked where it is proved.
    pub(super) fn commit(&mut self) {
        self.state.commit(&self.universe, &[]);
    }

    /// Evidence held: what it read, and the service that was said to be well.
    pub(super) fn checked(&mut self, read: &[GroundResource], service: Option<&str>) {
        let read: Vec<Resource<Term>> = read.iter().map(ground).collect();
        self.state.checked(&self.universe, &read);
        if let Some(service) = service {
            self.state.well(&self.universe, service);
        }
    }

    pub(super) fn hold(&mut self, name: &str, is_taken: bool) {
        self.state.hold(&self.universe, name, is_taken);
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
        let captures = match &value {
            Some(Value::Backup(backup)) => Some(Effect::Captures {
                state: Resource::new(ResourceKind::State, backup.state.clone()),
                backup: Resource::new(ResourceKind::Backup, backup.path.clone()),
            }),
            _ => None,
        };
        let copied = copied(&call.effects);
        let behind = copied.and_then(|copied| self.behind(copied, !is_removed(&call.effects, copied)));
        let copied = behind.as_ref().or(copied);
        let moves_service = call.effects.iter().any(Effect::is_of_service);
        let before = moves_service.then(|| self.state.clone());
        for effect in call.effects.iter().chain(&captures) {
            let followed = self.followed(effect);
            self.effect(key, n, (followed.as_ref().unwrap_or(effect), copied), extent);
        }
        let violation = before.and_then(|before| self.state.violation_after(&self.universe, &before));
        self.violations
            .extend(violation.map(|found| format!("{key}: {} ({})", found.words, found.slug)));
        value
    }

    /// Whether there is such a thing, before an action makes it whose undo removes it: what nobody has seen is
    /// not there, so that a rehearsal takes the text at its word.
    pub(super) fn is_there_first(&mut self, thing: &GroundResource) -> bool {
        let behind = self.behind(thing, false);
        let slot = self.slot(behind.as_ref().unwrap_or(thing));
        let mut inside = self.universe.inside(slot).iter();
        let holds_some = inside.any(|inner| !self.contents.is_unseen(*inner) && self.contents.is_there(*inner));
        if self.contents.is_unseen(slot) && !holds_some {
            self.contents.start_without(&self.universe, slot);
        }
        self.contents.is_there(slot)
    }

    /// `copied` is what the call has read the value of.
    fn effect(
        &mut self,
        key: &str,
        n: u32,
        (effect, copied): (&Effect<String>, Option<&GroundResource>),
        extent: Extent,
    ) {
        let slot = effect.thing().map(|resource| {
            let slot = self.slot(resource);
            if self.name(slot) != Some(resource) {
                self.names.insert(slot, resource.clone());
            }
            slot
        });
        // What is done to a thing is never refused, and its name says no more than its slot.
        let term = slot.is_none().then(|| ground_effect(effect));
        if let (Effect::Captures { .. }, Some(term)) = (effect, &term) {
            Arc::make_mut(&mut self.universe).note(term);
            self.grow();
        }
        let written = match (effect, copied) {
            (Effect::Sets { resource, to: Some(to) }, _) if resource.kind == ResourceKind::Link => {
                self.has_links = true;
                Content::Link(to.clone())
            }
            (Effect::Sets { to: Some(to), .. }, _) => Content::Text(to.clone()),
            (Effect::Sets { to: None, .. }, Some(copied)) => {
                let copied = self.slot(copied);
                self.contents.copied(copied)
            }
            (Effect::Starts { with: Some(with), .. }, _) => Content::Text(with.clone()),
            (Effect::Adds(_), _) => Content::Made { key: key.to_owned(), n },
            _ => Content::Written { key: key.to_owned(), n },
        };
        let given = self.given(effect, slot, &written);
        let violation = |term| self.state.violation(&self.universe, term, given);
        if let Some(violation) = term.as_ref().and_then(violation) {
            let words = format!("{key}: {} ({})", violation.words, violation.slug);
            self.violations.push(words);
        }
        if let Some(slot) = slot.filter(|_| !given.existed) {
            self.make_what_holds(key, n, slot);
        }
        let written = match extent {
            Extent::Half => Content::Half { key: key.to_owned(), n },
            Extent::Whole if given.is_before => Content::Was,
            Extent::Whole => written,
        };
        self.write((effect, slot), &written, given, extent);
        match (slot, &term) {
            (Some(slot), _) => self.state.change(&self.universe, (slot, effect), given, extent),
            (None, Some(term)) => self.state.apply(&self.universe, term, given, extent),
            (None, None) => {}
        }
        if let (Effect::Sets { resource, to: None }, Some(copied), Extent::Whole) = (effect, copied, extent) {
            self.copy_inside(copied, resource, given.is_before);
        }
    }

    /// What is known about the value that is set or started.
    fn given(&self, effect: &Effect<String>, slot: Option<SlotId>, written: &Content) -> Given {
        let set = match effect {
            Effect::Sets { .. } => slot,
            Effect::Starts { member, .. } => self.universe.pin_of(&ground(member)),
            _ => None,
        };
        let is_before = set.is_some_and(|set| self.contents.is_of_start(set, written));
        let is_gone = slot.is_some_and(|slot| !self.contents.is_there(slot));
        // What is made and nobody has seen was not there.
        let is_made = matches!(effect, Effect::Adds(_)) && slot.is_some_and(|slot| self.is_unseen(slot));
        Given {
            is_before,
            existed: is_before || !(is_gone || is_made),
        }
    }

    /// What is made in a folder that is not there makes the folder too.
    fn make_what_holds(&mut self, key: &str, n: u32, slot: SlotId) {
        for holder in self.universe.around(slot).to_vec() {
            if let (false, Some(resource)) = (self.contents.is_there(holder), self.universe.resource(holder)) {
                let adds = (holder, &Effect::Adds(resource.clone()));
                self.state.change(&self.universe, adds, Given::FIRST, Extent::Whole);
                let key = key.to_owned();
                self.contents.put(holder, Content::Made { key, n });
            }
        }
    }

    /// The slot of a thing, made where it is new.
    fn slot(&mut self, resource: &GroundResource) -> SlotId {
        self.slot_on_the_way(resource, &mut Vec::new())
    }

    /// `way`: the copies through which the name of the thing was found, each with the length of the name there.
    fn slot_on_the_way(&mut self, resource: &GroundResource, way: &mut Vec<(SlotId, usize)>) -> SlotId {
        if let Some(slot) = self.slots.get(resource) {
            return *slot;
        }
        let known = self.universe.ids().len();
        let slot = Arc::make_mut(&mut self.universe).add(&ground(resource));
        Arc::make_mut(&mut self.slots).insert(resource.clone(), slot);
        if self.name(slot).is_none() {
            Arc::make_mut(&mut self.first_names).insert(slot, resource.clone());
        }
        if self.universe.ids().len() > known {
            self.grow();
            self.come_along(slot, resource, way);
        }
        slot
    }

    /// What a thing is called.
    fn name(&self, slot: SlotId) -> Option<&GroundResource> {
        self.names.get(&slot).or_else(|| self.first_names.get(&slot))
    }

    fn grow(&mut self) {
        self.state.grow(&self.universe);
        self.contents.grow(&self.universe);
    }

    /// Where what a resource names is pinned, or else its own slot.
    fn pin_or_itself(&mut self, resource: &GroundResource) -> SlotId {
        let pin = if resource.kind.is_of_files() {
            None
        } else {
            self.universe.pin_of(&ground(resource))
        };
        pin.unwrap_or_else(|| self.slot(resource))
    }

    fn write(
        &mut self,
        (effect, slot): (&Effect<String>, Option<SlotId>),
        written: &Content,
        given: Given,
        extent: Extent,
    ) {
        match (effect, slot) {
            (Effect::Removes(_), Some(slot)) if extent == Extent::Whole => {
                self.contents.write(&self.universe, slot, &Content::Gone);
            }
            (Effect::Removes(member), None) if extent == Extent::Whole => {
                for id in self.universe.named(&ground(member)) {
                    self.containers.removed(id);
                }
            }
            // What is there already may stay as it is.
            (Effect::Adds(_), Some(slot)) if !given.existed => {
                if self.is_unseen(slot) {
                    self.contents.start_without(&self.universe, slot);
                }
                self.contents.put(slot, written.clone());
            }
            (Effect::Adds(_), _) => {}
            (_, Some(slot)) => self.contents.write(&self.universe, slot, written),
            (Effect::Starts { member, with }, _) => {
                let member = ground(member);
                let pin = self.universe.pin_of(&member);
                let runs = match (with, pin) {
                    (None, Some(pin)) => self.contents.of(pin).clone(),
                    _ => written.clone(),
                };
                for id in self.universe.named(&member) {
                    self.containers.started(id, &runs);
                }
                if let (Some(pin), Some(_)) = (pin, with) {
                    self.contents.write(&self.universe, pin, &runs);
                }
            }
            (Effect::Captures { state, backup }, _) => {
                let state = state.key.first().cloned().unwrap_or_default();
                let contents = self.contents.changed(self.universe.held_by(&state));
                self.backups.insert(backup.clone(), Held { state, contents });
            }
            (Effect::Restores(backup), _) => {
                if let Some(held) = self.backups.get(backup) {
                    let slots = self.universe.held_by(&held.state);
                    self.contents.restore(slots, &held.contents, extent == Extent::Half);
                }
            }
            _ => {}
        }
    }

    /// Answers a question; the error says why there is no answer.
    pub(super) fn ask(&mut self, call: &GroundCall, action: Option<&dyn Action>, result: Option<&Type>) -> Answer {
        let ty = result.unwrap_or(&Type::Unknown);
        for effect in &call.effects {
            if let Effect::Proves(_) = effect {
                let effect = ground_effect(effect);
                self.state.apply(&self.universe, &effect, Given::OTHER, Extent::Whole);
            }
        }
        match action.and_then(|action| action.simulate(call, self)) {
            Some(answer) => answer,
            None => self.answer(call, ty).map_err(Unanswered::new),
        }
    }

    fn answer(&mut self, call: &GroundCall, ty: &Type) -> Result<Value, String> {
        let plain = || match &call.healthy {
            Some(said) => answers::healthy(ty, said),
            None => answers::plausible(ty, ""),
        };
        if self.reads_stopped(call) {
            return Ok(answers::untrue(&plain()));
        }
        let asked = call.effects.iter().find_map(|effect| match effect {
            Effect::ValueOf(resource) => Some(resource),
            _ => None,
        });
        let Some(resource) = asked else {
            return Ok(plain());
        };
        let behind = self.behind(resource, links::is_followed(resource));
        let slot = self.pin_or_itself(behind.as_ref().unwrap_or(resource));
        if !self.contents.is_there(slot) {
            return Err(format!("{} is gone", named(resource)));
        }
        let of = match self.contents.of(slot) {
            Content::Start(of) => *of,
            _ => slot,
        };
        let text = self.contents.start_text(of, || answers::text_of(&plain()));
        match self.contents.of(slot) {
            Content::Was | Content::Start(_) | Content::Gone if self.is_other_inside(slot, of) => {
                answers::typed(ty, &format!("{text} with changes"))
            }
            Content::Was | Content::Start(_) | Content::Gone => answers::typed(ty, &text),
            Content::Text(text) | Content::Link(text) => answers::typed(ty, text),
            Content::Written { key, n } | Content::Made { key, n } => answers::typed(ty, &format!("{key}#{n}")),
            Content::Half { key, n } => answers::typed(ty, &format!("half {key}#{n}")),
        }
    }
}

impl Simulated for Production {
    fn exists(&self, resource: &GroundResource) -> bool {
        let behind = self.behind(resource, false);
        let resource = behind.as_ref().unwrap_or(resource);
        let slot = self.slots.get(resource).copied().or_else(|| {
            let term = ground(resource);
            let known = self.universe.find(&term);
            known.or_else(|| self.universe.holders(&term).pop())
        });
        slot.is_none_or(|slot| self.contents.is_there(slot))
    }

    fn runs(&self, service: &str) -> bool {
        self.member(service).is_some_and(|member| member.is_up())
    }

    fn is_there(&self, service: &str) -> bool {
        self.containers.is_there(service)
    }

    fn release(&mut self, service: &str) -> Answer {
        if !self.runs(service) {
            return Err(Unanswered::new(format!("the service `{service}` does not run")));
        }
        let pin = self.pin_or_itself(&Resource::new(ResourceKind::Service, service.to_owned()));
        let start = self.contents.start_text(pin, || containers::image_of(service));
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
        states.flatten().cloned().collect()
    }

    /// An ingress answers whatever runs behind it.
    fn reads_stopped(&self, call: &GroundCall) -> bool {
        call.effects.iter().any(|effect| match effect {
            Effect::Reads(resource) | Effect::ValueOf(resource) => {
                resource.kind != ResourceKind::Ingress && !self.state.all_run(&self.universe, &ground(resource))
            }
            _ => false,
        })
    }
}

/// What a call that sets something without saying to what sets it to: the value that it reads.
fn copied(effects: &[Effect<String>]) -> Option<&GroundResource> {
    effects.iter().find_map(|effect| match effect {
        Effect::ValueOf(resource) => Some(resource),
        _ => None,
    })
}

fn is_removed(effects: &[Effect<String>], thing: &GroundResource) -> bool {
    effects
        .iter()
        .any(|effect| matches!(effect, Effect::Removes(removed) if removed == thing))
}

/// What an action gives, where it does not say itself.
pub(super) fn value_of_change(key: &str, n: u32, call: &GroundCall, result: Option<&Type>) -> Option<Value> {
    let ty = result?;
    if let (Type::Backup, Some(state)) = (ty, call.arguments.text("state")) {
        let folder = call.arguments.text("to").unwrap_or("/simulated");
        return Some(Value::Backup(Backup {
            path: format!("{folder}/{state}-{}-{n}.tar.zst", key.replace(['/', ':'], "-")),
            digest: crate::digest::sha256(format!("{key}#{n}").as_bytes()),
            state: state.to_owned(),
            bytes: 1024,
            entries: 1,
            places: Vec::new(),
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
