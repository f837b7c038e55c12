//! The state of production as proofs, rehearsals and the simulated world see it.
//!
//! | thing | values | meaning |
//! | --- | --- | --- |
//! | member: traffic | open, drained; none without an ingress | whether users reach it |
//! | member: run | none, old, new | which release runs |
//! | member: pin | old, new | which release its pin names |
//! | member: valid | no, yes | whether a check has read it since it was last started |
//! | protected state | own, new, mix | written by the old release only; perhaps migrated; partly restored |
//! | backup | whole, cold, proven, fresh | captured completely; with every writer stopped; restored on trial; nothing written since |
//! | hold | free, taken | |
//! | run of the book | committed | past the point of no return |
//! | any other resource | `as_was`, changed, partial, gone, added | absent from the map is `as_was` |
//!
//! The transitions are in [`requirement`] (what an effect needs, else a slug) and [`transition`] (what
//! comes after it). Rehearsals compute with one [`State`], proofs with sets of them: the order is total
//! so that sets are ordered. Absent on purpose: what the real values are (the caller says whether a
//! value is that of before, [`Given`]).

use std::collections::BTreeMap;

use crate::effect::Resource;
use crate::term::Term;
use crate::topology::{Begins, MemberId, Topology};

pub mod requirement;
pub mod transition;

/// Whether users reach a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Traffic {
    /// They do.
    Open,
    /// They are turned away.
    Drained,
}

/// A release: that of the start, or any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Release {
    /// That of the start.
    Old,
    /// Another.
    New,
}

/// A member of a service; a plain service is its own only member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Member {
    /// Its traffic; `None` where nothing is in front of it.
    pub traffic: Option<Traffic>,
    /// What runs.
    pub run: Option<Release>,
    /// What is pinned.
    pub pin: Release,
    /// Whether evidence has been seen since it was last started.
    pub valid: bool,
    /// Whether its pin is there while it does not run. That of a container which was not there at the start
    /// comes and goes with it.
    pub keeps_pin: bool,
}

/// Whose protected state is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Data {
    /// Written by the old release only.
    Own,
    /// Perhaps migrated by the new one, or written by the change itself.
    New,
    /// Partly restored, or partly written.
    Mix,
}

/// A backup.
#[expect(clippy::struct_excessive_bools, reason = "they are the bits of the contract")]
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Backup {
    /// The protected state it was made of.
    pub state: String,
    /// Whether all of it was captured.
    pub whole: bool,
    /// Whether every writer was stopped.
    pub cold: bool,
    /// Whether it was restored on trial.
    pub proven: bool,
    /// Whether nobody can have written since.
    pub fresh: bool,
}

/// A resource that is neither a member, nor a pin, nor in protected state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Plain {
    /// As at the start.
    AsWas,
    /// Of another value.
    Changed,
    /// Half of another value.
    Partial,
    /// Not there any more.
    Gone,
    /// Not there before.
    Added,
}

/// What the caller knows about a value that is set, or a release that is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Given {
    /// Whether it is the value of before: taken while the resource was as at the start.
    pub is_before: bool,
    /// Whether the resource existed when the intent was written.
    pub existed: bool,
}

impl Given {
    /// The value of before.
    pub const BEFORE: Self = Self {
        is_before: true,
        existed: true,
    };
    /// Another value, for what exists.
    pub const OTHER: Self = Self {
        is_before: false,
        existed: true,
    };
    /// A value for what did not exist.
    pub const FIRST: Self = Self {
        is_before: false,
        existed: false,
    };
}

/// How far an action came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// To its end.
    Whole,
    /// Half-way: only actions that say `partial`.
    Half,
}

/// One state of production.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct State {
    /// Every member of the topology.
    pub members: BTreeMap<MemberId, Member>,
    /// Protected states by name.
    pub data: BTreeMap<String, Data>,
    /// Backups.
    pub backups: BTreeMap<Resource<Term>, Backup>,
    /// Holds that are taken.
    pub taken: Vec<String>,
    /// Whether the change is past the point of no return.
    pub committed: bool,
    /// Everything else that is not as it was.
    pub plain: BTreeMap<Resource<Term>, Plain>,
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
    /// This protected state is not the old release's own.
    Data(String),
    /// This hold is taken.
    Hold(String),
    /// This resource is not as it was.
    Plain(Resource<Term>, Plain),
}

impl State {
    /// Production as it is at the start.
    pub fn start(topology: &Topology<Term>) -> Self {
        let members = topology.members().map(|(id, known, service)| {
            let is_running = known.begins == Begins::Running;
            let traffic = if is_running { Traffic::Open } else { Traffic::Drained };
            let member = Member {
                traffic: service.behind.is_some().then_some(traffic),
                run: is_running.then_some(Release::Old),
                pin: Release::Old,
                valid: true,
                keeps_pin: known.begins != Begins::Absent || !known.is_pinned_by_itself(),
            };
            (id.clone(), member)
        });
        let data = topology.states.keys().map(|name| (name.clone(), Data::Own));
        Self {
            members: members.collect(),
            data: data.collect(),
            ..Self::default()
        }
    }

    /// How many of these members have traffic.
    pub fn serving<'a>(&self, members: impl Iterator<Item = &'a MemberId>) -> u64 {
        let serving = members.filter_map(|id| self.members.get(id));
        let serving = serving.filter(|member| member.run.is_some() && member.traffic != Some(Traffic::Drained));
        serving.map(|_| 1).sum()
    }

    /// What is not as at the start; what was added does not count. Empty: a way back is right.
    pub fn differences(&self, start: &Self) -> Vec<Difference> {
        let mut found = Vec::new();
        for (name, was) in &start.members {
            let Some(is) = self.members.get(name) else { continue };
            if is.run != was.run {
                found.push(Difference::Run(name.clone()));
            }
            if is.pin != was.pin && (is.keeps_pin || is.run.is_some()) {
                found.push(Difference::Pin(name.clone()));
            }
            if is.traffic != was.traffic {
                found.push(Difference::Traffic(name.clone()));
            }
        }
        let data = self.data.iter().filter(|(_, data)| **data != Data::Own);
        found.extend(data.map(|(name, _)| Difference::Data(name.clone())));
        found.extend(self.taken.iter().cloned().map(Difference::Hold));
        let plain = self
            .plain
            .iter()
            .filter(|(_, plain)| !matches!(plain, Plain::AsWas | Plain::Added));
        found.extend(plain.map(|(resource, plain)| Difference::Plain(resource.clone(), *plain)));
        found
    }

    /// Whether everything is as at the start, apart from what was added.
    pub fn is_as_at_start(&self, start: &Self) -> bool {
        self.differences(start).is_empty()
    }

    /// Whether it is right to stop here without being done or back: holds free, nothing half-way.
    /// (That enough members serve is asked of [`State::serving`].)
    pub fn may_park(&self) -> bool {
        self.taken.is_empty()
            && self.data.values().all(|data| *data != Data::Mix)
            && self.plain.values().all(|plain| *plain != Plain::Partial)
    }
}

#[cfg(test)]
mod tests;
