//! The obligations of a plan: what the proofs assume about the real world, asked before anything changes.

use crate::event::{EvaluationKind, EvaluationResult};
use crate::plan::obligations::{PathUse, not_apart, path_uses, unsupported};
use crate::world::PathIdentity;

use super::shared::{Job, Stopped};

impl Job {
    /// Discharges every obligation; records each that does not hold, or one record that says that all do.
    pub(super) async fn obligations(&self) -> Result<(), Stopped> {
        let plan = &self.shared.plan;
        let not_carried = if self.shared.ports.world.carries_every_service() {
            Vec::new()
        } else {
            unsupported(plan)
        };
        let mut broken: Vec<(&str, String)> = not_carried.into_iter().map(|reason| ("supported", reason)).collect();
        let uses = path_uses(plan, &self.evaluator()).await;
        let count = uses.len();
        let mut identified: Vec<(PathUse, PathIdentity)> = Vec::new();
        for path_use in uses {
            let identity = self.shared.ports.world.identify(&path_use.path, path_use.is_link).await;
            if let Some(identity) = identity {
                identified.push((path_use, identity));
            }
        }
        broken.extend(not_apart(&identified).into_iter().map(|reason| ("not-apart", reason)));
        let what = EvaluationKind::Obligation;
        if broken.is_empty() {
            let evidence = format!("{count} paths are what their names say");
            let event = self.evaluated_line(what, "obligations", EvaluationResult::Holds, &evidence);
            return self.record(event, true).await;
        }
        for (place, (label, reason)) in broken.iter().enumerate() {
            let event = self.evaluated_line(what, label, EvaluationResult::DoesNotHold, reason);
            self.record(event, place + 1 == broken.len()).await?;
        }
        Ok(())
    }
}
