//! What comes after an effect, whether or not it was allowed.

use crate::effect::{Resource, ResourceKind, Touch};
use crate::state::{Backup, Data, Extent, Given, Member, Plain, Release, State, Traffic};
use crate::term::{Relation, Term};
use crate::topology::Topology;

/// The state after an effect that came as far as `extent`.
#[must_use]
pub fn next(state: &State, topology: &Topology<Term>, touch: &Touch<Term>, given: Given, extent: Extent) -> State {
    let mut after = state.clone();
    match touch {
        Touch::Reads(_) | Touch::ValueOf(_) | Touch::Tells(_) => {}
        Touch::Sets { resource, .. } => set(&mut after, topology, resource, given, extent),
        Touch::Edits(resource) | Touch::Opaque(resource) => {
            change(&mut after, topology, resource, Plain::Changed, extent);
        }
        Touch::Removes(resource) => remove(&mut after, topology, resource, extent),
        Touch::Adds(resource) => {
            if topology.states_touched(resource).is_empty() && !is_within_added(&after, topology, resource) {
                after.plain.entry(resource.clone()).or_insert(Plain::Added);
            }
        }
        Touch::Captures {
            state: captured,
            backup,
        } => capture(&mut after, topology, captured, backup, extent),
        Touch::Proves(backup) => {
            if let Some(backup) = after.backups.get_mut(backup) {
                backup.proven = true;
            }
        }
        Touch::Restores(backup) => restore(&mut after, topology, backup, extent),
        Touch::Starts { member, with } => start(&mut after, topology, member, with.is_some(), given),
        Touch::Stops(target) => members(&mut after, topology, target, |member| member.run = None),
        Touch::Drains(target) => traffic(&mut after, topology, target, Traffic::Drained),
        Touch::Opens(target) => {
            traffic(&mut after, topology, target, Traffic::Open);
            users_write(&mut after, topology, target);
        }
    }
    after
}

impl State {
    /// The state after a hold was taken (its effects are applied on their own).
    #[must_use]
    pub fn take(&self, hold: &str) -> Self {
        let mut state = self.clone();
        if !state.taken.iter().any(|taken| taken == hold) {
            state.taken.push(hold.to_owned());
        }
        state
    }

    /// The state after a hold was released; releasing what is free does nothing.
    #[must_use]
    pub fn release(&self, hold: &str) -> Self {
        let mut state = self.clone();
        state.taken.retain(|taken| taken != hold);
        state
    }

    /// The state after a check that read these resources has passed: a member is valid when the check
    /// read it, what its `well` reads, or state that it writes.
    #[must_use]
    pub fn checked(&self, topology: &Topology<Term>, reads: &[Resource<Term>]) -> Self {
        let mut state = self.clone();
        for (id, _, service) in topology.members() {
            let is_read = reads.iter().any(|read| {
                let mut endpoints = service.endpoints.iter();
                topology.members_of(read).contains(&id)
                    || endpoints.any(|endpoint| topology.relation(read, endpoint).overlaps())
                    || topology
                        .states_touched(read)
                        .iter()
                        .any(|touched| service.is_writer(touched))
            });
            if is_read {
                state.validate(id.as_str());
            }
        }
        state
    }

    /// Evidence about this member was seen: `check S is well`.
    pub fn validate(&mut self, name: &str) {
        if let Some(member) = self.members.get_mut(name) {
            member.valid = true;
        }
    }
}

/// The release that a start brings up: what is pinned, unless another is named.
pub(crate) fn released(member: Member, is_named: bool, given: Given) -> Release {
    match (is_named, given.is_before) {
        (false, _) => member.pin,
        (true, true) => Release::Old,
        (true, false) => Release::New,
    }
}

fn members(state: &mut State, topology: &Topology<Term>, target: &Resource<Term>, mut change: impl FnMut(&mut Member)) {
    for name in topology.members_of(target) {
        if let Some(member) = state.members.get_mut(name) {
            change(member);
        }
    }
}

fn traffic(state: &mut State, topology: &Topology<Term>, target: &Resource<Term>, traffic: Traffic) {
    members(state, topology, target, |member| {
        if member.traffic.is_some() {
            member.traffic = Some(traffic);
        }
    });
}

/// Users write: no backup of what these members write is fresh any more.
fn users_write(state: &mut State, topology: &Topology<Term>, target: &Resource<Term>) {
    for name in topology.members_of(target) {
        let Some(service) = topology.service_of(name) else {
            continue;
        };
        for backup in state.backups.values_mut() {
            if service.is_writer(&backup.state) {
                backup.fresh = false;
            }
        }
    }
}

