//! Calls of the catalogue: reads in expressions, actions in `do`.

use std::sync::Arc;

use crate::ast;
use crate::catalogue::Signature;
use crate::check::Checker;
use crate::check::arguments::Wanted;
use crate::check::block::{BodyKind, Builder};
use crate::check::callee::{Callee, dotted};
use crate::check::pure::is_pure;
use crate::check::scope::Scope;
use crate::check::types::is_unknown;
use crate::check::value::{typed, unknown};
use crate::diagnostic::Diagnostic;
use crate::effect::Effect;
use crate::model::{ActionCall, BindingId, Do, Expr, ExprKind, Retry, StatementKind};
use crate::source::Span;
use crate::types::Type;

/// A `do` as written, wherever it stands; a hold's `take` is one too.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DoParts<'a> {
    pub(crate) title: Option<&'a ast::Text>,
    pub(crate) call: &'a ast::Call,
    pub(crate) within_ms: Option<u64>,
    pub(crate) name: Option<&'a ast::Name>,
    pub(crate) live: Option<&'a ast::Text>,
    pub(crate) undo: Option<&'a ast::Undo>,
    pub(crate) span: Span,
}

impl<'a> DoParts<'a> {
    /// The parts of a statement.
    pub(crate) fn of(written: &'a ast::Do, span: Span) -> Self {
        Self {
            title: written.title.as_ref(),
            call: &written.call,
            within_ms: written.within.as_ref().map(|within| within.value),
            name: written.name.as_ref(),
            live: written.live.as_ref(),
            undo: written.undo.as_ref(),
            span,
        }
    }
}

impl<'a> Checker<'a> {
    /// A read of the catalogue, as a value.
    pub(crate) fn read_call(&mut self, scope: &Scope, signature: &'a Signature, call: &'a ast::Call) -> Expr {
        if self.refuse_asking(scope, call.span) {
            return unknown(call.span);
        }
        let Some(action) = self.action_call(scope, signature, call, None) else {
            return typed(unknown(call.span).kind, signature.result.clone(), call.span);
        };
        if action.effects.leaves_traces {
            self.links.leaves_marks();
        }
        typed(ExprKind::Read(Arc::new(action)), signature.result.clone(), call.span)
    }

    /// A call of the catalogue with its effects; `None` where an argument is unknown. With a builder,
    /// what has to be asked first is asked in a statement of its own.
    fn action_call(
        &mut self,
        scope: &Scope,
        signature: &'a Signature,
        call: &'a ast::Call,
        mut builder: Option<&mut Builder>,
    ) -> Option<ActionCall> {
        let wanted: Vec<Wanted> = signature
            .parameters
            .iter()
            .map(|parameter| Wanted {
                name: parameter.name.to_owned(),
                ty: parameter.ty.clone(),
                required: parameter.required,
                sink: parameter.sink,
            })
            .collect();
        let matched = self.match_arguments(call, &wanted, signature.declares_effects);
        let mut arguments = Vec::with_capacity(wanted.len());
        let mut is_whole = true;
        let described = signature.parameters.iter();
        for ((parameter, value), described) in wanted.iter().zip(&matched.values).zip(described) {
            let Some(value) = value else {
                is_whole &= !parameter.required;
                continue;
            };
            let mut value = self.argument(scope, value, parameter);
            self.expect_choice(&value, described);
            is_whole &= !is_unknown(&value.ty);
            if let Some(builder) = builder.as_deref_mut()
                && !is_pure(&value)
                && is_whole
            {
                self.refuse_traces(&value, "an argument");
                value = self.push_hidden(scope, builder, &parameter.name, value);
            }
            arguments.push((parameter.name.clone(), value));
        }
        let mut effects = self.effects_of(scope, signature, &arguments, matched.effects, call.span);
        if let Some(host) = &scope.host {
            let list = effects.list.iter();
            let placed = list.map(|effect| {
                effect.map_resources(
                    &mut |resource| resource.placed(Some(host)).into_owned(),
                    &mut Expr::clone,
                )
            });
            effects.list = placed.collect();
        }
        if is_whole {
            self.expect_effects(signature, &effects, call.span);
        }
        let called = ActionCall {
            action: signature.full_name(),
            arguments,
            effects,
            span: call.span,
        };
        self.look_at_habits(signature, &called);
        is_whole.then_some(called)
    }

