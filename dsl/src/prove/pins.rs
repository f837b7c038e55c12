//! `pin-left-behind`: a service is started with another release, and the place where its release is pinned stays as
//! it is. Whoever starts it next brings the old one back. This is a warning: the place may be somebody else's.
//!
//! Asked of what is made from an image: what runs otherwise is started from its pin, so that moves with it.

use crate::catalogue::Signature;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::effect::{Effect, Resource};
use crate::model::{Do, Statement, StatementKind};
use crate::program::Owner;
use crate::prove::{Case, with_calls};
use crate::term::Term;

pub(super) fn check(case: &Case<'_>, diagnostics: &mut Diagnostics) {
    let declared = || {
        let members = case.topology.members();
        members.filter(|(_, member, _)| {
            let is_made_from_image = member.runs.kind.is_pinned_by_image();
            is_made_from_image && member.pinned_by.is_some() && !member.is_pinned_by_itself()
        })
    };
    if !case.earlier.are_none() || declared().next().is_none() {
        return;
    }
    let mut starts = Vec::new();
    let mut moved = Vec::new();
    for (statement, action) in forward(case) {
        // What a text says of its own program, `starts S with P`, moves the pin too.
        let says_all = |signature: &Signature| !signature.declares_effects;
        let is_known = case.catalogue.get(&action.call.action).is_some_and(says_all);
        for effect in &action.call.effects.list {
            let effect = case.normal.effect(effect, action.binding);
            match effect {
                Effect::Starts { member, with: Some(_) } if is_known => starts.push((statement, member)),
                Effect::Sets { resource, .. } | Effect::Edits(resource) | Effect::Opaque(resource) => {
                    moved.push(resource);
                }
                _ => {}
            }
        }
    }
    for (id, member, _) in declared() {
        let is_pin = |pin: &Resource<Term>, other| case.topology.relation(pin, other).overlaps();
        let Some(pin) = member
            .pinned_by
            .as_ref()
            .filter(|pin| !moved.iter().any(|other| is_pin(pin, other)))
        else {
            continue;
        };
        let started = starts
            .iter()
            .find(|(_, started)| case.topology.members_of(started).contains(&id));
        if let Some((statement, _)) = started {
            let message = format!(
                "`{id}` is started with another release here, and {pin}, by which it is pinned, stays as it is"
            );
            let help = "set it too, in this step or before it: `do fs.edit_key(FILE, key: …, to: …)`; else the next start by \
                        anybody else brings the old release back";
            let found = Diagnostic::warning("pin-left-behind", statement.span, message).help(help);
            diagnostics.push(with_calls(found, statement));
        }
    }
}

/// The actions of the way forward: of steps, and of the rows that heal them.
fn forward<'a>(case: &Case<'a>) -> Vec<(&'a Statement, &'a Do)> {
    let blocks = case.program.blocks();
    let forward = blocks.filter(|(_, owner, _)| matches!(owner, Owner::Step(_) | Owner::Row(_)));
    let statements = forward.flat_map(|(_, _, block)| &block.statements);
    let actions = statements.filter_map(|statement| match &statement.kind {
        StatementKind::Do(action) => Some((statement, &**action)),
        _ => None,
    });
    actions.collect()
}
