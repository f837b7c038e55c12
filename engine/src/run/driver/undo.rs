//! What an undo removes must be new: setting what is not there and removing it again leaves things as they
//! were; setting what is there and removing it does not. Whether it is there is asked before the intent.
//!
//! Absent on purpose: rollback branches, which are written for a stretch and not for one action.

use std::path::Path;

use backstay_dsl::effect::{Effect, ResourceKind};
use backstay_dsl::model::StatementKind;
use backstay_dsl::program::StatementId;

use crate::action::GroundCall;
use crate::event::IntentWay;
use crate::value::GroundResource;

use super::shared::Job;

impl Job {
    /// Why the action must not be begun: its undo would remove what is there already. Asked before the first
    /// attempt only, because what is there later may be the action's own work.
    pub(super) async fn undo_would_remove(&self, call: &GroundCall, way: &IntentWay) -> Option<String> {
        if self.attempt > 1 || !way.is_forward() {
            return None;
        }
        let made: Vec<String> = call.effects.iter().filter_map(made).map(str::to_owned).collect();
        let statement = self.shared.plan.program.find(&self.key)?;
        for path in self.made_and_removed(statement, &made).await {
            let identity = self.shared.ports.world.identify(&path, true).await;
            let is_there = identity.is_some_and(|identity| identity.object.is_some());
            if is_there && !self.is_of_this_run(&path).await {
                return Some(format!(
                    "{path} is there already, and the undo would remove it; let the undo put back what was there, or move it away first"
                ));
            }
        }
        None
    }

    /// Whether an action that was begun before has made this path: one whose undo removes it too, so that it
    /// was looked for then.
    async fn is_of_this_run(&self, path: &str) -> bool {
        let begun: Vec<StatementId> = self.shared.state().intents().keys().copied().collect();
        let evaluator = self.evaluator();
        let program = &self.shared.plan.program;
        for statement in begun {
            let StatementKind::Do(action) = &program.statement(statement).kind else {
                continue;
            };
            let mut made_before = Vec::new();
            for effect in &action.call.effects.list {
                if makes(effect)
                    && let Some(resource) = effect.resource()
                    && let Ok(ground) = evaluator.ground_resource(resource).await
                {
                    made_before.extend(path_of(&ground).map(str::to_owned));
                }
            }
            let removed = self.made_and_removed(statement, &made_before).await;
            if removed.iter().any(|removed| removed == path) {
                return true;
            }
        }
        false
    }

    /// The paths that the undo of a statement removes and that are, or hold, what it made; as far as they are
    /// known now. None where the undo decides for itself what to do.
    async fn made_and_removed(&self, statement: StatementId, made: &[String]) -> Vec<String> {
        let program = &self.shared.plan.program;
        let Some(undo) = program.undo_of(statement).filter(|_| !made.is_empty()) else {
            return Vec::new();
        };
        let evaluator = self.evaluator();
        let mut removed = Vec::new();
        for statement in &program.block(undo).statements {
            match &statement.kind {
                StatementKind::Do(inner) => {
                    for effect in &inner.call.effects.list {
                        if let Effect::Removes(resource) = effect
                            && let Ok(ground) = evaluator.ground_resource(resource).await
                            && let Some(path) = path_of(&ground)
                            && made.iter().any(|made| Path::new(made).starts_with(path))
                        {
                            removed.push(path.to_owned());
                        }
                    }
                }
                StatementKind::SkipWhen { .. } | StatementKind::OnlyWhen { .. } => return Vec::new(),
                _ => {}
            }
        }
        removed
    }
}

/// The path that an action makes or changes.
fn made(effect: &Effect<String>) -> Option<&str> {
    effect.resource().filter(|_| makes(effect)).and_then(path_of)
}

fn makes<K>(effect: &Effect<K>) -> bool {
    matches!(
        effect,
        Effect::Sets { .. } | Effect::Adds(_) | Effect::Edits(_) | Effect::Opaque(_)
    )
}

fn path_of(resource: &GroundResource) -> Option<&str> {
    let is_path = matches!(
        resource.kind,
        ResourceKind::File | ResourceKind::Tree | ResourceKind::Link | ResourceKind::Key
    );
    resource
        .key
        .first()
        .map(String::as_str)
        .filter(|path| is_path && path.starts_with('/'))
}
