//! What the records of a run say that later work needs: values with names, anchors at the start, and
//! the MAC of what was intended. A fold over events, so that a resumed run knows what it knew.

use std::collections::BTreeMap;

use backstay_dsl::model::{BindingId, StatementKind};

use crate::event::{AnchorTime, EvaluationKind, EvaluationResult, Event, OutcomeResult, Verdict};
use crate::plan::Plan;
use crate::value::{Answer, RecordedValue, Unanswered, Value};

/// What is known so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Knowledge {
    /// Names bound by statements.
    pub(super) bindings: BTreeMap<BindingId, Value>,
    /// Anchors as recorded at the start.
    pub(super) anchors_at_start: BTreeMap<String, Answer>,
    /// The last intent of each statement: attempt and MAC of the arguments.
    pub(super) intents: BTreeMap<String, (u32, String)>,
}

impl Knowledge {
    /// Takes in one event.
    pub(super) fn fold(&mut self, plan: &Plan, event: &Event) {
        match event {
            Event::Anchor {
                name,
                when: AnchorTime::Start,
                value,
                reason,
            } => {
                let answer = match value {
                    Some(value) => Ok(value.to_value()),
                    None => Err(Unanswered::new(reason.clone().unwrap_or_default())),
                };
                // The first answer is kept: a resumed run does not move its own starting point.
                self.anchors_at_start.entry(name.clone()).or_insert(answer);
            }
            Event::Intent(intent) => {
                self.intents.insert(intent.key.clone(), (intent.n, intent.mac.clone()));
            }
            Event::Outcome(outcome) if outcome.result == OutcomeResult::Ok => {
                self.bind(plan, &outcome.key, outcome.value.as_ref());
            }
            Event::Settled {
                key,
                verdict: Verdict::Done,
                value,
                ..
            } => self.bind(plan, key, value.as_ref()),
            Event::Evaluated {
                key,
                what: EvaluationKind::Let,
                result: EvaluationResult::Holds,
                values,
                ..
            } => self.bind(plan, key, values.first().map(|(_, value)| value)),
            Event::Answer {
                key,
                value: Some(value),
                late: false,
                ..
            } => self.bind(plan, key, Some(value)),
            _ => {}
        }
    }

    fn bind(&mut self, plan: &Plan, key: &str, value: Option<&RecordedValue>) {
        let binding = plan.statements.get(key).and_then(|statement| match &statement.kind {
            StatementKind::Do(action) => action.binding,
            StatementKind::Let { binding, .. } => Some(*binding),
            StatementKind::Ask(ask) => ask.binding,
            _ => None,
        });
        if let (Some(binding), Some(value)) = (binding, value) {
            self.bindings.insert(binding, value.to_value());
        }
    }
}
