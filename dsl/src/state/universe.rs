//! Everything that the effects of one plan can touch: a slot for each thing, and what the transitions need to
//! know of it, worked out once.
//!
//! One thing has one slot, whatever kind names it: a file, a tree, a link and an archive of one path; a package
//! at two versions. A pin is one resource with one slot, also where several members share it. Slots that can
//! constrain each other form a *cell*: a service with its members and their pins, the states it writes, the
//! backups of those, and holds over any of it. Every other thing is a cell of its own, also where one lies in
//! another: what a change of the outer one means for the inner follows from the change alone.
//!
//! A slot may be added at any time, at the cost of its depth and of what is known to lie in it.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::effect::{Effect, Resource, ResourceKind};
use crate::state::slot::{Data, Packed, Plain, Release, Run, SlotId};
use crate::state::tree::Tree;
use crate::state::{Extent, Given};
use crate::term::{Term, trail};
use crate::topology::{Begins, MemberId, Topology};

mod places;

/// What a slot is about. Indexes are of [`Universe::members`] and [`Universe::states`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Role {
    Plain,
    Pin,
    Member,
    Data,
    Backup { of: usize },
    Hold(String),
}

/// How a thing lies to others. States are by index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Thing {
    /// As it was named first.
    pub(super) resource: Resource<Term>,
    /// Plain things and pins that lie in it.
    pub(super) inside: Vec<SlotId>,
    /// The things that hold it, from the outside in.
    around: Vec<SlotId>,
    /// States that have a part around it.
    pub(super) within: Vec<usize>,
    /// States that it is a part of, or holds a part of.
    pub(super) reaches: Vec<usize>,
    pub(super) is_part: bool,
    /// Whether it lies in what is excepted from protected state, and in no state: nothing is owed of it.
    pub(super) is_excepted: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Slot {
    pub(super) role: Role,
    /// Of plain things, and of pins that the topology names.
    pub(super) thing: Option<Thing>,
    pub(super) start: u8,
    cell: usize,
    place: usize,
}

#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) id: MemberId,
    pub(super) service: usize,
    pub(super) slot: SlotId,
    pub(super) pin: SlotId,
    pub(super) has_traffic: bool,
    /// Whether its pin is there while it does not run. That of a container which was not there at the start
    /// comes and goes with it.
    pub(super) keeps_pin: bool,
    /// What it should be after a way forward, where the text says so.
    pub(super) ends: Option<Begins>,
}

#[derive(Debug, Clone)]
pub(super) struct Service {
    pub(super) name: String,
    pub(super) members: Vec<usize>,
    /// States by index, and whether a new release may migrate each.
    pub(super) writes: Vec<(usize, bool)>,
    pub(super) writers_at_most: u64,
    pub(super) serving_at_least: u64,
    /// Whether all members that have traffic have to run one release.
    pub(super) has_one_release: bool,
}

/// A protected state.
#[derive(Debug, Clone)]
pub(super) struct Protected {
    pub(super) name: String,
    pub(super) slot: SlotId,
    pub(super) writers: Vec<usize>,
    pub(super) backups: Vec<SlotId>,
    pub(super) pins: Vec<SlotId>,
    /// Plain things strictly inside its parts that reach into no state: they have a value of their own.
    pub(super) places: Vec<SlotId>,
    /// Its parts, as far as effects name them, and what is in them.
    held: Vec<SlotId>,
    /// The states that a change of all of it touches, itself among them.
    pub(super) reaches: Vec<usize>,
}

/// Slots and cells, and how they lie to each other.
#[derive(Debug, Clone)]
pub struct Universe {
    slots: Vec<Slot>,
    cells: Vec<Vec<SlotId>>,
    tree: Tree,
    known: HashMap<Resource<Term>, SlotId>,
    named: HashMap<Resource<Term>, Vec<usize>>,
    backups: HashMap<Resource<Term>, Vec<SlotId>>,
    holds: BTreeMap<String, SlotId>,
    /// The holds that each thing is a mark of: they change it while they are taken.
    marks: HashMap<SlotId, Vec<SlotId>>,
    /// The backups that are kept in a thing.
    kept: HashMap<SlotId, Vec<SlotId>>,
    links: HashSet<SlotId>,
    pub(super) members: Vec<Member>,
    pub(super) services: Vec<Service>,
    pub(super) states: Vec<Protected>,
}

