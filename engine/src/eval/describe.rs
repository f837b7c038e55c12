//! Short readable renderings of expressions, for evidence: `http.get(…).status == 200`.

use backstay_dsl::model::{Expr, ExprKind, Literal, Runbook};
use backstay_dsl::print;

use crate::value::Value;

/// The longest rendering of an expression or a value in evidence, in characters.
const SHOWN_CHARACTERS_MAX: usize = 160;

/// An expression as a person would write it, arguments left out, shortened where long.
pub fn describe(runbook: &Runbook, expr: &Expr) -> String {
    shorten(&print::checked(runbook, expr, &|part| match &part.kind {
        ExprKind::Map(_) => Some("{…}".to_owned()),
        ExprKind::Read(call) if !call.arguments.is_empty() => Some(format!("{}(…)", call.action)),
        ExprKind::Question { name, arguments } if !arguments.is_empty() => Some(format!("{name}(…)")),
        ExprKind::Literal(
            Literal::Image(text)
            | Literal::Package(text)
            | Literal::Path(text)
            | Literal::Url(text)
            | Literal::Host(text),
        ) => Some(text.clone()),
        _ => None,
    }))
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
