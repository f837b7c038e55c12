//! Names in statements, put in place of others.

use std::collections::BTreeMap;

use crate::ast::{ArgumentValue, Call, EffectWordKind, Expr, ExprKind, Name, Statement, StatementKind, UndoKind};

/// What a name stands for.
#[derive(Debug, Clone)]
pub(super) enum Instead {
    /// This value.
    Value(Expr),
    /// What is called so in this turn.
    Name(String),
}

/// What names stand for.
pub(super) type Names<'a> = BTreeMap<&'a str, Instead>;

/// Every name that these statements bind.
pub(super) fn bound(list: &[Statement]) -> impl Iterator<Item = &Name> {
    list.iter().filter_map(|statement| match &statement.kind {
        StatementKind::Let { name, .. } => Some(name),
        StatementKind::Do(action) => action.name.as_ref(),
        StatementKind::Ask(ask) => ask.name.as_ref(),
        _ => None,
    })
}

/// Replaces names in statements, where they are bound too.
pub(super) fn in_statements(list: &mut [Statement], names: &Names<'_>) {
    for statement in list {
        match &mut statement.kind {
            StatementKind::Require { condition: value, .. }
            | StatementKind::SkipWhen { condition: value, .. }
            | StatementKind::OnlyWhen { condition: value, .. }
            | StatementKind::Give(value) => in_expr(value, names),
            StatementKind::Let { name, value } => {
                in_name(name, names);
                in_expr(value, names);
            }
            StatementKind::Do(action) | StatementKind::KeepFailed(action) => {
                in_call(&mut action.call, names);
                action.name.iter_mut().for_each(|name| in_name(name, names));
                if let Some(UndoKind::Body { body, host, .. }) = action.undo.as_mut().map(|undo| &mut undo.kind) {
                    if let Some(host) = host {
                        in_host(host, names);
                    }
                    in_statements(body, names);
                }
            }
            StatementKind::Check(check) => {
                in_expr(&mut check.condition, names);
                if let Some(unless) = &mut check.unless {
                    in_expr(unless, names);
                }
            }
            StatementKind::Ask(ask) => {
                in_expr(&mut ask.prompt, names);
                ask.name.iter_mut().for_each(|name| in_name(name, names));
            }
            StatementKind::Record(values) => values.iter_mut().for_each(|value| in_expr(value, names)),
            StatementKind::Take(_)
            | StatementKind::Release(_)
            | StatementKind::Budget(_)
            | StatementKind::Wait { .. }
            | StatementKind::Retry { .. }
            | StatementKind::Commits(_)
            | StatementKind::OnFailure(_)
            | StatementKind::Unwind
            | StatementKind::Allow(_) => {}
        }
    }
}

fn in_name(name: &mut Name, names: &Names<'_>) {
    if let Some(Instead::Name(other)) = names.get(name.value.as_str()) {
        name.value.clone_from(other);
    }
}

/// `on HOST`, where the host is an element: `on S.m`.
pub(super) fn in_host(host: &mut Name, names: &Names<'_>) {
    if let Some(Instead::Value(element)) = names.get(host.value.as_str())
        && let Some(written) = dotted(element)
    {
        host.value = written;
    }
}

/// `S.m` as it is written; `None` for what is no name.
pub(super) fn dotted(expr: &Expr) -> Option<String> {
    match &expr.kind {
        ExprKind::Name(name) => Some(name.clone()),
        ExprKind::Field(inner, field) => Some(format!("{}.{}", dotted(inner)?, field.value)),
        _ => None,
    }
}

fn in_call(call: &mut Call, names: &Names<'_>) {
    for argument in &mut call.arguments {
        match &mut argument.value {
            ArgumentValue::Expr(value) => in_expr(value, names),
            ArgumentValue::Effects(effects) => {
                for word in &mut effects.words {
                    match &mut word.kind {
                        EffectWordKind::Effect { operand, second, .. } => {
                            in_expr(operand, names);
                            if let Some(second) = second {
                                in_expr(second, names);
                            }
                        }
                        EffectWordKind::Settle(value) | EffectWordKind::Healthy(value) => in_expr(value, names),
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

fn in_expr(expr: &mut Expr, names: &Names<'_>) {
    match &mut expr.kind {
        ExprKind::Name(name) => match names.get(name.as_str()) {
            Some(Instead::Value(value)) => expr.kind = value.kind.clone(),
            Some(Instead::Name(other)) => name.clone_from(other),
            None => {}
        },
        ExprKind::List(list) => list.iter_mut().for_each(|one| in_expr(one, names)),
        ExprKind::Map(entries) => entries.iter_mut().for_each(|(_, value)| in_expr(value, names)),
        ExprKind::Field(inner, _) | ExprKind::AtStart(inner) | ExprKind::Not(inner) => in_expr(inner, names),
        ExprKind::Is { subject, .. } => in_expr(subject, names),
        ExprKind::Call(call) => in_call(call, names),
        ExprKind::Binary(_, left, right) | ExprKind::Default(left, right) => {
            in_expr(left, names);
            in_expr(right, names);
        }
        ExprKind::Text(_)
        | ExprKind::Bool(_)
        | ExprKind::Int(_)
        | ExprKind::Duration(_)
        | ExprKind::Size(_)
        | ExprKind::Digest(_) => {}
    }
}
