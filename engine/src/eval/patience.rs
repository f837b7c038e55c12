//! How long one question may take, by what is left for all that ask with it.

use backstay_dsl::model::{ActionCall, LimitBy};

use crate::action::GroundCall;

/// So much earlier a question is given up than what asks it, so that it is known which had no answer.
const MOMENT_MS: u64 = 250;

/// The time that an evaluation has, as it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// Each question has its own time.
    Own,
    /// All is asked once, within so many milliseconds.
    Once(u64),
    /// It is asked again where it does not hold, for so many milliseconds in all.
    Again(u64),
}

impl Patience {
    /// What a check leaves to its questions when so much of its time is left, in milliseconds; `every_ms` where it is
    /// asked again.
    pub fn of(every_ms: Option<u64>, left_ms: u64) -> Self {
        match every_ms {
            Some(_) => Self::Again(left_ms),
            None => Self::Once(left_ms),
        }
    }

    /// The longest that a question may take, in milliseconds. What says its own time has that. A poll gives each
    /// half of what is left, so that after one that hangs there is time to ask again.
    pub(super) fn limit_ms(self, call: &ActionCall, ground: &GroundCall) -> u64 {
        let own_ms = call.effects.limit_ms;
        match (&call.effects.limit_by, self) {
            (LimitBy::Argument(name), _) => {
                let said = ground.arguments.duration(name);
                said.map_or(own_ms, |said| u64::try_from(said.as_millis()).unwrap_or(u64::MAX))
            }
            (LimitBy::Text, _) | (LimitBy::Action, Self::Own) => own_ms,
            (LimitBy::Action, Self::Once(left_ms)) => left_ms - (left_ms / 10).min(MOMENT_MS),
            (LimitBy::Action, Self::Again(left_ms)) => own_ms.max(left_ms / 2),
        }
    }
}
