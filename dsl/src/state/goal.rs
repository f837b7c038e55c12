//! Where a way back is right, and where it is right to stop without being done or back.
//!
//! Each question is about one cell: production as a whole is right where every cell is.

use crate::state::slot::{Bytes, Data, Plain, Run, SlotId, Traffic};
use crate::state::universe::{Member, Role, Service, Universe};
use crate::state::{Difference, read};
use crate::topology::Begins;

/// What of a cell is not as at the start, with the slot that says it; what was added does not count.
pub(super) fn differences(universe: &Universe, cell: usize, bytes: &impl Bytes) -> Vec<(SlotId, Difference)> {
    let mut found = Vec::new();
    for slot in &universe.cells()[cell] {
        let known = universe.slot(*slot);
        match &known.role {
            Role::Hold(name) if bytes.get(*slot) => found.push((*slot, Difference::Hold(name.clone()))),
            Role::Plain => match bytes.get(*slot) {
                Plain::AsWas | Plain::Added => {}
                _ if known.thing.as_ref().is_some_and(|thing| thing.is_excepted) => {}
                plain => found.push((*slot, Difference::Plain(*slot, plain))),
            },
            Role::Data if bytes.get::<Data>(*slot) != Data::Own => {
                let mut states = universe.states.iter();
                let state = states.find(|state| state.slot == *slot);
                found.extend(state.map(|state| (*slot, Difference::Data(state.name.clone()))));
            }
            Role::Member => {
                let mut members = universe.members.iter();
                let member = members.find(|member| member.slot == *slot);
                found.extend(member.into_iter().flat_map(|member| of_member(universe, member, bytes)));
            }
            _ => {}
        }
    }
    found
}

fn of_member(universe: &Universe, known: &Member, bytes: &impl Bytes) -> Vec<(SlotId, Difference)> {
    let start = universe.start_of(known);
    let is = read(bytes, known);
    let mut found = Vec::new();
    if is.run != start.release || is.stands_by != start.stands_by {
        found.push((known.slot, Difference::Run(known.id.clone())));
    }
    if is.pin != crate::state::Release::Old && (known.keeps_pin || is.run.is_some()) {
        found.push((known.pin, Difference::Pin(known.id.clone())));
    }
    if known.has_traffic && bytes.get::<Run>(known.slot).is_drained != start.is_drained {
        found.push((known.slot, Difference::Traffic(known.id.clone())));
    }
    found
}

/// What of a member is not as it should be where the change is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unserved {
    /// It does not run, and should.
    Stopped,
    /// It stands by, and nothing serves in its place.
    StandsBy,
    /// It runs, and should not.
    Running,
    /// It runs, and users do not reach it.
    Drained,
    /// It runs, and no check has read it since it was last started.
    Unproved,
    /// Its next start would bring another release than the one that runs.
    Mispinned,
}

/// Running means: with its traffic, and seen to be well.
pub(super) fn unserved(universe: &Universe, known: &Member, bytes: &impl Bytes) -> Option<Unserved> {
    let member = read(bytes, known);
    let service = &universe.services[known.service];
    let (ends, began) = (known.ends, universe.start_of(known));
    match member.run {
        None if member.stands_by => match ends {
            Some(Begins::Stopped | Begins::Absent) => Some(Unserved::Running),
            _ if began.release.is_none() || is_replaced(universe, service, bytes) => None,
            _ => Some(Unserved::StandsBy),
        },
        None => {
            let begins_up = began.release.is_some() || began.stands_by;
            let is_to_run = ends.map_or(begins_up, |ends| matches!(ends, Begins::Running | Begins::Standby));
            is_to_run.then_some(Unserved::Stopped)
        }
        Some(_) if ends.is_some_and(|ends| ends != Begins::Running) => Some(Unserved::Running),
        Some(_) if member.traffic == Some(Traffic::Drained) => Some(Unserved::Drained),
        Some(_) if !member.valid => Some(Unserved::Unproved),
        Some(release) => (known.keeps_pin && release != member.pin).then_some(Unserved::Mispinned),
    }
}

/// Whether as many members of a service serve as at the start.
fn is_replaced(universe: &Universe, service: &Service, bytes: &impl Bytes) -> bool {
    let members = || service.members.iter().map(|member| &universe.members[*member]);
    let now = members().filter(|member| bytes.get::<Run>(member.slot).release.is_some());
    let before = members().filter(|member| universe.start_of(member).release.is_some());
    now.count() >= before.count()
}

/// What must not be left where a run stops without being done or back: a hold that is taken, what is half-way.
pub(super) fn unsettled(universe: &Universe, cell: usize, bytes: &impl Bytes) -> Vec<(SlotId, Difference)> {
    let mut found = differences(universe, cell, bytes);
    found.retain(|(slot, difference)| match difference {
        Difference::Hold(_) => true,
        Difference::Data(_) => bytes.get::<Data>(*slot) == Data::Mix,
        Difference::Plain(_, plain) => matches!(plain, Plain::Partial | Plain::PartlyAdded),
        Difference::Run(_) | Difference::Pin(_) | Difference::Traffic(_) => false,
    });
    found
}
