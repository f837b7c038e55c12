//! Questions of the text: each is checked once, whoever asks it, and asked with its arguments.

use std::collections::BTreeMap;

use crate::ast::{self, StatementKind};
use crate::check::Checker;
use crate::check::arguments::Wanted;
use crate::check::links::Node;
use crate::check::scope::Scope;
use crate::check::types::{assignable, is_unknown, with_article};
use crate::check::value::{typed, unknown};
use crate::diagnostic::{Diagnostic, listed};
use crate::model::{self, Expr, ExprKind};
use crate::types::Type;

/// The largest expression, in parts, that a question of a resource may be worked out to while it is checked.
const REDUCED_MAX: usize = 256;

impl<'a> Checker<'a> {
    /// Checks every question of every file.
    pub(crate) fn check_questions(&mut self) {
        for module in 0..self.symbols.len() {
            for place in 0..self.symbols[module].questions.list.len() {
                let question = self.question(module, place);
                self.questions.insert((module, place), question);
            }
        }
    }

    /// Its name as the runbook knows it.
    pub(crate) fn question_name(&self, module: usize, place: usize) -> String {
        let symbols = &self.symbols[module];
        format!("{}{}", symbols.prefix, symbols.questions.list[place].item.name.value)
    }

    fn question(&mut self, module: usize, place: usize) -> model::Question {
        let declared = self.symbols[module].questions.list[place].item;
        let node = Node::Question(module, place);
        let name = self.question_name(module, place);
        self.links.name_question(&name, node.clone());
        let before = self.links.enter(node);
        let mut scope = Scope::body(module);
        let parameters = self.bind_parameters(&mut scope, &declared.parameters);
        let mut result = self.resolve_type(module, &declared.result);
        if cannot_be_given(&result) {
            let message = format!("a question cannot give {}", with_article(&result));
            self.error("wrong-type", declared.result.span, message);
            result = Type::Unknown;
        }
        let (lets, give) = self.question_body(&mut scope, declared, &result);
        self.links.leave(before);
        model::Question {
            name,
            parameters,
            result,
            lets,
            give,
            span: declared.name.span,
        }
    }

    fn question_body(
        &mut self,
        scope: &mut Scope,
        declared: &'a ast::Question,
        result: &Type,
    ) -> (Vec<(String, Expr)>, Expr) {
        let mut lets = Vec::new();
        let mut give: Option<Expr> = None;
        for statement in &declared.body {
            if give.is_some() {
                let message = "nothing can follow `give`";
                self.error("misplaced-statement", statement.span, message);
            }
            match &statement.kind {
                StatementKind::Let { name, value } => {
                    let value = self.expr(scope, value, None);
                    let value = self.expect_value(value);
                    if let Some(known) = scope.local(&name.value) {
                        let finding = crate::check::names::duplicate(&name.value, "name", known.span, name.span);
                        self.report(finding);
                    }
                    let local = typed(ExprKind::Local(name.value.clone()), value.ty.clone(), name.span);
                    scope.bind(&name.value, local, name.span);
                    lets.push((name.value.clone(), value));
                }
                StatementKind::Give(value) => give = Some(self.give(scope, value, result)),
                _ => {
                    let message = "a question only reads: it holds `let` and, last, `give`";
                    let finding = Diagnostic::error("misplaced-statement", statement.span, message);
                    self.report(finding.help("what acts or checks is a `procedure`"));
                }
            }
        }
        let give = give.unwrap_or_else(|| {
            let message = format!("the question `{}` gives nothing", declared.name.value);
            let finding = Diagnostic::error("missing-clause", declared.name.span, message);
            self.report(finding.help("end it with `give …`"));
            unknown(declared.name.span)
        });
        (lets, give)
    }

    /// What a question gives: a value of its type, or text that is read as one.
    fn give(&mut self, scope: &Scope, written: &'a ast::Expr, result: &Type) -> Expr {
        let found = self.expr(scope, written, Some(result));
        if found.ty == Type::Text && is_read_from_text(result) {
            return found;
        }
        if !is_unknown(&found.ty) && assignable(result, &found.ty) {
            return found;
        }
        self.expect_type(found, result, "`give`")
    }

