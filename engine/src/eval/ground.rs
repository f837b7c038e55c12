//! A call of the text with its arguments and effects worked out.

use std::collections::BTreeSet;
use std::sync::Arc;

use backstay_dsl::effect::{Effect, Resource};
use backstay_dsl::model::{ActionCall, Expr, ExprKind};
use backstay_dsl::walk::{self, Read, Reads};

use crate::action::{Arguments, GroundCall};
use crate::eval::{Evaluator, Frame};
use crate::event::EffectKey;
use crate::value::{GroundResource, Unanswered, Value};

/// One effect with its keys worked out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroundEffect {
    /// All keys are real.
    Now(Effect<String>),
    /// A key is the call's own result.
    OfResult(Effect<EffectKey>),
}

impl Evaluator<'_> {
    /// Works out the arguments and effects of a call. An effect whose key is the call's own result stands
    /// apart, in [`GroundCall::of_result`]: it has no key before the call.
    pub async fn ground(&self, call: &ActionCall) -> Result<Arc<GroundCall>, Unanswered> {
        self.ground_in(call, &Frame::default()).await
    }

    /// Works out one effect.
    pub async fn ground_effect(&self, effect: &Effect<Expr>) -> Result<GroundEffect, Unanswered> {
        self.effect_in(effect, (&[], &Arguments::default()), &Frame::default())
            .await
    }

    /// Works out a resource of the text.
    pub async fn ground_resource(&self, resource: &Resource<Expr>) -> Result<GroundResource, Unanswered> {
        self.resource_in(resource, &Frame::default()).await
    }

    /// The resources that an expression reads, each once, as far as their keys are known; questions are seen
    /// through with their arguments.
    pub async fn reads(&self, expr: &Expr) -> Vec<GroundResource> {
        self.seen_reads(expr).await.0
    }

    /// The same; `None` where a key is not known.
    pub async fn reads_if_known(&self, expr: &Expr) -> Option<Vec<GroundResource>> {
        let (found, is_whole) = self.seen_reads(expr).await;
        is_whole.then_some(found)
    }

    async fn seen_reads(&self, expr: &Expr) -> (Vec<GroundResource>, bool) {
        let mut found = BTreeSet::new();
        let mut is_whole = true;
        let mut reads = Reads::new(self.runbook, expr);
        while let Some(met) = reads.advance() {
            for read in met {
                match read {
                    Read::Effect(effect, frame) => {
                        if let Some(resource) = effect.resource().filter(|_| effect.is_observing()) {
                            let known = self.resource_in(resource, &frame).await.ok();
                            is_whole &= known.is_some();
                            found.extend(known);
                        }
                    }
                    Read::Question(asking, frame) => {
                        reads.enter(asking.question, self.inside(asking, &frame).await);
                    }
                }
            }
        }
        (found.into_iter().collect(), is_whole)
    }

    pub(super) async fn ground_in(&self, call: &ActionCall, frame: &Frame) -> Result<Arc<GroundCall>, Unanswered> {
        if let Some(constant) = self.environment.constant(call) {
            return Ok(constant);
        }
        let mut arguments = Arguments::default();
        for (name, expr) in &call.arguments {
            let value = self
                .answer(expr, frame)
                .await
                .map_err(|unanswered| self.no_argument(expr, unanswered))?;
            arguments.0.insert(name.clone(), value);
        }
        let (mut effects, mut of_result) = (Vec::new(), Vec::new());
        for effect in &call.effects.list {
            match self.effect_in(effect, (&call.arguments, &arguments), frame).await? {
                GroundEffect::Now(effect) => effects.push(effect),
                GroundEffect::OfResult(effect) => of_result.push(effect),
            }
        }
        let healthy = match &call.effects.healthy {
            Some(expr) => self.answer(expr, frame).await.ok(),
            None => None,
        };
        Ok(Arc::new(GroundCall {
            action: call.action.clone(),
            arguments,
            effects,
            of_result,
            healthy,
        }))
    }

    /// Why an argument has no value, in the words of the text; a name says so itself.
    fn no_argument(&self, expr: &Expr, unanswered: Unanswered) -> Unanswered {
        if matches!(
            expr.kind,
            ExprKind::Binding(_) | ExprKind::Input(_) | ExprKind::Parameter(_) | ExprKind::Local(_)
        ) {
            return unanswered;
        }
        let described = super::describe(self.runbook, self.environment.redactor(), expr);
        Unanswered {
            reason: format!("`{described}` is not known: {}", unanswered.reason),
            ..unanswered
        }
    }

    /// `written` and `arguments` are those of the call around it: what is one of them is worked out already.
    async fn effect_in(
        &self,
        effect: &Effect<Expr>,
        (written, arguments): (&[(String, Expr)], &Arguments),
        frame: &Frame,
    ) -> Result<GroundEffect, Unanswered> {
        let mut keys = Vec::new();
        let host = frame.host.as_ref();
        let placed = host.map(|host| {
            effect.map_resources(
                &mut |resource| resource.placed(Some(host)).into_owned(),
                &mut Expr::clone,
            )
        });
        let effect = placed.as_ref().unwrap_or(effect);
        for expr in effect.parts() {
            let same = written.iter().find(|(_, argument)| argument == expr);
            keys.push(match same.and_then(|(name, _)| arguments.get(name)) {
                Some(value) => Some(value.canonical()),
                None if has_result(expr) => None,
                None => Some(self.answer(expr, frame).await?.canonical()),
            });
        }
        let is_of_result = keys.contains(&None);
        // `map` visits the keys in the order of `parts`, so there is one for each.
        let mut keys = keys.into_iter();
        Ok(if is_of_result {
            GroundEffect::OfResult(
                effect.map(&mut |_| keys.next().flatten().map_or(EffectKey::OfResult, EffectKey::Known)),
            )
        } else {
            GroundEffect::Now(effect.map(&mut |_| keys.next().flatten().unwrap_or_default()))
        })
    }

    pub(super) async fn resource_in(
        &self,
        resource: &Resource<Expr>,
        frame: &Frame,
    ) -> Result<GroundResource, Unanswered> {
        let resource = resource.placed(frame.host.as_ref());
        let mut key = Vec::new();
        for expr in &resource.key {
            key.push(self.answer(expr, frame).await?.canonical());
        }
        let host = match &resource.host {
            Some(host) => Some(self.answer(host, frame).await?.canonical()),
            None => None,
        };
        Ok(Resource {
            host,
            kind: resource.kind,
            key,
        })
    }
}

/// Whether an expression speaks of the result of the call that it belongs to.
fn has_result(expr: &Expr) -> bool {
    let parts = walk::deep(expr);
    parts.iter().any(|part| matches!(part.kind, ExprKind::Result(_)))
}

/// The field of a value that has fields; `None` where there is no such field.
pub(crate) fn field(value: &Value, name: &str) -> Option<Value> {
    match value {
        Value::Record(fields) => fields.get(name).cloned(),
        Value::List(elements) => {
            let place = name.parse::<usize>().ok()?.checked_sub(1)?;
            elements.get(place).cloned()
        }
        Value::Backup(backup) => match name {
            "path" => Some(Value::Path(backup.path.clone())),
            "digest" => Some(Value::Digest(backup.digest.clone())),
            "state" => Some(Value::State(backup.state.clone())),
            "bytes" | "size" => Some(Value::Size(backup.bytes)),
            "entries" => i64::try_from(backup.entries).ok().map(Value::Int),
            _ => None,
        },
        _ => None,
    }
}
