//! Calls of the language's own functions.

use crate::ast;
use crate::built_in::{BuiltIn, Gives, Row, Takes};
use crate::check::Checker;
use crate::check::expression::secret_exposed;
use crate::check::scope::Scope;
use crate::check::types::{is_unknown, with_article};
use crate::check::value::{typed, unknown};
use crate::diagnostic::{Diagnostic, listed};
use crate::json_place;
use crate::literal;
use crate::model::{Computation, Expr, ExprKind, Literal};
use crate::source::Span;
use crate::types::Type;

impl<'a> Checker<'a> {
    /// A call of a function of the language: its arguments stand in order, without names.
    pub(crate) fn built_in_call(&mut self, scope: &Scope, row: &'static Row, call: &'a ast::Call, span: Span) -> Expr {
        let written: Vec<&'a ast::Expr> = call
            .arguments
            .iter()
            .filter_map(|argument| self.argument_expr(argument))
            .collect();
        for name in call.arguments.iter().filter_map(|argument| argument.name.as_ref()) {
            let message = format!("what `{}` takes goes without a name", row.name);
            self.error("unknown-argument", name.span, message);
        }
        if written.len() != row.parameters.len() {
            let names: Vec<String> = row.parameters.iter().map(|(name, _)| (*name).to_owned()).collect();
            let one = if names.len() == 1 { "one value" } else { "two values" };
            let message = format!("`{0}` takes {one}: `{0}({1})`", row.name, listed(&names, ", "));
            self.error("missing-argument", span, message);
            return Expr {
                ty: given(row, &[]),
                ..unknown(span)
            };
        }
        let mut arguments = Vec::with_capacity(written.len());
        for (written, (name, takes)) in written.into_iter().zip(row.parameters) {
            arguments.push(self.taken(scope, row, written, name, takes));
        }
        let ty = given(row, &arguments);
        if arguments.iter().any(|argument| is_unknown(&argument.ty)) {
            return typed(unknown(span).kind, ty, span);
        }
        let function = Computation::BuiltIn(row.function);
        typed(ExprKind::Computed { function, arguments }, ty, span)
    }

    /// One argument, held to what is taken.
    fn taken(&mut self, scope: &Scope, row: &Row, written: &'a ast::Expr, name: &str, takes: &Takes) -> Expr {
        let place = format!("`{name}` of `{}`", row.name);
        match takes {
            Takes::Value(ty) => {
                let found = self.expect(scope, written, ty, &place);
                if let (BuiltIn::Version, ExprKind::Literal(Literal::Text(text))) = (row.function, &found.kind)
                    && let Err(reason) = literal::parse(text, &Type::Version)
                {
                    let finding = Diagnostic::error("wrong-type", found.span, format!("this is no version: {reason}"));
                    self.report(finding.help("what a vendor calls a version stays a text, compared with `==`"));
                }
                found
            }
            Takes::JsonPlace => {
                let found = self.expect(scope, written, &Type::Text, &place);
                if let ExprKind::Literal(Literal::Text(text)) = &found.kind
                    && let Err(reason) = json_place::read(text)
                {
                    let message = format!("this is no place in a JSON text: {reason}");
                    let finding = Diagnostic::error("wrong-type", found.span, message);
                    self.report(finding.help("such as `status.nodes[0].name`, or `labels[\"app.example/name\"]`"));
                }
                found
            }
            Takes::List | Takes::Map => {
                let is_list = *takes == Takes::List;
                let found = self.expr(scope, written, None);
                match &found.ty {
                    Type::List(element) | Type::Map(element) if **element == Type::Secret => {
                        self.report(secret_exposed(found.span, &place));
                        return unknown(found.span);
                    }
                    Type::Unknown => return found,
                    Type::List(_) if is_list => return found,
                    Type::Map(_) if !is_list => return found,
                    other => {
                        let wanted = if is_list { "list" } else { "map" };
                        let message = format!("{place} takes a {wanted}, and this is {}", with_article(other));
                        let finding = Diagnostic::error("wrong-type", found.span, message);
                        self.report(match other {
                            Type::Text if is_list => finding.help("the lines of a text are a list: `lines(…)`"),
                            Type::Optional(_) => finding.help("say what holds where it is absent: `… default …`"),
                            _ => finding,
                        });
                    }
                }
                unknown(found.span)
            }
            Takes::Anything => self.shown(scope, written),
        }
    }

    /// What `text` takes.
    fn shown(&mut self, scope: &Scope, written: &'a ast::Expr) -> Expr {
        let found = self.expr(scope, written, None);
        match &found.ty {
            Type::Secret => {
                self.report(secret_exposed(found.span, "`text`"));
                return unknown(found.span);
            }
            Type::Optional(_) => {
                let finding =
                    Diagnostic::error("wrong-type", found.span, "this may be absent, and then it has no text");
                self.report(finding.help("say what holds then: `text(… default …)`"));
            }
            Type::Text => {
                let finding = Diagnostic::warning("unused", written.span, "this is a text already");
                self.report(finding.help("leave `text(…)` out"));
            }
            _ => {}
        }
        found
    }
}

/// The type of what a function gives for these arguments.
fn given(row: &Row, arguments: &[Expr]) -> Type {
    match &row.gives {
        Gives::Value(ty) => ty.clone(),
        Gives::Perhaps(ty) => Type::Optional(Box::new(ty.clone())),
        Gives::Several(ty) => Type::list(ty.clone()),
        Gives::Element => match arguments.first().map(|argument| &argument.ty) {
            Some(Type::List(element) | Type::Map(element)) => Type::Optional(element.clone()),
            _ => Type::Unknown,
        },
    }
}