    /// Refuses a name for what is no value that can be kept.
    pub(crate) fn expect_value(&mut self, found: Expr) -> Expr {
        let message = match found.ty {
            Type::Secret => {
                self.report(crate::check::expression::secret_exposed(
                    found.span,
                    "a name bound by `let`",
                ));
                return unknown(found.span);
            }
            Type::Nothing => "this gives no value that could have a name",
            _ => return found,
        };
        self.error("wrong-type", found.span, message);
        unknown(found.span)
    }

    /// Makes the parameters of a question or procedure known in its body.
    pub(crate) fn bind_parameters(
        &mut self,
        scope: &mut Scope,
        parameters: &'a [ast::Parameter],
    ) -> Vec<(String, Type)> {
        let mut found = Vec::with_capacity(parameters.len());
        for parameter in parameters {
            let name = &parameter.name.value;
            if let Some(known) = scope.local(name) {
                let finding = crate::check::names::duplicate(name, "parameter", known.span, parameter.name.span);
                self.report(finding);
            }
            let ty = self.resolve_type(scope.module, &parameter.ty);
            if let Some(default) = &parameter.default {
                self.parameter_default(scope.module, default, &ty);
            }
            let local = typed(ExprKind::Parameter(name.clone()), ty.clone(), parameter.name.span);
            scope.bind(name, local, parameter.name.span);
            found.push((name.clone(), ty));
        }
        found
    }

    /// The default of a parameter: fixed values only.
    pub(crate) fn parameter_default(&mut self, module: usize, written: &'a ast::Expr, ty: &Type) -> Expr {
        let scope = Scope::fixed(module, "the default of a parameter");
        self.expect(&scope, written, ty, "this parameter")
    }

    /// The parameters of a question or procedure, as a call sees them.
    pub(crate) fn wanted(&mut self, module: usize, parameters: &'a [ast::Parameter]) -> Vec<Wanted> {
        parameters
            .iter()
            .map(|parameter| Wanted {
                name: parameter.name.value.clone(),
                ty: self.resolve_type(module, &parameter.ty),
                required: parameter.default.is_none(),
                sink: None,
            })
            .collect()
    }

    /// The arguments of a question or procedure, defaults filled in, in the order of the parameters.
    pub(crate) fn bound_arguments(
        &mut self,
        scope: &Scope,
        module: usize,
        parameters: &'a [ast::Parameter],
        call: &'a ast::Call,
    ) -> Vec<Expr> {
        let wanted = self.wanted(module, parameters);
        let matched = self.match_arguments(call, &wanted, false);
        let mut found = Vec::with_capacity(parameters.len());
        for ((parameter, wanted), value) in parameters.iter().zip(&wanted).zip(matched.values) {
            found.push(match (value, &parameter.default) {
                (Some(value), _) => self.argument(scope, value, wanted),
                (None, Some(default)) => self.parameter_default(module, default, &wanted.ty),
                (None, None) => unknown(call.span),
            });
        }
        found
    }

    /// A question that is asked.
    pub(crate) fn question_call(&mut self, scope: &Scope, module: usize, place: usize, call: &'a ast::Call) -> Expr {
        let declared = self.symbols[module].questions.list[place].item;
        let result = self.resolve_type(module, &declared.result);
        if result != Type::Resource && self.refuse_asking(scope, call.span) {
            return unknown(call.span);
        }
        let arguments = self.bound_arguments(scope, module, &declared.parameters, call);
        if cannot_be_given(&result) {
            return unknown(call.span);
        }
        self.links.uses(Node::Question(module, place), call.span);
        let parameters = declared.parameters.iter().map(|parameter| parameter.name.value.clone());
        self.asks_with(scope, Node::Question(module, place), parameters, &arguments);
        let name = self.question_name(module, place);
        if result == Type::Resource
            && let Some(resource) = self.reduced(module, place, &arguments)
        {
            let kind = match resource.kind {
                ExprKind::Resource(named) => {
                    ExprKind::Resource(Box::new(named.placed(scope.host.as_ref()).into_owned()))
                }
                other => other,
            };
            return Expr {
                span: call.span,
                kind,
                ..resource
            };
        }
        let host = scope.host.clone().map(Box::new);
        typed(ExprKind::Question { name, arguments, host }, result, call.span)
    }

