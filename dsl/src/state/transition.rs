//! What comes after an effect, whether or not it was allowed: the effect as operations, each of which reads
//! and writes slots of one cell only.

use crate::effect::{Effect, Resource, ResourceKind};
use crate::state::slot::{Backup, Bytes, Data, Plain, Release, Run, SlotId, Traffic};
use crate::state::universe::{Role, Thing, Universe};
use crate::state::{Extent, Given};
use crate::term::Term;

/// What an effect does within one cell. Members are by index of [`Universe::members`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Operation {
    Plain(SlotId, PlainChange),
    Pin(SlotId, Release),
    Data(SlotId, Data),
    Start {
        member: usize,
        /// `None`: what is pinned.
        release: Option<Release>,
    },
    Stop(usize),
    Demote(usize),
    Traffic(usize, Traffic),
    /// Evidence has been seen.
    Validate(usize),
    Capture(SlotId, Extent),
    /// The backup of this name is another one now.
    Forget(SlotId),
    Prove(SlotId),
    Restore(SlotId, Extent),
    Hold(SlotId, bool),
}

/// A change of a plain thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum PlainChange {
    /// It, or what holds it, was put back; or what holds it is gone, which says all.
    Back,
    /// It has another value.
    Other,
    /// It was made, and was not there.
    Made,
    /// It was half made, and was not there.
    HalfMade,
    /// A part of it was changed.
    Edited,
    /// Half of another value.
    Half,
    HalfEdited,
    Removed,
    /// It was removed, and was not there at the start of the action that this undoes.
    Unmade,
    HalfUnmade,
    /// What holds it was made, and was not there: so neither was this.
    Appeared,
    /// What holds it has another value, which says all.
    Covered,
    /// The link that it lies behind leads elsewhere, or is gone.
    Elsewhere,
    /// The link that it lies behind leads where it led at the start.
    Returned,
}

impl PlainChange {
    /// What makes this of a thing that is as it was.
    pub(crate) fn to(plain: Plain) -> Self {
        match plain {
            Plain::AsWas => Self::Back,
            Plain::Changed | Plain::Behind => Self::Other,
            Plain::Partial => Self::Half,
            Plain::Gone => Self::Removed,
            Plain::Added => Self::Made,
            Plain::PartlyAdded => Self::HalfMade,
        }
    }
}

/// The changes of things by effects.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Set,
    Edit,
    Remove,
    Add,
}

impl Change {
    /// `None` for an effect that changes no thing.
    pub(super) fn of<K>(effect: &Effect<K>) -> Option<Self> {
        match effect {
            Effect::Sets { .. } => Some(Self::Set),
            Effect::Edits(_) | Effect::Opaque(_) => Some(Self::Edit),
            Effect::Removes(_) => Some(Self::Remove),
            Effect::Adds(_) => Some(Self::Add),
            _ => None,
        }
    }
}

impl Operation {
    /// A slot of the cell that it works in.
    pub(crate) fn slot(self, universe: &Universe) -> SlotId {
        match self {
            Self::Plain(slot, _)
            | Self::Pin(slot, _)
            | Self::Data(slot, _)
            | Self::Capture(slot, _)
            | Self::Forget(slot)
            | Self::Prove(slot)
            | Self::Restore(slot, _)
            | Self::Hold(slot, _) => slot,
            Self::Start { member, .. }
            | Self::Stop(member)
            | Self::Demote(member)
            | Self::Traffic(member, _)
            | Self::Validate(member) => universe.members[member].slot,
        }
    }

    pub(super) fn carry_out(self, universe: &Universe, bytes: &mut impl Bytes) {
        match self {
            Self::Plain(slot, change) => bytes.put(slot, after(bytes.get(slot), change)),
            Self::Pin(slot, release) => bytes.put(slot, release),
            Self::Data(slot, data) => bytes.put(slot, data),
            // What runs is not started again: it goes on with the release that it has.
            Self::Start { member, release: None } if is_running(universe, bytes, member) => {}
            Self::Start { member, release } => start(universe, bytes, member, release),
            Self::Stop(member) | Self::Demote(member) => {
                let slot = universe.members[member].slot;
                let run: Run = bytes.get(slot);
                let stands_by = matches!(self, Self::Demote(_));
                let release = None;
                bytes.put(
                    slot,
                    Run {
                        release,
                        stands_by,
                        ..run
                    },
                );
            }
            Self::Traffic(member, traffic) => move_traffic(universe, bytes, member, traffic),
            Self::Validate(member) => {
                let slot = universe.members[member].slot;
                let (run, is_valid) = (bytes.get::<Run>(slot), true);
                bytes.put(slot, Run { is_valid, ..run });
            }
            Self::Capture(slot, extent) => capture(universe, bytes, slot, extent),
            Self::Forget(slot) => bytes.put(slot, Backup::default()),
            Self::Prove(slot) => {
                let backup: Backup = bytes.get(slot);
                let is_proven = backup.is_made;
                bytes.put(slot, Backup { is_proven, ..backup });
            }
            Self::Restore(slot, extent) => restore(universe, bytes, slot, extent),
            Self::Hold(slot, is_taken) => bytes.put(slot, is_taken),
        }
    }
}

