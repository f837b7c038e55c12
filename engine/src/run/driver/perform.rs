//! Performing an action: arguments, intent, action, outcome.
//!
//! Invariants: the intent is durable before the action starts; the outcome is durable before the
//! next action starts; every wait is bounded from here too, whatever the action does about its limit.

use std::sync::Arc;
use std::time::Duration;

use backstay_dsl::effect::Cancel;
use backstay_dsl::model::Do;

use crate::action::{Context, GroundCall, Outcome};
use crate::event::{Event, IntentWay, OutcomeResult};
use crate::plan::undo::{NotNew, Undos};
use crate::run::records::{Begun, Seen};
use backstay_dsl::units;

use super::shared::{Job, Stopped};

/// How long an action may take beyond its limit or its grace, for ending in order.
const MARGIN_MS: u64 = 5000;

/// So many of the last lines of an output are shown where an action failed.
const SAID_LINES_MAX: usize = 10;

/// The longest of them, in characters.
const SAID_CHARACTERS_MAX: usize = 200;

impl Job {
    /// Works out the arguments, records the intent, performs, records the outcome.
    pub(super) async fn perform(&self, limit_ms: u64, way: &IntentWay) -> Result<(), Stopped> {
        let action = self.action()?;
        let start_ns = self.boot_ns();
        let records = self.records();
        let call = match self.arguments(action, limit_ms).await {
            Ok(call) => call,
            Err(reason) => {
                let event = records.no_arguments(&self.work, action, reason, self.ms_since(start_ns));
                return self.record(event, true).await;
            }
        };
        if let Some(thing) = self.undo_would_remove(&call, way).await {
            return self.record_seen(Seen::not_new(action, &thing), self.boot_ns()).await;
        }
        if let Some(reason) = self.refused(&call, way).await {
            return self
                .record(records.no_arguments(&self.work, action, reason, 0), true)
                .await;
        }
        let given = Begun {
            key: &self.key,
            n: self.attempt,
            limit_ms,
            way: way.clone(),
            mac: self.shared.settings.mac_key.of(&self.key, &call),
        };
        self.record(records.intent(action, &call, given), false).await?;
        let start_ns = self.boot_ns();
        let outcome = self.bounded(action, &call, limit_ms).await;
        let ms = self.ms_since(start_ns);
        let (blobs, lost) = self.blobs(&outcome).await;
        let said = self.said(&outcome);
        let mut record = records.outcome(action, &call, outcome, (&self.key, self.attempt, ms));
        record.blobs = blobs;
        if record.result != OutcomeResult::Ok {
            record.said = said;
        }
        for reason in lost {
            record.evidence = format!("{}; {reason}", record.evidence);
        }
        self.record(Event::Outcome(Box::new(record)), true).await
    }

    /// Why this user surely may not do it: then nothing is begun that would have to be taken back. A way back tries.
    async fn refused(&self, call: &GroundCall, way: &IntentWay) -> Option<String> {
        if !way.is_forward() {
            return None;
        }
        self.shared.ports.world.refuses(call).await
    }

    /// What is there already and the undo would remove.
    async fn undo_would_remove(&self, call: &GroundCall, way: &IntentWay) -> Option<NotNew> {
        let undos = Undos {
            plan: &self.shared.plan,
            evaluator: self.evaluator(),
        };
        for thing in undos.must_be_new(&self.key, (self.attempt, way), call).await {
            let is_there = self.shared.ports.world.is_there(&thing).await;
            let Some(why) = NotNew::of(thing, is_there) else {
                continue;
            };
            let begun = self.shared.state().intents().keys().copied().collect();
            match &why {
                NotNew::There(thing) if undos.is_of_this_run(begun, thing).await => {}
                _ => return Some(why),
            }
        }
        None
    }

    async fn arguments(&self, action: &Do, limit_ms: u64) -> Result<Arc<GroundCall>, String> {
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

    /// Performs within the limit; after it is told to stop, within what its `cancel` allows.
    async fn bounded(&self, action: &Do, call: &GroundCall, limit_ms: u64) -> Outcome {
        let cancel = action.call.effects.cancel;
        let context = Context {
            cancel,
            is_live: action.live.is_some(),
            ..self.context(limit_ms)
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

    /// The last lines of what was printed, without secrets and bounded.
    fn said(&self, outcome: &Outcome) -> Vec<(String, Vec<String>)> {
        let redactor = &self.shared.plan.redactor;
        let outputs = outcome.evidence().outputs.iter().map(|(name, content)| {
            let clean = redactor.scrub_bytes(content);
            let text = String::from_utf8_lossy(&clean);
            let lines = text.lines().rev().filter(|line| !line.trim().is_empty());
            let last: Vec<String> = lines
                .take(SAID_LINES_MAX)
                .map(|line| redactor.shortened(line.trim_end(), SAID_CHARACTERS_MAX))
                .collect();
            (name.clone(), last.into_iter().rev().collect::<Vec<_>>())
        });
        outputs.filter(|(_, lines)| !lines.is_empty()).collect()
    }

    /// Keeps what was printed: the names with the digests of what was kept, and why something was not. What is
    /// kept of an output is evidence; the outcome itself must still be recorded, and says what it lacks.
    async fn blobs(&self, outcome: &Outcome) -> (Vec<(String, String)>, Vec<String>) {
        let (mut blobs, mut lost) = (Vec::new(), Vec::new());
        let outputs = outcome.evidence().outputs.iter();
        for (name, content) in outputs.filter(|(_, content)| !content.is_empty()) {
            let clean = self.shared.plan.redactor.scrub_bytes(content);
            match self.shared.ports.journal.keep_blob(&clean).await {
                Ok(digest) => blobs.push((name.clone(), digest)),
                Err(error) => lost.push(format!("{name}: {}", error.reason)),
            }
        }
        (blobs, lost)
    }
}
