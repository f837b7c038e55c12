//! Obligations about services: what they hang on can be reached, each is as it begins, what is mounted is
//! protected, and what runs is what is pinned.

use std::collections::BTreeMap;

use backstay_dsl::effect::{Effect, Resource, ResourceKind};
use backstay_dsl::topology::{Begins, Member, Runs, Service};

use super::mounts::{not_mounted, unprotected};
use super::{Found, PathUse};
use crate::eval::Evaluator;
use crate::plan::Plan;
use crate::service_kind::{Asked, HangsOn, KINDS, Kind, MemberState, Mounted, MountedWhat, reading_of};
use crate::value::Value;
use crate::world::{PathIdentity, World};

/// Who is asked.
pub(super) struct Services<'a> {
    pub(super) plan: &'a Plan,
    pub(super) world: Option<&'a dyn World>,
    pub(super) asked: &'a dyn Asked,
    pub(super) evaluator: &'a Evaluator<'a>,
}

impl Services<'_> {
    /// Asks everything that the plan assumes about services, and gives the volumes of protected state, as names
    /// that could stand for what a path stands for. Of a kind that it has not, nothing is asked.
    pub(super) async fn discharge(&self, found: &mut Found) -> Vec<(PathUse, PathIdentity)> {
        let mut mounts = Vec::new();
        let touched = self.touched().await;
        for kind in KINDS.iter().filter(|kind| self.hangs_on(**kind)) {
            match kind.reach(self.asked).await {
                Ok(seen) => found.seen.extend(seen),
                Err(reason) => {
                    // Two kinds may hang on one thing.
                    if !found.broken.iter().any(|(_, known)| *known == reason) {
                        found.broken.push(("engine", reason));
                    }
                    continue;
                }
            }
            for (name, service) in &self.plan.topology.services {
                let members = service.members.iter();
                for (id, member) in members.filter(|(_, member)| member.runs.kind == kind.kind()) {
                    let Some(state) = self.begins(*kind, (id.as_str(), member), found).await else {
                        continue;
                    };
                    if !service.begins_running() && !state.runs {
                        self.not_well(name, found).await;
                    }
                    self.startable(*kind, id.as_str(), &touched, found).await;
                    if state.is_there != Some(false) {
                        self.mounted(*kind, (id.as_str(), service), &mut mounts, found).await;
                        self.hung_on(*kind, id.as_str(), &touched, found).await;
                    }
                    if state.runs {
                        self.pinned(*kind, (id.as_str(), member), found).await;
                    }
                }
            }
        }
        if mounts.is_empty() {
            return Vec::new();
        }
        self.volumes(&mounts, found).await
    }

    async fn identify(&self, path: &str) -> Option<PathIdentity> {
        self.world?.identify(path, false).await
    }

    /// What does not run cannot be well: where it is, something runs that is not seen.
    async fn not_well(&self, service: &str, found: &mut Found) {
        let known = self.plan.runbook.service(service);
        let Some(well) = known.and_then(|known| known.well.as_ref()) else {
            return;
        };
        if self.evaluator.value(&well.condition).await == Ok(Value::Bool(true)) {
            let reason = format!(
                "service `{service}` should not run yet, and is well ({}): find out what answers there, and stop it, or \
                 say how operators know it and `begins running`",
                well.label
            );
            found.broken.push(("begins", reason));
        }
    }

    /// Whether the plan speaks of anything that only this kind knows.
    fn hangs_on(&self, kind: &dyn Kind) -> bool {
        let topology = &self.plan.topology;
        let is_of_family = |action: &str| action.split('.').next() == kind.kind().family();
        topology.members().any(|(_, member, _)| member.runs.kind == kind.kind())
            || topology.parts().any(|part| kind.keeps(part.kind))
            || self
                .plan
                .program
                .actions()
                .any(|action| is_of_family(&action.call.action))
    }

    /// How a member is against how it begins.
    async fn begins(
        &self,
        kind: &dyn Kind,
        (name, member): (&str, &Member<String>),
        found: &mut Found,
    ) -> Option<MemberState> {
        let state = match kind.state(self.asked, name).await {
            Ok(state) => state,
            Err(unanswered) => {
                let reason = format!("service `{name}` could not be asked how it is: {}", unanswered.reason);
                found.broken.push(("begins", reason));
                return None;
            }
        };
        match wrong(&member.runs, member.begins, &state) {
            Some(wrong) => found.broken.push(("begins", format!("service `{name}` {wrong}"))),
            None if state.status.is_empty() => {
                let known_by = member.runs.known_by_in_words();
                if state.runs && !known_by.is_empty() {
                    found.seen.push(format!("`{name}` runs, known by {known_by}"));
                }
            }
            None => found.seen.push(format!("`{name}` is {}", state.status)),
        }
        Some(state)
    }

    /// Compares what is mounted into a service with what is protected.
    async fn mounted(
        &self,
        kind: &dyn Kind,
        (name, view): (&str, &Service<String>),
        mounts: &mut Vec<Mounted>,
        found: &mut Found,
    ) {
        let listed = match kind.mounts(self.asked, name).await {
            Ok(listed) => listed,
            Err(unanswered) => {
                let reason = format!(
                    "service `{name}` could not be asked what is mounted: {}",
                    unanswered.reason
                );
                found.broken.push(("mounts", reason));
                return;
            }
        };
        let said = self.plan.topology.parts().chain(&view.ignores);
        let said = said
            .filter(|part| part.kind != ResourceKind::Volume)
            .map(Resource::first);
        let mut real = BTreeMap::new();
        for path in said.chain(listed.iter().filter_map(Mounted::path)) {
            if let Some(identity) = self.identify(path).await {
                real.insert(path.to_owned(), identity.real_path);
            }
        }
        if !listed.is_empty() {
            let mounts: Vec<String> = listed.iter().map(ToString::to_string).collect();
            found.seen.push(format!("mounted into `{name}`: {}", mounts.join(", ")));
        }
        for mount in &listed {
            let wrong = unprotected(&self.plan.topology, (name, view), mount, &real);
            found.broken.extend(wrong.map(|wrong| ("mounts", wrong)));
        }
        mounts.extend(listed);
    }

    /// The services that a statement stops (`false`), or removes or puts another in place of (`true`).
    async fn touched(&self) -> BTreeMap<String, bool> {
        let mut touched: BTreeMap<String, bool> = BTreeMap::new();
        for effect in self.plan.program.actions().flat_map(|action| &action.call.effects.list) {
            let (member, is_replaced) = match effect {
                Effect::Stops(member) => (member, false),
                Effect::Removes(member) | Effect::Starts { member, with: Some(_) } => (member, true),
                _ => continue,
            };
            if let Ok(member) = self.evaluator.ground_resource(member).await {
                *touched.entry(member.first().to_owned()).or_default() |= is_replaced;
            }
        }
        touched
    }

    /// Whether what the plan stops or changes can be started again.
    async fn startable(&self, kind: &dyn Kind, name: &str, touched: &BTreeMap<String, bool>, found: &mut Found) {
        let Some(changes) = touched.get(name) else { return };
        match kind.obstacle(self.asked, name, *changes).await {
            Ok(None) => {}
            Ok(Some(reason)) => found.broken.push(("startable", format!("service `{name}`: {reason}"))),
            Err(unanswered) => {
                let reason = format!(
                    "service `{name}` could not be asked whether it can be started again: {}",
                    unanswered.reason
                );
                found.broken.push(("startable", reason));
            }
        }
    }

    /// Who would be cut off by what the plan does to a member, and is none of the runbook's.
    async fn hung_on(&self, kind: &dyn Kind, name: &str, touched: &BTreeMap<String, bool>, found: &mut Found) {
        let Some(is_replaced) = touched.get(name) else {
            return;
        };
        let sharers = match kind.sharers(self.asked, name).await {
            Ok(sharers) => sharers,
            Err(unanswered) => {
                let reason = format!(
                    "service `{name}` could not be asked who hangs on it: {}",
                    unanswered.reason
                );
                found.broken.push(("shared", reason));
                return;
            }
        };
        let word = kind.kind().word();
        for HangsOn {
            name: other, shares, ..
        } in sharers
            .into_iter()
            .filter(|other| *is_replaced || other.ends_with_a_stop)
        {
            let mut members = self.plan.topology.members();
            let is_ours = members.any(|(_, member, _)| member.runs.kind == kind.kind() && member.runs.name == other);
            if is_ours {
                found.seen.push(format!("`{other}` has its {shares} from `{name}`"));
                continue;
            }
            let (verb, what_to_do) = match is_replaced {
                true => ("replaces", "remove it before and make it anew after"),
                false => ("stops", "stop it before and start it after"),
            };
            let reason = format!(
                "service `{name}`: the {word} `{other}` has its {shares} from it, and would be cut off when this run {verb} \
                 it: {what_to_do}, by hand or in this runbook (`service … {{ runs {word}(\"{other}\") }}`)"
            );
            found.broken.push(("shared", reason));
        }
    }

    /// Whether what runs is what is pinned, where the text says a place that can be read, and both have a digest.
    async fn pinned(&self, kind: &dyn Kind, (name, member): (&str, &Member<String>), found: &mut Found) {
        let Some((pin, reading)) = member.pinned_by.as_ref().and_then(|pin| Some((pin, reading_of(pin)?))) else {
            return;
        };
        let running = kind.release(self.asked, name).await;
        let (Some(running), Ok(pinned)) = (running, self.asked.answer_to(&reading).await) else {
            return;
        };
        let pinned = pinned.canonical();
        let digest = |image: &str| image.trim().rsplit_once('@').map(|(_, digest)| digest.to_owned());
        if let (Some(runs), Some(is_pinned)) = (digest(&running), digest(&pinned))
            && runs != is_pinned
        {
            let place = pin.key.join(", ");
            found.broken.push((
                "pinned",
                format!(
                    "service `{name}` runs {running}, and what is pinned ({place}) is {}: bring them together before the change",
                    pinned.trim()
                ),
            ));
        }
    }

    /// What the protected volumes really are, and which of them no service mounts.
    async fn volumes(&self, mounts: &[Mounted], found: &mut Found) -> Vec<(PathUse, PathIdentity)> {
        let mut identified = Vec::new();
        let mut known: BTreeMap<&str, (&str, bool)> = BTreeMap::new();
        for mount in mounts {
            if let MountedWhat::Volume { name, path } = &mount.what {
                known.entry(name).or_insert((path, false)).1 |= mount.is_writable;
            }
        }
        let volumes = self
            .plan
            .topology
            .parts()
            .filter(|part| part.kind == ResourceKind::Volume);
        for volume in volumes.map(Resource::first) {
            let Some((path, is_changed)) = known.get(volume) else {
                continue;
            };
            if let Some(identity) = self.identify(path).await.filter(|_| !path.is_empty()) {
                let path_use = PathUse {
                    path: format!("volume `{volume}`"),
                    is_link: false,
                    is_changed: *is_changed,
                };
                identified.push((path_use, identity));
            }
        }
        let missed = not_mounted(&self.plan.topology, mounts).into_iter();
        found.seen.extend(missed.map(|(state, volume)| {
            format!("the volume `{volume}` of `{state}` is mounted into no service that is there: is that its name?")
        }));
        identified
    }
}

