//! The state of production as proofs, rehearsals and the simulated world see it: one automaton.
//!
//! | thing | values | meaning |
//! | --- | --- | --- |
//! | member: traffic | open, drained; none without an ingress | whether users reach it |
//! | member: run | none, standby, old, new | which release runs; a standby runs, and neither writes nor serves |
//! | member: pin | old, new | which release its pin names |
//! | member: valid | no, yes | whether a check has read it since it was last started |
//! | protected state | own, edited, new, mix | written by the old release only; changed by the change at places that it names; perhaps migrated; partly restored |
//! | backup | whole, cold, proven, fresh | captured completely; with every writer stopped; restored on trial; nothing written since |
//! | hold | free, taken | |
//! | run of the book | committed | past the point of no return |
//! | any other resource | as it was, changed, partial, gone, added, partly added | |
//!
//! A [`Universe`] gives each of these a slot, and slots that can constrain each other a cell. An effect is a few
//! operations, each within one cell (`transition`); what it needs is asked first (`requirement`). One
//! [`State`] has one state a cell and is changed in place, at a cost that does not depend on how much else
//! there is. Proofs ([`crate::flow`]) look at one cell after the other, and forget which states of different cells
//! go together.
//!
//! Absent on purpose: what the real values are. The caller says whether a value is that of before, and whether
//! the resource was there ([`Given`]).

use crate::effect::{Effect, Resource};
use crate::state::requirement::Rules;
pub(crate) use crate::state::requirement::{MISSED, NO_BACKUP};
use crate::state::slot::{Backup, Bytes, Run, SlotId};
use crate::state::transition::{Change, Operation};
use crate::state::universe::{Role, Universe};
use crate::term::Term;
use crate::topology::MemberId;

pub(crate) mod cell;
mod goal;
mod requirement;
pub mod slot;
pub(crate) mod transition;
mod tree;
pub mod universe;

pub use goal::Unserved;
pub use slot::{Data, Plain, Release, Traffic};

/// A member of a service as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// `None` where nothing is in front of it.
    pub traffic: Option<Traffic>,
    /// The release with which it writes and serves; `None` where it does not, because it stands by or does not run.
    pub run: Option<Release>,
    /// Whether it runs as a standby.
    pub stands_by: bool,
    /// The release that its pin names.
    pub pin: Release,
    /// Whether evidence has been seen since it was last started.
    pub valid: bool,
}

impl Member {
    /// Whether it runs, as a standby or not.
    pub fn is_up(&self) -> bool {
        self.run.is_some() || self.stands_by
    }
}

/// What the caller knows about a value that is set, or a release that is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Given {
    /// Whether it is the value of before: taken while the resource was as at the start.
    pub is_before: bool,
    /// Whether the resource was there when the intent was written; of what an undo removes: that of its action.
    pub existed: bool,
}

impl Given {
    /// The value of before.
    pub const BEFORE: Self = Self {
        is_before: true,
        existed: true,
    };
    /// Another value, for what is there.
    pub const OTHER: Self = Self {
        is_before: false,
        existed: true,
    };
    /// A value for what is not there.
    pub const FIRST: Self = Self {
        is_before: false,
        existed: false,
    };
}

/// How far an action came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Extent {
    /// To its end.
    Whole,
    /// Half-way: only actions that say `partial`.
    Half,
}

/// What an effect needs and does not find.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The rule.
    pub slug: &'static str,
    /// What is wrong, in a sentence without its full stop.
    pub words: String,
}

/// One thing that is not as at the start.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Difference {
    /// This member runs another release, or none, or runs where it did not.
    Run(MemberId),
    /// The pin of this member names another release.
    Pin(MemberId),
    /// The traffic of this member is not as it was.
    Traffic(MemberId),
    /// This protected state is perhaps migrated, or partly restored.
    Data(String),
    /// This hold is taken.
    Hold(String),
    /// This thing is not as it was, also where it lies in protected state.
    Plain(SlotId, Plain),
}

