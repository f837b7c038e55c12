//! What an effect needs before it may happen; else a slug and words.
//!
//! Each rule reads one cell and whether the run is committed. What is asked of the places in a protected state
//! is asked of each alone.

use crate::effect::{Effect, Resource};
use crate::state::slot::{Backup, Bytes, Data, Plain, Release, Run, SlotId};
use crate::state::universe::{Member, Protected, Role, Service, Universe};
use crate::state::{Given, Violation};
use crate::term::Term;

/// Looks at one state of production.
pub(super) struct Rules<'a, B> {
    pub(super) universe: &'a Universe,
    pub(super) bytes: &'a B,
    pub(super) is_committed: bool,
}

fn violation(slug: &'static str, words: String) -> Violation {
    Violation { slug, words }
}

fn left_behind(member: &Member, written: &str) -> Violation {
    let name = &member.id;
    let words = format!("the old release of {name} would run on {written}, which is not its own any more");
    violation("state-left-behind", words)
}

fn in_backup(state: &Protected, hold: &str) -> Violation {
    let words = format!(
        "the mark of {hold} lies in {}, and a restore would bring it back",
        state.name
    );
    violation("hold-in-backup", words)
}

/// Why a backup that is needed cannot be put back, whether or not it was tried.
pub(crate) const NO_BACKUP: &str = "this backup was never made, or where it was kept is gone";

/// The rule about protected state that changes and was never backed up.
pub(crate) const MISSED: &str = "backup-misses-state";

impl<'a, B: Bytes> Rules<'a, B> {
    /// The first requirement of an effect that this state does not meet.
    pub(super) fn violation(&self, effect: &Effect<Term>, given: Given) -> Option<Violation> {
        match effect {
            Effect::Drains(target) => self.drained(target),
            Effect::Opens(target) => self.all_opened(target),
            Effect::Starts { member: target, with } => self.members(target).find_map(|member| {
                let release = match with {
                    // It goes on as it runs.
                    None if self.run(member).release.is_some() => return None,
                    None => self.bytes.get(member.pin),
                    Some(_) if given.is_before => Release::Old,
                    Some(_) => Release::New,
                };
                self.started(member, release)
            }),
            Effect::Demotes(target) => self.members(target).find_map(|member| self.stopped(member)),
            Effect::Captures { state, .. } => self.captured(&self.universe.states[self.universe.state_of(state)?]),
            Effect::Restores(backup) => self.restored(backup),
            _ => self.members(effect.ended()?).find_map(|member| self.stopped(member)),
        }
    }

    /// What an action that came to this state from `before` must not have done: its effects are one moment.
    pub(super) fn violation_after(&self, before: &Self) -> Option<Violation> {
        let mut services = self.universe.services.iter().filter(|service| service.has_one_release);
        services.find_map(|service| self.mixed(service).filter(|_| before.mixed(service).is_none()))
    }

    /// Members of a service that have traffic, and run different releases.
    fn mixed(&self, service: &Service) -> Option<Violation> {
        let of = |wanted: Release| {
            let mut members = service.members.iter().map(|member| &self.universe.members[*member]);
            members.find(|member| {
                let run = self.run(member);
                run.release == Some(wanted) && !run.is_drained
            })
        };
        let (old, new) = (of(Release::Old)?, of(Release::New)?);
        let words = format!(
            "users would come to {} with the old release and to {} with the new one at once",
            old.id, new.id
        );
        Some(violation("mixed-releases", words))
    }

    /// Whether an effect is asked about in this cell: it works there.
    pub(super) fn is_at_home(&self, effect: &Effect<Term>, cell: usize) -> bool {
        let is_here = |slot: SlotId| self.universe.cell_of(slot).0 == cell;
        match effect {
            Effect::Captures { state, .. } => {
                let state = self.universe.state_of(state);
                state.is_some_and(|state| is_here(self.universe.states[state].slot))
            }
            Effect::Restores(backup) => {
                let mut slots = self.universe.backups_of(backup).iter().peekable();
                slots.peek().is_none() || slots.any(|slot| is_here(*slot))
            }
            _ => {
                effect.is_of_service() && {
                    let mut members = effect.resource().into_iter().flat_map(|target| self.members(target));
                    members.any(|member| is_here(member.slot))
                }
            }
        }
    }