fn is_running(universe: &Universe, bytes: &impl Bytes, member: usize) -> bool {
    bytes.get::<Run>(universe.members[member].slot).release.is_some()
}

impl Universe {
    /// What an effect that came as far as `extent` does. What has no slot is left out.
    pub(crate) fn operations(&self, effect: &Effect<Term>, given: Given, extent: Extent) -> Vec<Operation> {
        let members = |target| self.members_of(target).iter().copied();
        if let Some(target) = effect.ended() {
            return members(target).map(Operation::Stop).collect();
        }
        if let (Some(change), Some(resource)) = (Change::of(effect), effect.resource()) {
            return self.change(resource, change, given, extent);
        }
        match effect {
            Effect::Captures { state, backup } => self.capture(state, backup, extent),
            Effect::Proves(backup) => self
                .backups_of(backup)
                .iter()
                .map(|slot| Operation::Prove(*slot))
                .collect(),
            Effect::Restores(backup) => self.restore(backup, extent),
            Effect::Starts { member, with } => {
                let named = if given.is_before { Release::Old } else { Release::New };
                let release = with.as_ref().map(|_| named);
                members(member)
                    .map(|member| Operation::Start { member, release })
                    .collect()
            }
            Effect::Demotes(target) => members(target).map(Operation::Demote).collect(),
            Effect::Drains(target) => members(target)
                .map(|member| Operation::Traffic(member, Traffic::Drained))
                .collect(),
            Effect::Opens(target) => members(target)
                .map(|member| Operation::Traffic(member, Traffic::Open))
                .collect(),
            _ => Vec::new(),
        }
    }

    fn capture(&self, state: &Resource<Term>, backup: &Resource<Term>, extent: Extent) -> Vec<Operation> {
        let Some(of) = self.state_of(state) else {
            return Vec::new();
        };
        let slots = self.backups_of(backup).iter();
        let operation = |slot: &SlotId| match self.slot(*slot).role {
            Role::Backup { of: known } if known == of => Operation::Capture(*slot, extent),
            _ => Operation::Forget(*slot),
        };
        slots.map(operation).collect()
    }

    /// Data and pins are in one cell with the backup; every place in the state that has a value of its own is
    /// as it was, and so is what was never captured: that nothing was is the caller's to see.
    fn restore(&self, backup: &Resource<Term>, extent: Extent) -> Vec<Operation> {
        let mut operations = Vec::new();
        for slot in self.backups_of(backup) {
            operations.push(Operation::Restore(*slot, extent));
            if let (Role::Backup { of }, Extent::Whole) = (&self.slot(*slot).role, extent) {
                let places = self.states[*of].places.iter();
                operations.extend(places.map(|place| Operation::Plain(*place, PlainChange::Back)));
            }
        }
        operations
    }

    fn change(&self, resource: &Resource<Term>, change: Change, given: Given, extent: Extent) -> Vec<Operation> {
        if resource.kind != ResourceKind::State {
            let slot = self.get(resource);
            return slot.map_or_else(Vec::new, |slot| self.change_thing(slot, change, given, extent));
        }
        let mut operations = Vec::new();
        let (data, pin) = whole_values(change, given, extent);
        if let Some(state) = self.state_of(resource).filter(|_| change != Change::Add) {
            for reached in &self.states[state].reaches {
                operations.push(Operation::Data(self.states[*reached].slot, data));
            }
            let pins = self.states[state].pins.iter();
            operations.extend(pins.map(|slot| Operation::Pin(*slot, pin)));
        }
        operations
    }

