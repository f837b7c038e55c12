//! The patterns of `matches`: read, and counted so that neither this compiler nor a run is kept busy by one.
//!
//! A pattern's weight is the ranges of characters that it is compiled to, repetitions written out: a letter
//! weighs 1, `[A-Za-z0-9_]` 4, `\\w` the 770 ranges that all scripts have. Reading takes time in proportion to
//! what is written; compiling, which only the run does, in proportion to the weight.

use std::collections::{BTreeMap, BTreeSet};

use regex_syntax::hir::{Class, Hir, HirKind};

use crate::check::Checker;
use crate::check::links::Node;
use crate::check::scope::Scope;
use crate::diagnostic::Diagnostic;
use crate::model::{Expr, ExprKind, Literal};
use crate::source::Span;
use crate::types::Type;
use crate::version;

/// The most that one pattern weighs: some 5 MiB compiled.
const WEIGHT_MAX: u64 = 40_000;

/// The most that all patterns of a runbook and its modules weigh.
const WEIGHT_OF_ALL_MAX: u64 = 400_000;

/// What a text behind `matches` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Searched {
    /// A regular expression, tried on a text.
    Expression,
    /// A range, tried on a version.
    Range,
}

/// Patterns that are parameters of questions: they are written out where the question is asked.
#[derive(Debug, Default)]
pub(crate) struct Patterns {
    /// What stands behind `matches` in a question: its parameter.
    wanted: BTreeSet<(Node, String, Searched)>,
    /// Each time that a question is asked: by whom, and with what.
    asked: BTreeMap<Node, Vec<Asked>>,
}

#[derive(Debug)]
struct Asked {
    by: Option<Node>,
    /// The texts among the arguments, by parameter.
    arguments: Vec<(String, Expr)>,
    /// The calls of procedures through which it came about.
    calls: Vec<Span>,
}

impl Checker<'_> {
    /// The type of `value matches pattern`.
    pub(crate) fn pattern(&mut self, kind: Searched, right: &Expr) -> Result<Type, Option<Box<Diagnostic>>> {
        match (&right.kind, self.links.current()) {
            (ExprKind::Literal(Literal::Text(_)), _) => {}
            (ExprKind::Parameter(name), Some(node @ Node::Question(..))) => {
                self.patterns.wanted.insert((node.clone(), name.clone(), kind));
                return Ok(Type::Bool);
            }
            // Looked at where the procedure is written out.
            (ExprKind::Parameter(_), Some(Node::Procedure(..))) => return Ok(Type::Bool),
            _ => {
                let message = "the pattern of `matches` is written out, here or where a question is asked with it; it cannot be worked out";
                return Err(Some(Box::new(Diagnostic::error("wrong-type", right.span, message))));
            }
        }
        self.written_pattern(kind, right).map(|()| Type::Bool).map_err(Some)
    }

    /// Keeps what a question is asked with, for the patterns among it.
    pub(crate) fn asks_with(
        &mut self,
        scope: &Scope,
        question: Node,
        parameters: impl Iterator<Item = String>,
        arguments: &[Expr],
    ) {
        let texts = parameters
            .zip(arguments)
            .filter(|(_, argument)| argument.ty == Type::Text);
        let arguments: Vec<_> = texts.map(|(name, argument)| (name, argument.clone())).collect();
        if !arguments.is_empty() {
            let by = self.links.current().cloned();
            let calls = scope.calls.clone();
            let asked = Asked { by, arguments, calls };
            self.patterns.asked.entry(question).or_default().push(asked);
        }
    }

    /// Looks at the patterns that questions are asked with, through all questions that hand one on.
    pub(crate) fn check_patterns(&mut self) {
        let Patterns { wanted, asked } = std::mem::take(&mut self.patterns);
        let mut known = wanted.clone();
        let mut open: Vec<_> = wanted.into_iter().collect();
        while let Some((question, parameter, kind)) = open.pop() {
            for asked in asked.get(&question).into_iter().flatten() {
                let mut arguments = asked.arguments.iter();
                let Some((_, argument)) = arguments.find(|(name, _)| *name == parameter) else {
                    continue;
                };
                let found = match (&argument.kind, &asked.by) {
                    (ExprKind::Literal(Literal::Text(_)), _) => self.written_pattern(kind, argument),
                    (ExprKind::Parameter(_), Some(Node::Procedure(..))) => Ok(()),
                    (ExprKind::Parameter(name), Some(by)) => {
                        let further = (by.clone(), name.clone(), kind);
                        if known.insert(further.clone()) {
                            open.push(further);
                        }
                        Ok(())
                    }
                    _ => {
                        let message = format!(
                            "`{parameter}` is a pattern of `matches`, so it is written out here; it cannot be worked out"
                        );
                        Err(Box::new(Diagnostic::error("wrong-type", argument.span, message)))
                    }
                };
                if let Err(finding) = found {
                    let calls = asked.calls.iter();
                    self.report(calls.fold(*finding, |finding, call| finding.related(*call, "called from here")));
                }
            }
        }
    }

    /// Reads a pattern that is written out.
    fn written_pattern(&mut self, kind: Searched, right: &Expr) -> Result<(), Box<Diagnostic>> {
        let ExprKind::Literal(Literal::Text(pattern)) = &right.kind else {
            return Ok(());
        };
        let refused = |message: String| Diagnostic::error("wrong-type", right.span, message);
        if kind == Searched::Range {
            return match version::wrong_range(pattern) {
                Some(reason) => Err(Box::new(
                    refused(format!("this is no range of versions: {reason}"))
                        .help("such as `\">=1.2, <2\"` or `\"^1.2.3\"`"),
                )),
                None => Ok(()),
            };
        }
        let weight = match regex_syntax::parse(pattern) {
            Ok(read) => weight(&read),
            Err(error) => {
                let told = error.to_string();
                let reason = told.lines().last().unwrap_or_default().trim_start_matches("error: ");
                return Err(Box::new(refused(format!("this pattern cannot be read: {reason}"))));
            }
        };
        self.patterns_weigh = self.patterns_weigh.saturating_add(weight);
        let message = if weight > WEIGHT_MAX {
            "this pattern is too large: its repetitions, written out, are more than a run can search for in time"
        } else if self.patterns_weigh > WEIGHT_OF_ALL_MAX {
            "all patterns up to this one are together too large for a run to search for in time"
        } else {
            return Ok(());
        };
        let help = "`\\w`, `\\d`, `\\s` and `\\p{…}` stand for the letters of all scripts; `[A-Za-z0-9_]`, `[0-9]` and `[ ]` weigh a hundredth; or let it repeat less often";
        Err(Box::new(refused(message.to_owned()).help(help)))
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