/// One state of production: of every slot that its universe had when it was last grown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    bytes: Vec<u8>,
    is_committed: bool,
}

impl Bytes for Vec<u8> {
    fn byte(&self, slot: SlotId) -> u8 {
        self.as_slice().get(slot.index()).copied().unwrap_or_default()
    }

    fn set_byte(&mut self, slot: SlotId, byte: u8) {
        if let Some(known) = self.as_mut_slice().get_mut(slot.index()) {
            *known = byte;
        }
    }
}

impl State {
    /// Production as it is at the start.
    pub fn start(universe: &Universe) -> Self {
        Self {
            bytes: universe.slots().map(|(_, slot)| slot.start).collect(),
            is_committed: false,
        }
    }

    /// Knows the slots that the universe was given since. What lies in something added was not there either.
    pub fn grow(&mut self, universe: &Universe) {
        let known = self.bytes.len();
        self.bytes
            .extend(universe.slots().skip(known).map(|(_, slot)| slot.start));
        for (slot, of) in universe.slots().skip(known) {
            let mut around = universe.around(slot).iter();
            if of.role == Role::Plain && around.any(|holder| self.plain(universe, *holder) == Some(Plain::Added)) {
                self.bytes.put(slot, Plain::Added);
            }
        }
    }

    /// The first requirement of an effect that does not hold.
    pub fn violation(&self, universe: &Universe, effect: &Effect<Term>, given: Given) -> Option<Violation> {
        let found = self.rules(universe).violation(effect, given);
        found.filter(|found| found.slug != MISSED || self.has_backup(universe))
    }

    fn has_backup(&self, universe: &Universe) -> bool {
        let mut backups = universe.states.iter().flat_map(|state| &state.backups);
        backups.any(|slot| self.bytes.get::<Backup>(*slot).is_made)
    }

    /// What an action that began in the state `before`, and is done, must not have done.
    pub fn violation_after(&self, universe: &Universe, before: &Self) -> Option<Violation> {
        self.rules(universe).violation_after(&before.rules(universe))
    }

    /// Carries an effect out, allowed or not.
    pub fn apply(&mut self, universe: &Universe, effect: &Effect<Term>, given: Given, extent: Extent) {
        if matches!(effect, Effect::Restores(backup) if !self.is_made(universe, backup)) {
            return;
        }
        for operation in universe.operations(effect, given, extent) {
            operation.carry_out(universe, &mut self.bytes);
        }
    }

    /// As [`Self::apply`], for an effect on the thing of this slot, whatever it is called.
    pub fn change<K>(
        &mut self,
        universe: &Universe,
        (slot, effect): (SlotId, &Effect<K>),
        given: Given,
        extent: Extent,
    ) {
        let change = Change::of(effect);
        let operations = change.map(|change| universe.change_thing(slot, change, given, extent));
        for operation in operations.into_iter().flatten() {
            operation.carry_out(universe, &mut self.bytes);
        }
    }

    /// Passes the point of no return, or says why not; `next` is what the action behind it touches.
    pub fn commit(&mut self, universe: &Universe, next: &[Effect<Term>]) -> Option<Violation> {
        let found = self.rules(universe).commit(next, |_| true);
        self.is_committed = true;
        found
    }

    /// Takes or releases a hold; its effects are carried out on their own. Releasing what is free does nothing.
    pub fn hold(&mut self, universe: &Universe, name: &str, is_taken: bool) {
        if let Some(hold) = universe.hold(name) {
            Operation::Hold(hold, is_taken).carry_out(universe, &mut self.bytes);
        }
    }

    /// A check that read these resources has passed: it is evidence about every member that one of them speaks
    /// of, that answers there, or that writes the state read.
    pub fn checked(&mut self, universe: &Universe, reads: &[Resource<Term>]) {
        if universe.members.is_empty() {
            return;
        }
        for member in reads.iter().flat_map(|read| universe.evidence_of(read)) {
            Operation::Validate(member).carry_out(universe, &mut self.bytes);
        }
    }

