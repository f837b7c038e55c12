//! Ways through the expressions of a checked runbook; [`crate::program`] has its blocks and statements.

use crate::model::{Expr, ExprKind, Statement, StatementKind};

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
