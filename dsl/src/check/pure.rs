//! Which expressions only compute, and which ask production.

use std::collections::BTreeMap;

use crate::check::Checker;
use crate::diagnostic::Diagnostic;
use crate::model::{Expr, ExprKind, Test};
use crate::walk;

/// Whether an expression is the same however often it is worked out: it asks nothing of production.
pub(crate) fn is_pure(expr: &Expr) -> bool {
    walk::deep(expr).into_iter().all(|part| match &part.kind {
        ExprKind::Read(_) | ExprKind::Question { .. } | ExprKind::Anchor { at_start: false, .. } => false,
        ExprKind::Is { test, .. } => *test != Test::Well,
        _ => true,
    })
}

/// An expression with parameters and local names of a question replaced.
pub(crate) fn substitute(expr: &Expr, names: &BTreeMap<String, Expr>) -> Expr {
    let replace = |inner: &Expr| Box::new(substitute(inner, names));
    let kind = match &expr.kind {
        ExprKind::Parameter(name) | ExprKind::Local(name) => match names.get(name) {
            Some(value) => return value.clone(),
            None => expr.kind.clone(),
        },
        ExprKind::List(list) => ExprKind::List(list.iter().map(|one| substitute(one, names)).collect()),
        ExprKind::Map(entries) => ExprKind::Map(
            entries
                .iter()
                .map(|(key, value)| (key.clone(), substitute(value, names)))
                .collect(),
        ),
        ExprKind::Resource(resource) => ExprKind::Resource(Box::new(resource.map(&mut |key| substitute(key, names)))),
        ExprKind::Field(inner, field) => ExprKind::Field(replace(inner), field.clone()),
        ExprKind::Binary(operator, left, right) => ExprKind::Binary(*operator, replace(left), replace(right)),
        ExprKind::Not(inner) => ExprKind::Not(replace(inner)),
        ExprKind::Is { subject, test, negated } => ExprKind::Is {
            subject: replace(subject),
            test: *test,
            negated: *negated,
        },
        ExprKind::Default(value, other) => ExprKind::Default(replace(value), replace(other)),
        ExprKind::Question { name, arguments, host } => ExprKind::Question {
            host: host.clone(),
            name: name.clone(),
            arguments: arguments.iter().map(|argument| substitute(argument, names)).collect(),
        },
        ExprKind::Computed { function, arguments } => ExprKind::Computed {
            function: function.clone(),
            arguments: arguments.iter().map(|argument| substitute(argument, names)).collect(),
        },
        other => other.clone(),
    };
    Expr {
        kind,
        ty: expr.ty.clone(),
        span: expr.span,
    }
}

impl Checker<'_> {
    /// Tells where a question that can leave marks stands in a place that only looks.
    pub(crate) fn refuse_traces(&mut self, expr: &Expr, place: &str) {
        let tracing = walk::deep(expr).into_iter().find_map(|part| match &part.kind {
            ExprKind::Read(call) if call.effects.leaves_traces => Some((part.span, call.action.clone())),
            ExprKind::Question { name, .. } if self.links.leaves_traces(name) => Some((part.span, name.clone())),
            ExprKind::Is { test: Test::Well, .. } if self.links.well_leaves_traces() => {
                Some((part.span, "is well".to_owned()))
            }
            _ => None,
        });
        if let Some((span, name)) = tracing {
            let message = format!("`{name}` can leave marks (`traces may`), and {place} must only look");
            self.report(
                Diagnostic::error("misplaced-statement", span, message)
                    .help("ask it in a `check`, in `seen when` or as what being well means"),
            );
        }
    }

    /// Tells of an expression that asks production where only fixed values can stand.
    pub(crate) fn expect_pure(&mut self, expr: &Expr, place: &str) {
        if !is_pure(expr) {
            let message = format!("{place} must be fixed before the change starts, and this asks production");
            self.report(
                Diagnostic::error("value-not-available", expr.span, message).help("use an input or a fixed value"),
            );
        }
    }
}
