//! Short readable renderings of expressions, for evidence: `http.get(…).status == 200`.

use backstay_dsl::model::{Expr, ExprKind, Literal, Runbook, Test};

use crate::value::Value;
use backstay_dsl::units;

/// The longest rendering of an expression or a value in evidence, in characters.
const SHOWN_CHARACTERS_MAX: usize = 160;

/// An expression as a person would write it, arguments left out, shortened where long.
pub fn describe(runbook: &Runbook, expr: &Expr) -> String {
    shorten(&full(runbook, expr))
}

/// A value as evidence shows it: one line, shortened where long.
pub fn shown(value: &Value) -> String {
    shorten(&value.canonical())
}

fn shorten(text: &str) -> String {
    let mut line: String = text
        .chars()
        .take(SHOWN_CHARACTERS_MAX)
        .map(|character| if character.is_control() { ' ' } else { character })
        .collect();
    if text.chars().nth(SHOWN_CHARACTERS_MAX).is_some() {
        line.push('…');
    }
    line
}

fn full(runbook: &Runbook, expr: &Expr) -> String {
    let inner = |expr: &Expr| full(runbook, expr);
    match &expr.kind {
        ExprKind::Literal(value) => literal(value),
        ExprKind::List(values) => {
            let texts: Vec<_> = values.iter().map(inner).collect();
            format!("[{}]", texts.join(", "))
        }
        ExprKind::Map(_) => "{…}".to_owned(),
        ExprKind::Input(name)
        | ExprKind::Parameter(name)
        | ExprKind::Local(name)
        | ExprKind::Service(name)
        | ExprKind::State(name)
        | ExprKind::Anchor { name, at_start: false } => name.clone(),
        ExprKind::Anchor { name, at_start: true } => format!("{name} at start"),
        ExprKind::Binding(id) => runbook
            .bindings
            .get(id.0 as usize)
            .map_or_else(|| "value".to_owned(), |binding| binding.name.clone()),
        ExprKind::Resource(resource) => {
            let keys: Vec<_> = resource.key.iter().map(inner).collect();
            format!("{}({})", resource.kind, keys.join(", "))
        }
        ExprKind::Field(subject, name) => format!("{}.{name}", inner(subject)),
        ExprKind::Read(call) => called(&call.action, call.arguments.is_empty()),
        ExprKind::Question { name, arguments } => called(name, arguments.is_empty()),
        ExprKind::Binary(operator, left, right) => format!("{} {} {}", inner(left), operator.word(), inner(right)),
        ExprKind::Not(subject) => format!("not {}", inner(subject)),
        ExprKind::Is { subject, test, negated } => {
            let not = if *negated { "not " } else { "" };
            format!("{} is {not}{}", inner(subject), test_word(*test))
        }
        ExprKind::Default(left, right) => format!("{} default {}", inner(left), inner(right)),
        ExprKind::Result(None) => "result".to_owned(),
        ExprKind::Result(Some(field)) => format!("result.{field}"),
    }
}

fn called(name: &str, is_without_arguments: bool) -> String {
    if is_without_arguments {
        format!("{name}()")
    } else {
        format!("{name}(…)")
    }
}

fn test_word(test: Test) -> &'static str {
    match test {
        Test::Ok => "ok",
        Test::Present => "present",
        Test::Pinned => "pinned",
        Test::Well => "well",
    }
}

fn literal(literal: &Literal) -> String {
    match literal {
        Literal::Text(text) => format!("{text:?}"),
        Literal::Bool(value) => value.to_string(),
        Literal::Int(value) => value.to_string(),
        Literal::Duration(ms) => units::duration(*ms),
        Literal::Size(bytes) => units::size(*bytes),
        Literal::Port(port) => port.to_string(),
        Literal::Digest(text)
        | Literal::Image(text)
        | Literal::Package(text)
        | Literal::Path(text)
        | Literal::Url(text)
        | Literal::Host(text) => text.clone(),
    }
}