    /// The change of a thing that has a slot.
    pub(super) fn change_thing(&self, slot: SlotId, change: Change, given: Given, extent: Extent) -> Vec<Operation> {
        let mut operations = Vec::new();
        let (data, pin) = whole_values(change, given, extent);
        let is_kept = change == Change::Remove && !given.existed;
        let Some(thing) = &self.slot(slot).thing else {
            return operations;
        };
        if self.is_pin(slot) {
            if change != Change::Add {
                operations.push(Operation::Pin(slot, pin));
            }
        } else {
            for state in touched(thing, change).filter(|_| !is_kept) {
                operations.push(Operation::Data(self.states[*state].slot, data));
            }
            let has_value = !thing.is_part && (thing.within.is_empty() || change != Change::Edit);
            if let Some(change) = of_itself(change, given, extent).filter(|_| has_value) {
                operations.push(Operation::Plain(slot, change));
            }
        }
        if matches!(change, Change::Set | Change::Remove) && !given.is_before {
            operations.extend(self.kept_in(slot).map(Operation::Forget));
        }
        let is_link = self.is_link(slot);
        for inner in &thing.inside {
            let is_part = self.slot(*inner).thing.as_ref().is_some_and(|thing| thing.is_part);
            if self.is_pin(*inner) {
                if change != Change::Add {
                    operations.push(Operation::Pin(*inner, pin));
                }
            } else if let Some(change) = of_inner((change, is_link), given, extent).filter(|_| !is_part) {
                operations.push(Operation::Plain(*inner, change));
            }
        }
        operations
    }
}

/// What a change makes of the data and of the pins in what is changed.
fn whole_values(change: Change, given: Given, extent: Extent) -> (Data, Release) {
    let is_whole = extent == Extent::Whole;
    let is_back = change == Change::Set && given.is_before && is_whole;
    let data = if is_whole { Data::New } else { Data::Mix };
    (data, if is_back { Release::Old } else { Release::New })
}

/// The states whose data a change of a thing makes another's.
fn touched(thing: &Thing, change: Change) -> impl Iterator<Item = &usize> {
    let reached = thing.reaches.iter().filter(move |_| change != Change::Add);
    let around = thing.within.iter();
    // Strictly inside a state a whole value can be put back; what is edited cannot, nor can another state.
    let is_seen = move |_: &&usize| change == Change::Edit || (!thing.reaches.is_empty() && change != Change::Add);
    reached.chain(around.filter(is_seen))
}

/// What a change of a thing means for it; `None`: nothing.
fn of_itself(change: Change, given: Given, extent: Extent) -> Option<PlainChange> {
    let is_first = !given.existed;
    Some(match (change, extent) {
        // What is there already stays as it is.
        (Change::Add, _) if given.existed => return None,
        (Change::Set, Extent::Whole) if given.is_before => PlainChange::Back,
        // What edits a thing that is not there makes it.
        (Change::Set | Change::Edit, Extent::Whole) if is_first => PlainChange::Made,
        (Change::Set, Extent::Whole) => PlainChange::Other,
        (Change::Set, Extent::Half) if is_first => PlainChange::HalfMade,
        (Change::Remove, Extent::Half) if is_first => PlainChange::HalfUnmade,
        (Change::Set | Change::Remove, Extent::Half) => PlainChange::Half,
        (Change::Edit, Extent::Whole) => PlainChange::Edited,
        (Change::Edit, Extent::Half) => PlainChange::HalfEdited,
        (Change::Remove, Extent::Whole) if is_first => PlainChange::Unmade,
        (Change::Remove, Extent::Whole) => PlainChange::Removed,
        // Nothing depends on it, so half of it is nobody's loss.
        (Change::Add, _) => PlainChange::Made,
    })
}

/// What a change of a thing means for what lies in it; `None`: nothing.
fn of_inner((change, is_link): (Change, bool), given: Given, extent: Extent) -> Option<PlainChange> {
    match change {
        _ if extent == Extent::Half => None,
        Change::Set if given.is_before && is_link => Some(PlainChange::Returned),
        Change::Set | Change::Remove if given.existed && is_link => Some(PlainChange::Elsewhere),
        Change::Set if given.is_before => Some(PlainChange::Back),
        Change::Set | Change::Add if !given.existed => Some(PlainChange::Appeared),
        Change::Set => Some(PlainChange::Covered),
        Change::Remove => Some(PlainChange::Back),
        Change::Edit | Change::Add => None,
    }
}