fn start(state: &mut State, topology: &Topology<Term>, target: &Resource<Term>, is_named: bool, given: Given) {
    for name in topology.members_of(target) {
        let (Some(member), Some(service)) = (state.members.get_mut(name), topology.service_of(name)) else {
            continue;
        };
        let release = released(*member, is_named, given);
        member.run = Some(release);
        member.pin = release;
        member.valid = false;
        let is_open = member.traffic == Some(Traffic::Open);
        if release == Release::New {
            for writes in service.writes.iter().filter(|writes| writes.migrates) {
                if let Some(data) = state.data.get_mut(&writes.state)
                    && *data == Data::Own
                {
                    *data = Data::New;
                }
            }
        }
        if is_open {
            users_write(state, topology, target);
        }
    }
}

fn capture(
    state: &mut State,
    topology: &Topology<Term>,
    captured: &Resource<Term>,
    backup: &Resource<Term>,
    extent: Extent,
) {
    let Some(Term::Text(name)) = captured.key.first() else {
        return;
    };
    let is_cold = topology.writers(name).all(|writer| {
        let member = state.members.get(writer);
        member.is_none_or(|member| member.run.is_none())
    });
    let made = Backup {
        state: name.clone(),
        whole: extent == Extent::Whole,
        cold: is_cold,
        proven: false,
        fresh: true,
    };
    state.backups.insert(backup.clone(), made);
}

/// Data is own again, and so is every pin that lies in it.
fn restore(state: &mut State, topology: &Topology<Term>, backup: &Resource<Term>, extent: Extent) {
    let Some(name) = state.backups.get(backup).map(|backup| backup.state.clone()) else {
        return;
    };
    let data = if extent == Extent::Whole { Data::Own } else { Data::Mix };
    state.data.insert(name.clone(), data);
    if extent == Extent::Half {
        return;
    }
    let protected = Resource::new(ResourceKind::State, Term::text(name));
    for id in topology.pins_within(&protected) {
        if let Some(member) = state.members.get_mut(id) {
            member.pin = Release::Old;
        }
    }
}

fn set(state: &mut State, topology: &Topology<Term>, resource: &Resource<Term>, given: Given, extent: Extent) {
    let becomes = match (given.is_before, given.existed) {
        (true, _) => Plain::AsWas,
        (false, true) => Plain::Changed,
        (false, false) => Plain::Added,
    };
    change(state, topology, resource, becomes, extent);
}

fn remove(state: &mut State, topology: &Topology<Term>, resource: &Resource<Term>, extent: Extent) {
    let was_added = state.plain.get(resource) == Some(&Plain::Added);
    let becomes = if was_added { Plain::AsWas } else { Plain::Gone };
    change(state, topology, resource, becomes, extent);
}

/// A change of a resource: of the pins it is or holds, of the protected state it lies in, else of the
/// resource itself.
fn change(state: &mut State, topology: &Topology<Term>, resource: &Resource<Term>, becomes: Plain, extent: Extent) {
    let is_back = becomes == Plain::AsWas && extent == Extent::Whole;
    for name in topology.pins_within(resource) {
        if let Some(member) = state.members.get_mut(name) {
            member.pin = if is_back { Release::Old } else { Release::New };
        }
    }
    if topology.is_pin(resource) {
        return;
    }
    let touched = topology.states_touched(resource);
    for name in &touched {
        let data = if extent == Extent::Whole { Data::New } else { Data::Mix };
        state.data.insert((*name).to_owned(), data);
    }
    if !touched.is_empty() || is_within_added(state, topology, resource) {
        return;
    }
    let becomes = if extent == Extent::Half {
        Plain::Partial
    } else {
        becomes
    };
    if matches!(becomes, Plain::AsWas | Plain::Gone | Plain::Added) {
        state
            .plain
            .retain(|known, _| topology.relation(known, resource) != Relation::Inside);
    }
    let was_added = state.plain.get(resource) == Some(&Plain::Added);
    match becomes {
        Plain::AsWas => {
            state.plain.remove(resource);
        }
        Plain::Changed | Plain::Partial if was_added => {}
        other => {
            state.plain.insert(resource.clone(), other);
        }
    }
}

/// Whether something that was added holds this resource.
fn is_within_added(state: &State, topology: &Topology<Term>, resource: &Resource<Term>) -> bool {
    let mut added = state.plain.iter().filter(|(_, plain)| **plain == Plain::Added);
    added.any(|(known, _)| topology.relation(resource, known) == Relation::Inside)
}
