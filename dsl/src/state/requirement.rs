//! What an effect needs before it may happen; else a slug and words.

use crate::effect::{Resource, Touch};
use crate::state::transition::{next, released};
use crate::state::{Backup, Data, Extent, Given, Member, Release, State, Traffic, Violation};
use crate::term::Term;
use crate::topology::{MemberId, Service, Topology};

impl State {
    /// The state after an effect, or the first requirement that does not hold.
    pub fn apply(&self, topology: &Topology<Term>, touch: &Touch<Term>, given: Given) -> Result<Self, Violation> {
        match requirement(self, topology, touch, given) {
            Some(violation) => Err(violation),
            None => Ok(next(self, topology, touch, given, Extent::Whole)),
        }
    }

    /// The state past the point of no return, where `next` is what the action behind it touches: every
    /// protected state that is not own, or that it may migrate, needs a backup that is proven and fresh.
    pub fn commit(&self, topology: &Topology<Term>, next: &[Touch<Term>]) -> Result<Self, Violation> {
        for (name, data) in &self.data {
            let is_migrated_next = next.iter().any(|touch| may_migrate(self, topology, touch, name));
            if *data == Data::Own && !is_migrated_next {
                continue;
            }
            let mut backups = self
                .backups
                .values()
                .filter(|backup| backup.state == *name && backup.whole);
            if backups.clone().any(|backup| backup.proven && backup.fresh) {
                continue;
            }
            return Err(if backups.any(|backup| backup.proven) {
                violation(
                    "writes-lost",
                    format!("users may have written to {name} since its backup was made"),
                )
            } else {
                violation(
                    "backup-unproven",
                    format!("no proven backup of {name} is there to go back to"),
                )
            });
        }
        let mut state = self.clone();
        state.committed = true;
        Ok(state)
    }
}

/// The first requirement of an effect that this state does not meet.
pub fn requirement(state: &State, topology: &Topology<Term>, touch: &Touch<Term>, given: Given) -> Option<Violation> {
    match touch {
        Touch::Drains(target) => drained(state, topology, target),
        Touch::Opens(target) => each(state, topology, target, |name, member| {
            opened(state, topology, name, member)
        }),
        Touch::Stops(target) => each(state, topology, target, stopped),
        Touch::Starts { member: target, with } => each(state, topology, target, |name, member| {
            let release = released(member, with.is_some(), given);
            started(state, topology, name, member, release)
        }),
        Touch::Captures { state: captured, .. } => capture(state, topology, captured),
        Touch::Restores(backup) => restored(state, topology, backup),
        _ => None,
    }
}

fn violation(slug: &'static str, words: String) -> Violation {
    Violation { slug, words }
}

fn each(
    state: &State,
    topology: &Topology<Term>,
    target: &Resource<Term>,
    mut rule: impl FnMut(&MemberId, Member) -> Option<Violation>,
) -> Option<Violation> {
    let names = topology.members_of(target);
    names.into_iter().find_map(|name| rule(name, *state.members.get(name)?))
}

fn drained(state: &State, topology: &Topology<Term>, target: &Resource<Term>) -> Option<Violation> {
    topology.members_of(target).into_iter().find_map(|name| {
        let service = topology.service_of(name)?;
        let left = state.serving(service.members.keys()).saturating_sub(1);
        (left < service.serving_at_least).then(|| {
            let least = service.serving_at_least;
            violation(
                "order-unsafe",
                format!("{name} would be left with {left} serving, and promises {least}"),
            )
        })
    })
}

fn opened(state: &State, topology: &Topology<Term>, name: &MemberId, member: Member) -> Option<Violation> {
    member.traffic?;
    let Some(run) = member.run else {
        return Some(violation(
            "order-unsafe",
            format!("{name} would get traffic and does not run"),
        ));
    };
    if run == Release::Old {
        return None;
    }
    if !member.valid {
        let words = format!("no check has read {name} since its new release was started");
        return Some(violation("cutover-unvalidated", words));
    }
    let service = topology.service_of(name)?;
    match not_own(state, service) {
        Some(written) if !state.committed => Some(violation(
            "writes-at-risk",
            format!("users would write to {written}, and a way back would lose what they write"),
        )),
        _ => None,
    }
}

