//! What is left to do as commands that can be pasted into a shell, where the action has one.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::FutureExt as _;

use crate::eval::Recorded;
use crate::event::CommandLeft;

use super::Driver;
use super::shared::Shared;

impl Driver {
    /// Tells, also when the run has come to rest, which command does what is left to do: by the key of its statement.
    pub(crate) fn watch_commands(&self) -> impl Fn(&[CommandLeft]) -> BTreeMap<String, String> + Send + use<> {
        let shared = Arc::clone(&self.shared);
        move |left| {
            let keys = left.iter().filter_map(CommandLeft::statement);
            keys.filter_map(|key| Some((key.to_owned(), by_hand(&shared, key)?)))
                .collect()
        }
    }
}

/// The command of a statement, with the values that are recorded; `None` where it has none, or one with a secret.
fn by_hand(shared: &Shared, key: &str) -> Option<String> {
    let plan = &shared.plan;
    let action = plan.program.statement(plan.program.find(key)?).action()?;
    let state = shared.state();
    let recorded = Recorded {
        runbook: &plan.runbook,
        places: &plan.places,
        redactor: &plan.redactor,
        inputs: &plan.inputs,
        bound: &|id| state.binding(id),
    };
    let call = recorded.evaluator().ground(&action.call).now_or_never()?.ok()?;
    let folder = &plan.places.working_directory;
    let line = shared.ports.world.by_hand(folder, &plan.topology, &call)?;
    (plan.redactor.scrub_text(&line) == line).then_some(line)
}
