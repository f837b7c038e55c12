//! What a plain name stands for: a local name, a value of a step, an input, an anchor, a service, a state.

use crate::check::Checker;
use crate::check::scope::{Reach, Refinable, Scope, Values};
use crate::check::suggest::suggest;
use crate::diagnostic::{Diagnostic, Subject};
use crate::model::{Expr, ExprKind, Literal};
use crate::source::Span;
use crate::types::Type;

/// After so many findings no nearest name is looked for.
const SUGGESTIONS_MAX: usize = 50;

/// Stands where a mistake was told.
pub(crate) fn unknown(span: Span) -> Expr {
    Expr {
        kind: ExprKind::Literal(Literal::Bool(false)),
        ty: Type::Unknown,
        span,
    }
}

/// An expression from its parts.
pub(crate) fn typed(kind: ExprKind, ty: Type, span: Span) -> Expr {
    Expr { kind, ty, span }
}

impl Checker<'_> {
    /// The value that a name stands for where `wanted` is wanted.
    pub(crate) fn name(&mut self, scope: &Scope, name: &str, span: Span, wanted: Option<&Type>) -> Expr {
        let handle = matches!(wanted, Some(Type::Service | Type::State))
            .then(|| self.handle(scope, name, span, wanted))
            .flatten();
        if let Some(local) = scope.local(name) {
            let fits = wanted.is_none_or(|wanted| wanted.accepts(&local.expr.ty));
            if fits || handle.is_none() {
                let found = Expr {
                    span,
                    ..local.expr.clone()
                };
                return self.refined(scope, found);
            }
        }
        if let Some(handle) = handle {
            return handle;
        }
        if !scope.is_closed
            && let Some(found) = self.step_value(scope, name, span)
        {
            return self.refined(scope, found);
        }
        if scope.module == 0 {
            if let Some(found) = self.input(name, span) {
                return self.refined(scope, found);
            }
            if self.symbols[0].anchors.place(name).is_some() {
                return self.anchor_value(scope, name, span);
            }
        }
        if let Some(found) = self.handle(scope, name, span, wanted) {
            return found;
        }
        if let Some(folder) = self.symbols[scope.module].folder.filter(|_| name == "here") {
            let folder = Literal::Path(folder.to_owned());
            return typed(ExprKind::Literal(folder), Type::Path, span);
        }
        self.report_unknown_name(scope, name, span, wanted);
        unknown(span)
    }

    /// A service or protected state of the runbook.
    fn handle(&self, scope: &Scope, name: &str, span: Span, wanted: Option<&Type>) -> Option<Expr> {
        if scope.module != 0 {
            return None;
        }
        let service = self.symbols[0].services.place(name).map(|_| {
            let kind = ExprKind::Service(name.to_owned());
            typed(kind, Type::Service, span)
        });
        let state = self.symbols[0].states.place(name).map(|_| {
            let kind = ExprKind::State(name.to_owned());
            typed(kind, Type::State, span)
        });
        if matches!(wanted, Some(Type::State)) {
            state.or(service)
        } else {
            service.or(state)
        }
    }

    fn input(&mut self, name: &str, span: Span) -> Option<Expr> {
        // Inputs are checked in the order in which they are declared.
        let place = self.symbols[0].inputs.place(name)?;
        if let Some(input) = self.inputs.get(place) {
            let kind = ExprKind::Input(name.to_owned());
            return Some(typed(kind, input.ty.clone(), span));
        }
        let declared = self.symbols[0].inputs.list[place];
        if place == self.inputs.len() {
            let message = format!("the default of `{name}` asks for `{name}` itself");
            self.report(
                Diagnostic::error("value-not-available", span, message)
                    .help("use a fixed value, or an input that stands above it"),
            );
            return Some(unknown(span));
        }
        self.report(
            Diagnostic::error(
                "value-not-available",
                span,
                format!("the input `{name}` is declared further down"),
            )
            .related(declared.span, "declared here")
            .help("a default uses inputs that stand above it; move this one up"),
        );
        Some(unknown(span))
    }

    fn anchor_value(&mut self, scope: &Scope, name: &str, span: Span) -> Expr {
        if let Reach::Inputs(place) = scope.reach {
            let message = format!("`{name}` asks production, but {place} is fixed by the inputs alone");
            self.report(Diagnostic::error("value-not-available", span, message).help("use an input or a fixed value"));
            return unknown(span);
        }
        let ty = self.anchor_type(name, span);
        let kind = ExprKind::Anchor {
            name: name.to_owned(),
            at_start: false,
        };
        typed(kind, ty, span)
    }

    /// A value that a step binds, if the name is one; tells why it may not be there.
    fn step_value(&mut self, scope: &Scope, name: &str, span: Span) -> Option<Expr> {
        let home = self.values.get(name)?;
        let (step, bound, binding) = (home.step, home.span, home.binding);
        if let Some(why) = self.why_not_there(scope, name, step) {
            let message = format!("`{name}` may not have a value here");
            let mut finding = Diagnostic::error("value-not-available", span, message)
                .label("used here")
                .related(bound, "bound here")
                .help(why);
            if let Some(reason) = self.may_bind_nothing.get(&step) {
                finding = finding.related(reason.span, "because of this");
            }
            self.report(finding);
            return Some(unknown(span));
        }
        Some(match binding {
            Some(binding) => {
                let ty = self.bindings[binding.0 as usize].ty.clone();
                typed(ExprKind::Binding(binding), ty, span)
            }
            None => unknown(span),
        })
    }

    /// Why a value bound in a step is not surely there; `None` where it is.
    fn why_not_there(&mut self, scope: &Scope, name: &str, home: usize) -> Option<String> {
        let id = self.step_name(home).to_owned();
        let waiting: Vec<usize> = match &scope.values {
            Values::None(why) => return Some((*why).to_owned()),
            Values::Step(step) if *step == home => {
                return Some(format!("this stands before `{name}` is bound; move it below"));
            }
            Values::Step(step) => vec![*step],
            Values::Before(steps) => steps.clone(),
        };
        for step in waiting {
            if self.order.is_before(home, step) {
                continue;
            }
            let user = self.step_name(step).to_owned();
            let is_way_back = matches!(scope.values, Values::Before(_));
            return Some(match (is_way_back, home == step) {
                (true, true) => format!(
                    "it is bound in step `{id}` itself, which may fail before it comes to that; bind it in a step that is done before `{id}` starts"
                ),
                (true, false) => {
                    format!("it is bound in step `{id}`, which need not be done when step `{user}` starts")
                }
                (false, _) if self.order.is_before(step, home) => {
                    format!(
                        "it is bound in step `{id}`, which waits for step `{user}`; bind it in a step that comes earlier"
                    )
                }
                (false, _) => format!("it is bound in step `{id}`, for which step `{user}` does not wait"),
            });
        }
        let reason = self.may_bind_nothing.get(&home)?;
        Some(format!(
            "it is bound in step `{id}`, which {}; bind it in a step of its own",
            reason.because
        ))
    }

    /// The type with what earlier statements proved of it: `require x is pinned`.
    pub(crate) fn refined(&mut self, scope: &Scope, mut found: Expr) -> Expr {
        let refined = match found.ty {
            Type::Image { pinned: false } => Type::Image { pinned: true },
            Type::Package { pinned: false } => Type::Package { pinned: true },
            _ => return found,
        };
        let Some(key) = refinable(&found) else {
            return found;
        };
        let steps = self.pinned_by_steps.get(&key).cloned().unwrap_or_default();
        let is_pinned = scope.pinned.contains(&key)
            || steps.into_iter().any(|step| match &scope.values {
                Values::None(_) => false,
                Values::Step(here) => self.order.is_before(step, *here),
                Values::Before(list) => list.clone().into_iter().all(|here| self.order.is_before(step, here)),
            });
        if is_pinned {
            found.ty = refined;
        }
        found
    }

    fn report_unknown_name(&mut self, scope: &Scope, name: &str, span: Span, wanted: Option<&Type>) {
        let root = &self.symbols[0];
        let (what, subject) = match wanted {
            Some(Type::Service) => ("service", Subject::Other),
            Some(Type::State) => ("protected state", Subject::Other),
            _ => ("value", Subject::Value),
        };
        let mut known: Vec<String> = scope.local_names().map(str::to_owned).collect();
        if scope.module == 0 {
            known.extend(root.services.names().chain(root.states.names()).map(str::to_owned));
            known.extend(root.inputs.names().chain(root.anchors.names()).map(str::to_owned));
            if !scope.is_closed {
                known.extend(self.values.keys().cloned());
            }
        }
        let finding =
            Diagnostic::error("unknown-name", span, format!("there is no {what} `{name}` here")).about(subject);
        // Comparing with every name costs; whoever has so many mistakes mends the first ones first.
        let mut finding = if self.told < SUGGESTIONS_MAX {
            suggest(finding, span, name, known.iter().map(String::as_str), "name")
        } else {
            finding
        };
        if scope.is_closed && scope.module == 0 && self.values.contains_key(name) {
            finding = finding.help("a question or procedure does not see what a step binds; give it as an argument");
        }
        if self.symbols[scope.module].uses.contains_key(name) {
            finding = finding.help(format!(
                "`{name}` is a module: call one of its questions, `{name}.…(…)`"
            ));
        }
        self.report(finding);
    }
}

/// What a refinement can speak of, if this expression is such a thing.
pub(crate) fn refinable(expr: &Expr) -> Option<Refinable> {
    match &expr.kind {
        ExprKind::Input(name) => Some(Refinable::Input(name.clone())),
        ExprKind::Binding(binding) => Some(Refinable::Binding(*binding)),
        ExprKind::Anchor { name, at_start: true } => Some(Refinable::AnchorAtStart(name.clone())),
        ExprKind::Parameter(name) | ExprKind::Local(name) => Some(Refinable::Parameter(name.clone())),
        _ => None,
    }
}
