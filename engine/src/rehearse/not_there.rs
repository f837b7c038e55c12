//! What was not there at the start: what an undo removes, its action made. A run refuses to begin the action
//! where it is there already (`run/driver/undo.rs`), so a rehearsal takes the text at its word.

use std::collections::BTreeMap;
use std::path::Path;

use backstay_dsl::effect::{Effect, Resource, ResourceKind};
use backstay_dsl::model::{Block, Expr, Statement, StatementKind};
use backstay_dsl::program::Program;
use backstay_dsl::term::normal::Normal;
use backstay_dsl::term::{Term, relation, trail};

use crate::eval::has_result;
use crate::value::GroundResource;

/// So much longer is the trail of a key than that of its file.
const KEY_LEVELS: usize = 2;

/// What an action makes and its undo removes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Made {
    /// Which effect of the call makes it.
    pub(super) effect: usize,
    /// How far above it is what the undo removes.
    levels: usize,
}

impl Made {
    /// What the undo removes, given what the action makes.
    pub(super) fn removed(self, made: &GroundResource) -> GroundResource {
        let (mut removed, mut levels) = (made.clone(), self.levels);
        if made.kind == ResourceKind::Key && levels >= KEY_LEVELS {
            removed.kind = ResourceKind::File;
            removed.key.truncate(1);
            levels -= KEY_LEVELS;
        }
        if let Some(first) = removed.key.first_mut()
            && let Some(above) = Path::new(first.as_str()).ancestors().nth(levels)
        {
            *first = above.to_string_lossy().into_owned();
        }
        removed
    }
}

/// What each statement of a plan makes that its undo removes, by the statement's key.
pub(super) fn made(program: &Program) -> BTreeMap<String, Vec<Made>> {
    let normal = Normal::new(program);
    let mut found = BTreeMap::new();
    for (id, statement) in program.statements() {
        let undo = program.undo_of(id).map(|block| program.block(block));
        let made = undo.map_or_else(Vec::new, |undo| of_statement(&normal, statement, undo));
        if !made.is_empty() {
            found.insert(statement.key.clone(), made);
        }
    }
    found
}

fn of_statement(normal: &Normal<'_>, statement: &Statement, undo: &Block) -> Vec<Made> {
    let StatementKind::Do(action) = &statement.kind else {
        return Vec::new();
    };
    let mut removed: Vec<Resource<Term>> = Vec::new();
    for statement in &undo.statements {
        match &statement.kind {
            StatementKind::Do(inner) => {
                let effects = inner.call.effects.list.iter();
                let effects = effects.map(|effect| normal.effect(effect, inner.binding));
                removed.extend(effects.filter_map(|effect| match effect {
                    Effect::Removes(resource) => Some(resource),
                    _ => None,
                }));
            }
            // It decides for itself whether to remove it.
            StatementKind::SkipWhen { .. } | StatementKind::OnlyWhen { .. } => return Vec::new(),
            _ => {}
        }
    }
    let effects = action.call.effects.list.iter().filter(|effect| !is_of_result(effect));
    let made = effects
        .enumerate()
        .filter_map(|(place, effect)| match normal.effect(effect, action.binding) {
            Effect::Sets { resource, .. } | Effect::Adds(resource) => {
                let removed = removed
                    .iter()
                    .find(|removed| relation(&resource, removed).is_covered())?;
                let levels = trail(&resource).len().saturating_sub(trail(removed).len());
                Some(Made { effect: place, levels })
            }
            _ => None,
        });
    made.collect()
}

/// Whether an effect has a key that is the call's own result: it stands apart in a worked out call.
fn is_of_result(effect: &Effect<Expr>) -> bool {
    let mut is_found = false;
    effect.map(&mut |key| is_found |= has_result(key));
    is_found
}
