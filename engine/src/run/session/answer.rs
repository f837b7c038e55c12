//! Answering a run that goes on elsewhere.

use crate::error::Error;
use crate::run::questions::{AnswerError, Questions, StandingQuestion};

use super::locks::is_running;
use super::resume::find;
use super::{Surroundings, no_state};

/// The questions of a run that stand now.
pub fn questions(run: &str, surroundings: &Surroundings) -> Result<Vec<StandingQuestion>, Error> {
    standing(run, surroundings).map(|(_, standing)| standing)
}

fn standing(run: &str, surroundings: &Surroundings) -> Result<(Questions, Vec<StandingQuestion>), Error> {
    let directory = find(run, surroundings)?;
    if !is_running(&directory)? {
        return Err(Error::refused(
            format!("run {run} has no runner: it asks nothing"),
            format!("backstay status tells where it stands; it asks again after backstay resume {run}"),
        ));
    }
    let questions = Questions::new(directory);
    let standing = questions.standing().map_err(|error| no_state(surroundings, &error))?;
    Ok((questions, standing))
}

/// Answers the question of this key, or the only one that stands; gives the question.
pub async fn answer(
    run: &str,
    key: Option<&str>,
    text: &str,
    surroundings: &Surroundings,
) -> Result<StandingQuestion, Error> {
    let (questions, mut standing) = standing(run, surroundings)?;
    let all: Vec<String> = standing
        .iter()
        .map(|question| format!("{}: {}", question.key, question.prompt))
        .collect();
    if let Some(key) = key {
        standing.retain(|question| question.key == key);
    }
    let question = match standing.pop() {
        Some(question) if standing.is_empty() => question,
        Some(_) => {
            return Err(Error::Usage {
                reason: format!("run {run} asks {} questions", all.len()),
                help: all
                    .into_iter()
                    .chain(["say which: --question KEY".to_owned()])
                    .collect(),
            });
        }
        None if all.is_empty() => {
            let help = format!("backstay transcript show {run} tells how far it is");
            return Err(Error::refused(format!("run {run} asks nothing now"), help));
        }
        None => {
            return Err(Error::Usage {
                reason: format!("run {run} does not ask `{}`", key.unwrap_or_default()),
                help: all,
            });
        }
    };
    let given = questions
        .answer(&question, text, &surroundings.operator, surroundings.clock.as_ref())
        .await;
    given.map(|()| question).map_err(|error| match error {
        AnswerError::NotYesOrNo => Error::usage("the question is to be answered with yes or no", "type one of them"),
        AnswerError::File(error) => no_state(surroundings, &error),
        AnswerError::Busy | AnswerError::NotTaken => Error::refused(
            format!("run {run} has not got the answer: {error}"),
            format!("see what it asks now: backstay answer {run}"),
        ),
    })
}