    /// `do …`: an action, or a procedure written out.
    pub(crate) fn perform(
        &mut self,
        scope: &mut Scope,
        builder: &mut Builder,
        parts: DoParts<'a>,
        retry: Option<(Retry, Span)>,
    ) {
        match self.callee(scope.module, &parts.call.path, parts.call.span) {
            Callee::Action(signature) if !signature.is_read() => {
                self.perform_action(scope, builder, signature, parts, retry.map(|(retry, _)| retry));
            }
            Callee::Procedure(module, place) => {
                if let Some((_, span)) = retry {
                    let message = "`retry` stands before one action, not before a procedure";
                    let finding = Diagnostic::error("misplaced-statement", span, message);
                    self.report(finding.help("put it before the action inside the procedure that may be repeated"));
                }
                self.inline(scope, builder, module, place, parts);
            }
            Callee::Unknown => {
                self.visit_arguments(scope, parts.call);
                self.after_unknown(scope, builder, parts);
            }
            Callee::Question(..)
            | Callee::Function(..)
            | Callee::BuiltIn(_)
            | Callee::Action(_)
            | Callee::Resource(_) => {
                let name = dotted(&parts.call.path);
                let message = format!("`{name}` only asks; `do` is for what acts");
                let finding = Diagnostic::error("misplaced-statement", parts.call.span, message);
                self.report(finding.help(format!("name its answer with `let x = {name}(…)`, or `check` it")));
                self.after_unknown(scope, builder, parts);
            }
        }
    }

    /// Goes on after a `do` that could not be understood, so that what stands in it and after it is
    /// looked at too.
    fn after_unknown(&mut self, scope: &mut Scope, builder: &mut Builder, parts: DoParts<'a>) {
        builder.has_acted = true;
        let key = builder.next_key();
        self.undo(scope, builder, parts.undo, &key);
        if let Some(name) = parts.name {
            self.bind(scope, builder, name, Type::Unknown);
        }
    }

    fn perform_action(
        &mut self,
        scope: &mut Scope,
        builder: &mut Builder,
        signature: &'a Signature,
        parts: DoParts<'a>,
        retry: Option<Retry>,
    ) {
        let Some(call) = self.action_call(scope, signature, parts.call, Some(builder)) else {
            self.after_named(scope, builder, signature, parts);
            return;
        };
        if builder.is_before_window && call.effects.is_changing() {
            let message = format!(
                "`{}` changes something, and this step runs before the window",
                call.action
            );
            let finding = Diagnostic::error("misplaced-statement", parts.span, message);
            self.report(finding.help("do it in a step that is not marked `before window`"));
        }
        let has_title = parts.title.is_some() || builder.around.title.is_some() || builder.kind == BodyKind::Hold;
        if signature.family == "exec" && builder.expands && !has_title {
            let message = format!("`{}` does not say what it does", call.action);
            let finding = Diagnostic::error("missing-clause", call.span, message);
            let word = if builder.kind == BodyKind::Undo { "undo" } else { "do" };
            self.report(finding.help(format!(
                "give it a title: `{word} \"What it does\": {}(…)`; the approver reads it",
                call.action
            )));
        }
        let live = self.live(&call, parts.live);
        builder.has_acted = true;
        let key = builder.next_key();
        // A name that stands for nothing is told once, and not where the undo uses it too.
        let is_nothing = signature.result == Type::Nothing;
        let early = is_nothing.then(|| self.result_name(scope, builder, signature, parts.name));
        let undo = self.undo(scope, builder, parts.undo, &key);
        let binding = early.unwrap_or_else(|| self.result_name(scope, builder, signature, parts.name));
        let own = parts.within_ms.unwrap_or(call.effects.limit_ms);
        let action = Do {
            title: parts
                .title
                .map(|title| title.value.clone())
                .or_else(|| builder.around.title.clone()),
            within_ms: builder.around.within_ms.map_or(own, |around| around.min(own)),
            call,
            binding,
            live,
            retry,
            undo,
        };
        self.push(scope, builder, StatementKind::Do(Box::new(action)), parts.span);
    }

    /// Why a backup may be made while something writes; a mistake behind anything that is no backup.
    fn live(&mut self, call: &ActionCall, live: Option<&ast::Text>) -> Option<String> {
        let live = live?;
        if !call
            .effects
            .list
            .iter()
            .any(|effect| matches!(effect, Effect::Captures { .. }))
        {
            self.not_a_backup(&call.action, live.span);
            return None;
        }
        Some(live.value.clone())
    }

    pub(crate) fn not_a_backup(&mut self, called: &str, span: Span) {
        let message =
            format!("`live because` is for a backup that is made while its state is written; `{called}` makes none");
        let finding = Diagnostic::error("misplaced-statement", span, message);
        self.report(finding.help("put it behind the action that makes the backup, or leave it out"));
    }

    fn after_named(&mut self, scope: &mut Scope, builder: &mut Builder, signature: &Signature, parts: DoParts<'a>) {
        builder.has_acted = true;
        let key = builder.next_key();
        self.undo(scope, builder, parts.undo, &key);
        self.result_name(scope, builder, signature, parts.name);
    }

    fn result_name(
        &mut self,
        scope: &mut Scope,
        builder: &Builder,
        signature: &Signature,
        name: Option<&'a ast::Name>,
    ) -> Option<BindingId> {
        let name = name?;
        if signature.result == Type::Nothing {
            let message = format!(
                "`{}` gives no value that could be called `{}`",
                signature.full_name(),
                name.value
            );
            self.error("wrong-type", name.span, message);
            self.bind(scope, builder, name, Type::Unknown);
            return None;
        }
        Some(self.bind(scope, builder, name, signature.result.clone()))
    }
}
