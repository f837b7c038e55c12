//! Expressions: pest gives a flat row of operands and operators, this puts it in order of binding.
//!
//! Loosest first: `or`, `and`, `not`, comparisons and `is` (no chains), `default`, `+ -`, `* /`.

use std::iter::Peekable;

use pest::iterators::{Pair, Pairs};

use super::super::Rule;
use super::{Builder, RESERVED};
use crate::ast::{Argument, ArgumentValue, BinaryOperator, Call, Expr, ExprKind, Name, Test, binding};
use crate::diagnostic::Diagnostic;
use crate::source::{Span, Spanned};

/// Operators and brackets of one expression may be nested this deep, so that walking the tree
/// never exhausts a stack.
const DEPTH_MAX: usize = 256;

/// An expression with the depth of its tree.
struct Deep {
    expr: Expr,
    depth: usize,
}

impl Builder<'_, '_> {
    pub(super) fn expression(&mut self, pair: Pair<'_, Rule>) -> Option<Expr> {
        self.deep_expression(pair).map(|deep| deep.expr)
    }

    /// The expression that is the only child of a rule.
    pub(super) fn only_expression(&mut self, pair: Pair<'_, Rule>) -> Option<Expr> {
        let inner = Self::only(pair)?;
        self.value(inner)
    }

    /// An expression or a map.
    pub(super) fn value(&mut self, pair: Pair<'_, Rule>) -> Option<Expr> {
        self.deep_value(pair).map(|deep| deep.expr)
    }

    fn deep_value(&mut self, pair: Pair<'_, Rule>) -> Option<Deep> {
        if pair.as_rule() == Rule::map {
            return self.map(pair);
        }
        self.deep_expression(pair)
    }

    fn deep_expression(&mut self, pair: Pair<'_, Rule>) -> Option<Deep> {
        let mut row = pair.into_inner().peekable();
        self.climb(&mut row, 0)
    }

    /// Takes from the row everything that binds at least as tightly as `least`.
    fn climb(&mut self, row: &mut Peekable<Pairs<'_, Rule>>, least: u8) -> Option<Deep> {
        let mut left = self.operand_or_not(row, least)?;
        let mut compared = false;
        loop {
            let Some(next) = row.peek() else { return Some(left) };
            if matches!(next.as_rule(), Rule::field | Rule::at_start) {
                let span = self.span(next);
                let message = format!("`{}` may not follow a test such as `is ok`", next.as_str());
                self.error(Diagnostic::error("syntax", span, message).help("put what it belongs to in brackets"));
                return None;
            }
            let operator = if next.as_rule() == Rule::is_test {
                None
            } else {
                Some(binary_operator(next.as_str())?)
            };
            let tightness = operator.map_or(binding::COMPARISON, tightness);
            if tightness < least {
                return Some(left);
            }
            let next = row.next()?;
            if tightness == binding::COMPARISON {
                if compared {
                    self.chained(&next);
                }
                compared = true;
            }
            left = match operator {
                None => self.is_test(left, next)?,
                Some(operator) => {
                    let right = self.climb(row, tightness + 1)?;
                    self.binary(operator, left, right)
                }
            };
        }
    }

    fn operand_or_not(&mut self, row: &mut Peekable<Pairs<'_, Rule>>, least: u8) -> Option<Deep> {
        let mut nots = Vec::new();
        while row.peek().is_some_and(|next| next.as_rule() == Rule::not) {
            let span = self.span(&row.next()?);
            nots.push(span);
        }
        if nots.is_empty() {
            return self.operand(row);
        }
        if least > binding::NOT {
            let message = "`not` binds more loosely than the operator before it";
            self.error(Diagnostic::error("syntax", nots[0], message).help("put `(not …)` in brackets"));
        }
        let mut inner = self.climb(row, binding::COMPARISON)?;
        for span in nots.into_iter().rev() {
            inner = self.wrap(span.to(inner.expr.span), inner, ExprKind::Not);
        }
        Some(inner)
    }

    fn chained(&mut self, operator: &Pair<'_, Rule>) {
        let span = self.span(operator);
        self.error(
            Diagnostic::error("syntax", span, "comparisons do not chain: one has been made already")
                .help("say both: `a < b and b < c`, or put brackets round the first"),
        );
    }

