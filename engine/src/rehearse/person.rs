//! A person who answers as a script says.

use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::event::SignalChoice;
use crate::value::Value;
use crate::world::{Person, PersonAnswer, PersonQuestion, PersonWants};

/// Answers of a script, by statement; `None` is silence.
pub type Answers = BTreeMap<String, Option<Value>>;

/// What is answered: yes, or a text, where the script says nothing else; `None` is silence.
pub(super) fn answer(script: &Answers, question: &PersonQuestion) -> Option<PersonAnswer> {
    let value = match script.get(&question.key) {
        Some(scripted) => scripted.clone()?,
        None => match question.wants {
            PersonWants::Confirm | PersonWants::Verdict => Value::Bool(true),
            PersonWants::Text => Value::Text("as agreed".to_owned()),
        },
    };
    Some(PersonAnswer {
        value,
        who: "simulated".to_owned(),
        via: "file".to_owned(),
    })
}

/// The same person behind the port.
#[derive(Debug, Default)]
pub struct SimulatedPerson(pub Answers);

#[async_trait]
impl Person for SimulatedPerson {
    async fn ask(&self, question: &PersonQuestion) -> Option<PersonAnswer> {
        match answer(&self.0, question) {
            None => std::future::pending().await,
            answer => answer,
        }
    }

    async fn ask_signal(&self) -> Option<SignalChoice> {
        None
    }

    fn can_answer(&self, _question: &PersonQuestion) -> bool {
        true
    }
}
