//! A run that would need an answer and cannot get one does not begin; nor does one whose answers do not fit.

use backstay_dsl::model::StatementKind;

use crate::error::Error;
use crate::plan::Plan;
use crate::world::{Person, PersonQuestion, PersonWants};

/// The questions of the steps that nobody could answer.
pub(super) fn without_answer(plan: &Plan, person: &dyn Person) -> Vec<String> {
    let mut found = Vec::new();
    for step in &plan.runbook.steps {
        for statement in &step.body.statements {
            let StatementKind::Ask(ask) = &statement.kind else {
                continue;
            };
            let wants = wants(ask.confirm);
            let question = question(&statement.key, &step.title, &ask.prompt, wants);
            if !person.can_answer(&question) {
                found.push(format!("{}: {}", statement.key, ask.prompt));
            }
        }
    }
    found
}

/// Refuses answers, written down beforehand, to what is never asked, or of another kind than is wanted.
pub(super) fn refuse_mistakes(plan: &Plan, person: &dyn Person) -> Result<(), Error> {
    let questions: Vec<PersonQuestion> = plan
        .program
        .statements()
        .filter_map(|(_, statement)| match &statement.kind {
            StatementKind::Ask(ask) => Some(question(&statement.key, "", &ask.prompt, wants(ask.confirm))),
            // A person may be asked whether it was done.
            StatementKind::Do(_) => Some(question(&statement.key, "", &statement.key, PersonWants::Verdict)),
            _ => None,
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

fn wants(is_confirmed: bool) -> PersonWants {
    if is_confirmed {
        PersonWants::Confirm
    } else {
        PersonWants::Text
    }
}

fn question(key: &str, step: &str, prompt: &str, wants: PersonWants) -> PersonQuestion {
    PersonQuestion {
        key: key.to_owned(),
        step: step.to_owned(),
        prompt: prompt.to_owned(),
        wants,
    }
}