    /// As [`Self::violation`], by the places in protected state alone.
    pub(super) fn violation_of_places(&self, effect: &Effect<Term>, given: Given) -> Option<Violation> {
        match effect {
            Effect::Captures { state, .. } => self.late(&self.universe.states[self.universe.state_of(state)?]),
            Effect::Starts { member: target, with } if given.is_before || with.is_none() => self
                .members(target)
                .find_map(|member| Some(left_behind(member, self.migrated(member)?))),
            Effect::Removes(removed) if given.existed => self.lost(removed),
            _ => None,
        }
    }

    /// Protected state that would be removed under a member that writes it.
    fn lost(&self, removed: &Resource<Term>) -> Option<Violation> {
        let lost = self.universe.lost_with(removed).iter();
        let mut states = lost.map(|state| &self.universe.states[*state]);
        let (state, writer) = states.find_map(|state| Some((state, self.running_writer(state)?)))?;
        let words = format!("{} runs while {} would be removed", writer.id, state.name);
        Some(violation("order-unsafe", words))
    }

    /// Why the point of no return must not be passed, where `next` is what the action behind it touches: every
    /// protected state that is not own, or that it may migrate, needs a backup that is proven and fresh. `is_asked`
    /// of the slot of a state: whether it is asked about here.
    pub(super) fn commit(&self, next: &[Effect<Term>], is_asked: impl Fn(SlotId) -> bool) -> Option<Violation> {
        let states = self.universe.states.iter().enumerate();
        states
            .filter(|(_, state)| is_asked(state.slot))
            .find_map(|(index, state)| {
                let is_migrated_next = next.iter().any(|effect| self.may_migrate(effect, index));
                if self.data(state) == Data::Own && !is_migrated_next {
                    return None;
                }
                let backups = state.backups.iter().map(|slot| self.bytes.get::<Backup>(*slot));
                let mut proven = backups.filter(|backup| backup.is_whole && backup.is_proven).peekable();
                let name = &state.name;
                if proven.peek().is_none() {
                    let words = format!("no proven backup of {name} is there to go back to");
                    return Some(violation("backup-unproven", words));
                }
                let words = format!("users may have written to {name} since its backup was made");
                (!proven.any(|backup| backup.is_fresh)).then(|| violation("writes-lost", words))
            })
    }

    /// Whose a protected state is: by its own byte, and by what the places in it hold.
    pub(super) fn data(&self, state: &Protected) -> Data {
        let places = state.places.iter().map(|place| match self.bytes.get(*place) {
            Plain::AsWas => Data::Own,
            Plain::Partial | Plain::PartlyAdded => Data::Mix,
            Plain::Changed | Plain::Gone | Plain::Added | Plain::Behind => Data::Edited,
        });
        places.fold(self.bytes.get(state.slot), Data::max)
    }

    pub(super) fn run(&self, member: &Member) -> Run {
        self.bytes.get(member.slot)
    }

    fn members(&self, target: &Resource<Term>) -> impl Iterator<Item = &'a Member> + use<'a, B> {
        let universe = self.universe;
        let members = universe.members_of(target).iter();
        members.map(|member| &universe.members[*member])
    }

