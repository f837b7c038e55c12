//! From expressions to terms: what a runbook calls a resource, in normal form.
//!
//! Looked through: names bound by `let` to a pure expression, questions that only give one back, and
//! path joins. Everything else is known by its place.

use std::collections::BTreeMap;

use crate::built_in::BuiltIn;
use crate::effect::{Effect, Part, Resource, ResourceKind};
use crate::model::{BinaryOperator, BindingId, Computation, Expr, ExprKind, Literal, Question, StatementKind};
use crate::program::Program;
use crate::source::Span;
use crate::term::{Term, in_full, key_term};
use crate::types::Type;
use crate::walk::{self, Asking};

/// How deep names and questions are looked through; below this a value is known by its place.
pub(super) const DEPTH_MAX: usize = 16;

/// What is needed to bring the expressions of one runbook into normal form.
#[derive(Debug, Default)]
pub struct Normal<'a> {
    lets: BTreeMap<BindingId, &'a Expr>,
    questions: BTreeMap<&'a str, &'a Question>,
    /// Inputs whose values are known.
    inputs: BTreeMap<String, Term>,
}

/// What stands for the names around an expression.
#[derive(Default)]
pub(super) struct Around {
    /// The name that the result of the call is bound to, where the expression speaks of it.
    result: Option<BindingId>,
    /// Terms for the parameters and names of a question.
    names: BTreeMap<String, Term>,
    /// The machine on which the question around it is asked, where that is another one.
    host: Option<Expr>,
    depth: usize,
}

impl<'a> Normal<'a> {
    /// Everything that this runbook binds by `let`, and its questions.
    pub fn new(program: &'a Program) -> Self {
        let mut normal = Self {
            lets: BTreeMap::new(),
            questions: program
                .runbook()
                .questions
                .iter()
                .map(|question| (question.name.as_str(), question))
                .collect(),
            inputs: BTreeMap::new(),
        };
        for (_, statement) in program.statements() {
            if let StatementKind::Let { binding, value } = &statement.kind {
                normal.lets.insert(*binding, value);
            }
        }
        normal
    }

    /// The same where these inputs have these values.
    pub fn with_inputs(self, inputs: BTreeMap<String, Term>) -> Self {
        Self { inputs, ..self }
    }

    /// An effect of a call over terms; `result` is the name that the call's result is bound to.
    pub fn effect(&self, effect: &Effect<Expr>, result: Option<BindingId>) -> Effect<Term> {
        let around = Around {
            result,
            ..Around::default()
        };
        effect.map_resources(&mut |resource| self.look(resource, &around), &mut |value| {
            self.term(value, &around)
        })
    }

    /// A resource over terms, outside of any call.
    pub fn resource(&self, resource: &Resource<Expr>) -> Resource<Term> {
        self.look(resource, &Around::default())
    }

    /// The normal form of a value.
    pub fn value(&self, value: &Expr) -> Term {
        self.term(value, &Around::default())
    }

    /// A resource whose one key is a resource itself (a parameter of that type) is that resource.
    pub(super) fn look(&self, resource: &Resource<Expr>, around: &Around) -> Resource<Term> {
        if let [only] = resource.key.as_slice()
            && let Some(inner) = self.inner_resource(only, around)
        {
            return inner;
        }
        let resource = resource.placed(around.host.as_ref());
        in_full(resource.map_parts(&mut |part, key| self.key(resource.kind, part, key, around)))
    }

    fn inner_resource(&self, expr: &Expr, around: &Around) -> Option<Resource<Term>> {
        if around.depth >= DEPTH_MAX {
            return None;
        }
        match &expr.kind {
            ExprKind::Resource(resource) => Some(self.look(resource, around)),
            ExprKind::Binding(binding) => {
                let value = self.lets.get(binding)?;
                self.inner_resource(value, &around.deeper(BTreeMap::new()))
            }
            ExprKind::Question { .. } => {
                let asking = self.asking(expr)?;
                self.inner_resource(&asking.question.give, &self.names_of(asking, around))
            }
            ExprKind::Service(name) => Some(in_full(Resource::new(ResourceKind::Service, Term::text(name)))),
            ExprKind::State(name) => Some(Resource::new(ResourceKind::State, Term::text(name))),
            _ => None,
        }
    }

    /// A key of a resource: a known text is read as what that kind of key is.
    fn key(&self, kind: ResourceKind, part: Part, expr: &Expr, around: &Around) -> Term {
        match self.term(expr, around) {
            Term::Text(text) if !matches!(text.as_str(), "/" | "~" | ".") => key_term(kind, part, &text),
            term => term,
        }
    }

