//! Effects as the text declares them: `effects: { edits tree(p)  repeat convergent }`.

use crate::ast::{self, EffectWordKind};
use crate::catalogue::Signature;
use crate::check::Checker;
use crate::check::effects::of_signature;
use crate::check::scope::Scope;
use crate::check::suggest::suggest;
use crate::check::types::is_unknown;
use crate::check::value::typed;
use crate::diagnostic::Diagnostic;
use crate::effect::{Cancel, Effect, Repeat, Resource, ResourceKind};
use crate::model::{Effects, Expr, ExprKind, LimitBy, Literal, Settle};
use crate::source::Span;
use crate::types::Type;

/// Every word that touches something.
const EFFECTS: &[&str] = &[
    "reads", "value_of", "sets", "edits", "removes", "opaque", "adds", "captures", "proves", "restores", "starts",
    "stops", "demotes", "drains", "opens", "tells",
];

impl<'a> Checker<'a> {
    /// The effects of a call of an action: the signature's, or those that the text declares.
    pub(crate) fn effects_of(
        &mut self,
        scope: &Scope,
        signature: &'a Signature,
        arguments: &[(String, Expr)],
        declared: Option<&'a ast::Effects>,
        span: Span,
    ) -> Effects {
        let mut effects = of_signature(signature, arguments, span);
        match declared {
            Some(declared) => self.declare(scope, signature, declared, &mut effects),
            None if signature.declares_effects && !signature.is_read() => {
                let message = format!("`{}` does not say what it changes", signature.full_name());
                self.report(
                    Diagnostic::error("opaque-change", span, message)
                        .label("no `effects` here")
                        .help("add `effects: { … }`: what it edits, sets, removes, starts or stops; `opaque external(\"name\")` for what cannot be seen")
                        .help("`effects: nothing` says that it changes nothing"),
                );
                let name = Literal::Text(signature.family.to_owned());
                let key = typed(ExprKind::Literal(name), Type::Text, span);
                effects
                    .list
                    .push(Effect::Opaque(Resource::new(ResourceKind::External, key)));
            }
            None => {}
        }
        effects
    }

