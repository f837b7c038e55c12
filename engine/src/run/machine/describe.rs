//! Statements as text: the commands that a person has to carry out where a way back failed.

use backstay_dsl::model::{Expr, ExprKind, Statement, StatementKind};
use backstay_dsl::print;

use backstay_dsl::program::BlockId;

use super::cursor::{Cursor, Doing};
use super::ending::{Ending, Stage};
use super::progress::Progress;
use super::state::State;
use crate::event::{CommandLeft, Task};
use crate::plan::Plan;
use crate::value::Value;
use backstay_dsl::units;

impl State {
    /// What is left to do, from the statement that failed on, in order.
    pub(super) fn commands_left(&self, plan: &Plan, ending: &Ending) -> Vec<CommandLeft> {
        let mut left = Vec::new();
        let releasing = match &ending.stage {
            Stage::Body(cursor) => {
                self.rest(plan, cursor, &mut left);
                None
            }
            Stage::Release { hold, cursor } => {
                self.rest(plan, cursor, &mut left);
                Some(*hold)
            }
            _ => None,
        };
        for hold in self.progress.holds.held().filter(|hold| Some(*hold) != releasing) {
            self.all(plan, Some(plan.program.release(hold)), 0, &mut left);
        }
        left
    }

    /// The rest of a cursor: what runs inside it first.
    fn rest(&self, plan: &Plan, cursor: &Cursor, left: &mut Vec<CommandLeft>) {
        match &cursor.doing {
            Doing::Hold(inner) => {
                self.rest(plan, &inner.cursor, left);
                self.all(plan, cursor.block, cursor.place + 1, left);
            }
            Doing::Unwinding(unwinding) => {
                self.rest(plan, &unwinding.cursor, left);
                for undo in unwinding.left() {
                    self.all(plan, Some(undo), 0, left);
                }
                self.all(plan, cursor.block, cursor.place + 1, left);
            }
            _ => self.all(plan, cursor.block, cursor.place, left),
        }
    }

    fn all(&self, plan: &Plan, block: Option<BlockId>, from: usize, left: &mut Vec<CommandLeft>) {
        let program = &plan.program;
        let statements = block.map_or(&[][..], |block| &program.block(block).statements);
        for statement in statements.iter().skip(from) {
            match &statement.kind {
                StatementKind::Take(name) => {
                    self.all(plan, program.hold_named(name).map(|hold| program.take(hold)), 0, left);
                }
                StatementKind::Release(name) => {
                    self.all(
                        plan,
                        program.hold_named(name).map(|hold| program.release(hold)),
                        0,
                        left,
                    );
                }
                StatementKind::Let { .. } | StatementKind::Record(_) | StatementKind::Commits { .. } => {}
                _ => left.push(CommandLeft {
                    task: Task::CarryOut(statement.key.clone()),
                    text: describe(plan, &self.progress, statement),
                }),
            }
        }
    }
}

/// A statement as its author would write it, with the values that are known put in.
pub(super) fn describe(plan: &Plan, progress: &Progress, statement: &Statement) -> String {
    let known = |expr: &Expr| known(plan, progress, expr);
    let text = |expr: &Expr| print::checked(&plan.runbook, expr, &known);
    match &statement.kind {
        StatementKind::Do(action) => print::call(&plan.runbook, &action.call, &known),
        StatementKind::Check(check) => format!("check {}: {}", print::quoted(&check.label), text(&check.condition)),
        StatementKind::Ask(ask) => format!("answer: {}", ask.prompt),
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

/// What is known of an input or a bound name, as it would be written.
fn known(plan: &Plan, progress: &Progress, expr: &Expr) -> Option<String> {
    match &expr.kind {
        ExprKind::Input(name) => plan.inputs.get(name).map(value_text),
        ExprKind::Binding(id) => progress.values.get(id).map(|value| value_text(&value.to_value())),
        _ => None,
    }
}

fn value_text(value: &Value) -> String {
    match value {
        Value::Text(_) | Value::Path(_) | Value::Url(_) | Value::Image(_) | Value::Package(_) | Value::Host(_) => {
            print::quoted(&value.canonical())
        }
        Value::List(values) => format!("[{}]", values.iter().map(value_text).collect::<Vec<_>>().join(", ")),
        _ => value.canonical(),
    }
}
