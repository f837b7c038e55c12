//! What a watch says decides while the run goes forward; past `commits` and on a way back it is only told.

use backstay_dsl::model::Watch;

use super::{Phase, State};
use crate::event::{Exception, WorkKey};
use crate::plan::Plan;
use crate::run::machine::desired::Work;
use crate::run::machine::ending::Ending;
use crate::run::machine::failure::{Cause, Next};

impl State {
    /// Whether the stretch of a watch is over, or the run is but for its last record.
    fn is_unwatched(&self, plan: &Plan, watch: &Watch) -> bool {
        self.steps.is_done(plan, watch.until) || self.is_told()
    }

    fn is_told(&self) -> bool {
        self.ending().is_some_and(Ending::is_over)
    }

    /// Whether a watch has still to say what it has seen before the run ends.
    pub(super) fn is_watch_awaited(&self) -> bool {
        self.is_told() && !self.watches.are_quiet()
    }

    /// Steps that were passed over, and watches that were only told of.
    pub(super) fn all_exceptions(&self, plan: &Plan) -> Vec<Exception> {
        self.exceptions
            .iter()
            .cloned()
            .chain(self.watches.exceptions(plan))
            .collect()
    }

    /// Asks each watch while the run goes on.
    pub(super) fn watch_work(&self, plan: &Plan, work: &mut Vec<(WorkKey, Work)>) {
        if self.pausing.is_none() && self.phase != Phase::Preparing {
            self.watches.work(plan, |watch| self.is_unwatched(plan, watch), work);
        }
    }

    /// A watch has said something.
    pub(super) fn on_watched(&mut self, plan: &Plan, (name, evidence): (&str, &str), holds: bool) {
        let mut watches = plan.runbook.watches.iter().enumerate();
        let Some((place, watch)) = watches.find(|(_, watch)| watch.name == name) else {
            return;
        };
        let is_over = self.is_unwatched(plan, watch);
        if !self.watches.on_evaluated(place, holds, is_over) {
            return;
        }
        if self.progress.is_committed() {
            self.watches.tell(place, evidence);
            return;
        }
        if !self.may_turn() {
            return;
        }
        let key = WorkKey::Watch(name.to_owned()).to_string();
        let reason = format!("{}: {evidence}", watch.title);
        let next = match self.steps.first_that_runs() {
            Some(step) => self.steps.on_watch_missed(plan, step, (&key, &reason)),
            None => Some(Next::Turn(Cause::outside_steps(plan, key, reason))),
        };
        self.follow(next);
    }
}