fn stopped(name: &MemberId, member: Member) -> Option<Violation> {
    (member.run.is_some() && member.traffic == Some(Traffic::Open))
        .then(|| violation("order-unsafe", format!("{name} would be stopped while users are on it")))
}

fn started(
    state: &State,
    topology: &Topology<Term>,
    name: &MemberId,
    member: Member,
    release: Release,
) -> Option<Violation> {
    if member.run.is_some_and(|run| run != release)
        && let Some(found) = stopped(name, member)
    {
        return Some(found);
    }
    let service = topology.service_of(name)?;
    if release == Release::Old
        && let Some(written) = not_own(state, service)
    {
        let words = format!("the old release of {name} would run on {written}, which is not its own any more");
        return Some(violation("state-left-behind", words));
    }
    if member.run.is_none() && service.writers_at_most == 0 {
        return Some(violation("order-unsafe", format!("{name} may have no writer at all")));
    }
    if release == Release::New && member.traffic == Some(Traffic::Open) {
        let running = Member {
            run: Some(release),
            valid: false,
            ..member
        };
        return opened(state, topology, name, running);
    }
    None
}

/// A state that a service writes and that is not the old release's own.
fn not_own<'a>(state: &State, service: &'a Service<Term>) -> Option<&'a str> {
    let mut written = service.writes.iter().map(|writes| writes.state.as_str());
    written.find(|written| state.data.get(*written).is_some_and(|data| *data != Data::Own))
}

/// A member that writes this state and runs.
fn running_writer<'a>(state: &State, topology: &'a Topology<Term>, protected: &'a str) -> Option<&'a MemberId> {
    let mut writers = topology.writers(protected);
    writers.find(|name| state.members.get(*name).is_some_and(|member| member.run.is_some()))
}

fn capture(state: &State, topology: &Topology<Term>, captured: &Resource<Term>) -> Option<Violation> {
    let Some(Term::Text(name)) = captured.key.first() else {
        return None;
    };
    if let Some(writer) = running_writer(state, topology, name) {
        return Some(violation(
            "backup-not-cold",
            format!("{writer} runs and may write to {name} meanwhile"),
        ));
    }
    let data = state.data.get(name);
    data.is_some_and(|data| *data != Data::Own).then(|| {
        violation(
            "backup-too-late",
            format!("{name} may have been changed by the new release already"),
        )
    })
}

fn restored(state: &State, topology: &Topology<Term>, backup: &Resource<Term>) -> Option<Violation> {
    let Some(Backup {
        state: name,
        whole,
        proven,
        fresh,
        ..
    }) = state.backups.get(backup)
    else {
        return Some(violation("backup-unproven", "this backup was never made".to_owned()));
    };
    if let Some(writer) = running_writer(state, topology, name) {
        return Some(violation(
            "order-unsafe",
            format!("{writer} runs while {name} would be restored"),
        ));
    }
    if !whole || !proven {
        return Some(violation(
            "backup-unproven",
            format!("the backup of {name} was never restored on trial"),
        ));
    }
    (!fresh).then(|| {
        violation(
            "writes-lost",
            format!("users may have written to {name} since the backup was made"),
        )
    })
}

/// Whether an effect may migrate a protected state: it starts a new release of a service that writes it.
fn may_migrate(state: &State, topology: &Topology<Term>, touch: &Touch<Term>, protected: &str) -> bool {
    let Touch::Starts { member: target, with } = touch else {
        return false;
    };
    topology.members_of(target).into_iter().any(|name| {
        let member = state.members.get(name);
        let is_new = member.is_some_and(|member| with.is_some() || member.pin == Release::New);
        let mut writes = topology
            .service_of(name)
            .into_iter()
            .flat_map(|service| &service.writes);
        is_new && writes.any(|writes| writes.state == protected && writes.migrates)
    })
}
