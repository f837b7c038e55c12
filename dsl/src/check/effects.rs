//! The effects of one call: those of the signature with the arguments put in.

use crate::built_in::BuiltIn;
use crate::catalogue::{self, Pattern, Signature};
use crate::check::Checker;
use crate::check::value::typed;
use crate::diagnostic::{Diagnostic, listed};
use crate::effect::{Effect, Repeat};
use crate::model::{BinaryOperator, Computation, Effects, Expr, ExprKind, LimitBy, Literal, Settle};
use crate::source::Span;
use crate::types::Type;

/// What an action does, before any word of the text.
pub(crate) fn of_signature(signature: &Signature, arguments: &[(String, Expr)], span: Span) -> Effects {
    let is_limit = |name: &str| signature.parameter(name).is_some_and(|parameter| parameter.is_limit);
    let is_key = |name: &str| signature.parameter(name).is_some_and(|parameter| parameter.is_key);
    let is_keyed = arguments.iter().any(|(name, _)| is_key(name));
    let said = arguments.iter().find(|(name, _)| is_limit(name));
    Effects {
        list: signature
            .effects
            .iter()
            .filter_map(|effect| instantiate(effect, signature, arguments, span))
            .collect(),
        repeat: if is_keyed { Repeat::Keyed } else { signature.repeat },
        settle: match signature.settle {
            catalogue::Settle::NotNeeded => Settle::NotNeeded,
            catalogue::Settle::Action => Settle::Action,
            catalogue::Settle::Person => Settle::Person,
        },
        is_partial: signature.is_partial,
        cancel: signature.cancel,
        limit_ms: said
            .and_then(|(_, value)| milliseconds(value))
            .unwrap_or(signature.limit_ms),
        limit_by: said.map_or(LimitBy::Action, |(name, _)| LimitBy::Argument(name.clone())),
        leaves_traces: signature.leaves_traces,
        healthy: None,
    }
}

impl Checker<'_> {
    /// Tells of a change that says by none of its arguments what it does.
    pub(crate) fn expect_effects(&mut self, signature: &Signature, effects: &Effects, span: Span) {
        if signature.is_read() || signature.effects.is_empty() || !effects.list.is_empty() {
            return;
        }
        let keys = signature
            .effects
            .iter()
            .filter_map(|effect| effect.resource()?.key.first());
        let ways = keys.map(|key| format!("`{key}: \"…\"`"));
        let ways: Vec<String> = ways.collect();
        let message = format!("`{}` does not say what it does elsewhere", signature.full_name());
        let finding = Diagnostic::error("opaque-change", span, message);
        self.report(finding.help(format!("say it in a name of your own: {}", listed(&ways, " or "))));
    }
}

/// A duration that is written out.
fn milliseconds(value: &Expr) -> Option<u64> {
    match value.kind {
        ExprKind::Literal(Literal::Duration(ms)) => Some(ms),
        _ => None,
    }
}

/// One effect with the arguments put in. A value that was not given is left out (`to`, `with`); a resource
/// without its key is not touched at all.
fn instantiate(
    effect: &Effect<Pattern>,
    signature: &Signature,
    arguments: &[(String, Expr)],
    span: Span,
) -> Option<Effect<Expr>> {
    let value = |pattern: &Pattern| expr(pattern, signature, arguments, span);
    let mut effect = effect.clone();
    match &mut effect {
        Effect::Sets { to: optional, .. } | Effect::Starts { with: optional, .. }
            if optional.as_ref().is_some_and(|pattern| value(pattern).is_none()) =>
        {
            *optional = None;
        }
        _ => {}
    }
    let mut is_whole = true;
    let effect = effect.map(&mut |pattern| {
        value(pattern).unwrap_or_else(|| {
            is_whole = false;
            typed(ExprKind::Literal(Literal::Bool(false)), Type::Bool, span)
        })
    });
    is_whole.then(|| flatten(&effect))
}

fn expr(pattern: &Pattern, signature: &Signature, arguments: &[(String, Expr)], span: Span) -> Option<Expr> {
    match pattern {
        Pattern::Text(text) => {
            let literal = Literal::Text((*text).to_owned());
            Some(typed(ExprKind::Literal(literal), Type::Text, span))
        }
        Pattern::Parameter(name) => argument(arguments, name).cloned(),
        Pattern::Address(host, port) => {
            let (host, port) = (argument(arguments, host)?, argument(arguments, port)?);
            let colon = typed(ExprKind::Literal(Literal::Text(":".to_owned())), Type::Text, span);
            Some(joined(joined(in_text(host), colon), in_text(port)))
        }
        Pattern::Result => Some(typed(ExprKind::Result(None), signature.result.clone(), span)),
        Pattern::ResultField(field) => {
            let ty = match &signature.result {
                Type::Record(record) => record.field(field).cloned().unwrap_or(Type::Text),
                _ => Type::Text,
            };
            Some(typed(ExprKind::Result(Some((*field).to_owned())), ty, span))
        }
    }
}

fn argument<'e>(arguments: &'e [(String, Expr)], name: &str) -> Option<&'e Expr> {
    arguments
        .iter()
        .find(|(known, _)| known == name)
        .map(|(_, value)| value)
}

fn in_text(value: &Expr) -> Expr {
    let function = Computation::BuiltIn(BuiltIn::Text);
    let arguments = vec![value.clone()];
    typed(ExprKind::Computed { function, arguments }, Type::Text, value.span)
}

fn joined(left: Expr, right: Expr) -> Expr {
    let span = left.span;
    typed(
        ExprKind::Binary(BinaryOperator::Add, Box::new(left), Box::new(right)),
        Type::Text,
        span,
    )
}

/// Where an argument is a resource already, it stands for the whole.
fn flatten(effect: &Effect<Expr>) -> Effect<Expr> {
    effect.map_resources(
        &mut |resource| match resource.key.first().map(|key| &key.kind) {
            Some(ExprKind::Resource(inner)) => (**inner).clone(),
            _ => resource.clone(),
        },
        &mut Expr::clone,
    )
}