    fn operand(&mut self, row: &mut Peekable<Pairs<'_, Rule>>) -> Option<Deep> {
        let first = row.next()?;
        let mut built = self.primary(first)?;
        while let Some(next) = row.next_if(|next| matches!(next.as_rule(), Rule::field | Rule::at_start)) {
            let span = built.expr.span.to(self.span(&next));
            built = if next.as_rule() == Rule::at_start {
                self.wrap(span, built, ExprKind::AtStart)
            } else {
                let field = self.inner_word(next)?;
                self.wrap(span, built, |inner| ExprKind::Field(inner, field))
            };
        }
        Some(built)
    }

    fn primary(&mut self, pair: Pair<'_, Rule>) -> Option<Deep> {
        let span = self.span(&pair);
        let kind = match pair.as_rule() {
            Rule::string => ExprKind::Text(self.text(&pair).value),
            Rule::number => self.number(&pair),
            Rule::digest => self.digest(&pair),
            Rule::list => {
                let (items, depth) = self.values(pair);
                return Some(Deep {
                    expr: Expr {
                        kind: ExprKind::List(items),
                        span,
                    },
                    depth: depth + 1,
                });
            }
            Rule::group => {
                let mut inner = self.deep_value(Self::only(pair)?)?;
                inner.expr.span = span;
                return Some(inner);
            }
            Rule::reference => return self.reference(pair),
            _ => return None,
        };
        Some(Deep {
            expr: Expr { kind, span },
            depth: 1,
        })
    }

    fn values(&mut self, pair: Pair<'_, Rule>) -> (Vec<Expr>, usize) {
        let mut depth = 0;
        let mut values = Vec::new();
        for part in pair.into_inner() {
            if let Some(value) = self.deep_value(part) {
                depth = depth.max(value.depth);
                values.push(value.expr);
            }
        }
        (values, depth)
    }

    fn map(&mut self, pair: Pair<'_, Rule>) -> Option<Deep> {
        let span = self.span(&pair);
        let mut depth = 0;
        let mut entries = Vec::new();
        for entry in pair.into_inner() {
            let mut parts = entry.into_inner().filter(|part| part.as_rule() != Rule::colon);
            let key = parts.next()?;
            let key = if key.as_rule() == Rule::string {
                self.text(&key)
            } else {
                self.word(&key)
            };
            let value = self.deep_value(parts.next()?)?;
            depth = depth.max(value.depth);
            entries.push((key, value.expr));
        }
        Some(Deep {
            expr: Expr {
                kind: ExprKind::Map(entries),
                span,
            },
            depth: depth + 1,
        })
    }