    fn term(&self, expr: &Expr, around: &Around) -> Term {
        if around.depth >= DEPTH_MAX {
            return Term::Opaque(expr.span, Vec::new());
        }
        let made_of = |parts| Term::Opaque(expr.span, parts);
        let opaque = || {
            let parts = walk::children(expr).into_iter();
            made_of(parts.map(|part| self.term(part, around)).collect())
        };
        match &expr.kind {
            ExprKind::Literal(literal) => known(literal),
            ExprKind::Input(name) => {
                let value = self.inputs.get(name).cloned();
                value.unwrap_or_else(|| Term::Input(name.clone()))
            }
            ExprKind::Service(name) | ExprKind::State(name) => Term::text(name),
            ExprKind::Binding(binding) => self.bound(*binding, around),
            ExprKind::Parameter(name) => match around.names.get(name) {
                Some(term) => term.clone(),
                None => Term::Parameter(name.clone()),
            },
            ExprKind::Local(name) => around.names.get(name).cloned().unwrap_or_else(opaque),
            ExprKind::Anchor { name, at_start: true } => Term::AnchorAtStart(name.clone()),
            ExprKind::Field(base, field) => match self.term(base, around) {
                base @ Term::Opaque(..) => made_of(vec![base, Term::text(field)]),
                term => Term::Field(Box::new(term), field.clone()),
            },
            ExprKind::Binary(BinaryOperator::Divide, base, segment) if matches!(base.ty, Type::Path | Type::Url) => {
                self.term(base, around).join(vec![self.term(segment, around)])
            }
            ExprKind::Binary(BinaryOperator::Add, one, other) => {
                match (self.term(one, around), self.term(other, around)) {
                    (Term::Text(one), Term::Text(other)) => Term::Text(one + other.as_str()),
                    // Wherever they are joined.
                    (one, other) => Term::Opaque(Span::default(), vec![one, other]),
                }
            }
            ExprKind::Question { .. } => match self.asking(expr) {
                Some(asking) => {
                    let inner = self.names_of(asking, around);
                    match self.term(&asking.question.give, &inner) {
                        Term::Opaque(..) => made_of(inner.names.into_values().collect()),
                        term => term,
                    }
                }
                None => opaque(),
            },
            ExprKind::Computed { function, arguments } => {
                let terms = arguments.iter().map(|argument| self.term(argument, around));
                computed(function, arguments, terms)
            }
            ExprKind::Result(field) => match (around.result, field) {
                (Some(binding), None) => Term::Binding(binding),
                (Some(binding), Some(field)) => Term::Field(Box::new(Term::Binding(binding)), field.clone()),
                (None, _) => opaque(),
            },
            _ => opaque(),
        }
    }

    fn bound(&self, binding: BindingId, around: &Around) -> Term {
        let Some(value) = self.lets.get(&binding) else {
            return Term::Binding(binding);
        };
        match self.term(value, &around.deeper(BTreeMap::new())) {
            Term::Opaque(..) => Term::Binding(binding),
            term => term,
        }
    }

    /// What an expression asks of a question of the text; `None` where it asks none.
    pub(super) fn asking<'e>(&self, expr: &'e Expr) -> Option<Asking<'e>>
    where
        'a: 'e,
    {
        let ExprKind::Question { name, arguments, host } = &expr.kind else {
            return None;
        };
        let question = self.questions.get(name.as_str())?;
        let host = host.as_deref();
        Some(Asking {
            question,
            arguments,
            host,
        })
    }

    pub(super) fn names_of(&self, asking: Asking<'_>, around: &Around) -> Around {
        let question = asking.question;
        let parameters = question.parameters.iter().map(|(name, _)| name.clone());
        let values = asking.arguments.iter().map(|argument| self.term(argument, around));
        let mut inner = around.deeper(parameters.zip(values).collect());
        inner.host = asking.host.cloned().or(inner.host);
        for (name, value) in &question.lets {
            let term = self.term(value, &inner);
            inner.names.insert(name.clone(), term);
        }
        inner
    }
}

impl Around {
    fn deeper(&self, names: BTreeMap<String, Term>) -> Self {
        Self {
            result: self.result,
            host: self.host.clone(),
            names,
            depth: self.depth + 1,
        }
    }
}

/// What a function gives: the same wherever it is called with the same.
fn computed(function: &Computation, written: &[Expr], mut arguments: impl Iterator<Item = Term>) -> Term {
    match function {
        // The term of these is their text.
        Computation::BuiltIn(BuiltIn::Text)
            if written
                .iter()
                .all(|one| matches!(one.ty, Type::Host | Type::Port | Type::Int)) =>
        {
            arguments.next().unwrap_or(Term::Text(String::new()))
        }
        Computation::Script(function) => Term::Opaque(function.span, arguments.collect()),
        // Its name at both ends: no two texts that are joined look like that.
        Computation::BuiltIn(function) => {
            let name = || std::iter::once(Term::text(function.name()));
            Term::Opaque(Span::default(), name().chain(arguments).chain(name()).collect())
        }
    }
}

/// A known value as it is written canonically.
fn known(literal: &Literal) -> Term {
    match literal {
        Literal::Path(path) => Term::path(path),
        Literal::Url(url) => Term::url(url),
        Literal::Text(text)
        | Literal::Digest(text)
        | Literal::Image(text)
        | Literal::Package(text)
        | Literal::Version(text)
        | Literal::Host(text) => Term::text(text),
        Literal::Bool(value) => Term::text(value.to_string()),
        Literal::Int(value) => Term::text(value.to_string()),
        Literal::Duration(ms) => Term::text(ms.to_string()),
        Literal::Size(bytes) => Term::text(bytes.to_string()),
        Literal::Port(port) => Term::text(port.to_string()),
    }
}