    /// `check S is well`: evidence about every member of this service.
    pub fn well(&mut self, universe: &Universe, service: &str) {
        for member in universe.members_of_service(service) {
            Operation::Validate(*member).carry_out(universe, &mut self.bytes);
        }
    }

    /// A member by its name; `None` where there is none.
    pub fn member(&self, universe: &Universe, name: &str) -> Option<Member> {
        let known = universe.member(name)?;
        Some(read(&self.bytes, known))
    }

    /// Every member, in one order.
    pub fn members<'a>(&'a self, universe: &'a Universe) -> impl Iterator<Item = (&'a MemberId, Member)> {
        let members = universe.members.iter();
        members.map(|known| (&known.id, read(&self.bytes, known)))
    }

    /// Whether every member that a resource names runs.
    pub fn all_run(&self, universe: &Universe, named: &Resource<Term>) -> bool {
        let mut members = universe
            .members_of(named)
            .iter()
            .map(|member| &universe.members[*member]);
        members.all(|member| read(&self.bytes, member).is_up())
    }

    /// Whose a protected state is; `None` where there is none of this name.
    pub fn data(&self, universe: &Universe, name: &str) -> Option<Data> {
        let state = universe.states.iter().find(|state| state.name == name)?;
        Some(self.rules(universe).data(state))
    }

    /// How a thing is; `None` for what is no thing: a pin, a member.
    pub fn plain(&self, universe: &Universe, slot: SlotId) -> Option<Plain> {
        (universe.slot(slot).role == Role::Plain).then(|| self.bytes.get(slot))
    }

    /// Whether a backup was made under this name, and is not another by now.
    pub fn is_made(&self, universe: &Universe, backup: &Resource<Term>) -> bool {
        let mut slots = universe.backups_of(backup).iter();
        slots.any(|slot| self.bytes.get::<Backup>(*slot).is_made)
    }

    /// What is not as at the start, each thing once; what was added does not count. Empty: a way back is right.
    pub fn differences(&self, universe: &Universe) -> Vec<Difference> {
        let cells = 0..universe.cells().len();
        let found = cells.flat_map(|cell| goal::differences(universe, cell, &self.bytes));
        found.map(|(_, difference)| difference).collect()
    }

    /// What must not be left where a run stops without being done or back: holds that are taken, what is half-way.
    pub fn unsettled(&self, universe: &Universe) -> Vec<Difference> {
        let cells = 0..universe.cells().len();
        let found = cells.flat_map(|cell| goal::unsettled(universe, cell, &self.bytes));
        found.map(|(_, difference)| difference).collect()
    }

    /// What of the members is not as it should be where the change is done.
    pub fn unserved<'a>(&'a self, universe: &'a Universe) -> impl Iterator<Item = (&'a MemberId, Unserved)> {
        let members = universe.members.iter();
        members.filter_map(|known| Some((&known.id, goal::unserved(universe, known, &self.bytes)?)))
    }

    #[cfg(test)]
    pub(super) fn byte(&self, slot: SlotId) -> u8 {
        self.bytes.byte(slot)
    }

    fn rules<'a>(&'a self, universe: &'a Universe) -> Rules<'a, Vec<u8>> {
        Rules {
            universe,
            bytes: &self.bytes,
            is_committed: self.is_committed,
        }
    }
}

fn read(bytes: &impl Bytes, known: &universe::Member) -> Member {
    let run: Run = bytes.get(known.slot);
    let traffic = if run.is_drained {
        Traffic::Drained
    } else {
        Traffic::Open
    };
    Member {
        traffic: known.has_traffic.then_some(traffic),
        run: run.release,
        stands_by: run.stands_by,
        pin: bytes.get(known.pin),
        valid: run.is_valid,
    }
}

#[cfg(test)]
mod tests;
