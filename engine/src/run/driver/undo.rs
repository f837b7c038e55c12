//! What an undo removes must be new: setting what is not there and removing it again leaves things as they
//! were; setting what is there and removing it does not. Whether it is there is asked before the intent.
//!
//! Absent on purpose: rollback branches, which are written for a stretch and not for one action.

use std::path::Path;

use backstay_dsl::effect::{ResourceKind, Touch};
use backstay_dsl::model::{Block, Do, StatementKind, Undo, UndoBody};

use crate::action::GroundCall;
use crate::value::GroundResource;

use super::shared::Job;

impl Job {
    /// Why the action must not be begun: its undo would remove what is there already. Asked before the first
    /// attempt only, because what is there later may be the action's own work.
    pub(super) async fn undo_would_remove(&self, action: &Do, call: &GroundCall, way: &str) -> Option<String> {
        if self.attempt > 1 || !matches!(way, "forward" | "row") {
            return None;
        }
        let made: Vec<&str> = call.touches.iter().filter_map(made).collect();
        if made.is_empty() {
            return None;
        }
        for removed in self.removed_by_undo(action).await {
            let is_of_it = made.iter().any(|made| Path::new(made).starts_with(&removed));
            let identity = self.shared.ports.world.identify(&removed, true).await;
            if is_of_it && identity.is_some_and(|identity| identity.object.is_some()) {
                return Some(format!(
                    "{removed} is there already, and the undo would remove it; let the undo put back what was there, or move it away first"
                ));
            }
        }
        None
    }

    /// The paths that the undo of this statement removes, as far as they are known now. None where the undo
    /// decides for itself what to do.
    async fn removed_by_undo(&self, action: &Do) -> Vec<String> {
        let Some(undo) = self.undo(action) else {
            return Vec::new();
        };
        let evaluator = self.evaluator();
        let mut removed = Vec::new();
        for statement in &undo.body.statements {
            match &statement.kind {
                StatementKind::Do(inner) => {
                    for touch in &inner.call.effects.touches {
                        if let Touch::Removes(resource) = touch
                            && let Ok(ground) = evaluator.ground_resource(resource).await
                            && let Some(path) = path_of(&ground)
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

    /// The undo that counts for this statement: that of its procedure where it has one, else its own.
    fn undo<'job>(&'job self, action: &'job Do) -> Option<&'job UndoBody> {
        let group = self.statement()?.group;
        match (group, &action.undo) {
            (Some(group), _) => self.home()?.groups.get(group),
            (None, Some(Undo::Body(undo))) => Some(undo),
            (None, _) => None,
        }
    }

    /// The block that holds this statement.
    fn home(&self) -> Option<&Block> {
        let runbook = &self.shared.plan.runbook;
        let steps = runbook.steps.iter().map(|step| &step.body);
        let rows = runbook.tables.iter().flat_map(|table| &table.rows);
        steps
            .chain(rows.filter_map(|row| row.first.as_ref()))
            .find(|block| block.statements.iter().any(|statement| statement.key == self.key))
    }
}

/// The path that an action makes or changes.
fn made(touch: &Touch<String>) -> Option<&str> {
    let is_made = matches!(
        touch,
        Touch::Sets { .. } | Touch::Adds(_) | Touch::Edits(_) | Touch::Opaque(_)
    );
    touch.resource().filter(|_| is_made).and_then(path_of)
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
