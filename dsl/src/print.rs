//! Expressions as text: brackets only where the order of binding needs them, one form for each operator.
//!
//! What is printed of a syntax tree parses to the same tree. A checked expression goes back to a tree
//! first; a part of it may be replaced by a text of the caller, such as the value that is known.

use crate::ast::{Argument, ArgumentValue, Call, EffectWordKind, Effects, Expr, ExprKind, Name, binding};
use crate::model::{self, Literal, Runbook};
use crate::source::{Span, Spanned};
use crate::types::Type;
use crate::units;

#[cfg(test)]
mod tests;

/// An expression as it is written.
pub fn expression(expr: &Expr) -> String {
    let mut text = String::new();
    write(&mut text, expr, 0);
    text
}

/// A text in quotes, with its escapes.
pub fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '\0' | '\r' => quoted.extend(character.escape_unicode()),
            '\'' => quoted.push('\''),
            _ => quoted.extend(character.escape_debug()),
        }
    }
    quoted.push('"');
    quoted
}

/// What a part of a checked expression is shown as; `None` for what its author wrote.
pub type Shown<'a> = &'a dyn Fn(&model::Expr) -> Option<String>;

/// A checked expression as its author would write it.
pub fn checked(runbook: &Runbook, expr: &model::Expr, shown: Shown<'_>) -> String {
    expression(&Unchecked { runbook, shown }.expr(expr))
}

/// A call of an action as its author would write it: the name of the first argument is left out.
pub fn call(runbook: &Runbook, call: &model::ActionCall, shown: Shown<'_>) -> String {
    expression(&Unchecked { runbook, shown }.action(call))
}

/// Writes an expression into a place that takes what binds at least so tightly.
fn write(text: &mut String, expr: &Expr, least: u8) {
    if binding_of(&expr.kind) < least {
        text.push('(');
        write(text, expr, 0);
        text.push(')');
        return;
    }
    match &expr.kind {
        ExprKind::Text(value) => text.push_str(&quoted(value)),
        ExprKind::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
        ExprKind::Int(value) => text.push_str(&value.to_string()),
        ExprKind::Duration(ms) => text.push_str(&units::duration(*ms)),
        ExprKind::Size(bytes) => text.push_str(&units::size(*bytes)),
        ExprKind::Digest(word) | ExprKind::Name(word) => text.push_str(word),
        ExprKind::List(items) => listed(text, "[", items, "]", |text, item| write(text, item, 0)),
        ExprKind::Map(entries) => listed(text, "{", entries, "}", |text, (key, value)| {
            text.push_str(&if is_name(&key.value) {
                key.value.clone()
            } else {
                quoted(&key.value)
            });
            text.push_str(": ");
            write(text, value, 0);
        }),
        ExprKind::Field(record, field) => {
            // `true.x` would be a name.
            let is_word = matches!(record.kind, ExprKind::Bool(_));
            write(text, record, if is_word { u8::MAX } else { binding::FIELD });
            text.push('.');
            text.push_str(&field.value);
        }
        ExprKind::Call(call) => {
            text.push_str(
                &call
                    .path
                    .iter()
                    .map(|name| name.value.as_str())
                    .collect::<Vec<_>>()
                    .join("."),
            );
            listed(text, "(", &call.arguments, ")", argument);
        }
        ExprKind::AtStart(anchor) => {
            write(text, anchor, binding::FIELD);
            text.push_str(" at start");
        }
        ExprKind::Binary(operator, left, right) => infix(text, left, operator.word(), operator.binding(), right),
        ExprKind::Default(left, right) => infix(text, left, "default", binding::DEFAULT, right),
        ExprKind::Not(inner) => {
            text.push_str("not ");
            let is_not = matches!(inner.kind, ExprKind::Not(_));
            write(text, inner, if is_not { binding::NOT } else { binding::COMPARISON });
        }
        ExprKind::Is { subject, test, negated } => {
            write(text, subject, binding::COMPARISON + 1);
            text.push_str(if *negated { " is not " } else { " is " });
            text.push_str(test.word());
        }
    }
}

