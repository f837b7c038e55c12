//! A run that would need an answer and cannot get one does not begin.

use backstay_dsl::model::StatementKind;

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
            let question = PersonQuestion {
                key: statement.key.clone(),
                step: step.title.clone(),
                prompt: ask.prompt.clone(),
                wants: if ask.confirm {
                    PersonWants::Confirm
                } else {
                    PersonWants::Text
                },
            };
            if !person.can_answer(&question) {
                found.push(format!("{}: {}", statement.key, ask.prompt));
            }
        }
    }
    found
}
