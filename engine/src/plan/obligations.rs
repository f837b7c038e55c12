//! Obligations: what the header requires holds, services begin as the text says, and two names that the proofs take for two things are two.
//!
//! `check` proves modulo this; `plan` and `run` ask the world, with real paths, before anything changes.

mod calls;
mod mounts;
mod needs;
mod programs;
mod services;

use std::collections::BTreeMap;
use std::path::Path;

use backstay_dsl::effect::{Effect, Resource, ResourceKind};
use backstay_dsl::model::ExprKind;
use backstay_dsl::term::ground_relation;
use backstay_dsl::types::Type;

use crate::eval::{Evaluation, Evaluator, describe};
use crate::plan::Plan;
use crate::service_kind::Asked;
use crate::value::{GroundResource, Value};
use crate::world::{PathIdentity, World};
pub(crate) use needs::{is_elsewhere, not_carried_out};
use services::Services;

/// What was found out about what a plan assumes; each sentence says what to do.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// What this world has nothing for: machines, kinds of services, actions; states that could not be put back.
    pub(crate) unsupported: Vec<String>,
    /// What does not hold about services: the obligation's word and a sentence.
    pub(crate) broken: Vec<(&'static str, String)>,
    /// Names that stand for one thing.
    pub(crate) not_apart: Vec<String>,
    /// What the header requires and what holds of it.
    pub(crate) required: Vec<String>,
    /// What was seen of services.
    pub(crate) seen: Vec<String>,
    /// How many paths were looked at.
    pub(crate) paths: usize,
}

/// Discharges every obligation of a plan: the one list that `plan` and `run` both go by. Without a world every
/// name is a thing of its own. `record` is where the run keeps its record.
pub(crate) async fn discharge(
    plan: &Plan,
    record: &Path,
    world: Option<&dyn World>,
    asked: &dyn Asked,
    evaluator: &Evaluator<'_>,
) -> Found {
    let mut found = Found {
        unsupported: world.map_or_else(Vec::new, |world| not_carried_out(plan, world)),
        ..Found::default()
    };
    if world.is_some_and(|world| is_elsewhere(plan, world)) {
        return found;
    }
    requirements(plan, evaluator, &mut found).await;
    let services = Services {
        plan,
        world,
        asked,
        evaluator,
    };
    let mut identified = services.discharge(&mut found).await;
    if let Some(world) = world {
        for path_use in path_uses(plan, evaluator).await {
            let identity = world.identify(&path_use.path, path_use.is_link).await;
            identified.extend(identity.map(|identity| (path_use, identity)));
        }
    }
    if let Some(world) = world {
        let missing = programs::missing(plan, world, evaluator).await;
        found
            .broken
            .extend(missing.into_iter().map(|reason| ("programs", reason)));
    }
    found.paths = identified.len();
    found.not_apart = not_apart(&identified);
    found.not_apart.extend(one_service_twice(plan));
    found.not_apart.extend(backups_within(plan, world, evaluator).await);
    found.unsupported.extend(record_within(plan, record, world).await);
    found
}

/// What the header requires of the whole run.
async fn requirements(plan: &Plan, evaluator: &Evaluator<'_>, found: &mut Found) {
    for required in &plan.runbook.requires {
        let Evaluation { answer, evidence } = evaluator.evaluate(&required.condition).await;
        let asked = describe(&plan.runbook, &plan.redactor, &required.condition);
        match answer {
            Ok(Value::Bool(true)) => found.required.push(format!("{asked} holds")),
            Ok(_) => {
                let reason = format!("{} (required is {asked}: {evidence})", required.otherwise);
                found.broken.push(("require", reason));
            }
            Err(unanswered) => {
                let reason = format!(
                    "what is required could not be asked: {asked}: {} ({})",
                    unanswered.reason, required.otherwise
                );
                found.broken.push(("require", reason));
            }
        }
    }
}

/// A path that the runbook names.
#[derive(Debug, Clone, PartialEq, Eq)]
struct PathUse {
    /// The path, absolute and in lexical normal form.
    path: String,
    /// Whether the thing is the link itself, not what it points to.
    is_link: bool,
    is_changed: bool,
}

/// Every path that a statement touches or a state protects, as far as it is known before the run.
async fn path_uses(plan: &Plan, evaluator: &Evaluator<'_>) -> Vec<PathUse> {
    let mut uses: BTreeMap<(String, bool), bool> = BTreeMap::new();
    for part in plan.topology.parts().filter(|part| part.kind != ResourceKind::Volume) {
        uses.entry((part.first().to_owned(), false)).or_default();
    }
    for effect in plan.program.actions().flat_map(|action| &action.call.effects.list) {
        let Some(resource) = effect.resource().filter(|resource| resource.kind.is_of_files()) else {
            continue;
        };
        if let Ok(ground) = evaluator.ground_resource(resource).await
            && let Some(key) = path_of(&ground)
        {
            *uses.entry(key).or_default() |= effect.is_changing();
        }
    }
    uses.into_iter()
        .map(|((path, is_link), is_changed)| PathUse {
            path,
            is_link,
            is_changed,
        })
        .collect()
}

/// Services that run as one thing: what is said of the one would be done to the other.
fn one_service_twice(plan: &Plan) -> Vec<String> {
    let members: Vec<_> = plan.topology.members().collect();
    let pairs = members
        .iter()
        .enumerate()
        .flat_map(|(at, one)| members[..at].iter().map(move |other| (other, one)));
    let same = pairs.filter(|(other, one)| other.1.runs == one.1.runs && other.1.host == one.1.host);
    same.map(|(other, one)| {
        let (first, second) = (other.0.as_str(), one.0.as_str());
        format!(
            "the services {first} and {second} both run as {} {}",
            one.1.runs.kind.word(),
            one.1.runs.name
        )
    })
    .collect()
}

