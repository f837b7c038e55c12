//! Answers that were written down beforehand: by statement (`notes/1`) or by the words of the question.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::event::{SignalChoice, is_one_person};
use crate::value::Value;
use crate::world::{Person, PersonAnswer, PersonQuestion, PersonWants};

/// An answer of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum GivenAnswer {
    Confirm(bool),
    Text(String),
    /// What each of several people says, by name.
    Each(BTreeMap<String, GivenAnswer>),
}

/// An answer, and who wrote it down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrittenAnswer {
    pub answer: GivenAnswer,
    pub who: String,
    /// The attempt of an action of which it says whether it was done: it says nothing of another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
}

impl WrittenAnswer {
    /// What each person says: whoever is named, else who wrote it down.
    pub(crate) fn given(&self) -> Vec<(&str, &GivenAnswer)> {
        match &self.answer {
            GivenAnswer::Each(people) => people.iter().map(|(who, answer)| (who.as_str(), answer)).collect(),
            answer => vec![(self.who.as_str(), answer)],
        }
    }
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

    /// The answers of everybody who may still answer.
    fn answers<'a>(&'a self, question: &'a PersonQuestion) -> impl Iterator<Item = PersonAnswer> + 'a {
        let written = self.answers.get(&question.key);
        let written = written.or_else(|| self.answers.get(&question.prompt));
        let written = written.filter(|written| match question.wants {
            PersonWants::Verdict(attempt) => written.attempt == Some(attempt),
            _ => true,
        });
        written
            .into_iter()
            .flat_map(WrittenAnswer::given)
            .filter_map(|(who, answer)| {
                let besides = question.besides.as_ref();
                Some(PersonAnswer {
                    value: fitting(answer, question.wants)?,
                    who: who.to_owned(),
                    via: "file".to_owned(),
                })
                .filter(|answer| !besides.is_some_and(|first| is_one_person(first, &answer.who)))
            })
    }
}

/// The answer as a value, where it is of the kind that is wanted.
fn fitting(given: &GivenAnswer, wants: PersonWants) -> Option<Value> {
    match (given, wants) {
        (GivenAnswer::Confirm(value), PersonWants::Confirm | PersonWants::Verdict(_)) => Some(Value::Bool(*value)),
        (GivenAnswer::Text(text), PersonWants::Text) => Some(Value::Text(text.clone())),
        (GivenAnswer::Text(_) | GivenAnswer::Each(_), _) | (GivenAnswer::Confirm(_), PersonWants::Text) => None,
    }
}

#[async_trait]
impl Person for AnswersPerson {
    async fn ask(&self, question: &PersonQuestion) -> Option<PersonAnswer> {
        if let Some(answer) = self.answers(question).next() {
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
        self.answers(question).nth(usize::from(question.by_two)).is_some()
            || self
                .otherwise
                .as_ref()
                .is_some_and(|person| person.can_answer(question))
    }

    fn mistakes(&self, questions: &[PersonQuestion]) -> Vec<String> {
        let mistake = |name: &String, written: &WrittenAnswer| {
            let meant: Vec<&PersonQuestion> = questions
                .iter()
                .filter(|question| question.key == *name || question.prompt == *name)
                .collect();
            let Some(first) = meant.first() else {
                return Some(format!("there is no question `{name}`"));
            };
            let given = written.given();
            if let [(one, _), (other, _)] = given[..]
                && is_one_person(one, other)
            {
                return Some(format!("the answers to `{name}` are by one person"));
            }
            let fits = |wants| given.iter().all(|(_, answer)| fitting(answer, wants).is_some());
            let fits = meant.iter().any(|question| fits(question.wants));
            (!fits).then(|| match first.wants {
                PersonWants::Text => format!("the answer to `{name}` must be a text, in quotes"),
                PersonWants::Confirm | PersonWants::Verdict(_) => {
                    format!("the answer to `{name}` must be true or false, without quotes")
                }
            })
        };
        self.answers
            .iter()
            .filter_map(|(name, written)| mistake(name, written))
            .collect()
    }
}