    fn service(&self, member: &Member) -> &'a Service {
        &self.universe.services[member.service]
    }

    /// All that one action drains is drained at once.
    fn drained(&self, target: &Resource<Term>) -> Option<Violation> {
        let drained = self.universe.members_of(target);
        self.members(target).find_map(|member| {
            let service = self.service(member);
            let kept = service.members.iter().filter(|other| !drained.contains(other));
            let serving = kept.filter(|other| {
                let run = self.run(&self.universe.members[**other]);
                run.release.is_some() && !run.is_drained
            });
            let (left, least) = (serving.count(), service.serving_at_least);
            ((left as u64) < least).then(|| {
                let words = format!(
                    "{} would be left with {left} serving, and promises {least}",
                    service.name
                );
                violation("order-unsafe", words)
            })
        })
    }

    /// Where several are opened at once and one of them serves, users come to none that stands by.
    fn all_opened(&self, target: &Resource<Term>) -> Option<Violation> {
        let serves = self.members(target).any(|member| self.run(member).release.is_some());
        self.members(target).find_map(|member| {
            let run = self.run(member);
            let is_left_out = serves && run.stands_by;
            (!is_left_out).then(|| self.opened(member, run)).flatten()
        })
    }

    /// `run` is how the member runs when users come to it.
    fn opened(&self, member: &Member, run: Run) -> Option<Violation> {
        if !member.has_traffic {
            return None;
        }
        let name = &member.id;
        match run.release {
            None => {
                let is_not = if run.stands_by { "stands by" } else { "does not run" };
                let words = format!("{name} would get traffic and {is_not}");
                Some(violation("order-unsafe", words))
            }
            Some(Release::Old) => None,
            Some(Release::New) if !run.is_valid => {
                let words = format!("no check has read {name} since its new release was started");
                Some(violation("cutover-unvalidated", words))
            }
            Some(Release::New) if self.is_committed => None,
            Some(Release::New) => self.migrated(member).map(|written| {
                let words = format!("users would write to {written}, and a way back would lose what they write");
                violation("writes-at-risk", words)
            }),
        }
    }

    fn stopped(&self, member: &Member) -> Option<Violation> {
        let run = self.run(member);
        let is_open = member.has_traffic && !run.is_drained;
        (run.release.is_some() && is_open).then(|| {
            let words = format!("{} would be stopped while users are on it", member.id);
            violation("order-unsafe", words)
        })
    }

    fn started(&self, member: &Member, release: Release) -> Option<Violation> {
        let run = self.run(member);
        if run.release.is_some_and(|running| running != release)
            && let Some(found) = self.stopped(member)
        {
            return Some(found);
        }
        if release == Release::Old
            && let Some(written) = self.migrated(member)
        {
            return Some(left_behind(member, written));
        }
        let service = self.service(member);
        if run.release.is_none() && (service.writers_at_most == 0 || !service.writes.is_empty()) {
            let others = service
                .members
                .iter()
                .map(|other| self.run(&self.universe.members[*other]));
            let writers = 1 + others.filter(|run| run.release.is_some()).count() as u64;
            if writers > service.writers_at_most {
                let words = match service.writers_at_most {
                    0 => format!("{} may have no writer at all", service.name),
                    most => format!(
                        "{} would have {writers} writers at once, and may have {most}",
                        service.name
                    ),
                };
                return Some(violation("order-unsafe", words));
            }
        }
        if release == Release::New && !run.is_drained {
            let running = Run {
                release: Some(release),
                is_valid: false,
                ..run
            };
            if let Some(found) = self.opened(member, running) {
                return Some(found);
            }
        }
        self.missed(member).filter(|_| release == Release::New)
    }

    /// A state that a new release of this member may change, and of which there is no backup, though there is one of
    /// another.
    fn missed(&self, member: &Member) -> Option<Violation> {
        let states = &self.universe.states;
        let is_made = |slot: &SlotId| self.bytes.get::<Backup>(*slot).is_made;
        let mut written = self.service(member).writes.iter().filter(|(_, migrates)| *migrates);
        let (missed, _) = written.find(|(state, _)| {
            let state = &states[*state];
            matches!(self.data(state), Data::Own | Data::Edited) && !state.backups.iter().any(is_made)
        })?;
        let others = states.iter().enumerate().filter(|(other, _)| other != missed);
        let has_other = others.flat_map(|(_, other)| &other.backups).next().is_some();
        has_other.then(|| {
            let words = format!("{} is changed later, and no backup has it", states[*missed].name);
            violation("backup-misses-state", words)
        })
    }

    /// A state that this member writes and that the old release must not run on. What the change itself edited,
    /// whole, at places that it names, is taken back there.
    fn migrated(&self, member: &Member) -> Option<&'a str> {
        let states = &self.universe.states;
        let mut written = self.service(member).writes.iter().map(|(state, _)| &states[*state]);
        let state = written.find(|state| matches!(self.data(state), Data::New | Data::Mix))?;
        Some(&state.name)
    }

    /// A member that writes this state and runs.
    fn running_writer(&self, state: &Protected) -> Option<&'a Member> {
        let universe = self.universe;
        let mut writers = state.writers.iter().map(|writer| &universe.members[*writer]);
        writers.find(|member| self.run(member).release.is_some())
    }

    fn captured(&self, state: &Protected) -> Option<Violation> {
        let name = &state.name;
        if let Some(writer) = self.running_writer(state) {
            let words = format!("{} runs and may write to {name} meanwhile", writer.id);
            return Some(violation("backup-not-cold", words));
        }
        self.late(state)
    }

    /// Why a backup of a state that was changed is none to go back to.
    fn late(&self, state: &Protected) -> Option<Violation> {
        if self.is_own(state) {
            return None;
        }
        let changed = |place: &&SlotId| self.bytes.get::<Plain>(**place) != Plain::AsWas;
        let mut marks = state.places.iter().filter(changed).map(|place| self.taken_by(*place));
        let is_else_own = self.bytes.get::<Data>(state.slot) == Data::Own && self.has_old_pins(state);
        let hold = marks
            .next()
            .flatten()
            .filter(|_| is_else_own && marks.all(|mark| mark.is_some()));
        Some(hold.map_or_else(|| self.too_late(state), |hold| in_backup(state, hold)))
    }

    /// The hold that is taken and that this place is a mark of.
    fn taken_by(&self, place: SlotId) -> Option<&'a str> {
        let mut holds = self.universe.marked_by(place).iter();
        let hold = holds.find(|hold| self.bytes.get(**hold))?;
        match &self.universe.slot(*hold).role {
            Role::Hold(name) => Some(name),
            _ => None,
        }
    }

    fn has_old_pins(&self, state: &Protected) -> bool {
        let mut pins = state.pins.iter();
        pins.all(|pin| self.bytes.get::<Release>(*pin) == Release::Old)
    }

    fn is_own(&self, state: &Protected) -> bool {
        self.data(state) == Data::Own && self.has_old_pins(state)
    }

    fn too_late(&self, state: &Protected) -> Violation {
        let name = &state.name;
        let words = match self.data(state) {
            Data::Own | Data::Edited => format!("{name} has been changed already"),
            Data::New | Data::Mix => format!("{name} may have been changed by the new release already"),
        };
        violation("backup-too-late", words)
    }

    fn restored(&self, backup: &Resource<Term>) -> Option<Violation> {
        let mut slots = self.universe.backups_of(backup).iter();
        let Some(slot) = slots.find(|slot| self.bytes.get::<Backup>(**slot).is_made) else {
            return Some(violation("backup-unproven", NO_BACKUP.to_owned()));
        };
        let Role::Backup { of } = self.universe.slot(*slot).role else {
            return None;
        };
        let state = &self.universe.states[of];
        let name = &state.name;
        if let Some(writer) = self.running_writer(state) {
            let words = format!("{} runs while {name} would be restored", writer.id);
            return Some(violation("order-unsafe", words));
        }
        let backup: Backup = self.bytes.get(*slot);
        if !backup.is_whole || !backup.is_proven {
            let words = format!("the backup of {name} was never restored on trial");
            return Some(violation("backup-unproven", words));
        }
        (!backup.is_fresh).then(|| {
            let words = format!("users may have written to {name} since the backup was made");
            violation("writes-lost", words)
        })
    }

    /// Whether an effect may migrate a protected state: it starts a new release of a service that writes it; or whether
    /// it removes it.
    fn may_migrate(&self, effect: &Effect<Term>, state: usize) -> bool {
        if let Effect::Removes(removed) = effect {
            return self.universe.lost_with(removed).contains(&state);
        }
        let Effect::Starts { member: target, with } = effect else {
            return false;
        };
        self.members(target).any(|member| {
            let is_new = with.is_some() || self.bytes.get::<Release>(member.pin) == Release::New;
            is_new && self.service(member).writes.contains(&(state, true))
        })
    }
}