impl Universe {
    /// What the topology says is there.
    pub fn new(topology: &Topology<Term>) -> Self {
        let mut universe = Self {
            slots: Vec::new(),
            cells: Vec::new(),
            tree: Tree::new(),
            known: HashMap::new(),
            named: HashMap::new(),
            backups: HashMap::new(),
            holds: BTreeMap::new(),
            marks: HashMap::new(),
            kept: HashMap::new(),
            links: HashSet::new(),
            members: Vec::new(),
            services: Vec::new(),
            states: Vec::new(),
        };
        universe.protect(topology);
        for name in topology.services.keys() {
            universe.serve(topology, name);
        }
        universe
    }

    /// Knows whatever this effect names; what it only reads has no slot.
    pub fn note(&mut self, effect: &Effect<Term>) {
        if let Some(thing) = effect.thing() {
            self.add(thing);
        }
        if let Effect::Captures { state, backup } = effect
            && let Some(of) = self.state_of(state)
        {
            self.add_backup(backup, of);
        }
    }

    /// The slot of a thing, made where it is new.
    pub fn add(&mut self, resource: &Resource<Term>) -> SlotId {
        match self.known.get(resource) {
            Some(slot) => *slot,
            None => self.insert(resource, &Role::Plain),
        }
    }

    /// Knows a hold; what is done to take and release it is in its cell.
    pub fn add_hold(&mut self, name: &str, effects: &[Effect<Term>]) {
        let hold = match self.holds.get(name) {
            Some(slot) => *slot,
            None => self.push(Role::Hold(name.to_owned()), None, false.pack()),
        };
        self.holds.insert(name.to_owned(), hold);
        for effect in effects {
            self.note(effect);
            for given in [Given::OTHER, Given::FIRST] {
                for operation in self.operations(effect, given, Extent::Whole) {
                    let slot = operation.slot(self);
                    self.join(hold, slot);
                    self.marks.entry(slot).or_default().push(hold);
                }
            }
        }
    }

    /// The members of a service, by index.
    pub(crate) fn members_of_service(&self, name: &str) -> &[usize] {
        let service = self.services.iter().find(|known| known.name == name);
        service.map_or(&[], |service| &service.members)
    }

    /// The slot of a member.
    pub(crate) fn member_slot(&self, member: usize) -> SlotId {
        self.members[member].slot
    }

    /// The pin of the first member that a resource names.
    pub(crate) fn pin_slot(&self, named: &Resource<Term>) -> Option<SlotId> {
        let member = self.members_of(named).first()?;
        Some(self.members[*member].pin)
    }

    /// How a member runs at the start.
    pub(super) fn start_of(&self, member: &Member) -> Run {
        Run::unpack(self.slot(member.slot).start)
    }

    /// What else decides what can be read of a thing: what holds it, and whose the protected state is that it
    /// lies in.
    pub(crate) fn read_with(&self, slot: SlotId) -> Vec<SlotId> {
        let Some(thing) = &self.slot(slot).thing else {
            return Vec::new();
        };
        let states = thing.within.iter().map(|state| self.states[*state].slot);
        let inside = thing.inside.iter().copied().filter(|inner| !self.is_pin(*inner));
        thing.around.iter().copied().chain(states).chain(inside).collect()
    }

    /// The places in the states that an effect captures, or that what it starts writes.
    pub(crate) fn places_asked(&self, effect: &Effect<Term>) -> Vec<SlotId> {
        let states: Vec<usize> = match effect {
            Effect::Captures { state, .. } => self.state_of(state).into_iter().collect(),
            Effect::Starts { member, .. } => {
                let members = self.members_of(member).iter();
                let services = members.map(|member| &self.services[self.members[*member].service]);
                services
                    .flat_map(|service| service.writes.iter().map(|(state, _)| *state))
                    .collect()
            }
            _ => Vec::new(),
        };
        let places = states.into_iter().flat_map(|state| &self.states[state].places);
        places.copied().collect()
    }

    /// What is known of one of these slots decides what another may be set to: they are one cell.
    pub(crate) fn tie(&mut self, slot: SlotId, other: SlotId) {
        self.join(slot, other);
    }

    /// Every slot, in the order in which they were added.
    pub fn ids(&self) -> impl ExactSizeIterator<Item = SlotId> + use<> {
        (0..u32::try_from(self.slots.len()).unwrap_or(u32::MAX)).map(SlotId)
    }

