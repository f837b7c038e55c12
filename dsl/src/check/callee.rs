//! What a call calls: a question, a procedure, an action of the catalogue, or the name of a resource.

use crate::ast;
use crate::built_in::{self, BuiltIn, Row};
use crate::catalogue::Signature;
use crate::check::Checker;
use crate::check::scope::{Reach, Scope};
use crate::check::suggest::suggest;
use crate::check::value::{typed, unknown};
use crate::diagnostic::Diagnostic;
use crate::effect::ResourceKind;
use crate::model::{Expr, ExprKind};
use crate::source::Span;
use crate::suggest::closest;
use crate::types::Type;

/// What a path before a parenthesis names. Numbers are the file, and the place in its list.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Callee<'a> {
    /// A question of the text.
    Question(usize, usize),
    /// A procedure of the text.
    Procedure(usize, usize),
    /// A function of the text.
    Function(usize, usize),
    /// A function of the language.
    BuiltIn(&'static Row),
    /// An action of the catalogue, reads included.
    Action(&'a Signature),
    /// `tree(p)`, `key(file, "NAME")`.
    Resource(ResourceKind),
    /// Nothing; it was told.
    Unknown,
}

/// `a.b`.
pub(crate) fn dotted(path: &[ast::Name]) -> String {
    let parts: Vec<&str> = path.iter().map(|part| part.value.as_str()).collect();
    parts.join(".")
}

impl<'a> Checker<'a> {
    /// What a call calls.
    pub(crate) fn callee(&mut self, module: usize, path: &'a [ast::Name], span: Span) -> Callee<'a> {
        match path {
            [name] => self.plain_callee(module, name),
            [family, name] => match self.symbols[module].uses.get(family.value.as_str()).copied() {
                Some(owner) => self.module_callee(owner, family, name),
                None if self.symbols[module].missing.contains(&family.value) => Callee::Unknown,
                None => self.action_callee(module, family, name),
            },
            _ => {
                let message = format!("there is nothing called `{}`", dotted(path));
                let finding = Diagnostic::error("unknown-action", span, message);
                self.report(finding.help("a call is written `name(…)`, `module.name(…)` or `family.action(…)`"));
                Callee::Unknown
            }
        }
    }

    fn declared_callee(&self, owner: usize, name: &ast::Name) -> Option<Callee<'a>> {
        let symbols = &self.symbols[owner];
        if let Some(place) = symbols.questions.place(&name.value) {
            return Some(Callee::Question(owner, place));
        }
        if let Some(place) = symbols.procedures.place(&name.value) {
            return Some(Callee::Procedure(owner, place));
        }
        let function = symbols.functions.place(&name.value);
        function.map(|place| Callee::Function(owner, place))
    }

    fn plain_callee(&mut self, module: usize, name: &'a ast::Name) -> Callee<'a> {
        // Whatever a text declares: this word always means the same.
        if name.value == "text" {
            return Callee::BuiltIn(BuiltIn::Text.row());
        }
        if let Some(found) = self.declared_callee(module, name) {
            return found;
        }
        if let Some(kind) = ResourceKind::from_word(&name.value) {
            return Callee::Resource(kind);
        }
        if let Some(row) = built_in::named(&name.value) {
            return Callee::BuiltIn(row);
        }
        let symbols = &self.symbols[module];
        let built_in = built_in::ALL.iter().map(|row| row.name);
        let known = symbols.callables().into_iter().chain(built_in);
        let message = format!("there is no question, procedure or function `{}` here", name.value);
        let finding = Diagnostic::error("unknown-name", name.span, message);
        let mut finding = suggest(
            finding,
            name.span,
            &name.value,
            known,
            "question, procedure or function",
        );
        let action = self.catalogue.iter().find(|action| action.name == name.value);
        if let Some(action) = action {
            finding = finding.help(format!("the catalogue has `{}`", action.full_name()));
        }
        self.report(finding);
        Callee::Unknown
    }

    fn module_callee(&mut self, owner: usize, family: &ast::Name, name: &'a ast::Name) -> Callee<'a> {
        if let Some(found) = self.declared_callee(owner, name) {
            return found;
        }
        let symbols = &self.symbols[owner];
        let known = symbols.callables();
        let message = format!(
            "the module `{}` has no question, procedure or function `{}`",
            family.value, name.value
        );
        let finding = Diagnostic::error("unknown-action", name.span, message);
        self.report(suggest(
            finding,
            name.span,
            &name.value,
            known,
            "question, procedure or function",
        ));
        Callee::Unknown
    }

    fn action_callee(&mut self, module: usize, family: &'a ast::Name, name: &'a ast::Name) -> Callee<'a> {
        let catalogue = self.catalogue;
        let full_name = format!("{}.{}", family.value, name.value);
        if let Some(signature) = catalogue.get(&full_name) {
            return Callee::Action(signature);
        }
        if let Some(row) = built_in::named(&full_name) {
            return Callee::BuiltIn(row);
        }
        if built_in::is_family(&family.value) {
            let message = format!("there is no function `{full_name}`");
            let finding = Diagnostic::error("unknown-action", family.span.to(name.span), message);
            let known = built_in::ALL
                .iter()
                .filter_map(|row| row.name.strip_prefix(family.value.as_str())?.strip_prefix('.'));
            self.report(suggest(finding, name.span, &name.value, known, "function"));
            return Callee::Unknown;
        }
        let in_family: Vec<&str> = catalogue
            .iter()
            .filter(|action| action.family == family.value)
            .map(|action| action.name)
            .collect();
        if !in_family.is_empty() {
            let message = format!("there is no action `{full_name}`");
            let finding = Diagnostic::error("unknown-action", family.span.to(name.span), message);
            let what = format!("action in `{}`", family.value);
            self.report(suggest(finding, name.span, &name.value, in_family, &what));
            return Callee::Unknown;
        }
        let uses = self.symbols[module].uses.keys().copied();
        let known: Vec<&str> = catalogue.iter().map(|action| action.family).chain(uses).collect();
        let message = format!("there is no module or family of actions `{}`", family.value);
        let mut finding = Diagnostic::error("unknown-action", family.span, message);
        if let Some(near) = closest(&family.value, known) {
            finding = finding.suggest(format!("did you mean `{near}`?"), family.span, near);
        } else {
            finding = finding.help("`backstay actions` lists what there is; a module is brought in by `use`");
        }
        self.report(finding);
        Callee::Unknown
    }

    /// A call where a value is wanted.
    pub(crate) fn call(&mut self, scope: &Scope, call: &'a ast::Call, span: Span) -> Expr {
        match self.callee(scope.module, &call.path, span) {
            Callee::Question(owner, place) => self.question_call(scope, owner, place, call),
            Callee::Function(owner, place) => self.function_call(scope, owner, place, call),
            Callee::BuiltIn(row) => self.built_in_call(scope, row, call, span),
            Callee::Action(signature) if signature.is_read() => self.read_call(scope, signature, call),
            Callee::Resource(kind) => match self.resource_call(scope, kind, call) {
                Some(resource) => typed(ExprKind::Resource(Box::new(resource)), Type::Resource, span),
                None => unknown(span),
            },
            Callee::Action(_) | Callee::Procedure(..) => {
                let name = dotted(&call.path);
                let message = format!("`{name}` does something and has no value to be asked for");
                let finding = Diagnostic::error("misplaced-statement", span, message);
                self.report(finding.help(format!("perform it in a statement of its own: `do {name}(…)`")));
                unknown(span)
            }
            Callee::Unknown => {
                self.visit_arguments(scope, call);
                unknown(span)
            }
        }
    }

    /// Looks at the arguments of a call that is unknown, so that mistakes in them are told at once too.
    pub(crate) fn visit_arguments(&mut self, scope: &Scope, call: &'a ast::Call) {
        for argument in &call.arguments {
            if let ast::ArgumentValue::Expr(value) = &argument.value
                && !matches!(value.kind, ast::ExprKind::List(_) | ast::ExprKind::Map(_))
            {
                self.expr(scope, value, None);
            }
        }
    }

    /// Tells of a question to production where only inputs are known.
    pub(crate) fn refuse_asking(&mut self, scope: &Scope, span: Span) -> bool {
        let Reach::Inputs(place) = scope.reach else {
            return false;
        };
        let message = format!("this asks production, but {place} is fixed by the inputs alone");
        self.report(Diagnostic::error("value-not-available", span, message).help("use an input or a fixed value"));
        true
    }
}
