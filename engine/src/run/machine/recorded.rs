//! What can be worked out from what is recorded: inputs and names that a statement has bound. Nothing is asked.

use async_trait::async_trait;
use backstay_dsl::effect::Resource;
use backstay_dsl::model::{ActionCall, BindingId, Expr};
use futures_util::FutureExt as _;

use super::progress::View;
use crate::action::GroundCall;
use crate::eval::{Environment, Evaluator, Places};
use crate::redact::Redactor;
use crate::value::{Answer, GroundResource, RecordedValue, Unanswered, Value};

/// The value of an expression that asks nothing; `None` where it is not known.
pub(super) fn value(view: View<'_>, expr: &Expr) -> Option<Value> {
    let recorded = Recorded(view);
    let evaluator = Evaluator::new(&view.plan.runbook, &recorded).without_notes();
    evaluator.value(expr).now_or_never()?.ok()
}

/// Which thing a resource of the text is; `None` where it is not known.
pub(super) fn resource(view: View<'_>, resource: &Resource<Expr>) -> Option<GroundResource> {
    let recorded = Recorded(view);
    let evaluator = Evaluator::new(&view.plan.runbook, &recorded).without_notes();
    evaluator.ground_resource(resource).now_or_never()?.ok()
}

struct Recorded<'run>(View<'run>);

#[async_trait]
impl Environment for Recorded<'_> {
    fn places(&self) -> &Places {
        &self.0.plan.places
    }

    fn redactor(&self) -> &Redactor {
        &self.0.plan.redactor
    }

    fn input(&self, name: &str) -> Option<Value> {
        self.0.plan.inputs.get(name).cloned()
    }

    fn binding(&self, id: BindingId) -> Option<Answer> {
        self.0.progress.value(id).map(RecordedValue::to_value).map(Ok)
    }

    fn anchor_at_start(&self, _: &str) -> Option<Answer> {
        None
    }

    async fn read(&self, _: &ActionCall, _: &GroundCall) -> Answer {
        Err(Unanswered::new("nothing is asked here"))
    }
}
