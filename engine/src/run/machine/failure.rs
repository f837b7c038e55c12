//! What went wrong, and why a run turns.

use backstay_dsl::model::Disposition;
use backstay_dsl::program::StepId;

use crate::plan::Plan;

/// A statement that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) key: String,
    pub(super) reason: String,
    pub(super) kind: FailureKind,
}

/// The kinds of failures; only the first two are looked up in symptom tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FailureKind {
    Action {
        /// Whether the statement may be tried once more.
        again: bool,
    },
    Check,
    /// A guard did not hold, or a value could not be read: nothing was done.
    Guard,
    No,
    /// Nobody answered in time; what the text says about that.
    Silence(Option<Disposition>),
}

impl Failure {
    /// Whether the symptom tables are for this.
    pub(super) fn has_symptoms(&self) -> bool {
        matches!(self.kind, FailureKind::Action { .. } | FailureKind::Check)
    }

    /// Whether a way back tries the statement once more.
    pub(super) fn has_second_try(&self) -> bool {
        self.may_repeat() && !matches!(self.kind, FailureKind::No | FailureKind::Silence(_))
    }

    /// Whether the statement may be tried once more.
    pub(super) fn may_repeat(&self) -> bool {
        !matches!(self.kind, FailureKind::Action { again: false })
    }
}

/// Why the run turns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cause {
    /// The step to blame; `None` for time, signals and what is asked outside steps.
    pub(super) step: Option<StepId>,
    /// The statement's key; empty where no statement is to blame.
    pub(super) statement: String,
    pub(super) reason: String,
    /// Where the text says to go.
    pub(super) disposition: Disposition,
    /// Whether something failed, so that `run.end` names it; not for a person's wish.
    pub(super) is_failure: bool,
}

impl Cause {
    /// What failed outside of steps: the header says where to go.
    pub(super) fn outside_steps(plan: &Plan, statement: String, reason: String) -> Self {
        let way = Some(&plan.runbook.on_failure).filter(|way| way.leads_back());
        Self {
            step: None,
            statement,
            reason,
            disposition: way.cloned().unwrap_or(Disposition::Unwind),
            is_failure: true,
        }
    }
}

/// What a part of the machine asks of the whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    /// The run leaves the way forward.
    Turn(Cause),
    /// The run stops, for this reason, as soon as no attempt runs.
    Pause(String),
}
