//! Operators between two values: exactly those of the language, nothing converts.

use crate::ast::{self, BinaryOperator};
use crate::check::Checker;
use crate::check::expression::secret_exposed;
use crate::check::pattern::Searched;
use crate::check::scope::Scope;
use crate::check::types::{is_unknown, with_article, without_pin};
use crate::check::value::{typed, unknown};
use crate::diagnostic::Diagnostic;
use crate::literal;
use crate::model::{Expr, ExprKind, Literal};
use crate::source::Span;
use crate::types::Type;

impl<'a> Checker<'a> {
    /// `left operator right`.
    pub(crate) fn binary(
        &mut self,
        scope: &Scope,
        operator: BinaryOperator,
        left: &'a ast::Expr,
        right: &'a ast::Expr,
        span: Span,
    ) -> Expr {
        use BinaryOperator as Op;
        let (left, right) = match operator {
            Op::And | Op::Or => {
                let place = format!("`{}`", operator.word());
                (
                    self.condition(scope, left, &place),
                    self.condition(scope, right, &place),
                )
            }
            Op::Divide if is_text(left) => {
                let base = if is_address(left) { Type::Url } else { Type::Path };
                let left = self.expr(scope, left, Some(&base));
                (left, self.expr(scope, right, None))
            }
            Op::Equal | Op::NotEqual | Op::Less | Op::LessEqual | Op::Greater | Op::GreaterEqual => {
                self.sides(scope, left, right)
            }
            Op::Contains => {
                let left = self.expr(scope, left, None);
                let element = match &left.ty {
                    Type::List(element) => Some(without_pin(element)),
                    _ => None,
                };
                let right = self.expr(scope, right, element.as_ref());
                (left, right)
            }
            _ => (self.expr(scope, left, None), self.expr(scope, right, None)),
        };
        let unknown_side = is_unknown(&left.ty) || is_unknown(&right.ty);
        if let Some(secret) = [&left, &right].into_iter().find(|side| side.ty == Type::Secret) {
            let place = format!("`{}`", operator.word());
            self.report(secret_exposed(secret.span, &place));
            return unknown(span);
        }
        if unknown_side {
            // What is compared is told of already; that the answer is true or false is sure.
            let ty = if is_question(operator) {
                Type::Bool
            } else {
                Type::Unknown
            };
            return typed(unknown(span).kind, ty, span);
        }
        let result = match operator {
            BinaryOperator::Matches if matches!((&left.ty, &right.ty), (Type::Text | Type::Version, Type::Text)) => {
                let kind = if left.ty == Type::Version {
                    Searched::Range
                } else {
                    Searched::Expression
                };
                self.pattern(kind, &right)
            }
            _ => result(operator, &left, &right),
        };
        match result {
            Ok(ty) => typed(ExprKind::Binary(operator, Box::new(left), Box::new(right)), ty, span),
            Err(finding) => {
                self.report(finding.map_or_else(|| does_not_mix(operator, &left, &right, span), |found| *found));
                unknown(span)
            }
        }
    }

    /// The two sides of a comparison: a literal takes the type of the other side.
    fn sides(&mut self, scope: &Scope, left: &'a ast::Expr, right: &'a ast::Expr) -> (Expr, Expr) {
        if is_literal(left) && !is_literal(right) {
            let right = self.expr(scope, right, None);
            let wanted = wanted_beside(&right);
            (self.expr(scope, left, wanted.as_ref()), right)
        } else {
            let left = self.expr(scope, left, None);
            let wanted = wanted_beside(&left);
            let right = self.expr(scope, right, wanted.as_ref());
            (left, right)
        }
    }
}

/// The type of the result; an error without a finding is that the two do not mix.
fn result(operator: BinaryOperator, left: &Expr, right: &Expr) -> Result<Type, Option<Box<Diagnostic>>> {
    use BinaryOperator as Op;
    let does_compare = match (operator, &left.ty, &right.ty) {
        (Op::And | Op::Or, Type::Bool, Type::Bool) | (Op::Contains, Type::Text, Type::Text) => true,
        (Op::Equal | Op::NotEqual, left, right) => without_pin(left) == without_pin(right) && has_equality(left),
        (
            Op::Less | Op::LessEqual | Op::Greater | Op::GreaterEqual,
            Type::Int | Type::Duration | Type::Size | Type::Port | Type::Version,
            right,
        ) => left.ty == *right,
        (Op::Contains, Type::List(element), found) => without_pin(element) == without_pin(found) && has_equality(found),
        _ => return computed(operator, left, right),
    };
    if does_compare { Ok(Type::Bool) } else { Err(None) }
}

/// The type of what `+ - * /` give.
fn computed(operator: BinaryOperator, left: &Expr, right: &Expr) -> Result<Type, Option<Box<Diagnostic>>> {
    use BinaryOperator as Op;
    match (operator, &left.ty, &right.ty) {
        (Op::Add, Type::Text, Type::Text) => Ok(Type::Text),
        (Op::Divide, Type::Int, Type::Int) if matches!(right.kind, ExprKind::Literal(Literal::Int(0))) => {
            let message = "nothing can be divided by zero";
            Err(Some(Box::new(Diagnostic::error("wrong-type", right.span, message))))
        }
        (Op::Add | Op::Subtract | Op::Multiply | Op::Divide, Type::Int, Type::Int) => Ok(Type::Int),
        (Op::Add | Op::Subtract, Type::Size, Type::Size)
        | (Op::Multiply, Type::Size, Type::Int)
        | (Op::Multiply, Type::Int, Type::Size) => Ok(Type::Size),
        (Op::Add | Op::Subtract, Type::Duration, Type::Duration)
        | (Op::Multiply, Type::Duration, Type::Int)
        | (Op::Multiply, Type::Int, Type::Duration) => Ok(Type::Duration),
        (Op::Divide, Type::Path | Type::Url, Type::Text) => segment(right).map(|()| left.ty.clone()).map_err(Some),
        _ => Err(None),
    }
}

