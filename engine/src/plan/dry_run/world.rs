//! Expressions on paper: reads go through the overlay, names of later steps are not known.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use backstay_dsl::effect::Effect;
use backstay_dsl::model::{ActionCall, BindingId};

use crate::action::{Context, GroundCall};
use crate::eval::{Environment, Places, parse_as};
use crate::plan::overlay::{Overlay, Says};
use crate::redact::Redactor;
use crate::service_kind::Asked;
use crate::value::{Answer, Unanswered, Value};

use super::{DryRun, unknown_until};

/// The longest that a question of an obligation may take.
const READ_LIMIT: Duration = Duration::from_secs(10);
/// How long an answer may take beyond its limit: who bounds itself says why there is none.
const MARGIN: Duration = Duration::from_secs(1);

/// What expressions of a dry run speak of.
pub(super) struct OnPaper<'a> {
    pub(super) run: DryRun<'a>,
    pub(super) overlay: Mutex<Overlay>,
    pub(super) bindings: Mutex<BTreeMap<BindingId, Answer>>,
    pub(super) anchors: Mutex<BTreeMap<String, Answer>>,
}

impl OnPaper<'_> {
    /// Whether what these effects speak of is as it really is.
    pub(super) fn is_apart(&self, effects: &[Effect<String>]) -> bool {
        self.says(effects) == Says::Apart
    }

    fn says(&self, effects: &[Effect<String>]) -> Says {
        let overlay = self.overlay.lock().unwrap_or_else(PoisonError::into_inner);
        overlay.says(effects)
    }

    /// The real answer, within its limit.
    async fn asked(&self, call: &GroundCall, limit: Duration) -> Answer {
        let context = Context {
            limit,
            ..self.run.context.clone()
        };
        tokio::select! {
            outcome = self.run.world.perform(&context, call) => outcome.into_answer(),
            () = self.run.clock.sleep(limit + MARGIN) => {
                Err(Unanswered::new(format!("{} gave no answer", call.action)))
            }
        }
    }
}

#[async_trait]
impl Environment for OnPaper<'_> {
    fn places(&self) -> &Places {
        self.run.places
    }

    fn redactor(&self) -> &Redactor {
        &self.run.plan.redactor
    }

    fn input(&self, name: &str) -> Option<Value> {
        self.run.plan.inputs.get(name).cloned()
    }

    fn binding(&self, id: BindingId) -> Option<Answer> {
        let bindings = self.bindings.lock().unwrap_or_else(PoisonError::into_inner);
        bindings.get(&id).cloned()
    }

    fn anchor_at_start(&self, name: &str) -> Option<Answer> {
        let anchors = self.anchors.lock().unwrap_or_else(PoisonError::into_inner);
        anchors.get(name).cloned()
    }

    async fn read(&self, call: &ActionCall, ground: GroundCall) -> Answer {
        let signature = self.run.catalogue.get(&call.action);
        let is_run = signature.is_none_or(|signature| signature.declares_effects);
        match self.says(&ground.effects) {
            Says::UnknownUntil(step) => return Err(unknown_until(&step)),
            Says::Value(text) => {
                let Some(signature) = signature else {
                    return Err(Unanswered::new("there is no such action"));
                };
                return parse_as(&signature.result, &text, self.run.places).map_err(Unanswered::new);
            }
            Says::Apart => {}
        }
        if is_run || call.effects.leaves_traces {
            return Err(Unanswered::new(format!("{} is not run by a plan", call.action)));
        }
        self.asked(&ground, Duration::from_millis(call.effects.limit_ms)).await
    }
}

#[async_trait]
impl Asked for OnPaper<'_> {
    async fn answer_to(&self, call: &GroundCall) -> Answer {
        self.asked(call, READ_LIMIT).await
    }
}
