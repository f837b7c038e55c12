//! The obligations of a plan: what the proofs assume about the real world, asked before anything changes.

use std::path::Path;

use async_trait::async_trait;
use backstay_dsl::units;

use crate::action::GroundCall;
use crate::eval::Evaluator;
use crate::event::{EvaluationKind, EvaluationResult};
use crate::plan::{Plan, obligations};
use crate::run::records::Seen;
use crate::service_kind::Asked;
use crate::value::{Answer, Unanswered};
use crate::world::World;

use super::shared::{Job, Stopped};

/// The longest that one question may take, milliseconds.
pub(crate) const OBLIGATION_READ_LIMIT_MS: u64 = 10_000;
/// How long an answer may take beyond that: who bounds itself says why there is none.
const MARGIN_MS: u64 = 1_000;

impl Job {
    /// Discharges every obligation, and records it.
    pub(super) async fn obligations(&self) -> Result<(), Stopped> {
        let world = self.shared.ports.world.as_ref();
        let record = &self.shared.settings.run_directory;
        let seen = discharge(&self.shared.plan, record, Some(world), self, &self.evaluator()).await;
        self.record_seen(seen, self.boot_ns()).await
    }
}

/// Discharges every obligation: in one line what does not hold, or that all do. Without a world every name is a
/// thing of its own.
pub(crate) async fn discharge(
    plan: &Plan,
    record: &Path,
    world: Option<&dyn World>,
    asked: &dyn Asked,
    evaluator: &Evaluator<'_>,
) -> Seen {
    let found = obligations::discharge(plan, record, world, asked, evaluator).await;
    let unsupported = found.unsupported.into_iter().map(|reason| ("supported", reason));
    let not_apart = found.not_apart.into_iter();
    let not_apart = not_apart.map(|reason| ("not-apart", format!("not-apart: {reason}")));
    let broken: Vec<(&str, String)> = unsupported.chain(found.broken).chain(not_apart).collect();
    let what = EvaluationKind::Obligation;
    if broken.is_empty() {
        let paths = match found.paths {
            0 => "there are no paths to compare".to_owned(),
            1 => "1 path looked at".to_owned(),
            count => format!("{count} paths looked at, and no two of them lead to the same place"),
        };
        let mut evidence = found.required;
        evidence.extend(found.seen);
        evidence.push(paths);
        return Seen::line(what, "obligations", EvaluationResult::Holds, evidence.join("; "));
    }
    // One record, so that whoever mends it sees all of it at once.
    let label = broken.first().map_or("obligations", |(label, _)| *label);
    let reasons: Vec<&str> = broken.iter().map(|(_, reason)| reason.as_str()).collect();
    Seen::line(what, label, EvaluationResult::DoesNotHold, reasons.join("; "))
}

#[async_trait]
impl Asked for Job {
    async fn answer_to(&self, call: &GroundCall) -> Answer {
        let context = self.context(OBLIGATION_READ_LIMIT_MS);
        let asking = self.shared.ports.world.perform(&context, call);
        match self.within(OBLIGATION_READ_LIMIT_MS + MARGIN_MS, asking).await {
            Some(outcome) => outcome.into_answer(),
            None => Err(Unanswered::new(format!(
                "{} gave no answer within {}",
                call.action,
                units::duration(OBLIGATION_READ_LIMIT_MS)
            ))),
        }
    }
}
