//! Performing an action: arguments, intent, action, outcome.
//!
//! Invariants: the intent is durable before the action starts; the outcome is durable before anything
//! else happens; every wait is bounded from here too, whatever the action does about its limit.

use std::time::Duration;

use backstay_dsl::effect::Cancel;
use backstay_dsl::model::Do;

use crate::action::{Context, Evidence, GroundCall, Outcome};
use crate::event::{
    EffectKey, EvaluationKind, EvaluationResult, Event, Intent, IntentWay, OutcomeRecord, OutcomeResult,
};
use backstay_dsl::units;

use super::shared::{Job, Stopped};

/// How long an action may take beyond its limit or its grace, for ending in order.
const MARGIN_MS: u64 = 5000;

impl Job {
    /// Works out the arguments, records the intent, performs, records the outcome.
    pub(super) async fn perform(&self, limit_ms: u64, way: &IntentWay) -> Result<(), Stopped> {
        let action = self.action()?;
        let start_ns = self.boot_ns();
        let call = match self.arguments(action, limit_ms).await {
            Ok(call) => call,
            Err(reason) => return self.record(self.no_arguments(action, &reason, start_ns), true).await,
        };
        if let Some(reason) = self.undo_would_remove(&call, way).await {
            let (what, result) = (EvaluationKind::Undo, EvaluationResult::DoesNotHold);
            return self
                .record(self.evaluated_line(what, &title(action), result, &reason), true)
                .await;
        }
        let intent = self.intent(action, &call, limit_ms, way);
        self.record(Event::Intent(Box::new(intent)), false).await?;
        let start_ns = self.boot_ns();
        let outcome = self.bounded(action, &call, limit_ms).await;
        let record = self.outcome(action, &call, outcome, self.ms_since(start_ns)).await?;
        self.record(Event::Outcome(Box::new(record)), true).await
    }

    async fn arguments(&self, action: &Do, limit_ms: u64) -> Result<GroundCall, String> {
        let evaluator = self.evaluator();
        match self.within(limit_ms, evaluator.ground(&action.call)).await {
            Some(Ok(call)) => Ok(call),
            Some(Err(unanswered)) => Err(unanswered.reason),
            None => Err(format!(
                "the arguments could not be worked out within {}",
                units::duration(limit_ms)
            )),
        }
    }

    fn no_arguments(&self, action: &Do, reason: &str, start_ns: u64) -> Event {
        Event::Evaluated {
            key: self.work.clone(),
            label: title(action),
            what: EvaluationKind::Arguments,
            result: EvaluationResult::Unanswered,
            evidence: self.evidence(reason),
            polls: 1,
            values: Vec::new(),
            ms: self.ms_since(start_ns),
        }
    }

    fn intent(&self, action: &Do, call: &GroundCall, limit_ms: u64, way: &IntentWay) -> Intent {
        let scrubbed = |key: &String| EffectKey::Known(self.evidence(key));
        let of_result = |key: &EffectKey| match key {
            EffectKey::Known(key) => scrubbed(key),
            EffectKey::OfResult => EffectKey::OfResult,
        };
        let known = call.touches.iter().map(|effect| effect.map(&mut { scrubbed }));
        let effects = known.chain(call.of_result.iter().map(|effect| effect.map(&mut { of_result })));
        Intent {
            key: self.key.clone(),
            n: self.attempt,
            action: action.call.action.clone(),
            title: title(action),
            effects: effects.collect(),
            changing: action.call.effects.is_changing(),
            repeat: action.call.effects.repeat,
            mac: self.shared.settings.mac_key.of(&self.key, call),
            limit_ms,
            way: way.clone(),
        }
    }

    /// Performs within the limit; after it is told to stop, within what its `cancel` allows.
    async fn bounded(&self, action: &Do, call: &GroundCall, limit_ms: u64) -> Outcome {
        let cancel = action.call.effects.cancel;
        let context = Context {
            cancel,
            ..self.context(limit_ms, &call.touches)
        };
        let clock = &self.shared.ports.clock;
        let grace_ms = if let Cancel::Grace { ms } = cancel { ms } else { 0 };
        let longest = Duration::from_millis(limit_ms.saturating_add(grace_ms).saturating_add(MARGIN_MS));
        let told_to_stop = async {
            if cancel == Cancel::Never {
                std::future::pending::<()>().await;
            }
            context.cancelled.cancelled().await;
            clock
                .sleep(Duration::from_millis(grace_ms.saturating_add(MARGIN_MS)))
                .await;
        };
        tokio::select! {
            biased;
            outcome = self.shared.ports.world.perform(&context, call) => outcome,
            () = clock.sleep(longest) => Outcome::unknown(format!(
                "it gave no answer within {}",
                units::duration(limit_ms)
            )),
            () = told_to_stop => Outcome::unknown("it gave no answer after it was told to stop".to_owned()),
        }
    }

    async fn outcome(
        &self,
        action: &Do,
        call: &GroundCall,
        outcome: Outcome,
        ms: u64,
    ) -> Result<OutcomeRecord, Stopped> {
        let (mut result, evidence) = match outcome {
            Outcome::Done(evidence) => (OutcomeResult::Ok, evidence),
            Outcome::Failed(evidence) => (OutcomeResult::Failed, evidence),
            Outcome::Unknown(evidence) => (OutcomeResult::Unknown, evidence),
        };
        let mut summary = self.evidence(&evidence.summary);
        let blobs = self.blobs(&evidence).await?;
        let mut value = None;
        // A value is recorded where a later statement needs it, or where it names what was made.
        let is_named = action.binding.is_some() || !call.of_result.is_empty();
        if let (OutcomeResult::Ok, true, Some(given)) = (result, is_named, &evidence.value) {
            match self.recorded(given) {
                Ok(recorded) => value = Some(recorded),
                Err(reason) if action.binding.is_some() => {
                    result = OutcomeResult::Failed;
                    summary = reason;
                }
                Err(reason) => summary = format!("{summary}; {reason}"),
            }
        }
        Ok(OutcomeRecord {
            key: self.key.clone(),
            n: self.attempt,
            result,
            value,
            evidence: summary,
            blobs,
            ms,
            exit: evidence.exit,
        })
    }

    async fn blobs(&self, evidence: &Evidence) -> Result<Vec<(String, String)>, Stopped> {
        let mut blobs = Vec::new();
        for (name, content) in evidence.outputs.iter().filter(|(_, content)| !content.is_empty()) {
            let clean = self.shared.redactor.scrub_bytes(content);
            match self.shared.ports.journal.keep_blob(&clean).await {
                Ok(digest) => blobs.push((name.clone(), digest)),
                // What is kept of an output is evidence; the outcome itself must still be recorded.
                Err(error) => tracing::warn!(%error, "an output is not kept"),
            }
        }
        Ok(blobs)
    }
}

/// What a person knows an action by.
pub(super) fn title(action: &Do) -> String {
    action.title.clone().unwrap_or_else(|| action.call.action.clone())
}
