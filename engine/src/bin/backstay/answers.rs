//! Answers from a file: `"cutover/2" = true`, `"Who owns the decision?" = "ada"`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use backstay::value::Value;
use backstay::world::{PersonQuestion, PersonWants};

use crate::failure::Failure;

/// The longest file of answers or inputs.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Answers by a statement's key or by the exact question.
#[derive(Debug, Default)]
pub(crate) struct Answers(BTreeMap<String, Answer>);

#[derive(Debug)]
enum Answer {
    Yes(bool),
    Text(String),
}

impl Answers {
    /// The answers of a file; none where no file is given.
    pub(crate) fn read(path: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = path else {
            return Ok(Self::default());
        };
        let mut answers = BTreeMap::new();
        for (question, value) in read_toml(path, "answers")? {
            let answer = match value {
                toml::Value::Boolean(yes) => Answer::Yes(yes),
                toml::Value::String(text) => Answer::Text(text),
                toml::Value::Integer(number) => Answer::Text(number.to_string()),
                _ => {
                    let reason = format!(
                        "{}: the answer to `{question}` is neither text nor true or false",
                        path.display()
                    );
                    return Err(Failure::usage(reason).help("write the question in quotes: \"cutover/2\" = true"));
                }
            };
            answers.insert(question, answer);
        }
        Ok(Self(answers))
    }

    /// The answer to a question; `None` where there is none of the kind that is wanted.
    pub(crate) fn answer(&self, question: &PersonQuestion) -> Option<Value> {
        let answer = self.0.get(&question.key).or_else(|| self.0.get(&question.prompt))?;
        match (question.wants, answer) {
            (PersonWants::Confirm | PersonWants::Verdict, Answer::Yes(yes)) => Some(Value::Bool(*yes)),
            (PersonWants::Confirm | PersonWants::Verdict, Answer::Text(text)) => yes_or_no(text).map(Value::Bool),
            (PersonWants::Text, Answer::Text(text)) => Some(Value::Text(text.clone())),
            (PersonWants::Text, Answer::Yes(_)) => None,
        }
    }
}

/// `yes` and `no`, typed out.
pub(crate) fn yes_or_no(text: &str) -> Option<bool> {
    match text.trim().to_lowercase().as_str() {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    }
}

/// A TOML file as a table.
pub(crate) fn read_toml(path: &Path, what: &str) -> Result<toml::Table, Failure> {
    let shown = path.display();
    let too_long = || {
        Failure::usage(format!(
            "the {what} file {shown} is longer than {} MiB",
            FILE_BYTES_MAX >> 20
        ))
    };
    let metadata = fs::metadata(path)
        .map_err(|error| Failure::usage(format!("the {what} file {shown} cannot be read: {error}")))?;
    if metadata.len() > FILE_BYTES_MAX {
        return Err(too_long());
    }
    let text = fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("the {what} file {shown} cannot be read: {error}")))?;
    text.parse::<toml::Table>().map_err(|error| {
        let place = error.span().map_or(String::new(), |span| {
            let before = text.get(..span.start).unwrap_or_default();
            format!(" in line {}", before.split('\n').count())
        });
        Failure::usage(format!(
            "the {what} file {shown} is no TOML{place}: {}",
            error.message()
        ))
    })
}