/// What is wrong with how a member is, for how it begins.
fn wrong(runs: &Runs<String>, begins: Begins, state: &MemberState) -> Option<String> {
    let kind = runs.kind.word();
    let (name, status) = (&runs.name, &state.status);
    match (begins, state.is_there, state.runs) {
        (Begins::Running | Begins::Standby, None, false) => Some(not_found(runs)),
        (Begins::Stopped | Begins::Absent, None, true) => Some(format!(
            "should not run yet, and a {kind} of it does: stop it, or say `begins running`"
        )),
        (Begins::Running | Begins::Standby, Some(false), _) => Some(format!(
            "should run, and there is no {kind} `{name}`: start it, or say `begins absent`"
        )),
        (Begins::Running | Begins::Standby, Some(true), false) if status == "paused" => Some(format!(
            "should run, and its {kind} `{name}` is paused: docker unpause {name}"
        )),
        (Begins::Running | Begins::Standby, Some(true), false) => Some(format!(
            "should run, and its {kind} `{name}` is {status}: start it, or say `begins stopped`"
        )),
        (Begins::Stopped, Some(false), _) => Some(format!(
            "should be there and stopped, and there is no {kind} `{name}`: say `begins absent`"
        )),
        (Begins::Stopped, Some(true), true) => Some(format!(
            "should be stopped, and its {kind} `{name}` is {status}: stop it, or say `begins running`"
        )),
        (Begins::Absent, Some(true), _) => Some(format!(
            "should not be there yet, and there is a {kind} `{name}` ({status}) that this run did not make: remove it, \
             or say `begins running` or `begins stopped`"
        )),
        _ => None,
    }
}

/// Nothing is known by a name alone but what was started here.
fn not_found(runs: &Runs<String>) -> String {
    let (kind, name) = (runs.kind.word(), &runs.name);
    let known_by = runs.known_by_in_words();
    if known_by.is_empty() {
        return format!(
            "should run, and no {kind} was started here as `{name}`: start it, or say `begins stopped`; where others \
             have started it, say how operators know it: {kind}(\"{name}\", pid_file: …), or `port:`, `executable:`, \
             `user:`, `arguments:`"
        );
    }
    format!("should run, and no {kind} fits {known_by}: start it, or say `begins stopped`")
}