/// Operators are read from the left; comparisons do not chain.
fn infix(text: &mut String, left: &Expr, word: &str, tightness: u8, right: &Expr) {
    let chains = tightness != binding::COMPARISON;
    write(text, left, if chains { tightness } else { tightness + 1 });
    text.push(' ');
    text.push_str(word);
    text.push(' ');
    write(text, right, tightness + 1);
}

fn listed<T>(text: &mut String, open: &str, items: &[T], close: &str, one: impl Fn(&mut String, &T)) {
    text.push_str(open);
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            text.push_str(", ");
        }
        one(text, item);
    }
    text.push_str(close);
}

fn argument(text: &mut String, argument: &Argument) {
    if let Some(name) = &argument.name {
        text.push_str(&name.value);
        text.push_str(": ");
    }
    match &argument.value {
        ArgumentValue::Expr(value) => write(text, value, 0),
        ArgumentValue::Effects(effects) => declared(text, effects),
    }
}

/// Effects as they are declared in a call.
fn declared(text: &mut String, effects: &Effects) {
    if effects.words.is_empty() {
        text.push_str("nothing");
        return;
    }
    text.push('{');
    if effects.is_nothing {
        text.push_str(" nothing");
    }
    for word in &effects.words {
        text.push(' ');
        let said = match &word.kind {
            EffectWordKind::Effect { word, operand, second } => {
                let second = second.as_ref().map_or_else(String::new, |second| {
                    let joint = match word.value.as_str() {
                        "starts" => "with",
                        "captures" => "as",
                        _ => "to",
                    };
                    format!(" {joint} {}", expression(second))
                });
                format!("{} {}{second}", word.value, expression(operand))
            }
            EffectWordKind::Repeat(how) => format!("repeat {}", how.value),
            EffectWordKind::Settle(question) => format!("settle {}", expression(question)),
            EffectWordKind::Partial(whether) => format!("partial {}", whether.value),
            EffectWordKind::Cancel(how, None) => format!("cancel {}", how.value),
            EffectWordKind::Cancel(how, Some(grace)) => {
                format!("cancel {} {}", how.value, units::duration(grace.value))
            }
            EffectWordKind::Limit(limit) => format!("limit {}", units::duration(limit.value)),
            EffectWordKind::Traces(which) => format!("traces {}", which.value),
            EffectWordKind::Healthy(answer) => format!("healthy {}", expression(answer)),
        };
        text.push_str(&said);
    }
    text.push_str(" }");
}

fn binding_of(kind: &ExprKind) -> u8 {
    match kind {
        ExprKind::Binary(operator, ..) => operator.binding(),
        ExprKind::Not(_) => binding::NOT,
        ExprKind::Is { .. } => binding::COMPARISON,
        ExprKind::Default(..) => binding::DEFAULT,
        ExprKind::Field(..) | ExprKind::AtStart(_) => binding::FIELD,
        _ => u8::MAX - 1,
    }
}

fn is_name(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    text.bytes().next().is_some_and(is_letter) && text.bytes().all(|byte| is_letter(byte) || byte.is_ascii_digit())
}

/// The way back from a checked expression to a syntax tree, whose places are empty.
struct Unchecked<'a> {
    runbook: &'a Runbook,
    shown: Shown<'a>,
}