    /// The name that a thing was given first.
    pub fn resource(&self, slot: SlotId) -> Option<&Resource<Term>> {
        self.slot(slot).thing.as_ref().map(|thing| &thing.resource)
    }

    /// Where the release of what a resource names is pinned; `None` where no resource pins it.
    pub fn pin_of(&self, named: &Resource<Term>) -> Option<SlotId> {
        let member = self.members.get(*self.members_of(named).first()?)?;
        self.slot(member.pin).thing.as_ref().map(|_| member.pin)
    }

    /// The slot of a thing, under any of the names that were added.
    pub fn get(&self, resource: &Resource<Term>) -> Option<SlotId> {
        self.known.get(resource).copied()
    }

    /// The slot of a thing, whatever kind it is named as.
    pub fn find(&self, resource: &Resource<Term>) -> Option<SlotId> {
        self.tree.find(&trail(resource))
    }

    /// The things that hold this one, from the outside in.
    pub fn around(&self, slot: SlotId) -> &[SlotId] {
        self.slot(slot).thing.as_ref().map_or(&[], |thing| &thing.around)
    }

    /// The things that hold what has perhaps no slot, from the outside in.
    pub fn holders(&self, resource: &Resource<Term>) -> Vec<SlotId> {
        self.tree.holders(&trail(resource))
    }

    /// Whether a thing is where a release is pinned.
    pub fn is_pin(&self, slot: SlotId) -> bool {
        self.slot(slot).role == Role::Pin
    }

    /// The things known to lie in this one, pins among them.
    pub fn inside(&self, slot: SlotId) -> &[SlotId] {
        self.slot(slot).thing.as_ref().map_or(&[], |thing| &thing.inside)
    }

    /// The things known to lie in, or to be a part of, the protected state of this name, pins among them.
    pub fn held_by(&self, state: &str) -> &[SlotId] {
        let state = self.states.iter().find(|known| known.name == state);
        state.map_or(&[], |state| &state.held)
    }

    /// The members that a resource names: those of a service, one of them, what runs as this, or an ingress with
    /// everything behind it.
    pub fn named(&self, resource: &Resource<Term>) -> impl Iterator<Item = &MemberId> {
        let members = self.members_of(resource).iter();
        members.map(|member| &self.members[*member].id)
    }

    /// The backups of this name: one for each state that it is made of anywhere.
    pub(super) fn backups_of(&self, backup: &Resource<Term>) -> &[SlotId] {
        self.backups.get(backup).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn hold(&self, name: &str) -> Option<SlotId> {
        self.holds.get(name).copied()
    }

    pub(super) fn state_of(&self, resource: &Resource<Term>) -> Option<usize> {
        let is_meant = |state: &Protected| resource.key.first() == Some(&Term::text(&state.name));
        let is_state = resource.kind == ResourceKind::State;
        self.states.iter().position(is_meant).filter(|_| is_state)
    }

    /// The members that a resource names, by index.
    pub(super) fn members_of(&self, resource: &Resource<Term>) -> &[usize] {
        if let Some(members) = self.named.get(resource) {
            return members;
        }
        // Whatever member of a plain service is named, it is the only one.
        let service = resource.key.first().filter(|_| resource.kind == ResourceKind::Member);
        let service = service.map(|name| Resource::new(ResourceKind::Service, name.clone()));
        let members = service.and_then(|service| self.named.get(&service));
        members.filter(|members| members.len() == 1).map_or(&[], Vec::as_slice)
    }

    pub(super) fn member(&self, id: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.id.as_str() == id)
    }

    /// The members that reading this resource is evidence about, by index: those that are asked by it, and those
    /// that write a state it overlaps.
    pub(crate) fn evidence_of(&self, read: &Resource<Term>) -> Vec<usize> {
        let mut found = self.asked_by(read);
        if let Some(state) = self.state_of(read) {
            found.extend(&self.states[state].writers);
        }
        for node in self.tree.overlapping(&trail(read)) {
            let states = self.tree.node(node).part_of.iter().map(|state| &self.states[*state]);
            found.extend(states.flat_map(|state| &state.writers));
        }
        found
    }

