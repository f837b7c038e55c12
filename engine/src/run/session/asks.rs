//! A run that would need an answer and cannot get one does not begin; nor does one whose answers do not fit.

use std::io;

use backstay_dsl::model::{Statement, StatementKind};

use crate::error::Error;
use crate::eval::Recorded;
use crate::event::{Event, OutcomeResult, Stamped};
use crate::plan::Plan;
use crate::private_files::{read_json, write_json};
use crate::run::directory::RunDirectory;
use crate::run::records::Records;
use crate::world::real::{AnswersPerson, GivenAnswer, WrittenAnswers};
use crate::world::{Person as _, PersonQuestion, PersonWants};

use super::Surroundings;

/// The answers that a run keeps for whoever resumes it, in its directory.
const ANSWERS_FILE: &str = "answers.json";

/// The longest answers that are read, in bytes.
const ANSWERS_BYTES_MAX: u64 = 16 << 20;

/// Refuses what is asked and cannot be answered, and answers to what is never asked, of another kind than is wanted or
/// with a secret in them.
pub(super) fn refuse(
    plan: &Plan,
    answers: &WrittenAnswers,
    history: &[Stamped],
    surroundings: &Surroundings,
) -> Result<(), Error> {
    let person = AnswersPerson::new(answers.clone(), surroundings.person.clone());
    refuse_mistakes(plan, &person)?;
    refuse_secrets(plan, answers)?;
    refuse_unanswered(&without_answer(plan, &person, history))
}

/// What a run would be refused for that nobody is there to answer, for a plan. A plan is often made where no terminal
/// is, and run where one is: unless it is said that nobody is there, questions that nobody can be asked here are none.
///
/// # Errors
/// As [`refuse`]: what is given does not fit.
pub(crate) fn obstacle(plan: &Plan, surroundings: &Surroundings) -> Result<Option<String>, Error> {
    let answers = given(plan, &[], &surroundings.answers)?;
    let person = AnswersPerson::new(answers, surroundings.person.clone());
    refuse_mistakes(plan, &person)?;
    refuse_secrets(plan, &surroundings.answers)?;
    let questions = without_answer(plan, &person, &[]);
    let is_obstacle = surroundings.is_unattended && !questions.is_empty();
    Ok(is_obstacle.then(|| format!("{}: {}", nobody_answers(&questions), questions.join("; "))))
}

/// The answers that are given now, those about actions each for the attempt that it can be about: the one whose outcome
/// is not known now. What is said before an action is begun, or of one whose outcome is known, says nothing.
pub(super) fn given(plan: &Plan, history: &[Stamped], answers: &WrittenAnswers) -> Result<WrittenAnswers, Error> {
    let mut given = answers.clone();
    for (name, written) in &mut given {
        let id = plan.program.find(name);
        if id.is_none_or(|id| plan.program.statement(id).action().is_none()) {
            continue;
        }
        written.attempt = open_attempt(history, name);
        if written.attempt.is_none() {
            return Err(Error::usage(
                format!("the answers do not fit: `{name}` is an action, and nobody has to say now whether it was done"),
                "leave it out; a run that needs a person for that says so, and takes the answer then",
            ));
        }
    }
    Ok(given)
}

/// The attempt of an action whose outcome is not known.
pub(super) fn open_attempt(history: &[Stamped], action: &str) -> Option<u32> {
    let mut open = None;
    for stamped in history {
        match &stamped.event {
            Event::Intent(intent) if intent.key == action => open = Some(intent.n),
            Event::Outcome(outcome) if outcome.key == action && outcome.result != OutcomeResult::Unknown => open = None,
            Event::Settled { key, .. } if key == action => open = None,
            _ => {}
        }
    }
    open
}

/// The answers that were given with earlier commands, and those that were given now, which win.
pub(super) fn kept(directory: &RunDirectory, given: &WrittenAnswers) -> Result<WrittenAnswers, Error> {
    let path = directory.file(ANSWERS_FILE);
    let kept = read_json::<WrittenAnswers>(&path, ANSWERS_BYTES_MAX).map_err(|error| {
        Error::refused(
            format!("the answers kept with run {} cannot be read: {error}", directory.run),
            format!("give them again (--answers FILE), and remove {}", path.display()),
        )
    })?;
    let mut answers = kept.unwrap_or_default();
    answers.extend(given.clone());
    Ok(answers)
}

