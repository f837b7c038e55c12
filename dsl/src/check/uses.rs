//! Which names an untyped body speaks of: a step that uses a value of another waits for it, and what nothing
//! speaks of is unused.

use crate::ast::{ArgumentValue, Call, EffectWordKind, Expr, ExprKind, Name, Statement, StatementKind, UndoKind};

/// What a name is used as.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Use<'a> {
    Value(&'a str),
    Hold(&'a str),
    /// The path before the brackets of a call.
    Callee(&'a [Name]),
}

/// Calls `found` for every name that statements use, undos included.
pub(crate) fn names_in<'a>(list: &'a [Statement], found: &mut impl FnMut(Use<'a>)) {
    for statement in list {
        match &statement.kind {
            StatementKind::Require { condition: value, .. }
            | StatementKind::SkipWhen { condition: value, .. }
            | StatementKind::OnlyWhen { condition: value, .. }
            | StatementKind::Let { value, .. }
            | StatementKind::Give(value) => in_expr(value, found),
            StatementKind::Do(action) | StatementKind::KeepFailed(action) => {
                in_call(&action.call, found);
                if let Some(UndoKind::Body { body, host, .. }) = action.undo.as_ref().map(|undo| &undo.kind) {
                    in_host(host.as_ref(), found);
                    names_in(body, found);
                }
            }
            StatementKind::Check(check) => {
                in_expr(&check.condition, found);
                check.unless.iter().for_each(|unless| in_expr(unless, found));
            }
            StatementKind::Take(hold) | StatementKind::Release(hold) => found(Use::Hold(&hold.value)),
            StatementKind::Record(values) => values.iter().for_each(|value| in_expr(value, found)),
            StatementKind::Ask(ask) => in_expr(&ask.prompt, found),
            StatementKind::Budget(_)
            | StatementKind::Wait { .. }
            | StatementKind::Retry { .. }
            | StatementKind::Commits(_)
            | StatementKind::OnFailure(_)
            | StatementKind::Unwind
            | StatementKind::Allow(_) => {}
        }
    }
}

/// The same for `on HOST`: of `on S.m`, and of an element of a list, what has it.
pub(crate) fn in_host<'a>(host: Option<&'a Name>, found: &mut impl FnMut(Use<'a>)) {
    if let Some(first) = host.and_then(|host| host.value.split('.').next()) {
        found(Use::Value(first));
    }
}

/// The same for a call.
pub(crate) fn in_call<'a>(call: &'a Call, found: &mut impl FnMut(Use<'a>)) {
    found(Use::Callee(&call.path));
    for argument in &call.arguments {
        match &argument.value {
            ArgumentValue::Expr(value) => in_expr(value, found),
            ArgumentValue::Effects(effects) => {
                for word in &effects.words {
                    match &word.kind {
                        EffectWordKind::Effect { operand, second, .. } => {
                            in_expr(operand, found);
                            if let Some(second) = second {
                                in_expr(second, found);
                            }
                        }
                        EffectWordKind::Settle(value) | EffectWordKind::Healthy(value) => in_expr(value, found),
                        EffectWordKind::Repeat(_)
                        | EffectWordKind::Partial(_)
                        | EffectWordKind::Cancel(..)
                        | EffectWordKind::Limit(_)
                        | EffectWordKind::Traces(_) => {}
                    }
                }
            }
        }
    }
}

/// The same for an expression.
pub(crate) fn in_expr<'a>(expr: &'a Expr, found: &mut impl FnMut(Use<'a>)) {
    match &expr.kind {
        ExprKind::Name(name) => found(Use::Value(name)),
        ExprKind::List(list) => list.iter().for_each(|one| in_expr(one, found)),
        ExprKind::Map(entries) => entries.iter().for_each(|(_, value)| in_expr(value, found)),
        ExprKind::Field(inner, _) | ExprKind::AtStart(inner) | ExprKind::Not(inner) => in_expr(inner, found),
        ExprKind::Is { subject, .. } => in_expr(subject, found),
        ExprKind::Call(call) => in_call(call, found),
        ExprKind::Binary(_, left, right) | ExprKind::Default(left, right) => {
            in_expr(left, found);
            in_expr(right, found);
        }
        ExprKind::Text(_)
        | ExprKind::Bool(_)
        | ExprKind::Int(_)
        | ExprKind::Duration(_)
        | ExprKind::Size(_)
        | ExprKind::Digest(_) => {}
    }
}
