//! Answering a run that goes on elsewhere, or one that is paused until a person has said something.

use crate::error::Error;
use crate::event::{Course, Event, Stamped};
use crate::run::directory::RunDirectory;
use crate::run::questions::{AnswerError, Questions, StandingQuestion};
use crate::world::real::{WrittenAnswer, WrittenAnswers};

use super::locks::{is_running, lock_run};
use super::resume::{find, refuse_given_up};
use super::{Surroundings, asks, history, no_state};

/// The questions of a run that stand now.
pub fn questions(run: &str, surroundings: &Surroundings) -> Result<Vec<StandingQuestion>, Error> {
    standing(run, surroundings).map(|(_, standing)| standing)
}

/// Who takes an answer.
enum Taker {
    /// The runner.
    Runner(Questions),
    /// Whoever resumes the run.
    Next(RunDirectory),
}

fn standing(run: &str, surroundings: &Surroundings) -> Result<(Taker, Vec<StandingQuestion>), Error> {
    let directory = find(run, surroundings)?;
    if is_running(&directory)? {
        let questions = Questions::new(directory);
        let standing = questions.standing().map_err(|error| no_state(surroundings, &error))?;
        return Ok((Taker::Runner(questions), standing));
    }
    refuse_given_up(&directory)?;
    let open = left_open(&directory)?;
    if open.is_empty() {
        return Err(Error::refused(
            format!("run {run} has no runner: it asks nothing"),
            format!("backstay status tells where it stands; it asks again after backstay resume {run}"),
        ));
    }
    Ok((Taker::Next(directory), open))
}

/// The questions for which a run is paused.
fn left_open(directory: &RunDirectory) -> Result<Vec<StandingQuestion>, Error> {
    let run = &directory.run;
    let history = history(directory).map_err(|reason| {
        Error::refused(
            format!("what run {run} recorded cannot be read, so nobody knows what it asks: {reason}"),
            format!("for a verdict: backstay transcript verify {run}"),
        )
    })?;
    let is_paused = |last: &Stamped| matches!(last.event, Event::RunInterrupted { .. });
    if !history.last().is_some_and(is_paused) {
        return Ok(Vec::new());
    }
    let open = Course::of(&history).unanswered.into_iter();
    let questions = open.map(|(key, prompt)| StandingQuestion {
        key,
        step: String::new(),
        prompt,
        is_yes_or_no: true,
        of: None,
        besides: None,
    });
    Ok(questions.collect())
}

/// Keeps an answer for whoever resumes the run.
fn leave(
    directory: &RunDirectory,
    question: &StandingQuestion,
    text: &str,
    surroundings: &Surroundings,
) -> Result<(), Error> {
    let _lock = lock_run(directory, surroundings)?;
    refuse_given_up(directory)?;
    if !left_open(directory)?.contains(question) {
        let help = format!("see where it stands: backstay transcript show {}", directory.run);
        let reason = format!("run {} does not ask this any more", directory.run);
        return Err(Error::refused(reason, help));
    }
    let answer = question.read(text).ok_or_else(not_yes_or_no)?;
    let who = surroundings.operator.clone();
    let history = history(directory).map_err(|reason| Error::refused(reason, "see backstay transcript verify"))?;
    let written = WrittenAnswer {
        answer,
        who,
        attempt: asks::open_attempt(&history, &question.key),
    };
    let given = WrittenAnswers::from([(question.key.clone(), written)]);
    let answers = asks::kept(directory, &given)?;
    asks::keep(directory, &answers).map_err(|error| no_state(surroundings, &error))
}

fn not_yes_or_no() -> Error {
    Error::usage("the question is to be answered with yes or no", "type one of them")
}

/// Answers the question of this key, or the only one that stands; gives the question, and whether a runner has taken
/// the answer: else whoever resumes the run does.
pub async fn answer(
    run: &str,
    key: Option<&str>,
    text: &str,
    surroundings: &Surroundings,
) -> Result<(StandingQuestion, bool), Error> {
    let (taker, mut standing) = standing(run, surroundings)?;
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
    let questions = match taker {
        Taker::Runner(questions) => questions,
        Taker::Next(directory) => return leave(&directory, &question, text, surroundings).map(|()| (question, false)),
    };
    let given = questions
        .answer(&question, text, &surroundings.operator, surroundings.clock.as_ref())
        .await;
    given.map(|()| (question, true)).map_err(|error| match error {
        AnswerError::NotYesOrNo => not_yes_or_no(),
        AnswerError::File(error) => no_state(surroundings, &error),
        AnswerError::SamePerson(_) => Error::refused(error.to_string(), "let another person answer: --as NAME"),
        AnswerError::Busy | AnswerError::NotTaken => Error::refused(
            format!("run {run} has not got the answer: {error}"),
            format!("see what it asks now: backstay answer {run}"),
        ),
    })
}
