//! The patterns of `matches`: read, and counted so that neither this compiler nor a run is kept busy by one.
//!
//! A pattern's weight is the ranges of characters that it is compiled to, repetitions written out: a letter
//! weighs 1, `[A-Za-z0-9_]` 4, `\\w` the 770 ranges that all scripts have. Reading takes time in proportion to
//! what is written; compiling, which only the run does, in proportion to the weight.

use regex_syntax::hir::{Class, Hir, HirKind};

use crate::check::Checker;
use crate::diagnostic::Diagnostic;
use crate::model::{Expr, ExprKind, Literal};
use crate::types::Type;

/// The most that one pattern weighs: some 5 MiB compiled.
const WEIGHT_MAX: u64 = 40_000;

/// The most that all patterns of a runbook and its modules weigh.
const WEIGHT_OF_ALL_MAX: u64 = 400_000;

impl Checker<'_> {
    /// The type of `text matches pattern`.
    pub(crate) fn pattern(&mut self, right: &Expr) -> Result<Type, Option<Box<Diagnostic>>> {
        let refused = |message: String| Diagnostic::error("wrong-type", right.span, message);
        let ExprKind::Literal(Literal::Text(pattern)) = &right.kind else {
            let message = "the pattern of `matches` is written here, as a text; it cannot be worked out";
            return Err(Some(Box::new(refused(message.to_owned()))));
        };
        let weight = match regex_syntax::parse(pattern) {
            Ok(read) => weight(&read),
            Err(error) => {
                let told = error.to_string();
                let reason = told.lines().last().unwrap_or_default().trim_start_matches("error: ");
                let message = format!("this pattern cannot be read: {reason}");
                return Err(Some(Box::new(refused(message))));
            }
        };
        self.patterns_weigh = self.patterns_weigh.saturating_add(weight);
        let message = if weight > WEIGHT_MAX {
            "this pattern is too large: its repetitions, written out, are more than a run can search for in time"
        } else if self.patterns_weigh > WEIGHT_OF_ALL_MAX {
            "all patterns up to this one are together too large for a run to search for in time"
        } else {
            return Ok(Type::Bool);
        };
        let help = "`\\w`, `\\d`, `\\s` and `\\p{…}` stand for the letters of all scripts; `[A-Za-z0-9_]`, `[0-9]` and `[ ]` weigh a hundredth; or let it repeat less often";
        Err(Some(Box::new(refused(message.to_owned()).help(help))))
    }
}

/// How many ranges of characters a pattern is compiled to.
fn weight(pattern: &Hir) -> u64 {
    match pattern.kind() {
        HirKind::Empty | HirKind::Look(_) => 1,
        HirKind::Literal(literal) => literal.0.len() as u64,
        HirKind::Class(Class::Unicode(class)) => class.ranges().len() as u64,
        HirKind::Class(Class::Bytes(class)) => class.ranges().len() as u64,
        HirKind::Capture(capture) => weight(&capture.sub),
        HirKind::Repetition(repetition) => {
            let times = repetition.max.unwrap_or_else(|| repetition.min.saturating_add(1));
            weight(&repetition.sub).saturating_mul(u64::from(times.max(1)))
        }
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().map(weight).fold(0, u64::saturating_add),
    }
}
