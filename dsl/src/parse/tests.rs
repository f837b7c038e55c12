//! Tests of the whole front: form, recovery, limits.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod form;
mod limits;
mod recovery;
mod trivia;

use super::parse;
use crate::ast::{Expr, ExprKind, File, ItemKind, Statement, StatementKind};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::source::{SourceId, SourceMap, Span};

const SMALL: &str = include_str!("../../../tests/reference/small.runbook");
const WHOLE: &str = include_str!("../../../tests/reference/whole.runbook");

fn parsed(text: &str) -> (File, Vec<Diagnostic>) {
    let mut diagnostics = Diagnostics::default();
    let file = parse(SourceId(0), text, &mut diagnostics);
    (file, diagnostics.into_sorted())
}

/// Parses what has to be right.
fn right(text: &str) -> File {
    let (file, found) = parsed(text);
    assert!(found.is_empty(), "{text}\n{}", told(text, &found));
    file
}

/// The errors as `line:column slug: message`, one a line.
fn told(text: &str, found: &[Diagnostic]) -> String {
    let mut sources = SourceMap::default();
    sources.add("test", text);
    let lines: Vec<String> = found
        .iter()
        .map(|one| {
            let at = sources.start(one.span);
            format!("{}:{} {}: {}", at.line, at.column, one.slug, one.message)
        })
        .collect();
    lines.join("\n")
}

fn errors(text: &str) -> String {
    let (_, found) = parsed(text);
    told(text, &found)
}

fn under(text: &str, span: Span) -> &str {
    &text[span.start as usize..span.end as usize]
}

/// The statements of the first step.
fn statements(file: &File) -> &[Statement] {
    let step = file.items.iter().find_map(|item| match &item.kind {
        ItemKind::Step(step) => Some(step.body.as_slice()),
        _ => None,
    });
    step.unwrap()
}

/// The value of `let x = E`, written with all brackets.
fn bound(expression: &str) -> String {
    let text = format!("step a \"A\" {{ let x = {expression} }}");
    let file = right(&text);
    match &statements(&file)[0].kind {
        StatementKind::Let { value, .. } => bracketed(value),
        other => panic!("{other:?}"),
    }
}

fn bracketed(expr: &Expr) -> String {
    match &expr.kind {
        ExprKind::Text(value) => format!("{value:?}"),
        ExprKind::Bool(value) => value.to_string(),
        ExprKind::Int(value) => value.to_string(),
        ExprKind::Duration(value) => format!("{value}ms"),
        ExprKind::Size(value) => format!("{value}B"),
        ExprKind::Digest(value) => value.clone(),
        ExprKind::List(values) => format!("[{}]", values.iter().map(bracketed).collect::<Vec<_>>().join(" ")),
        ExprKind::Map(entries) => {
            let inner: Vec<String> = entries
                .iter()
                .map(|(key, value)| format!("{}: {}", key.value, bracketed(value)))
                .collect();
            format!("{{{}}}", inner.join(" "))
        }
        ExprKind::Name(name) => name.clone(),
        ExprKind::Field(inner, field) => format!("{}.{}", bracketed(inner), field.value),
        ExprKind::Call(call) => {
            let path: Vec<&str> = call.path.iter().map(|name| name.value.as_str()).collect();
            let arguments: Vec<String> = call
                .arguments
                .iter()
                .map(|argument| {
                    let name = argument
                        .name
                        .as_ref()
                        .map_or(String::new(), |name| format!("{}: ", name.value));
                    match &argument.value {
                        crate::ast::ArgumentValue::Expr(value) => format!("{name}{}", bracketed(value)),
                        crate::ast::ArgumentValue::Effects(effects) => format!("{name}<{}>", effects.words.len()),
                    }
                })
                .collect();
            format!("{}({})", path.join("."), arguments.join(", "))
        }
        ExprKind::AtStart(inner) => format!("({} at start)", bracketed(inner)),
        ExprKind::Binary(operator, left, right) => {
            format!("({} {} {})", bracketed(left), operator.word(), bracketed(right))
        }
        ExprKind::Not(inner) => format!("(not {})", bracketed(inner)),
        ExprKind::Is { subject, test, negated } => {
            let word = if *negated { "is not" } else { "is" };
            format!("({} {word} {test:?})", bracketed(subject))
        }
        ExprKind::Default(left, right) => format!("({} default {})", bracketed(left), bracketed(right)),
    }
}
