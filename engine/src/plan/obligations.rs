//! Obligations: two names that the proofs take for two things must be two things.
//!
//! `check` proves modulo this; `plan` and `run` ask the world, with real paths, before anything changes.

pub mod containers;
pub mod mounts;

use std::collections::BTreeMap;
use std::path::Path;

use backstay_dsl::effect::{Resource, ResourceKind, Touch};
use backstay_dsl::model::{Expr, StatementKind};
use backstay_dsl::term::ground_relation;
use backstay_dsl::topology::Runs;

use crate::eval::Evaluator;
use crate::plan::Plan;
use crate::value::GroundResource;
use crate::world::PathIdentity;

/// A path that the runbook names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathUse {
    /// The path, absolute and in lexical normal form.
    pub path: String,
    /// Whether the thing is the link itself, not what it points to.
    pub is_link: bool,
    /// Whether anything changes it.
    pub is_changed: bool,
}

/// Every path that a statement touches or a state protects, as far as it is known before the run.
pub async fn path_uses(plan: &Plan, evaluator: &Evaluator<'_>) -> Vec<PathUse> {
    let mut uses: BTreeMap<(String, bool), bool> = BTreeMap::new();
    for part in plan.topology.parts().filter(|part| part.kind != ResourceKind::Volume) {
        uses.entry((part.first().to_owned(), false)).or_default();
    }
    for (_, statement) in plan.program.statements() {
        let StatementKind::Do(action) = &statement.kind else {
            continue;
        };
        for touch in &action.call.effects.touches {
            let Some(resource) = touch.resource().filter(|resource| is_path(resource)) else {
                continue;
            };
            if let Ok(ground) = evaluator.ground_resource(resource).await
                && let Some(key) = path_of(&ground)
            {
                *uses.entry(key).or_default() |= is_owned(touch);
            }
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

fn is_path(resource: &Resource<Expr>) -> bool {
    matches!(
        resource.kind,
        ResourceKind::File | ResourceKind::Tree | ResourceKind::Link | ResourceKind::Key
    )
}

/// Whether a touch leaves the thing other than it was.
fn is_owned(touch: &Touch<Expr>) -> bool {
    touch.is_changing()
}

fn path_of(resource: &GroundResource) -> Option<(String, bool)> {
    let path = resource.key.first()?;
    path.starts_with('/')
        .then(|| (path.clone(), resource.kind == ResourceKind::Link))
}

/// What is wrong: pairs of names that stand for one thing, one sentence each, where one of the two is
/// changed and neither name lies inside the other.
pub fn not_apart(uses: &[(PathUse, PathIdentity)]) -> Vec<String> {
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

/// Services that the real world cannot carry yet, one sentence each.
pub fn unsupported(plan: &Plan) -> Vec<String> {
    plan.topology
        .members()
        .filter_map(|(name, member, _)| {
            let what = match &member.runs {
                Runs::Process(_) | Runs::Container(_) => return None,
                Runs::Compose(..) => "a service of a Compose project",
                Runs::Unit(_) => "a unit of the service manager",
            };
            Some(format!(
                "service `{name}` is {what}, which is not supported yet in the real world"
            ))
        })
        .collect()
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
