//! Why something with an engine did not go as wanted, and what outcome that is.

use crate::action::{Context, Outcome, Settled};
use crate::containers::Problem;

/// Why an action came to no good end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    Failed(String),
    /// It may have been done.
    Unknown(String),
}

impl Trouble {
    /// A question that found no answer: nothing was changed by it.
    #[expect(clippy::needless_pass_by_value, reason = "to be used as a function of `map_err`")]
    pub(super) fn of_question(problem: Problem) -> Self {
        Self::Failed(problem.to_string())
    }

    /// A question after something was changed: what came of that is not known.
    #[expect(clippy::needless_pass_by_value, reason = "to be used as a function of `map_err`")]
    pub(super) fn of_proof(problem: Problem) -> Self {
        Self::Unknown(problem.to_string())
    }

    /// A change that was not confirmed.
    #[expect(clippy::needless_pass_by_value, reason = "to be used as a function of `map_err`")]
    pub(super) fn of_change(problem: Problem) -> Self {
        match problem {
            Problem::Lost(_) => Self::Unknown(problem.to_string()),
            Problem::Unreachable(_) | Problem::Refused { .. } => Self::Failed(problem.to_string()),
        }
    }

    /// The same with words in front.
    pub(super) fn within(self, what: &str) -> Self {
        match self {
            Self::Failed(reason) => Self::Failed(format!("{what}: {reason}")),
            Self::Unknown(reason) => Self::Unknown(format!("{what}: {reason}")),
        }
    }

    /// As an outcome, without secrets.
    pub(super) fn outcome(self, context: &Context) -> Outcome {
        match self {
            Self::Failed(reason) => Outcome::failed(clean(context, &reason)),
            Self::Unknown(reason) => Outcome::unknown(clean(context, &reason)),
        }
    }

    /// As what a preview says.
    pub(super) fn preview(self, context: &Context) -> String {
        let (Self::Failed(reason) | Self::Unknown(reason)) = self;
        format!("cannot be said yet: {}", clean(context, &reason))
    }

    /// As the answer to whether something happened: it cannot be told.
    pub(super) fn settled(self, context: &Context) -> Settled {
        let (Self::Failed(reason) | Self::Unknown(reason)) = self;
        Settled::Undecidable(clean(context, &reason))
    }
}

/// A text without the run's secrets: an engine may repeat what it was given.
pub(super) fn clean(context: &Context, text: &str) -> String {
    context.redactor.scrub_text(text).into_owned()
}
