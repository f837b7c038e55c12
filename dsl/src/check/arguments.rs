//! Arguments meet parameters: names, types, what may be left out, where a secret may go.

use crate::ast::{self, ArgumentValue};
use crate::catalogue::{Parameter, Sink};
use crate::check::Checker;
use crate::check::callee::dotted;
use crate::check::expression::secret_exposed;
use crate::check::scope::Scope;
use crate::check::suggest::suggest;
use crate::check::types::is_unknown;
use crate::check::value::{typed, unknown};
use crate::diagnostic::{Diagnostic, listed};
use crate::model::{Expr, ExprKind, Literal};
use crate::types::Type;

/// One parameter of whatever is called.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) name: String,
    pub(crate) ty: Type,
    /// Whether it must be given.
    pub(crate) required: bool,
    /// Where its value goes.
    pub(crate) sink: Option<Sink>,
}

/// The arguments as written, one place for each parameter, and the declared effects.
pub(crate) struct Matched<'a> {
    /// In the order of the parameters.
    pub(crate) values: Vec<Option<&'a ast::Expr>>,
    /// `effects: { … }`.
    pub(crate) effects: Option<&'a ast::Effects>,
}

impl<'a> Checker<'a> {
    /// Puts each argument to its parameter; tells of what is unknown, missing or given twice.
    pub(crate) fn match_arguments(
        &mut self,
        call: &'a ast::Call,
        parameters: &[Wanted],
        declares: bool,
    ) -> Matched<'a> {
        let mut matched = Matched {
            values: vec![None; parameters.len()],
            effects: None,
        };
        for (position, argument) in call.arguments.iter().enumerate() {
            if let (ArgumentValue::Effects(effects), true) = (&argument.value, declares) {
                if matched.effects.replace(effects).is_some() {
                    self.error("duplicate-clause", effects.span, "the effects are declared twice");
                }
                continue;
            }
            let Some(value) = self.argument_expr(argument) else {
                continue;
            };
            let Some(place) = self.place_of(call, argument, value, position, parameters) else {
                continue;
            };
            if matched.values[place].replace(value).is_some() {
                let message = format!("the argument `{}` is given twice", parameters[place].name);
                self.error("duplicate-clause", value.span, message);
            }
        }
        // An argument that no parameter takes is most likely the one that is missing.
        let is_misnamed = call.arguments.iter().any(|argument| {
            let mut names = parameters.iter().map(|parameter| &parameter.name);
            argument
                .name
                .as_ref()
                .is_some_and(|name| !names.any(|known| *known == name.value))
                && matches!(argument.value, ArgumentValue::Expr(_))
        });
        let missing: Vec<String> = parameters
            .iter()
            .zip(&matched.values)
            .filter(|(parameter, value)| parameter.required && value.is_none())
            .map(|(parameter, _)| {
                format!(
                    "`{}`, {}",
                    parameter.name,
                    crate::check::types::with_article(&parameter.ty)
                )
            })
            .collect();
        if !missing.is_empty() && !is_misnamed {
            let message = format!("`{}` also needs {}", dotted(&call.path), listed(&missing, ", and "));
            let span = call.path.first().map_or(call.span, |first| first.span.to(call.span));
            self.error("missing-argument", span, message);
        }
        matched
    }

    /// Which parameter an argument is for. The first may go without its name; so may the next after a
    /// service or a state, and any that is a plain name which the parameter bears too.
    fn place_of(
        &mut self,
        call: &'a ast::Call,
        argument: &'a ast::Argument,
        value: &'a ast::Expr,
        position: usize,
        parameters: &[Wanted],
    ) -> Option<usize> {
        let callee = dotted(&call.path);
        if let Some(name) = &argument.name {
            let place = parameters.iter().position(|parameter| parameter.name == name.value);
            if place.is_none() {
                let message = format!("`{callee}` has no argument `{}`", name.value);
                let finding = Diagnostic::error("unknown-argument", name.span, message);
                let known = parameters.iter().map(|parameter| parameter.name.as_str());
                self.report(suggest(finding, name.span, &name.value, known, "argument"));
            }
            return place;
        }
        if position >= parameters.len() {
            let message = format!("`{callee}` takes {} and no more", count(parameters.len()));
            self.error("unknown-argument", value.span, message);
            return None;
        }
        let is_handle = matches!(parameters[0].ty, Type::Service | Type::State);
        let names_itself = matches!(&value.kind, ast::ExprKind::Name(name) if *name == parameters[position].name);
        if position == 0 || (position == 1 && is_handle) || names_itself {
            return Some(position);
        }
        let name = &parameters[position].name;
        let message = format!(
            "say which argument of `{callee}` this is: only the first goes without its name, and a value that is called as \
             the argument is"
        );
        let written = value.span;
        let start = crate::source::Span::new(written.source, written.start, written.start);
        self.report(Diagnostic::error("unknown-argument", written, message).suggest(
            format!("is it `{name}`?"),
            start,
            format!("{name}: "),
        ));
        Some(position)
    }

    /// Tells of a text that is none of those which a parameter takes; one that is worked out is looked at by the action.
    pub(crate) fn expect_choice(&mut self, value: &Expr, parameter: &Parameter) {
        if let ExprKind::Literal(Literal::Text(text)) = &value.kind
            && !parameter.choices.is_empty()
            && !parameter.choices.contains(&text.as_str())
        {
            let message = format!("`{}` is none of what `{}` takes", text, parameter.name);
            let choices: Vec<String> = parameter
                .choices
                .iter()
                .map(|choice| format!("`\"{choice}\"`"))
                .collect();
            let finding = Diagnostic::error("wrong-type", value.span, message);
            self.report(finding.help(format!("it takes {}", listed(&choices, " or "))));
        }
    }

    /// The value of an argument, by the type and the sink of its parameter.
    pub(crate) fn argument(&mut self, scope: &Scope, written: &'a ast::Expr, parameter: &Wanted) -> Expr {
        let place = format!("`{}`", parameter.name);
        match (parameter.sink, &parameter.ty) {
            (Some(Sink::Argv), Type::List(element)) if **element == Type::Text => self.argv(scope, written, &place),
            (Some(Sink::Setting), _) => {
                let found = self.expr(scope, written, Some(&parameter.ty));
                if found.ty == Type::Secret {
                    let exposed = secret_exposed(found.span, &place);
                    self.report(
                        exposed.help("what is set is shown in plans; a secret gets into a file by `fs.install`"),
                    );
                    return unknown(found.span);
                }
                self.canonical(found, &place, false)
            }
            (Some(sink), Type::Map(element)) if sink.takes_secrets() && **element == Type::Text => {
                self.environment(scope, written, &place)
            }
            (Some(sink), ty) if sink.takes_secrets() => {
                let found = self.expr(scope, written, Some(ty));
                if found.ty == Type::Secret {
                    return found;
                }
                self.expect_type(found, ty, &place)
            }
            (_, ty) => self.expect(scope, written, ty, &place),
        }
    }

    /// The command line of a process: anything that has one canonical text, never a secret.
    fn argv(&mut self, scope: &Scope, written: &'a ast::Expr, place: &str) -> Expr {
        let ast::ExprKind::List(elements) = &written.kind else {
            let found = self.expr(scope, written, None);
            return match &found.ty {
                Type::List(element) if has_canonical_text(element) => found,
                _ => self.expect_type(found, &Type::list(Type::Text), place),
            };
        };
        let program = elements.first().map(|first| &first.kind);
        if program.is_none_or(|program| matches!(program, ast::ExprKind::Text(name) if name.is_empty())) {
            self.error("wrong-type", written.span, "a command has at least the program's name");
        }
        let elements = elements
            .iter()
            .map(|element| {
                let found = self.expr(scope, element, None);
                self.canonical(found, "the command line", false)
            })
            .collect();
        typed(ExprKind::List(elements), Type::list(Type::Text), written.span)
    }

    /// The environment of a process, the headers of a request: the same, and secrets.
    fn environment(&mut self, scope: &Scope, written: &'a ast::Expr, place: &str) -> Expr {
        let ty = Type::Map(Box::new(Type::Text));
        let ast::ExprKind::Map(entries) = &written.kind else {
            return self.expect(scope, written, &ty, place);
        };
        let mut found: Vec<(String, Expr)> = Vec::with_capacity(entries.len());
        self.refuse_second_keys(entries);
        for (key, value) in entries {
            let value = self.expr(scope, value, None);
            let value = self.canonical(value, &format!("`{}`", key.value), true);
            found.push((key.value.clone(), value));
        }
        typed(ExprKind::Map(found), ty, written.span)
    }

    fn canonical(&mut self, found: Expr, place: &str, takes_secrets: bool) -> Expr {
        if is_unknown(&found.ty) || has_canonical_text(&found.ty) || (takes_secrets && found.ty == Type::Secret) {
            return found;
        }
        if found.ty == Type::Secret {
            self.report(
                secret_exposed(found.span, place)
                    .help("everybody on the machine can read the command line of a process"),
            );
            return unknown(found.span);
        }
        self.expect_type(found, &Type::Text, place)
    }
}

/// Whether a process can be given a value of this type: it has one canonical text.
fn has_canonical_text(ty: &Type) -> bool {
    matches!(
        ty,
        Type::Text
            | Type::Path
            | Type::Url
            | Type::Host
            | Type::Port
            | Type::Int
            | Type::Image { .. }
            | Type::Package { .. }
            | Type::Version
    )
}

fn count(number: usize) -> String {
    match number {
        0 => "no arguments".to_owned(),
        1 => "one argument".to_owned(),
        more => format!("{more} arguments"),
    }
}
