//! The budget of a step: it runs out at a moment, and stands still while something else has the time.

use backstay_dsl::program::StepId;

use super::progress::View;
use super::time::Moment;

/// A step's budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Budget {
    /// It has none.
    Unbounded,
    /// It runs out at this moment.
    Until(Moment),
    /// It stands still, with these nanoseconds left.
    Stopped(i64),
}

impl Budget {
    /// A whole budget that begins now.
    pub(super) fn whole(view: View<'_>, step: StepId) -> Self {
        let budget_ms = view.plan.program.step(step).budget_ms;
        budget_ms.map_or(Self::Unbounded, |ms| Self::Until(view.progress.time.after_ms(ms)))
    }

    /// Stands still.
    pub(super) fn stop(&mut self, now: Moment) {
        if let Self::Until(until) = *self {
            *self = Self::Stopped(until.saturating_sub(now).max(0));
        }
    }

    pub(super) fn go_on(&mut self, now: Moment) {
        if let Self::Stopped(left) = *self {
            *self = Self::Until(now.saturating_add(left));
        }
    }
}
