//! Why something with an engine did not go as wanted.

use crate::action::Context;
use crate::containers::Problem;

/// Why an action came to no good end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Error {
    Failed(String),
    /// It may have been done.
    Unknown(String),
}

#[expect(clippy::needless_pass_by_value, reason = "to be used as functions of `map_err`")]
impl Error {
    /// A question that found no answer: nothing was changed by it.
    pub(super) fn of_question(problem: Problem) -> Self {
        Self::Failed(problem.to_string())
    }

    /// A question after something was changed: what came of that is not known.
    pub(super) fn of_proof(problem: Problem) -> Self {
        Self::Unknown(problem.to_string())
    }

    /// A change that was not confirmed.
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

    /// The same with words behind.
    pub(super) fn and(self, what: &str) -> Self {
        match self {
            Self::Failed(reason) => Self::Failed(format!("{reason}; {what}")),
            Self::Unknown(reason) => Self::Unknown(format!("{reason}; {what}")),
        }
    }

    pub(super) fn reason(&self) -> &str {
        let (Self::Failed(reason) | Self::Unknown(reason)) = self;
        reason
    }
}

/// What is wrong with a call.
impl From<String> for Error {
    fn from(reason: String) -> Self {
        Self::Failed(reason)
    }
}

/// A text without the run's secrets: an engine may repeat what it was given.
pub(super) fn clean(context: &Context, text: &str) -> String {
    context.redactor.scrub_text(text).into_owned()
}