fn is_question(operator: BinaryOperator) -> bool {
    use BinaryOperator as Op;
    !matches!(operator, Op::Add | Op::Subtract | Op::Multiply | Op::Divide)
}

fn is_text(written: &ast::Expr) -> bool {
    matches!(written.kind, ast::ExprKind::Text(_))
}

fn is_address(written: &ast::Expr) -> bool {
    matches!(&written.kind, ast::ExprKind::Text(text) if text.starts_with("http://") || text.starts_with("https://"))
}

fn is_literal(written: &ast::Expr) -> bool {
    matches!(
        written.kind,
        ast::ExprKind::Text(_) | ast::ExprKind::Int(_) | ast::ExprKind::List(_)
    )
}

fn wanted_beside(side: &Expr) -> Option<Type> {
    (!is_unknown(&side.ty) && side.ty != Type::Secret).then(|| without_pin(&side.ty))
}

/// Whether two values of a type can be compared.
fn has_equality(ty: &Type) -> bool {
    match ty {
        Type::List(inner) | Type::Map(inner) => has_equality(inner),
        Type::Record(record) => record.fields.iter().all(|(_, ty)| has_equality(ty)),
        Type::Optional(_)
        | Type::Secret
        | Type::Backup
        | Type::Service
        | Type::State
        | Type::Resource
        | Type::Nothing => false,
        _ => true,
    }
}

fn segment(right: &Expr) -> Result<(), Box<Diagnostic>> {
    match &right.kind {
        ExprKind::Literal(Literal::Text(text)) if !literal::is_segment(text) => {
            let message = "what stands after `/` is one name: not empty, without a slash, not `..`";
            Err(Box::new(
                Diagnostic::error("wrong-type", right.span, message).help("write `folder / \"a\" / \"b\"` for two"),
            ))
        }
        _ => Ok(()),
    }
}

fn does_not_mix(operator: BinaryOperator, left: &Expr, right: &Expr, span: Span) -> Diagnostic {
    use BinaryOperator as Op;
    let (left_type, right_type) = (with_article(&left.ty), with_article(&right.ty));
    let absent = [left, right]
        .into_iter()
        .find(|side| matches!(side.ty, Type::Optional(_)));
    if let Some(absent) = absent {
        let message = format!("one side of `{}` may be absent", operator.word());
        return Diagnostic::error("wrong-type", absent.span, message)
            .help("say what holds then: `… default …`, or ask `… is present`");
    }
    let message = match operator {
        Op::Equal | Op::NotEqual if without_pin(&left.ty) == without_pin(&right.ty) => {
            format!("two values of type {} cannot be compared", left.ty)
        }
        Op::Less | Op::LessEqual | Op::Greater | Op::GreaterEqual if left.ty == right.ty => {
            format!("{left_type} is neither less nor more than another")
        }
        Op::Equal | Op::NotEqual | Op::Less | Op::LessEqual | Op::Greater | Op::GreaterEqual => {
            format!("{left_type} and {right_type} cannot be compared")
        }
        _ => format!("`{}` does not go between {left_type} and {right_type}", operator.word()),
    };
    let finding = Diagnostic::error("wrong-type", span, message)
        .related(left.span, format!("this is {left_type}"))
        .related(right.span, format!("this is {right_type}"));
    match (operator, &left.ty, &right.ty) {
        (Op::Less | Op::LessEqual | Op::Greater | Op::GreaterEqual, Type::Text, Type::Text) => finding.help(
            "texts have no order here; `version(…)` makes a text a version, which has one",
        ),
        (
            Op::Equal | Op::NotEqual | Op::Less | Op::LessEqual | Op::Greater | Op::GreaterEqual,
            Type::Size | Type::Duration,
            Type::Int,
        ) => finding.help("write the unit too: `10B`, `2GiB`, `30s`, `5m`"),
        (Op::Equal | Op::NotEqual, Type::Path, Type::Text) | (Op::Equal | Op::NotEqual, Type::Text, Type::Path) => finding
            .help("a text is no path: let the input or the question have the type `path`, or join it to a folder: `folder / name`"),
        (Op::Equal | Op::NotEqual, Type::Bool, Type::Text) | (Op::Equal | Op::NotEqual, Type::Text, Type::Bool) => {
            finding.help("a bool stands alone, or with `not`; it is not written in quotes")
        }
        (Op::Contains, Type::List(element), _) => finding.help(format!("this is a list of {element}")),
        (Op::Matches, _, _) => finding.help("`matches` asks a text, or a version: `version(…) matches \">=1.2, <2\"`"),
        (Op::Multiply | Op::Add | Op::Subtract, _, _) => finding.help(
            "there is: text + text, size + size, size - size, size * int, the same for durations, and whole numbers",
        ),
        (Op::Divide, _, _) => finding.help("there is: path / text, address / text, and whole numbers"),
        _ => finding,
    }
}
