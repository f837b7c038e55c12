//! Short readable renderings of expressions, for evidence: `http.get(…).status == 200`.

use backstay_dsl::model::{Expr, ExprKind, Literal, Runbook};
use backstay_dsl::print;

use crate::redact::Redactor;
use crate::value::Value;

/// The longest rendering of an expression or a value in evidence, in characters.
const SHOWN_CHARACTERS_MAX: usize = 160;

/// An expression as a person would write it, arguments left out, shortened where long.
pub fn describe(runbook: &Runbook, redactor: &Redactor, expr: &Expr) -> String {
    in_words(runbook, redactor, expr, SHOWN_CHARACTERS_MAX)
}

/// The same, shortened to so many characters.
pub(super) fn in_words(runbook: &Runbook, redactor: &Redactor, expr: &Expr, characters_max: usize) -> String {
    let text = print::checked(runbook, expr, &|part| match &part.kind {
        ExprKind::Map(_) => Some("{…}".to_owned()),
        ExprKind::Read(call) if !call.arguments.is_empty() => Some(format!("{}(…)", call.action)),
        ExprKind::Question { name, arguments, .. } if !arguments.is_empty() => Some(format!("{name}(…)")),
        ExprKind::Computed { function, arguments } if !arguments.is_empty() => Some(format!("{}(…)", function.name())),
        ExprKind::Literal(
            Literal::Image(text)
            | Literal::Package(text)
            | Literal::Path(text)
            | Literal::Url(text)
            | Literal::Version(text)
            | Literal::Host(text),
        ) => Some(text.clone()),
        _ => None,
    });
    one_line(redactor, &text, characters_max)
}

/// A value as evidence shows it: one line without secrets, shortened where long.
pub fn shown(redactor: &Redactor, value: &Value) -> String {
    one_line(redactor, &value.canonical(), SHOWN_CHARACTERS_MAX)
}

/// A text as one line without secrets, shortened to so many characters.
pub(super) fn one_line(redactor: &Redactor, text: &str, characters_max: usize) -> String {
    let line = redactor.shortened(text, characters_max);
    line.replace(char::is_control, " ")
}