    fn declare(&mut self, scope: &Scope, signature: &Signature, declared: &'a ast::Effects, effects: &mut Effects) {
        let mut seen: Vec<(&'static str, Span)> = Vec::new();
        for word in &declared.words {
            if let Some(name) = manner(&word.kind) {
                if let Some((_, first)) = seen.iter().find(|(known, _)| *known == name) {
                    let message = format!("`{name}` is said twice");
                    let finding = Diagnostic::error("duplicate-clause", word.span, message);
                    self.report(finding.related(*first, "the first is here"));
                    continue;
                }
                seen.push((name, word.span));
            }
            self.effect_word(scope, signature, word, effects);
        }
        let says_effects = declared
            .words
            .iter()
            .any(|word| matches!(word.kind, EffectWordKind::Effect { .. }));
        if says_effects && declared.is_nothing {
            let finding = Diagnostic::error(
                "duplicate-clause",
                declared.span,
                "`nothing` stands beside what is changed",
            );
            self.report(finding.help("leave one of them out"));
        }
        if !says_effects && !declared.is_nothing && !signature.is_read() {
            let message = format!("these effects do not say what `{}` changes", signature.full_name());
            self.report(
                Diagnostic::error("opaque-change", declared.span, message)
                    .help("name what it edits, sets, removes, starts or stops; `opaque external(\"name\")` for what cannot be seen")
                    .help("`effects: nothing` says that it changes nothing"),
            );
        }
        if effects.repeat == Repeat::Read && effects.is_changing() && !signature.is_read() {
            let span = seen
                .iter()
                .find(|(name, _)| *name == "repeat")
                .map_or(declared.span, |(_, span)| *span);
            let message = "what changes something is no read";
            let finding = Diagnostic::error("wrong-type", span, message);
            self.report(finding.help("say `repeat convergent`, `repeat keyed` or `repeat once`"));
        }
    }

    fn effect_word(&mut self, scope: &Scope, signature: &Signature, word: &'a ast::EffectWord, effects: &mut Effects) {
        let is_read = signature.is_read();
        match &word.kind {
            EffectWordKind::Effect {
                word: name,
                operand,
                second,
            } => {
                let Some(effect) = self.effect(scope, name, operand, second.as_ref()) else {
                    return;
                };
                if is_read && !effect.is_observing() && !matches!(effect, Effect::Proves(_)) {
                    let message = format!(
                        "`{}` only asks, so it cannot say `{}`",
                        signature.full_name(),
                        effect.word()
                    );
                    let finding = Diagnostic::error("misplaced-statement", word.span, message);
                    self.report(finding.help("what changes something is performed: `do exec.run(…)`"));
                    return;
                }
                effects.list.push(effect);
            }
            EffectWordKind::Repeat(how) => self.repeat(is_read, how, effects),
            EffectWordKind::Settle(by) => self.settle(scope, is_read, by, effects),
            EffectWordKind::Partial(how) => match how.value.as_str() {
                "yes" => effects.is_partial = true,
                "no" => effects.is_partial = false,
                _ => self.unknown_word(how, &["yes", "no"]),
            },
            EffectWordKind::Cancel(how, grace) => match (how.value.as_str(), grace) {
                ("kill", None) => effects.cancel = Cancel::Kill,
                ("never", None) => effects.cancel = Cancel::Never,
                ("grace", Some(grace)) => effects.cancel = Cancel::Grace { ms: grace.value },
                ("grace", None) => self.error("missing-clause", how.span, "say how long: `cancel grace 10s`"),
                ("kill" | "never", Some(extra)) => {
                    self.error("unknown-argument", extra.span, "only `cancel grace` has a time");
                }
                _ => self.unknown_word(how, &["kill", "grace", "never"]),
            },
            EffectWordKind::Limit(limit) => {
                effects.limit_ms = limit.value;
                effects.limit_by = LimitBy::Text;
            }
            EffectWordKind::Traces(how) => match how.value.as_str() {
                "may" if is_read => effects.leaves_traces = true,
                "none" => effects.leaves_traces = false,
                "may" => self.error(
                    "misplaced-statement",
                    word.span,
                    "`traces` is a word for questions only",
                ),
                _ => self.unknown_word(how, &["may", "none"]),
            },
            EffectWordKind::Healthy(_) if !is_read => {
                let message = "`healthy` is a word for questions only";
                self.error("misplaced-statement", word.span, message);
            }
            EffectWordKind::Healthy(value) => {
                let value = self.expr(scope, value, None);
                self.expect_pure(&value, "the answer in a healthy rehearsal");
                if !is_unknown(&value.ty) {
                    effects.healthy = Some(Box::new(value));
                }
            }
        }
    }

    fn repeat(&mut self, is_read: bool, how: &ast::Name, effects: &mut Effects) {
        let known = [Repeat::Read, Repeat::Convergent, Repeat::Keyed, Repeat::Once];
        match known.into_iter().find(|repeat| repeat.word() == how.value) {
            Some(repeat) if !is_read => {
                effects.repeat = repeat;
                if repeat == Repeat::Read {
                    effects.settle = Settle::NotNeeded;
                }
            }
            Some(Repeat::Read) => {}
            Some(_) => self.error("misplaced-statement", how.span, "a question is always `repeat read`"),
            None => self.unknown_word(how, &known.map(Repeat::word)),
        }
    }

    fn settle(&mut self, scope: &Scope, is_read: bool, by: &'a ast::Expr, effects: &mut Effects) {
        if is_read {
            self.error(
                "misplaced-statement",
                by.span,
                "a question needs no `settle`: it is asked again",
            );
        } else if matches!(&by.kind, ast::ExprKind::Name(name) if name == "person") {
            effects.settle = Settle::Person;
        } else {
            let question = self.condition(scope, by, "`settle`");
            self.refuse_traces(&question, "`settle`");
            effects.settle = Settle::Question(Box::new(question));
        }
    }

    fn effect(
        &mut self,
        scope: &Scope,
        word: &'a ast::Name,
        operand: &'a ast::Expr,
        second: Option<&'a ast::Expr>,
    ) -> Option<Effect<Expr>> {
        let name = word.value.as_str();
        if !EFFECTS.contains(&name) {
            self.unknown_word(word, EFFECTS);
            return None;
        }
        if let Some(second) = second
            && !matches!(name, "sets" | "starts" | "captures")
        {
            let message = format!("`{name}` speaks of one thing only");
            self.error("unknown-argument", second.span, message);
        }
        if name == "tells" {
            let channel = self.expect(scope, operand, &Type::Text, "`tells`");
            return Some(Effect::Tells(channel));
        }
        let wanted = match name {
            "starts" | "stops" | "demotes" | "drains" | "opens" => Type::Service,
            _ => Type::State,
        };
        let resource = self.operand(scope, operand, &wanted)?;
        for key in &resource.key {
            self.expect_pure(key, "what an action touches");
        }
        Some(match name {
            "reads" => Effect::Reads(resource),
            "value_of" => Effect::ValueOf(resource),
            "sets" => Effect::Sets {
                resource,
                to: second.map(|value| self.fixed_value(scope, value)),
            },
            "edits" => Effect::Edits(resource),
            "removes" => Effect::Removes(resource),
            "opaque" => Effect::Opaque(resource),
            "adds" => Effect::Adds(resource),
            "proves" => Effect::Proves(resource),
            "restores" => Effect::Restores(resource),
            "starts" => Effect::Starts {
                member: resource,
                with: second.map(|value| self.fixed_value(scope, value)),
            },
            "stops" => Effect::Stops(resource),
            "demotes" => Effect::Demotes(resource),
            "drains" => Effect::Drains(resource),
            "opens" => Effect::Opens(resource),
            _ => {
                let Some(second) = second else {
                    let message = "say which backup it makes: `captures state as backup(path)`";
                    self.error("missing-clause", word.span, message);
                    return None;
                };
                Effect::Captures {
                    state: resource,
                    backup: self.operand(scope, second, &Type::Backup)?,
                }
            }
        })
    }

    fn fixed_value(&mut self, scope: &Scope, written: &'a ast::Expr) -> Expr {
        let value = self.expr(scope, written, None);
        self.expect_pure(&value, "the value that an action sets");
        value
    }

    fn unknown_word(&mut self, word: &ast::Name, known: &[&'static str]) {
        let message = format!("effects know no word `{}` here", word.value);
        let finding = Diagnostic::error("unknown-name", word.span, message);
        self.report(suggest(finding, word.span, &word.value, known.iter().copied(), "word"));
    }
}

/// The name of a word that may be said once.
fn manner(kind: &EffectWordKind) -> Option<&'static str> {
    Some(match kind {
        EffectWordKind::Effect { .. } => return None,
        EffectWordKind::Repeat(_) => "repeat",
        EffectWordKind::Settle(_) => "settle",
        EffectWordKind::Partial(_) => "partial",
        EffectWordKind::Cancel(..) => "cancel",
        EffectWordKind::Limit(_) => "limit",
        EffectWordKind::Traces(_) => "traces",
        EffectWordKind::Healthy(_) => "healthy",
    })
}