impl Unchecked<'_> {
    fn expr(&self, expr: &model::Expr) -> Expr {
        if let Some(text) = (self.shown)(expr) {
            return tree(ExprKind::Name(text));
        }
        let inner = |expr: &model::Expr| Box::new(self.expr(expr));
        let name = |name: &str| tree(ExprKind::Name(name.to_owned()));
        tree(match &expr.kind {
            model::ExprKind::Literal(value) => literal(value),
            model::ExprKind::List(items) => ExprKind::List(items.iter().map(|item| self.expr(item)).collect()),
            model::ExprKind::Map(entries) => ExprKind::Map(
                entries
                    .iter()
                    .map(|(key, value)| (word(key), self.expr(value)))
                    .collect(),
            ),
            model::ExprKind::Input(word)
            | model::ExprKind::Parameter(word)
            | model::ExprKind::Local(word)
            | model::ExprKind::Service(word)
            | model::ExprKind::State(word)
            | model::ExprKind::Anchor {
                name: word,
                at_start: false,
            } => ExprKind::Name(word.clone()),
            model::ExprKind::Anchor {
                name: anchor,
                at_start: true,
            } => ExprKind::AtStart(Box::new(name(anchor))),
            model::ExprKind::Binding(id) => {
                let bound = self.runbook.bindings.get(id.0 as usize);
                ExprKind::Name(bound.map_or_else(|| "value".to_owned(), |bound| bound.shown().to_owned()))
            }
            model::ExprKind::Resource(resource) => {
                let keys = resource.key.iter().map(|key| (None, self.expr(key)));
                called(resource.kind.word(), keys)
            }
            model::ExprKind::Field(subject, field) => ExprKind::Field(inner(subject), word(field)),
            model::ExprKind::Read(call) => return self.action(call),
            model::ExprKind::Question { name, arguments, .. } => {
                let question = self.runbook.questions.iter().find(|question| question.name == *name);
                let parameters = question.map_or(&[][..], |question| &question.parameters);
                self.asked(name, parameters, arguments)
            }
            model::ExprKind::Computed { function, arguments } => match function {
                model::Computation::Script(function) => self.asked(&function.name, &function.parameters, arguments),
                model::Computation::BuiltIn(function) => {
                    called(function.name(), arguments.iter().map(|value| (None, self.expr(value))))
                }
            },
            model::ExprKind::Binary(operator, left, right) => ExprKind::Binary(*operator, inner(left), inner(right)),
            model::ExprKind::Not(negated) => ExprKind::Not(inner(negated)),
            model::ExprKind::Is { subject, test, negated } => ExprKind::Is {
                subject: inner(subject),
                test: *test,
                negated: *negated,
            },
            model::ExprKind::Default(left, right) => ExprKind::Default(inner(left), inner(right)),
            model::ExprKind::Result(None) => ExprKind::Name("result".to_owned()),
            model::ExprKind::Result(Some(field)) => ExprKind::Field(Box::new(name("result")), word(field)),
        })
    }

    /// A call of a question or function: its first argument goes without its name.
    fn asked(&self, name: &str, parameters: &[(String, Type)], arguments: &[model::Expr]) -> ExprKind {
        let names = parameters.iter().skip(1).map(|(name, _)| Some(name.as_str()));
        let names = std::iter::once(None).chain(names).chain(std::iter::repeat(None));
        called(name, names.zip(arguments.iter().map(|value| self.expr(value))))
    }

    fn action(&self, call: &model::ActionCall) -> Expr {
        let arguments = call.arguments.iter().enumerate();
        tree(called(
            &call.action,
            arguments.map(|(at, (name, value))| ((at > 0).then_some(name.as_str()), self.expr(value))),
        ))
    }
}

fn tree(kind: ExprKind) -> Expr {
    let span = Span::default();
    Expr { kind, span }
}

fn word(text: &str) -> Name {
    Spanned::new(text.to_owned(), Span::default())
}

fn called<'n>(name: &str, arguments: impl Iterator<Item = (Option<&'n str>, Expr)>) -> ExprKind {
    let arguments = arguments.map(|(name, value)| Argument {
        name: name.map(word),
        value: ArgumentValue::Expr(value),
    });
    ExprKind::Call(Box::new(Call {
        path: vec![word(name)],
        arguments: arguments.collect(),
        span: Span::default(),
    }))
}

fn literal(literal: &Literal) -> ExprKind {
    match literal {
        Literal::Text(text)
        | Literal::Image(text)
        | Literal::Package(text)
        | Literal::Path(text)
        | Literal::Url(text)
        | Literal::Version(text)
        | Literal::Host(text) => ExprKind::Text(text.clone()),
        Literal::Digest(text) => ExprKind::Digest(text.clone()),
        Literal::Bool(value) => ExprKind::Bool(*value),
        Literal::Int(value) => ExprKind::Int(*value),
        Literal::Port(port) => ExprKind::Int(i64::from(*port)),
        Literal::Duration(ms) => ExprKind::Duration(*ms),
        Literal::Size(bytes) => ExprKind::Size(*bytes),
    }
}