/// Keeps answers for whoever resumes the run.
pub(super) fn keep(directory: &RunDirectory, answers: &WrittenAnswers) -> io::Result<()> {
    if answers.is_empty() {
        return Ok(());
    }
    write_json(&directory.file(ANSWERS_FILE), answers)
}

/// The questions of the steps that may be asked, that nobody could answer, and nobody has.
fn without_answer(plan: &Plan, person: &AnswersPerson, history: &[Stamped]) -> Vec<String> {
    if history
        .iter()
        .any(|stamped| matches!(stamped.event, Event::Turn { .. }))
    {
        return Vec::new();
    }
    let was_answered = |question: &PersonQuestion| {
        let is_it =
            |stamped: &&Stamped| matches!(&stamped.event, Event::Answer { key: known, .. } if *known == question.key);
        history.iter().filter(is_it).count() > usize::from(question.by_two)
    };
    let steps = plan.runbook.steps.iter();
    steps
        .flat_map(|step| {
            let statements = step.body.statements.iter();
            statements.take_while(|statement| !plan.surely_ends_step(statement))
        })
        .filter_map(|statement| question(plan, statement))
        .filter(|question| !person.can_answer(question) && !was_answered(question))
        .map(|question| format!("{}: {}{}", question.key, question.prompt, question.whom()))
        .collect()
}

/// The question of a statement, in words as far as they are known before the run.
fn question(plan: &Plan, statement: &Statement) -> Option<PersonQuestion> {
    let known = Recorded::of_inputs(&plan.runbook, &plan.places, &plan.redactor, &plan.inputs);
    Records { plan }.question(statement, |prompt| known.words(prompt))
}

fn refuse_unanswered(questions: &[String]) -> Result<(), Error> {
    if questions.is_empty() {
        return Ok(());
    }
    Err(Error::Refused {
        reason: nobody_answers(questions),
        help: questions
            .iter()
            .cloned()
            .chain(["run it at a terminal, or write the answers down: --answers FILE".to_owned()])
            .collect(),
    })
}

fn nobody_answers(questions: &[String]) -> String {
    let count = match questions.len() {
        1 => "a question".to_owned(),
        count => format!("{count} questions"),
    };
    format!("{count} that the run would ask can be answered by nobody here")
}

pub(super) fn refuse_secrets(plan: &Plan, answers: &WrittenAnswers) -> Result<(), Error> {
    let has_secret = |answer: &GivenAnswer| match answer {
        GivenAnswer::Text(text) => plan.redactor.finds(text.as_bytes()),
        GivenAnswer::Confirm(_) | GivenAnswer::Each(_) => false,
    };
    let mut given = answers.iter().flat_map(|(question, written)| {
        let given = written.given().into_iter();
        given.map(move |(_, answer)| (question, answer))
    });
    match given.find(|(_, answer)| has_secret(answer)) {
        None => Ok(()),
        Some((question, _)) => Err(Error::usage(
            format!("the answer to `{question}` holds a secret, and it would be written into the record"),
            "give it without the secret",
        )),
    }
}

fn refuse_mistakes(plan: &Plan, person: &AnswersPerson) -> Result<(), Error> {
    let questions: Vec<PersonQuestion> = plan
        .program
        .statements()
        .filter_map(|(_, statement)| match &statement.kind {
            // A person may be asked whether it was done.
            StatementKind::Do(_) => Some(PersonQuestion {
                key: statement.key.clone(),
                step: String::new(),
                prompt: statement.key.clone(),
                wants: PersonWants::Verdict(0),
                of: None,
                by_two: false,
                besides: None,
            }),
            _ => question(plan, statement),
        })
        .collect();
    let mistakes = person.mistakes(&questions);
    let Some((first, others)) = mistakes.split_first() else {
        return Ok(());
    };
    let names = "a question goes by its exact words or by its place: \"cutover/2\" = true";
    Err(Error::Usage {
        reason: format!("the answers do not fit: {first}"),
        help: others.iter().cloned().chain([names.to_owned()]).collect(),
    })
}
