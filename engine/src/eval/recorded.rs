//! What can be worked out from what is recorded: inputs and names that a statement has bound. Nothing is asked.

use std::collections::BTreeMap;

use async_trait::async_trait;
use backstay_dsl::effect::Resource;
use backstay_dsl::model::{ActionCall, BindingId, Expr, Runbook};
use backstay_dsl::print;
use futures_util::FutureExt as _;

use super::{Environment, Evaluator, Places};
use crate::action::GroundCall;
use crate::redact::Redactor;
use crate::value::{Answer, GroundResource, Unanswered, Value};

pub(crate) struct Recorded<'run> {
    pub(crate) runbook: &'run Runbook,
    pub(crate) places: &'run Places,
    pub(crate) redactor: &'run Redactor,
    pub(crate) inputs: &'run BTreeMap<String, Value>,
    /// The values of names, as far as they are bound.
    pub(crate) bound: &'run (dyn Fn(BindingId) -> Option<Value> + Send + Sync),
}

impl<'run> Recorded<'run> {
    /// Inputs and nothing else.
    pub(crate) fn of_inputs(
        runbook: &'run Runbook,
        places: &'run Places,
        redactor: &'run Redactor,
        inputs: &'run BTreeMap<String, Value>,
    ) -> Self {
        Self {
            runbook,
            places,
            redactor,
            inputs,
            bound: &|_| None,
        }
    }

    /// An evaluator over this, without evidence.
    pub(crate) fn evaluator(&self) -> Evaluator<'_> {
        Evaluator::new(self.runbook, self).without_notes()
    }

    /// The value of an expression that asks nothing; `None` where it is not known.
    pub(crate) fn value(&self, expr: &Expr) -> Option<Value> {
        self.evaluator().value(expr).now_or_never()?.ok()
    }

    /// A text for people; as its author wrote it where it is not known, with what is known put in.
    pub(crate) fn words(&self, expr: &Expr) -> String {
        match self.value(expr) {
            Some(text) => text.canonical(),
            None => print::checked(self.runbook, expr, &|part| self.written(part)),
        }
    }

    /// The value of an expression as it would be written, where it is known; a secret by its name.
    pub(crate) fn written(&self, expr: &Expr) -> Option<String> {
        match self.value(expr)? {
            Value::Secret(secret) => Some(secret.name().to_owned()),
            value => Some(value.as_written()),
        }
    }

    /// Which thing a resource of the text is; `None` where it is not known.
    pub(crate) fn resource(&self, resource: &Resource<Expr>) -> Option<GroundResource> {
        self.evaluator().ground_resource(resource).now_or_never()?.ok()
    }
}

#[async_trait]
impl Environment for Recorded<'_> {
    fn places(&self) -> &Places {
        self.places
    }

    fn redactor(&self) -> &Redactor {
        self.redactor
    }

    fn input(&self, name: &str) -> Option<Value> {
        self.inputs.get(name).cloned()
    }

    fn binding(&self, id: BindingId) -> Option<Answer> {
        (self.bound)(id).map(Ok)
    }

    fn anchor_at_start(&self, _: &str) -> Option<Answer> {
        None
    }

    async fn read(&self, _: &ActionCall, _: &GroundCall, _: u64) -> Answer {
        Err(Unanswered::new("nothing is asked here"))
    }
}
