//! What an undo removes must be new: setting what is not there and removing it again leaves things as they
//! were; setting what is there and removing it does not. Whether it is there is asked before the intent, by the
//! driver, by the rehearsal's walk, and by the dry run of a plan, which goes by what is there now.
//!
//! Absent on purpose: rollback branches, which are written for a stretch and not for one action.

use backstay_dsl::effect::Effect;
use backstay_dsl::model::{Do, Expr, Statement, StatementKind};
use backstay_dsl::program::StatementId;
use backstay_dsl::term::ground_relation;

use crate::action::GroundCall;
use crate::eval::Evaluator;
use crate::event::IntentWay;
use crate::plan::Plan;
use crate::value::GroundResource;

/// Looks at the undos of a plan, as far as their arguments are known now.
pub(crate) struct Undos<'run> {
    pub(crate) plan: &'run Plan,
    pub(crate) evaluator: Evaluator<'run>,
}

impl Undos<'_> {
    /// What a call makes and its undo removes: it must not be there yet. Asked before the first attempt only,
    /// because what is there later may be the action's own work.
    pub(crate) async fn must_be_new(
        &self,
        key: &str,
        (attempt, way): (u32, &IntentWay),
        call: &GroundCall,
    ) -> Vec<GroundResource> {
        match self.plan.program.find(key) {
            Some(statement) if attempt == 1 && way.is_forward() => {
                let made = call.effects.iter().filter(|effect| makes(effect));
                let made: Vec<&GroundResource> = made.filter_map(Effect::resource).collect();
                self.made_and_removed(statement, &made).await
            }
            _ => Vec::new(),
        }
    }

    /// Whether an action that was begun before has made this thing: one whose undo removes it too, so that it
    /// was looked for then.
    pub(crate) async fn is_of_this_run(&self, begun: Vec<StatementId>, thing: &GroundResource) -> bool {
        for statement in begun {
            let StatementKind::Do(action) = &self.plan.program.statement(statement).kind else {
                continue;
            };
            let made = self.resources(action, makes).await;
            let removed = self.made_and_removed(statement, &made.iter().collect::<Vec<_>>()).await;
            if removed.iter().any(|removed| removed.key == thing.key) {
                return true;
            }
        }
        false
    }

    /// What the undo of a statement removes and is, or holds, what it made. Nothing where the undo decides for
    /// itself what to do.
    async fn made_and_removed(&self, statement: StatementId, made: &[&GroundResource]) -> Vec<GroundResource> {
        let undo = self.plan.program.undo_of(statement).filter(|_| !made.is_empty());
        let statements = undo.map_or(&[][..], |undo| &self.plan.program.block(undo).statements);
        if statements.iter().any(decides) {
            return Vec::new();
        }
        let mut found = Vec::new();
        for statement in statements {
            if let StatementKind::Do(inner) = &statement.kind {
                found.extend(
                    self.resources(inner, |effect| matches!(effect, Effect::Removes(_)))
                        .await,
                );
            }
        }
        found.retain(|removed| made.iter().any(|made| ground_relation(made, removed).is_covered()));
        found
    }

    async fn resources(&self, action: &Do, is_meant: fn(&Effect<Expr>) -> bool) -> Vec<GroundResource> {
        let mut found = Vec::new();
        for effect in action.call.effects.list.iter().filter(|effect| is_meant(effect)) {
            if let Some(resource) = effect.resource() {
                found.extend(self.evaluator.ground_resource(resource).await.ok());
            }
        }
        found
    }
}

/// Why an action is not begun that makes something which its undo removes.
pub(crate) enum NotNew {
    There(GroundResource),
    /// Whether it is there cannot be told, for this reason.
    CannotTell(String),
}

impl NotNew {
    /// Of a thing that the world was asked about; `None` where it is surely not there.
    pub(crate) fn of(thing: GroundResource, is_there: Result<bool, String>) -> Option<Self> {
        match is_there {
            Ok(false) => None,
            Ok(true) => Some(Self::There(thing)),
            Err(reason) => Some(Self::CannotTell(reason)),
        }
    }

    /// What is wrong, and what to do.
    pub(crate) fn in_words(&self) -> String {
        match self {
            Self::There(thing) => format!(
                "{} is there already, and the undo would remove it; let the undo put back what was there, or move it away \
                 first",
                thing.key.join(", ")
            ),
            Self::CannotTell(reason) => {
                format!("the undo removes what was not there before, and {reason}; let the run look there first")
            }
        }
    }
}

fn decides(statement: &Statement) -> bool {
    matches!(
        statement.kind,
        StatementKind::SkipWhen { .. } | StatementKind::OnlyWhen { .. }
    )
}

fn makes<K>(effect: &Effect<K>) -> bool {
    matches!(
        effect,
        Effect::Sets { .. } | Effect::Adds(_) | Effect::Edits(_) | Effect::Opaque(_)
    )
}
