//! How far an operator wants a run to go in one sitting.

use super::Event;

/// How far a run is to go in one sitting: to its end, where nothing else is said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stops {
    /// It pauses once the step of this name is done.
    pub until: Option<String>,
    /// Each step begins only once the person at the terminal has said so.
    pub each_step: bool,
}

impl Stops {
    /// The record of it; none where the run goes to its end.
    pub fn record(&self, who: &str) -> Option<Event> {
        (*self != Self::default()).then(|| Event::Stops {
            until: self.until.clone(),
            each_step: self.each_step,
            who: who.to_owned(),
        })
    }
}
