//! What the world has nothing for: other machines, kinds of services, actions that are known by their effects alone.
//!
//! All of it is proved, shown and rehearsed; a run is refused before anything is asked or made.

use std::collections::BTreeMap;

use super::calls::calls;
use crate::plan::Plan;
use crate::world::{Need, World};

/// How many places of one action are named.
const PLACES: usize = 3;

/// What cannot be carried out in this world, one sentence each, with what to do.
pub(crate) fn not_carried_out(plan: &Plan, world: &dyn World) -> Vec<String> {
    let machines = elsewhere(plan, world).map(|(input, host)| {
        format!(
            "`{input}` is the machine {host}, and nothing is done on another machine yet: write `on local` where it is \
             this one"
        )
    });
    let members = plan.topology.members();
    let members = members.filter(|(_, member, _)| !world.has(Need::Service(member.runs.kind)));
    let services = members.map(|(id, member, _)| {
        let what = member.runs.kind.in_words();
        format!("service `{id}` is {what}, which is not supported yet in the real world")
    });
    let mut actions: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (place, call) in calls(plan) {
        let places = actions.entry(&call.action).or_default();
        if !places.contains(&place) {
            places.push(place);
        }
    }
    let missing: Vec<String> = actions
        .into_iter()
        .filter(|(name, _)| !world.has(Need::Action(name)))
        .map(|(name, places)| called_at(name, &places))
        .collect();
    let actions = (!missing.is_empty()).then(|| {
        format!(
            "not carried out yet, and known by their effects alone: {}; to run this, say how you do it, with \
             `exec.run([…], effects: …)` or `exec.read` and the effects that `backstay actions NAME` shows",
            missing.join("; ")
        )
    });
    machines.chain(services).chain(actions).collect()
}

/// Whether something stands on a machine that this world does not reach: this one would answer for it.
pub(crate) fn is_elsewhere(plan: &Plan, world: &dyn World) -> bool {
    elsewhere(plan, world).next().is_some()
}

fn elsewhere<'a>(plan: &'a Plan, world: &'a dyn World) -> impl Iterator<Item = (&'a String, &'a String)> {
    plan.hosts.iter().filter(|(_, host)| !world.has(Need::Machine(host)))
}

/// `unit.stop` at `a/1`, `undo:a/2` and 3 more.
fn called_at(name: &str, places: &[String]) -> String {
    let first = places.iter().take(PLACES).map(|place| format!("`{place}`"));
    let named = first.collect::<Vec<_>>().join(", ");
    match places.len().saturating_sub(PLACES) {
        0 => format!("`{name}` at {named}"),
        more => format!("`{name}` at {named} and {more} more"),
    }
}
