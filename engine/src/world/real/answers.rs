//! Answers that were written down beforehand: by statement (`notes/1`) or by the words of the question.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::event::SignalChoice;
use crate::value::Value;
use crate::world::{Person, PersonAnswer, PersonQuestion, PersonWants};

/// An answer of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum GivenAnswer {
    Confirm(bool),
    Text(String),
}

/// An answer, and who wrote it down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrittenAnswer {
    pub answer: GivenAnswer,
    pub who: String,
}

/// Answers that were written down, by statement or question.
pub type WrittenAnswers = BTreeMap<String, WrittenAnswer>;

/// Answers from a file; what it does not hold is asked of somebody else, where there is somebody.
pub struct AnswersPerson {
    answers: WrittenAnswers,
    otherwise: Option<Arc<dyn Person>>,
}

impl AnswersPerson {
    /// A person that gives these answers.
    pub fn new(answers: WrittenAnswers, otherwise: Option<Arc<dyn Person>>) -> Self {
        Self { answers, otherwise }
    }

    fn answer(&self, question: &PersonQuestion) -> Option<PersonAnswer> {
        let written = self
            .answers
            .get(&question.key)
            .or_else(|| self.answers.get(&question.prompt))?;
        Some(PersonAnswer {
            value: fitting(&written.answer, question.wants)?,
            who: written.who.clone(),
            via: "file".to_owned(),
        })
    }
}

/// The answer as a value, where it is of the kind that is wanted.
fn fitting(given: &GivenAnswer, wants: PersonWants) -> Option<Value> {
    match (given, wants) {
        (GivenAnswer::Confirm(value), PersonWants::Confirm | PersonWants::Verdict) => Some(Value::Bool(*value)),
        (GivenAnswer::Text(text), PersonWants::Text) => Some(Value::Text(text.clone())),
        (GivenAnswer::Text(_), _) | (GivenAnswer::Confirm(_), PersonWants::Text) => None,
    }
}

#[async_trait]
impl Person for AnswersPerson {
    async fn ask(&self, question: &PersonQuestion) -> Option<PersonAnswer> {
        if let Some(answer) = self.answer(question) {
            return Some(answer);
        }
        match &self.otherwise {
            Some(person) => person.ask(question).await,
            None => None,
        }
    }

    async fn ask_signal(&self, can_turn_back: bool) -> Option<SignalChoice> {
        match &self.otherwise {
            Some(person) => person.ask_signal(can_turn_back).await,
            None => None,
        }
    }

    fn can_answer(&self, question: &PersonQuestion) -> bool {
        self.answer(question).is_some()
            || self
                .otherwise
                .as_ref()
                .is_some_and(|person| person.can_answer(question))
    }

    fn mistakes(&self, questions: &[PersonQuestion]) -> Vec<String> {
        let mistake = |name: &String, given: &GivenAnswer| {
            let meant: Vec<&PersonQuestion> = questions
                .iter()
                .filter(|question| question.key == *name || question.prompt == *name)
                .collect();
            let Some(first) = meant.first() else {
                return Some(format!("there is no question `{name}`"));
            };
            let fits = meant.iter().any(|question| fitting(given, question.wants).is_some());
            (!fits).then(|| match first.wants {
                PersonWants::Text => format!("the answer to `{name}` must be a text, in quotes"),
                PersonWants::Confirm | PersonWants::Verdict => {
                    format!("the answer to `{name}` must be true or false, without quotes")
                }
            })
        };
        self.answers
            .iter()
            .filter_map(|(name, written)| mistake(name, &written.answer))
            .collect()
    }
}
