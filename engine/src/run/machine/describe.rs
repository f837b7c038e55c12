//! Statements as text: the commands that a person has to carry out where a way back failed.

use backstay_dsl::model::{Expr, Statement, StatementKind};
use backstay_dsl::print;

use backstay_dsl::program::BlockId;
use backstay_dsl::units;

use super::progress::View;
use super::touched::is_excepted;
use crate::event::{CommandLeft, Task};

/// What is to be done of a block from a place on.
pub(super) fn all(view: View<'_>, block: BlockId, from: usize, left: &mut Vec<CommandLeft>) {
    let program = &view.plan.program;
    for statement in program.block(block).statements.iter().skip(from) {
        let inner = match &statement.kind {
            StatementKind::Take(name) => program.hold_named(name).map(|hold| program.take(hold)),
            StatementKind::Release(name) => program.hold_named(name).map(|hold| program.release(hold)),
            StatementKind::Let { .. } | StatementKind::Record(_) | StatementKind::Commits { .. } => None,
            _ => {
                left.push(CommandLeft {
                    task: Task::CarryOut(statement.key.clone()),
                    text: describe(view, statement),
                });
                None
            }
        };
        if let Some(block) = inner {
            all(view, block, 0, left);
        }
    }
}

/// The changing actions that were started and that no undo took back, last first, as what a person has to do.
/// Those that say why they need none are not among them.
pub(super) fn without_way_back(view: View<'_>) -> Vec<CommandLeft> {
    let mut found: Vec<(u32, CommandLeft)> = Vec::new();
    for (id, started) in view.progress.owed() {
        let statement = view.plan.program.statement(id);
        let Some(action) = statement.action() else { continue };
        let is_owed = || action.call.effects.is_changing() && !is_excepted(view, &action.call);
        if action.undo.is_none() && statement.group.is_none() && is_owed() {
            let done = describe(view, statement);
            let command = CommandLeft {
                task: Task::TakeBack(statement.key.clone()),
                text: format!("take back, as far as it was done: {done}"),
            };
            found.push((started.order, command));
        }
    }
    found.sort_by_key(|(order, _)| *order);
    found.into_iter().rev().map(|(_, command)| command).collect()
}

/// A statement as its author would write it, with the values that are known put in.
pub(super) fn describe(view: View<'_>, statement: &Statement) -> String {
    let plan = view.plan;
    let known = |expr: &Expr| known(view, expr);
    let text = |expr: &Expr| print::checked(&plan.runbook, expr, &known);
    match &statement.kind {
        StatementKind::Do(action) => print::call(&plan.runbook, &action.call, &known),
        StatementKind::Check(check) => format!("check {}: {}", print::quoted(&check.label), text(&check.condition)),
        StatementKind::Ask(ask) => format!("answer: {}", words(view, &ask.prompt)),
        StatementKind::Require { condition, .. } => format!("see to it that {}", text(condition)),
        StatementKind::SkipWhen { condition, .. } => format!("stop here when {}", text(condition)),
        StatementKind::OnlyWhen { condition, .. } => format!("go on only when {}", text(condition)),
        StatementKind::Wait { duration_ms, .. } => format!("wait {}", units::duration(*duration_ms)),
        StatementKind::Take(name) => format!("take {name}"),
        StatementKind::Release(name) => format!("release {name}"),
        StatementKind::Let { value, .. } => text(value),
        StatementKind::Record(_) => "record".to_owned(),
        StatementKind::Commits { because } => format!("commits {}", print::quoted(because)),
        StatementKind::Unwind => "unwind".to_owned(),
    }
}

/// The value of a part that asks nothing and is no secret, as it would be written.
fn known(view: View<'_>, expr: &Expr) -> Option<String> {
    view.recorded(|recorded| recorded.written(expr))
}

/// A text for people.
pub(super) fn words(view: View<'_>, expr: &Expr) -> String {
    view.recorded(|recorded| recorded.words(expr))
}
