//! What single statements cost to take back.

use crate::effect::{Cancel, Repeat};
use crate::model::{Block, Do, Statement, StatementKind, Undo};

/// The undos of a block as its statements are started, one after the other.
#[derive(Default)]
pub(super) struct UndoSum {
    pub(super) total_ms: u64,
    groups: Vec<usize>,
}

impl UndoSum {
    pub(super) fn add(&mut self, body: &Block, statement: &Statement) {
        let StatementKind::Do(action) = &statement.kind else {
            return;
        };
        let undo_ms = match (statement.group, &action.undo) {
            (Some(group), _) if self.groups.last() == Some(&group) => 0,
            (Some(group), _) => {
                self.groups.push(group);
                body.groups.get(group).map_or(0, |undo| undo.within_ms)
            }
            (None, Some(Undo::Body(undo))) => undo.within_ms,
            (None, _) => 0,
        };
        self.total_ms = self.total_ms.saturating_add(undo_ms);
    }
}

pub(super) fn undos_ms(body: &Block, statements: usize) -> u64 {
    let mut sum = UndoSum::default();
    for statement in body.statements.iter().take(statements) {
        sum.add(body, statement);
    }
    sum.total_ms
}

pub(super) fn action_cancel_ms(action: &Do) -> u64 {
    let effects = &action.call.effects;
    match effects.cancel {
        _ if effects.repeat == Repeat::Read => 0,
        Cancel::Kill => 0,
        Cancel::Grace { ms } => ms,
        Cancel::Never => action.within_ms,
    }
}

/// Whether there is something to take back once this has begun: it changes production, or has an undo.
pub(super) fn changes(statement: &Statement) -> bool {
    match &statement.kind {
        StatementKind::Do(action) => {
            let has_undo = statement.group.is_some() || matches!(action.undo, Some(Undo::Body(_)));
            has_undo || action.call.effects.is_changing()
        }
        StatementKind::Take(_) | StatementKind::Release(_) => true,
        _ => false,
    }
}

/// Whether this statement writes an intent.
pub(crate) fn acts(statement: &Statement) -> bool {
    matches!(
        statement.kind,
        StatementKind::Do(_) | StatementKind::Take(_) | StatementKind::Release(_)
    )
}

pub(super) fn takes(body: &Block, hold: &str) -> bool {
    let mut statements = body.statements.iter();
    statements.any(|statement| matches!(&statement.kind, StatementKind::Take(name) if name == hold))
}

pub(super) fn checks_well(body: &Block, service: &str) -> bool {
    let mut statements = body.statements.iter();
    statements.any(
        |statement| matches!(&statement.kind, StatementKind::Check(check) if check.service.as_deref() == Some(service)),
    )
}