/// Backups that would be kept within what they are made of: each would hold the one before, and a way back that
/// puts the state back would remove it.
async fn backups_within(plan: &Plan, world: Option<&dyn World>, evaluator: &Evaluator<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for action in plan.program.actions() {
        let captured = action.call.effects.list.iter().find_map(|effect| match effect {
            Effect::Captures { state, .. } => state.key.first(),
            _ => None,
        });
        let Some(ExprKind::State(state)) = captured.map(|key| &key.kind) else {
            continue;
        };
        let arguments = action.call.arguments.iter().map(|(_, argument)| argument);
        for argument in arguments.filter(|argument| argument.ty == Type::Path) {
            let Ok(Value::Path(to)) = evaluator.value(argument).await else {
                continue;
            };
            let parts = plan.topology.states.get(state).into_iter().flatten();
            for part in parts.filter(|part| part.kind != ResourceKind::Volume) {
                let within = real(world, &to).await;
                if Path::new(&within).starts_with(real(world, part.first()).await) {
                    found.push(format!(
                        "{to} lies within {}, a part of the protected state {state}",
                        part.first()
                    ));
                }
            }
        }
    }
    found
}

/// Protected state that the run writes its own record into: it could never be put back.
async fn record_within(plan: &Plan, record: &Path, world: Option<&dyn World>) -> Vec<String> {
    let record = real(world, &record.to_string_lossy()).await;
    let mut found = Vec::new();
    for (state, parts) in &plan.topology.states {
        for part in parts.iter().filter(|part| part.kind != ResourceKind::Volume) {
            if Path::new(&record).starts_with(real(world, part.first()).await) {
                found.push(format!(
                    "{}, a part of the protected state {state}, holds the record of the run itself, and could not be put \
                     back while that is written: keep runs elsewhere (--state-dir DIR), or protect less",
                    part.first()
                ));
            }
        }
    }
    found
}

/// A path with its links followed, as far as it is there.
async fn real(world: Option<&dyn World>, path: &str) -> String {
    let identity = match world {
        Some(world) => world.identify(path, false).await,
        None => None,
    };
    identity.map_or_else(|| path.to_owned(), |identity| identity.real_path)
}

fn path_of(resource: &GroundResource) -> Option<(String, bool)> {
    let path = resource.key.first()?;
    path.starts_with('/')
        .then(|| (path.clone(), resource.kind == ResourceKind::Link))
}

/// What is wrong: pairs of names that stand for one thing, one sentence each, where one of the two is
/// changed and neither name lies inside the other.
fn not_apart(uses: &[(PathUse, PathIdentity)]) -> Vec<String> {
    let mut by_object: BTreeMap<(u64, u64), Vec<&PathUse>> = BTreeMap::new();
    let mut by_real_path: BTreeMap<&str, Vec<&PathUse>> = BTreeMap::new();
    for (path_use, identity) in uses {
        if let Some(object) = identity.object {
            by_object.entry(object).or_default().push(path_use);
        }
        by_real_path.entry(&identity.real_path).or_default().push(path_use);
    }
    let mut found = Vec::new();
    for (inner, identity) in uses {
        let objects = identity.ancestors.iter().chain(&identity.object);
        let by_object = objects.filter_map(|object| by_object.get(object));
        let real = Path::new(&identity.real_path).ancestors();
        let by_path = real.filter_map(|path| by_real_path.get(path.to_str().unwrap_or("")));
        for outer in by_object.chain(by_path).flatten() {
            let named = |of: &PathUse| Resource::new(ResourceKind::Tree, of.path.clone());
            let is_named_so = ground_relation(&named(inner), &named(outer)).overlaps();
            if !is_named_so && (inner.is_changed || outer.is_changed) {
                let (first, second) = if inner.path <= outer.path {
                    (&inner.path, &outer.path)
                } else {
                    (&outer.path, &inner.path)
                };
                found.push(format!(
                    "{first} and {second} turn out to be one thing, or one inside the other"
                ));
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(path: &str, is_link: bool, is_changed: bool, real: &str, object: u64) -> (PathUse, PathIdentity) {
        let path_use = PathUse {
            path: path.to_owned(),
            is_link,
            is_changed,
        };
        let identity = PathIdentity {
            real_path: real.to_owned(),
            object: (object > 0).then_some((1, object)),
            ancestors: Vec::new(),
        };
        (path_use, identity)
    }

    #[test]
    fn two_names_for_one_thing_are_found_where_one_is_changed() {
        let broken = |uses: &[(PathUse, PathIdentity)]| not_apart(uses).len();
        // A symbolic link into the other tree, a hard link, and the same pair unchanged.
        assert_eq!(
            broken(&[used("/a", false, true, "/a", 1), used("/b/x", false, false, "/a/x", 0)]),
            1
        );
        assert_eq!(
            broken(&[used("/a", false, true, "/a", 7), used("/b", false, false, "/b", 7)]),
            1
        );
        assert_eq!(
            broken(&[used("/a", false, false, "/a", 7), used("/b", false, false, "/b", 7)]),
            0
        );
        // What lies inside by name may lie inside; a link is not what it points to.
        assert_eq!(
            broken(&[used("/a", false, true, "/a", 1), used("/a/x", false, true, "/a/x", 2)]),
            0
        );
        assert_eq!(
            broken(&[
                used("/current", true, true, "/current", 3),
                used("/r/1", false, true, "/r/1", 4)
            ]),
            0
        );
    }
}