    /// A question that only names a resource, with its arguments put in: the resource itself.
    fn reduced(&mut self, module: usize, place: usize, arguments: &[Expr]) -> Option<Expr> {
        let question = self.questions.get(&(module, place))?;
        let mut names: BTreeMap<String, Expr> = question
            .parameters
            .iter()
            .map(|(name, _)| name.clone())
            .zip(arguments.iter().cloned())
            .collect();
        for (name, value) in &question.lets {
            let value = crate::check::pure::substitute(value, &names);
            if crate::walk::deep(&value).len() > REDUCED_MAX {
                return None;
            }
            names.insert(name.clone(), value);
        }
        let give = crate::check::pure::substitute(&question.give, &names);
        (crate::walk::deep(&give).len() <= REDUCED_MAX && crate::check::pure::is_pure(&give)).then_some(give)
    }

    /// The questions that the runbook uses, by name.
    pub(crate) fn used_questions(&mut self) -> Vec<model::Question> {
        let used = self.links.all_used();
        let mut found: Vec<model::Question> = std::mem::take(&mut self.questions)
            .into_iter()
            .filter(|((module, place), _)| used.contains(&Node::Question(*module, *place)))
            .map(|(_, question)| question)
            .collect();
        found.sort_by(|left, right| left.name.cmp(&right.name));
        found
    }

    /// Tells of questions, anchors and procedures that come back to themselves.
    pub(crate) fn refuse_recursion(&mut self) {
        for cycle in self.links.close() {
            let names: Vec<String> = cycle.iter().map(|(node, _)| self.node_name(node)).collect();
            let (Some((_, span)), Some(first)) = (cycle.first(), names.first()) else {
                continue;
            };
            let message = format!("{first} comes back to itself: {} → {first}", listed(&names, " → "));
            let mut finding = Diagnostic::error("recursion", *span, message);
            for ((_, span), name) in cycle.iter().zip(&names).skip(1) {
                finding = finding.related(*span, format!("called in {name}"));
            }
            self.report(finding.help("a runbook has a known end; take one of these calls out"));
        }
        for (_, anchor) in self.anchors.clone() {
            if let Some(anchor) = anchor {
                self.refuse_traces(&anchor.value, "an anchor");
            }
        }
    }

    fn node_name(&self, node: &Node) -> String {
        match node {
            Node::Question(module, place) => format!("`{}`", self.question_name(*module, *place)),
            Node::Procedure(module, place) => {
                let symbols = &self.symbols[*module];
                format!(
                    "`{}{}`",
                    symbols.prefix, symbols.procedures.list[*place].item.name.value
                )
            }
            Node::Anchor(name) => format!("the anchor `{name}`"),
            Node::Well => "`is well`".to_owned(),
        }
    }
}

/// Whether text that is given is read as a value of this type.
fn is_read_from_text(ty: &Type) -> bool {
    match ty {
        Type::Optional(inner) => is_read_from_text(inner),
        Type::Bool
        | Type::Int
        | Type::Duration
        | Type::Size
        | Type::Image { .. }
        | Type::Package { .. }
        | Type::Path
        | Type::Url
        | Type::Digest
        | Type::Port
        | Type::Host
        | Type::Version => true,
        _ => false,
    }
}

/// Whether this is no answer: that was told where the question says so.
fn cannot_be_given(ty: &Type) -> bool {
    matches!(ty, Type::Secret | Type::Service | Type::State | Type::Backup)
}