    /// A name with fields, or a call.
    fn reference(&mut self, pair: Pair<'_, Rule>) -> Option<Deep> {
        let span = self.span(&pair);
        let mut parts = pair.into_inner();
        let path = parts.next()?;
        let names = self.path(&path);
        let truth = match path.as_str() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        };
        if let (Some(truth), None) = (truth, parts.peek()) {
            let kind = ExprKind::Bool(truth);
            return Some(Deep {
                expr: Expr { kind, span },
                depth: 1,
            });
        }
        self.refuse_reserved(&names)?;
        if let Some(arguments) = parts.next() {
            let (arguments, depth) = self.arguments(arguments);
            let call = Call {
                path: names,
                arguments,
                span,
            };
            return Some(Deep {
                expr: Expr {
                    kind: ExprKind::Call(Box::new(call)),
                    span,
                },
                depth: depth + 1,
            });
        }
        let mut names = names.into_iter();
        let first = names.next()?;
        let mut built = Deep {
            expr: Expr {
                kind: ExprKind::Name(first.value),
                span: first.span,
            },
            depth: 1,
        };
        for field in names {
            let span = built.expr.span.to(field.span);
            built = self.wrap(span, built, |inner| ExprKind::Field(inner, field));
        }
        Some(built)
    }

    /// A word of the language is no value; most often the value before it was forgotten.
    fn refuse_reserved(&mut self, names: &[Name]) -> Option<()> {
        let first = names.first()?;
        if !RESERVED.contains(&first.value.as_str()) {
            return Some(());
        }
        let message = format!("`{}` is a word of the language and no value", first.value);
        self.error(
            Diagnostic::error("reserved-name", first.span, message)
                .help("a value is missing before it, or a name has to be chosen anew"),
        );
        None
    }

    /// `a.b.c`, each name with its own place.
    pub(super) fn path(&mut self, pair: &Pair<'_, Rule>) -> Vec<Name> {
        let mut start = self.span(pair).start as usize;
        pair.as_str()
            .split('.')
            .map(|name| {
                let span = self.report.span(start, start + name.len());
                start += name.len() + 1;
                Spanned::new(name.to_owned(), span)
            })
            .collect()
    }

    /// A call, where the grammar takes nothing else.
    pub(super) fn call(&mut self, pair: Pair<'_, Rule>) -> Option<Call> {
        let span = self.span(&pair);
        let mut parts = pair.into_inner();
        let path = self.path(&parts.next()?);
        self.refuse_reserved(&path)?;
        let (arguments, _) = self.arguments(parts.next()?);
        Some(Call { path, arguments, span })
    }

    fn arguments(&mut self, pair: Pair<'_, Rule>) -> (Vec<Argument>, usize) {
        let mut depth = 0;
        let mut arguments = Vec::new();
        for part in pair.into_inner() {
            if let Some((argument, argument_depth)) = self.argument(part) {
                depth = depth.max(argument_depth);
                arguments.push(argument);
            }
        }
        (arguments, depth)
    }

    fn argument(&mut self, pair: Pair<'_, Rule>) -> Option<(Argument, usize)> {
        let mut name: Option<Name> = None;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::argument_name => name = self.inner_word(part),
                Rule::effects_name => name = Some(self.word(&part)),
                Rule::effects | Rule::nothing => {
                    let value = ArgumentValue::Effects(self.effects(part));
                    return Some((Argument { name, value }, 1));
                }
                _ => {
                    let value = self.deep_value(part)?;
                    let argument = Argument {
                        name,
                        value: ArgumentValue::Expr(value.expr),
                    };
                    return Some((argument, value.depth));
                }
            }
        }
        None
    }

    fn is_test(&mut self, subject: Deep, pair: Pair<'_, Rule>) -> Option<Deep> {
        let span = subject.expr.span.to(self.span(&pair));
        let mut parts = pair.into_inner().peekable();
        let negated = parts.next_if(|part| part.as_rule() == Rule::is_not).is_some();
        let word = parts.next()?;
        let (test, _) = *Test::ALL.iter().find(|(_, known)| *known == word.as_str())?;
        Some(self.wrap(span, subject, |subject| ExprKind::Is { subject, test, negated }))
    }

    fn binary(&mut self, operator: Operator, left: Deep, right: Deep) -> Deep {
        let span = left.expr.span.to(right.expr.span);
        let depth = left.depth.max(right.depth) + 1;
        if depth > DEPTH_MAX {
            self.too_deep(span);
            return if left.depth < right.depth { left } else { right };
        }
        let (left, right) = (Box::new(left.expr), Box::new(right.expr));
        let kind = match operator {
            Operator::Default => ExprKind::Default(left, right),
            Operator::Binary(operator) => ExprKind::Binary(operator, left, right),
        };
        Deep {
            expr: Expr { kind, span },
            depth,
        }
    }

    fn wrap(&mut self, span: Span, inner: Deep, kind: impl FnOnce(Box<Expr>) -> ExprKind) -> Deep {
        let depth = inner.depth + 1;
        if depth > DEPTH_MAX {
            self.too_deep(span);
            return inner;
        }
        Deep {
            expr: Expr {
                kind: kind(Box::new(inner.expr)),
                span,
            },
            depth,
        }
    }

    fn too_deep(&mut self, span: Span) {
        if std::mem::replace(&mut self.depth_told, true) {
            return;
        }
        let message = format!("this expression is nested more than {DEPTH_MAX} deep");
        self.error(Diagnostic::error("too-deep", span, message).help("name parts of it with `let`"));
    }
}

/// An operator between two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Binary(BinaryOperator),
    Default,
}

fn binary_operator(written: &str) -> Option<Operator> {
    if written == "default" {
        return Some(Operator::Default);
    }
    let known = BinaryOperator::ALL.iter().find(|(_, word, _)| *word == written);
    known.map(|(operator, ..)| Operator::Binary(*operator))
}

fn tightness(operator: Operator) -> u8 {
    match operator {
        Operator::Default => binding::DEFAULT,
        Operator::Binary(operator) => operator.binding(),
    }
}
