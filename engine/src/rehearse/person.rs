//! A person who answers as a script says.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use crate::event::SignalChoice;
use crate::value::Value;
use crate::world::{Person, PersonAnswer, PersonQuestion, PersonWants};

/// Answers yes, or with a text, where the script says nothing else.
#[derive(Debug, Default)]
pub struct SimulatedPerson {
    /// By statement.
    answers: Mutex<BTreeMap<String, Scripted>>,
    signal: Option<SignalChoice>,
}

/// What the script says about one prompt.
#[derive(Debug, Clone)]
enum Scripted {
    Answer(Value),
    Silence,
}

impl SimulatedPerson {
    /// A person with these answers, by statement; `None` is silence.
    pub fn new(answers: BTreeMap<String, Option<Value>>, signal: Option<SignalChoice>) -> Self {
        Self {
            answers: Mutex::new(
                answers
                    .into_iter()
                    .map(|(key, answer)| (key, answer.map_or(Scripted::Silence, Scripted::Answer)))
                    .collect(),
            ),
            signal,
        }
    }

    fn scripted(&self, key: &str) -> Option<Scripted> {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.get(key).cloned()
    }

    /// From now on every answer is yes.
    pub fn agree(&self) {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

#[async_trait]
impl Person for SimulatedPerson {
    async fn ask(&self, question: &PersonQuestion) -> Option<PersonAnswer> {
        let scripted = self.scripted(&question.key);
        let value = match scripted {
            Some(Scripted::Answer(value)) => value,
            Some(Scripted::Silence) => std::future::pending().await,
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

    async fn ask_signal(&self) -> Option<SignalChoice> {
        self.signal
    }

    fn can_answer(&self, _question: &PersonQuestion) -> bool {
        true
    }
}