    /// The members that answer where this resource is read, by index: those it names, and those whose `well` reads it
    /// or what overlaps it.
    pub(crate) fn asked_by(&self, read: &Resource<Term>) -> Vec<usize> {
        let mut found = self.members_of(read).to_vec();
        let nodes = self.tree.overlapping(&trail(read)).into_iter();
        found.extend(nodes.flat_map(|node| &self.tree.node(node).evidence_of));
        found
    }

    pub(super) fn slot(&self, slot: SlotId) -> &Slot {
        &self.slots[slot.index()]
    }

    pub(super) fn slots(&self) -> impl Iterator<Item = (SlotId, &Slot)> {
        (0..).map(SlotId).zip(&self.slots)
    }

    /// The slots of each cell, by the cell's index; a cell may be empty.
    pub(crate) fn cells(&self) -> &[Vec<SlotId>] {
        &self.cells
    }

    /// The cell of a slot, and the place in it.
    pub(crate) fn cell_of(&self, slot: SlotId) -> (usize, usize) {
        let slot = self.slot(slot);
        (slot.cell, slot.place)
    }

    fn protect(&mut self, topology: &Topology<Term>) {
        for (index, (name, parts)) in topology.states.iter().enumerate() {
            let slot = self.push(Role::Data, None, Data::Own.pack());
            for part in parts {
                let node = self.node_of(part);
                self.tree.node_mut(node).part_of.push(index);
            }
            self.states.push(Protected {
                name: name.clone(),
                slot,
                writers: Vec::new(),
                backups: Vec::new(),
                pins: Vec::new(),
                places: Vec::new(),
                held: Vec::new(),
                reaches: Vec::new(),
            });
        }
        for (index, name) in topology.states.keys().enumerate() {
            for place in topology.excepted_places(name) {
                let node = self.node_of(&place);
                self.tree.node_mut(node).excepted_from.push(index);
            }
        }
        for (index, (name, parts)) in topology.states.iter().enumerate() {
            let nodes = parts.iter().flat_map(|part| self.tree.overlapping(&trail(part)));
            let mut reaches: Vec<usize> = nodes.flat_map(|node| self.tree.node(node).part_of.clone()).collect();
            reaches.sort_unstable();
            reaches.dedup();
            reaches.retain(|other| topology.are_touched_at_once(name, &self.states[*other].name));
            self.states[index].reaches = reaches;
        }
    }

    fn serve(&mut self, topology: &Topology<Term>, name: &str) {
        let Some(known) = topology.services.get(name) else {
            return;
        };
        let state = |written: &str| self.states.iter().position(|state| state.name == written);
        let writes = known.writes.iter();
        let writes: Vec<(usize, bool)> = writes
            .filter_map(|writes| Some((state(&writes.state)?, writes.migrates)))
            .collect();
        let service = self.services.len();
        let mut members: Vec<usize> = Vec::new();
        for (id, member) in &known.members {
            let is_running = member.begins == Begins::Running;
            let run = Run {
                release: is_running.then_some(Release::Old),
                stands_by: member.begins == Begins::Standby,
                is_drained: known.behind.is_some() && !is_running,
                is_valid: true,
            };
            let slot = self.push(Role::Member, None, run.pack());
            let pin = match &member.pinned_by {
                Some(pin) => match self.known.get(pin) {
                    Some(pin) => *pin,
                    None => self.insert(pin, &Role::Pin),
                },
                None => self.push(Role::Pin, None, Release::Old.pack()),
            };
            self.join(slot, pin);
            let index = self.members.len();
            let second = Resource::keyed(ResourceKind::Member, vec![Term::text(name), Term::text(id.as_str())]);
            let names = [Resource::new(ResourceKind::Service, Term::text(name)), second];
            for named in names.into_iter().chain(member.resource()).chain(known.behind.clone()) {
                self.named.entry(named).or_default().push(index);
            }
            for (state, _) in &writes {
                self.join(slot, self.states[*state].slot);
                self.states[*state].writers.push(index);
            }
            for endpoint in &known.endpoints {
                let node = self.node_of(endpoint);
                self.tree.node_mut(node).evidence_of.push(index);
            }
            if let Some(first) = members.first() {
                self.join(slot, self.members[*first].slot);
            }
            members.push(index);
            self.members.push(Member {
                id: id.clone(),
                service,
                slot,
                pin,
                has_traffic: known.behind.is_some(),
                keeps_pin: member.begins != Begins::Absent || !member.is_pinned_by_itself(),
                ends: member.ends,
            });
        }
        self.services.push(Service {
            name: name.to_owned(),
            members,
            writes,
            writers_at_most: known.writers_at_most,
            serving_at_least: known.serving_at_least,
            has_one_release: known.has_one_release,
        });
    }

