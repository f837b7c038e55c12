//! Where each part of the machine is, by name: what the tables of `docs/machine.md` speak of.

use super::{Phase, State};
use crate::plan::Plan;
use crate::run::machine::ending::Ending;
use crate::run::machine::places::{Places, word};

impl State {
    /// What each part is at, by what it is and whose: `("hold", "quiet")` is `Taken`. What is not there has no
    /// place.
    pub fn places(&self, plan: &Plan) -> Places {
        let pause = match (&self.pausing, &self.asked) {
            _ if self.is_paused => "Paused",
            (Some(_), _) => "Pausing",
            (None, Some(_)) => "Asked",
            (None, None) => "Going",
        };
        let mut places = Places::from([
            (("run", String::new()), word(&self.phase)),
            (("interruption", String::new()), pause.to_owned()),
        ]);
        self.opening.places(&mut places);
        self.progress.holds.places(plan, &mut places);
        self.steps.places(plan, &mut places);
        self.watches.places(plan, &mut places);
        match &self.phase {
            Phase::Ending(ending) => ending.places(plan, &mut places),
            // Nothing is left of it but what is waited for.
            _ => {
                if let Some(cursor) = self.ending().and_then(Ending::cursor) {
                    cursor.places(plan, &mut places);
                }
            }
        }
        places
    }
}
