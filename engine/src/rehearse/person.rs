//! A person who answers as a script says.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::{Case, SimulatedClock};
use crate::event::SignalChoice;
use crate::value::Value;
use crate::world::{Clock, Person, PersonAnswer, PersonQuestion, PersonWants};

/// Answers of a script, by statement (`notes/1`; `notes/1#2` is the second person's); `None` is silence.
pub type Answers = BTreeMap<String, Option<Value>>;

/// What is answered: yes, or a text, where the script says nothing else; `None` is silence.
pub(super) fn answer(script: &Answers, question: &PersonQuestion) -> Option<PersonAnswer> {
    let second = question
        .besides
        .as_ref()
        .and_then(|_| script.get(&format!("{}#2", question.key)));
    let value = match second.or_else(|| script.get(&question.key)) {
        Some(scripted) => scripted.clone()?,
        None => match question.wants {
            PersonWants::Confirm | PersonWants::Verdict(_) => Value::Bool(true),
            PersonWants::Text => Value::Text("as agreed".to_owned()),
        },
    };
    Some(PersonAnswer {
        value,
        who: match question.besides {
            None => "simulated".to_owned(),
            Some(_) => "simulated too".to_owned(),
        },
        via: "file".to_owned(),
    })
}

/// How long a person takes to say what a signal means, nanoseconds.
pub(super) const CHOOSES_AFTER_NS: u64 = 10_000_000_000;

/// The same person behind the port.
#[derive(Debug)]
pub struct SimulatedPerson {
    clock: Arc<SimulatedClock>,
    case: Case,
}

impl SimulatedPerson {
    /// The person of a case.
    pub fn new(clock: Arc<SimulatedClock>, case: Case) -> Self {
        Self { clock, case }
    }
}

#[async_trait]
impl Person for SimulatedPerson {
    async fn ask(&self, question: &PersonQuestion) -> Option<PersonAnswer> {
        match answer(&self.case.answers, question) {
            None => std::future::pending().await,
            answer => answer,
        }
    }

    async fn ask_signal(&self, _: bool) -> Option<SignalChoice> {
        let choice = self.case.choice?;
        self.clock.sleep(Duration::from_nanos(CHOOSES_AFTER_NS)).await;
        Some(choice)
    }

    fn can_answer(&self, _question: &PersonQuestion) -> bool {
        true
    }
}