    fn add_backup(&mut self, backup: &Resource<Term>, of: usize) {
        let known = self.backups_of(backup);
        if known.iter().any(|slot| self.slot(*slot).role == (Role::Backup { of })) {
            return;
        }
        let slot = self.push(Role::Backup { of }, None, 0);
        self.join(slot, self.states[of].slot);
        self.states[of].backups.push(slot);
        self.backups.entry(backup.clone()).or_default().push(slot);
    }

    fn node_of(&mut self, resource: &Resource<Term>) -> usize {
        self.tree.path(&trail(resource)).pop().unwrap_or_default()
    }

    fn insert(&mut self, resource: &Resource<Term>, role: &Role) -> SlotId {
        let slot = self.placed(resource, role);
        if resource.kind == ResourceKind::Link {
            self.links.insert(slot);
        }
        slot
    }

    /// Makes the slot of a thing, unless it has one under another kind.
    fn placed(&mut self, resource: &Resource<Term>, role: &Role) -> SlotId {
        let path = self.tree.path(&trail(resource));
        let (node, around) = path.split_last().map_or((0, &[][..]), |(node, around)| (*node, around));
        if let Some(slot) = self.tree.node(node).slot {
            self.known.insert(resource.clone(), slot);
            return slot;
        }
        let own = self.tree.node(node).part_of.clone();
        let (within, is_excepted) = self.within(around, node);
        let mut thing = Thing {
            resource: resource.clone(),
            inside: Vec::new(),
            around: around.iter().filter_map(|node| self.tree.node(*node).slot).collect(),
            within,
            is_part: !own.is_empty(),
            is_excepted,
            reaches: own,
        };
        for below in self.tree.below(node) {
            let below = self.tree.node(below);
            thing.inside.extend(below.slot);
            thing.reaches.extend(&below.part_of);
        }
        for states in [&mut thing.within, &mut thing.reaches] {
            states.sort_unstable();
            states.dedup();
        }
        thing.is_excepted &= thing.reaches.is_empty();
        let (holders, inside) = (thing.around.clone(), thing.inside.clone());
        let covering = thing
            .within
            .iter()
            .chain(thing.reaches.iter().filter(|_| thing.is_part));
        let covering: Vec<usize> = covering.copied().collect();
        let has_value = thing.reaches.is_empty();
        let start = if *role == Role::Pin {
            Release::Old.pack()
        } else {
            Plain::AsWas.pack()
        };
        let slot = self.push(role.clone(), Some(thing), start);
        let outside = holders.len();
        for holder in holders {
            if let Some(thing) = &mut self.slots[holder.index()].thing {
                thing.inside.push(slot);
            }
        }
        for inner in inside {
            if let Some(thing) = &mut self.slots[inner.index()].thing {
                thing.around.insert(outside, slot);
            }
        }
        for state in covering {
            self.states[state].held.push(slot);
            if *role == Role::Pin {
                self.states[state].pins.push(slot);
                self.join(slot, self.states[state].slot);
            } else if has_value {
                self.states[state].places.push(slot);
            }
        }
        self.tree.node_mut(node).slot = Some(slot);
        self.known.insert(resource.clone(), slot);
        slot
    }

    fn push(&mut self, role: Role, thing: Option<Thing>, start: u8) -> SlotId {
        let slot = SlotId(u32::try_from(self.slots.len()).unwrap_or(u32::MAX));
        self.slots.push(Slot {
            role,
            thing,
            start,
            cell: self.cells.len(),
            place: 0,
        });
        self.cells.push(vec![slot]);
        slot
    }

    /// Makes one cell of the cells of two slots.
    fn join(&mut self, one: SlotId, other: SlotId) {
        let (one, other) = (self.slot(one).cell, self.slot(other).cell);
        if one == other {
            return;
        }
        let (smaller, larger) = if self.cells[one].len() < self.cells[other].len() {
            (one, other)
        } else {
            (other, one)
        };
        for slot in std::mem::take(&mut self.cells[smaller]) {
            let known = &mut self.slots[slot.index()];
            known.cell = larger;
            known.place = self.cells[larger].len();
            self.cells[larger].push(slot);
        }
    }
}
