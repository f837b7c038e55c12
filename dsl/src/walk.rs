//! Ways through the checked runbook: every block, every statement, every expression.

use crate::model::{Block, Expr, ExprKind, Runbook, Statement, StatementKind, Undo};

/// What a block is, and where its body belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The step at this place in [`Runbook::steps`].
    Step(usize),
    /// The branch at this place in [`Runbook::rollbacks`].
    Rollback(usize),
    /// The place to stop at this place in [`Runbook::parks`].
    Park(usize),
    /// Taking the hold at this place in [`Runbook::holds`].
    Take(usize),
    /// Releasing it.
    Release(usize),
    /// What a row does first: places of the table and of the row.
    Row(usize, usize),
}

/// Every block that stands for itself; undos are inside their blocks.
pub fn blocks(runbook: &Runbook) -> Vec<(Place, &Block)> {
    let mut found = Vec::new();
    for (at, step) in runbook.steps.iter().enumerate() {
        found.push((Place::Step(at), &step.body));
    }
    for (at, rollback) in runbook.rollbacks.iter().enumerate() {
        found.push((Place::Rollback(at), &rollback.body));
    }
    for (at, park) in runbook.parks.iter().enumerate() {
        found.push((Place::Park(at), &park.body));
    }
    for (at, hold) in runbook.holds.iter().enumerate() {
        found.push((Place::Take(at), &hold.take));
        found.push((Place::Release(at), &hold.release));
    }
    for (table_at, table) in runbook.tables.iter().enumerate() {
        for (row_at, row) in table.rows.iter().enumerate() {
            found.extend(row.first.as_ref().map(|first| (Place::Row(table_at, row_at), first)));
        }
    }
    found
}

/// Every statement of the runbook, undos included, in order of the text of each block.
pub fn statements(runbook: &Runbook) -> Vec<&Statement> {
    let mut found = Vec::new();
    for (_, block) in blocks(runbook) {
        found.extend(with_undos(block).into_iter().map(|(statement, _)| statement));
    }
    found
}

/// The statements of a block and of all undos in it; the mark says whether it stands in an undo.
pub fn with_undos(block: &Block) -> Vec<(&Statement, bool)> {
    let mut found = Vec::new();
    let mut work = vec![(block, false)];
    while let Some((block, is_undo)) = work.pop() {
        work.extend(block.groups.iter().map(|group| (&group.body, true)));
        for statement in &block.statements {
            found.push((statement, is_undo));
            if let StatementKind::Do(action) = &statement.kind
                && let Some(Undo::Body(undo)) = &action.undo
            {
                work.push((&undo.body, true));
            }
        }
    }
    found
}

/// The expressions of one statement itself (not of its undo), the arguments of its call included.
pub fn expressions(statement: &Statement) -> Vec<&Expr> {
    match &statement.kind {
        StatementKind::Require { condition, .. }
        | StatementKind::SkipWhen { condition, .. }
        | StatementKind::OnlyWhen { condition, .. } => vec![condition],
        StatementKind::Let { value, .. } => vec![value],
        StatementKind::Do(action) => action.call.arguments.iter().map(|(_, value)| value).collect(),
        StatementKind::Check(check) => vec![&check.condition],
        StatementKind::Record(values) => values.iter().map(|(_, value)| value).collect(),
        StatementKind::Ask(_)
        | StatementKind::Take(_)
        | StatementKind::Release(_)
        | StatementKind::Wait { .. }
        | StatementKind::Commits { .. }
        | StatementKind::Unwind => Vec::new(),
    }
}

/// The expressions directly inside one.
pub fn children(expr: &Expr) -> Vec<&Expr> {
    match &expr.kind {
        ExprKind::Literal(_)
        | ExprKind::Input(_)
        | ExprKind::Binding(_)
        | ExprKind::Parameter(_)
        | ExprKind::Local(_)
        | ExprKind::Anchor { .. }
        | ExprKind::Service(_)
        | ExprKind::State(_)
        | ExprKind::Result(_) => Vec::new(),
        ExprKind::List(elements) => elements.iter().collect(),
        ExprKind::Map(entries) => entries.iter().map(|(_, value)| value).collect(),
        ExprKind::Resource(resource) => resource.key.iter().collect(),
        ExprKind::Field(inner, _) | ExprKind::Not(inner) => vec![inner],
        ExprKind::Is { subject, .. } => vec![subject],
        ExprKind::Read(call) => call.arguments.iter().map(|(_, value)| value).collect(),
        ExprKind::Question { arguments, .. } => arguments.iter().collect(),
        ExprKind::Binary(_, left, right) | ExprKind::Default(left, right) => vec![left, right],
    }
}

/// An expression and everything inside it, from the outside in.
pub fn deep(expr: &Expr) -> Vec<&Expr> {
    let mut found = vec![expr];
    let mut at = 0;
    while let Some(expr) = found.get(at) {
        let inner = children(expr);
        found.extend(inner);
        at += 1;
    }
    found
}