/// A plain thing after a change.
fn after(plain: Plain, change: PlainChange) -> Plain {
    let is_new = matches!(plain, Plain::Added | Plain::PartlyAdded);
    let is_as_was = plain == Plain::AsWas;
    match change {
        PlainChange::Returned if plain == Plain::Behind => Plain::Changed,
        PlainChange::Back | PlainChange::Returned => Plain::AsWas,
        PlainChange::Elsewhere if is_new || is_as_was => plain,
        PlainChange::Elsewhere => Plain::Behind,
        _ if plain == Plain::Behind => plain,
        PlainChange::Removed | PlainChange::Unmade if is_new => Plain::AsWas,
        PlainChange::Unmade | PlainChange::HalfUnmade if is_as_was => Plain::AsWas,
        PlainChange::Removed | PlainChange::Unmade => Plain::Gone,
        PlainChange::Covered if !is_new => Plain::AsWas,
        PlainChange::Made | PlainChange::Appeared if is_as_was => Plain::Added,
        PlainChange::Appeared => plain,
        PlainChange::Made | PlainChange::Other | PlainChange::Edited | PlainChange::Covered if is_new => Plain::Added,
        // What was made where something had been removed is not what was there.
        PlainChange::Made | PlainChange::Other | PlainChange::Edited | PlainChange::Covered => Plain::Changed,
        PlainChange::HalfEdited if is_new => plain,
        PlainChange::HalfMade | PlainChange::HalfUnmade | PlainChange::Half if is_new => Plain::PartlyAdded,
        PlainChange::HalfMade if is_as_was => Plain::PartlyAdded,
        PlainChange::HalfMade | PlainChange::HalfUnmade | PlainChange::Half | PlainChange::HalfEdited => Plain::Partial,
    }
}

fn start(universe: &Universe, bytes: &mut impl Bytes, member: usize, release: Option<Release>) {
    let member = &universe.members[member];
    let run: Run = bytes.get(member.slot);
    let release = release.unwrap_or_else(|| bytes.get(member.pin));
    let after = Run {
        release: Some(release),
        stands_by: false,
        is_valid: false,
        ..run
    };
    bytes.put(member.slot, after);
    bytes.put(member.pin, release);
    let writes = &universe.services[member.service].writes;
    for (state, migrates) in writes {
        let slot = universe.states[*state].slot;
        if *migrates && release == Release::New && bytes.get::<Data>(slot) == Data::Own {
            bytes.put(slot, Data::New);
        }
    }
    if member.has_traffic && !run.is_drained {
        users_write(universe, bytes, member.service);
    }
}

fn move_traffic(universe: &Universe, bytes: &mut impl Bytes, member: usize, traffic: Traffic) {
    let member = &universe.members[member];
    if member.has_traffic {
        let run: Run = bytes.get(member.slot);
        // Whatever is opened, no users come to what stands by.
        let is_drained = traffic == Traffic::Drained || (run.is_drained && run.stands_by);
        bytes.put(member.slot, Run { is_drained, ..run });
    }
    if traffic == Traffic::Open {
        users_write(universe, bytes, member.service);
    }
}

/// Users write: no backup of what this service writes is fresh any more.
fn users_write(universe: &Universe, bytes: &mut impl Bytes, service: usize) {
    for (state, _) in &universe.services[service].writes {
        for slot in &universe.states[*state].backups {
            let backup: Backup = bytes.get(*slot);
            let is_fresh = false;
            bytes.put(*slot, Backup { is_fresh, ..backup });
        }
    }
}

fn capture(universe: &Universe, bytes: &mut impl Bytes, slot: SlotId, extent: Extent) {
    let Role::Backup { of } = universe.slot(slot).role else {
        return;
    };
    let mut writers = universe.states[of].writers.iter();
    let is_cold = writers.all(|writer| bytes.get::<Run>(universe.members[*writer].slot).release.is_none());
    let backup = Backup {
        is_made: true,
        is_whole: extent == Extent::Whole,
        is_cold,
        is_proven: false,
        is_fresh: true,
    };
    bytes.put(slot, backup);
}

/// Data is own again, and so is every pin that lies in it.
fn restore(universe: &Universe, bytes: &mut impl Bytes, slot: SlotId, extent: Extent) {
    let Role::Backup { of } = universe.slot(slot).role else {
        return;
    };
    if !bytes.get::<Backup>(slot).is_made {
        return;
    }
    let state = &universe.states[of];
    if extent == Extent::Half {
        bytes.put(state.slot, Data::Mix);
        return;
    }
    bytes.put(state.slot, Data::Own);
    for pin in &state.pins {
        bytes.put(*pin, Release::Old);
    }
}
