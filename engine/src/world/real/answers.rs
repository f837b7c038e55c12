//! Answers that were written down beforehand: by statement (`notes/1`) or by the words of the question.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;

use crate::event::SignalChoice;
use crate::value::Value;
use crate::world::{Person, PersonAnswer, PersonQuestion, PersonWants};

/// An answer of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GivenAnswer {
    Confirm(bool),
    Text(String),
}

/// Answers from a file; what it does not hold is asked of somebody else, where there is somebody.
pub struct AnswersPerson {
    answers: BTreeMap<String, GivenAnswer>,
    who: String,
    otherwise: Option<Arc<dyn Person>>,
}

impl AnswersPerson {
    /// A person that gives these answers, for the operator `who`.
    pub fn new(
        answers: BTreeMap<String, GivenAnswer>,
        who: impl Into<String>,
        otherwise: Option<Arc<dyn Person>>,
    ) -> Self {
        Self {
            answers,
            who: who.into(),
            otherwise,
        }
    }

    fn answer(&self, question: &PersonQuestion) -> Option<Value> {
        let given = self
            .answers
            .get(&question.key)
            .or_else(|| self.answers.get(&question.prompt))?;
        fitting(given, question.wants)
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
        if let Some(value) = self.answer(question) {
            return Some(PersonAnswer {
                value,
                who: self.who.clone(),
                via: "file".to_owned(),
            });
        }
        match &self.otherwise {
            Some(person) => person.ask(question).await,
            None => None,
        }
    }

    async fn ask_signal(&self) -> Option<SignalChoice> {
        match &self.otherwise {
            Some(person) => person.ask_signal().await,
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
            .filter_map(|(name, given)| mistake(name, given))
            .collect()
    }
}
