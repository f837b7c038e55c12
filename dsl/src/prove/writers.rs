//! `overlapping-writers`: two steps that may run at once change one resource, or one inside the other.
//!
//! Only steps of one region can run at once, so a chain costs nothing. Within a region every resource
//! gets a trail (what holds it, from the outside in); two resources overlap where one trail begins the
//! other, so a look-up for each beginning finds them without comparing all pairs.

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::effect::{Effect, Resource, ResourceKind};
use crate::model::{Block, Statement, StatementKind};
use crate::prove::{Case, with_calls};
use crate::term::{Term, trail};

/// One change of one resource by a statement of a step.
struct Write<'a> {
    step: usize,
    /// Whether a row does it: one heals at a time, so rows are never beside each other.
    is_row: bool,
    statement: &'a Statement,
    name: String,
    trail: Vec<Term>,
}

pub(super) fn check(case: &Case<'_>, diagnostics: &mut Diagnostics) {
    if !case.earlier.keep_structure() {
        return;
    }
    let mut backups: Option<BTreeMap<Resource<Term>, Resource<Term>>> = None;
    for region in case.order.regions().filter(|region| region.len() > 1) {
        let backups = backups.get_or_insert_with(|| captured(case));
        let mut changes = Vec::new();
        for step in region {
            // What a row does first is a part of the step that it heals.
            let rows = case.runbook.tables.iter().filter(|table| table.steps.contains(step));
            let firsts = rows.flat_map(|table| &table.rows).filter_map(|row| row.first.as_ref());
            let before = changes.len();
            for block in firsts {
                collect(case, backups, *step, block, None, &mut changes);
            }
            let of_rows = changes[before..].iter_mut();
            of_rows.for_each(|change: &mut Write<'_>| change.is_row = true);
            let body = &case.runbook.steps[*step].body;
            collect(case, backups, *step, body, None, &mut changes);
        }
        for (second, first) in overlaps(case, &changes) {
            report(case, &changes[first], &changes[second], diagnostics);
        }
    }
}

/// For each change that overlaps an earlier one in the order of the text: both, the later one first.
fn overlaps(case: &Case<'_>, changes: &[Write<'_>]) -> BTreeMap<usize, usize> {
    let mut index: BTreeMap<&[Term], Vec<usize>> = BTreeMap::new();
    for (at, change) in changes.iter().enumerate() {
        index.entry(&change.trail).or_default().push(at);
    }
    let mut found: BTreeMap<usize, usize> = BTreeMap::new();
    for (at, change) in changes.iter().enumerate() {
        let beginnings = (1..=change.trail.len()).filter_map(|length| change.trail.get(..length));
        for other in beginnings.filter_map(|beginning| index.get(beginning)).flatten() {
            if change.is_row && changes[*other].is_row {
                continue;
            }
            let (first, second) = (at.min(*other), at.max(*other));
            let is_known = found.get(&second).is_some_and(|known| *known <= first);
            if !is_known && case.order.may_run_at_once(change.step, changes[*other].step) {
                found.insert(second, first);
            }
        }
    }
    found
}

/// Reports at the later of the two.
fn report(case: &Case<'_>, first: &Write<'_>, second: &Write<'_>, diagnostics: &mut Diagnostics) {
    let steps = &case.runbook.steps;
    let (first_step, second_step) = (&steps[first.step].name, &steps[second.step].name);
    let both = if first.name == second.name {
        format!("both change {}", first.name)
    } else {
        format!(
            "{} changes {}, and {} changes {}",
            first_step, first.name, second_step, second.name
        )
    };
    let message = format!("{second_step} and {first_step} may run at once, and {both}");
    let found = Diagnostic::error("overlapping-writers", second.statement.span, message)
        .cause(first.statement.span, format!("{first_step} changes it here"))
        .help(format!("let one wait: `step {second_step} … after {first_step}`"));
    diagnostics.push(with_calls(found, second.statement));
}

/// The changes of a block; those of a hold stand at the statement that takes or releases it.
fn collect<'a>(
    case: &Case<'a>,
    backups: &BTreeMap<Resource<Term>, Resource<Term>>,
    step: usize,
    block: &'a Block,
    stand_in: Option<&'a Statement>,
    changes: &mut Vec<Write<'a>>,
) {
    let hold = |name: &str| case.runbook.holds.iter().find(|hold| hold.name == *name);
    for statement in &block.statements {
        let stand = stand_in.unwrap_or(statement);
        match &statement.kind {
            StatementKind::Take(name) if stand_in.is_none() => {
                if let Some(hold) = hold(name) {
                    collect(case, backups, step, &hold.take, Some(stand), changes);
                }
            }
            StatementKind::Release(name) if stand_in.is_none() => {
                if let Some(hold) = hold(name) {
                    collect(case, backups, step, &hold.release, Some(stand), changes);
                }
            }
            StatementKind::Do(action) => {
                for effect in action.call.effects.list.iter().filter(|effect| effect.is_changing()) {
                    let effect = case.normal.effect(effect, action.binding);
                    for resource in changed(case, backups, &effect) {
                        changes.push(Write {
                            step,
                            is_row: false,
                            statement: stand,
                            name: resource.to_string(),
                            trail: trail(&resource),
                        });
                    }
                }
            }
            _ => {}
        }
    }
}

/// The resources that an effect changes: a protected state is its parts, what starts, stops or moves traffic is also
/// the services it speaks of, a backup that is put back the state it was made of.
fn changed(
    case: &Case<'_>,
    backups: &BTreeMap<Resource<Term>, Resource<Term>>,
    effect: &Effect<Term>,
) -> Vec<Resource<Term>> {
    let Some(resource) = effect.resource() else {
        return Vec::new();
    };
    let resource = match effect {
        Effect::Restores(backup) => backups.get(backup).unwrap_or(backup),
        _ => resource,
    };
    match (resource.kind, resource.key.first()) {
        (ResourceKind::State, Some(Term::Text(name))) => case.topology.states.get(name).cloned().unwrap_or_default(),
        _ if effect.is_of_service() => {
            let services = case.topology.members_of(resource).into_iter();
            let services = services.map(|id| Resource::new(ResourceKind::Service, Term::text(id.as_str())));
            services.chain([resource.clone()]).collect()
        }
        _ => vec![resource.clone()],
    }
}

/// Which state each backup was made of.
fn captured(case: &Case<'_>) -> BTreeMap<Resource<Term>, Resource<Term>> {
    let mut found = BTreeMap::new();
    for (_, statement) in case.program.statements() {
        let StatementKind::Do(action) = &statement.kind else {
            continue;
        };
        for effect in &action.call.effects.list {
            if let Effect::Captures { state, backup } = case.normal.effect(effect, action.binding) {
                found.insert(backup, state);
            }
        }
    }
    found
}
