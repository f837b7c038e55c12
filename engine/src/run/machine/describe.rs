//! Statements as text: the commands that a person has to carry out where a way back failed.

use backstay_dsl::model::{Expr, ExprKind, Statement, StatementKind};
use backstay_dsl::print;

use super::block::BlockAt;
use super::course::{Course, Doing};
use super::ending::{Ending, Stage};
use super::progress::Progress;
use super::state::State;
use crate::event::{CommandLeft, HoldState, Task};
use crate::plan::Plan;
use crate::value::Value;
use backstay_dsl::units;

impl State {
    /// What is left to do, from the statement that failed on, in order.
    pub(super) fn commands_left(&self, plan: &Plan, ending: &Ending) -> Vec<CommandLeft> {
        let mut left = Vec::new();
        let releasing = match &ending.stage {
            Stage::Body(course) => {
                self.rest(plan, course, &mut left);
                None
            }
            Stage::Release { hold, course } => {
                self.rest(plan, course, &mut left);
                Some(*hold)
            }
            _ => None,
        };
        for hold in self.progress.holds.held().filter(|hold| Some(*hold) != releasing) {
            self.all(plan, BlockAt::Release(hold), 0, &mut left);
        }
        left
    }

    /// The rest of a course: what runs inside it first.
    fn rest(&self, plan: &Plan, course: &Course, left: &mut Vec<CommandLeft>) {
        match &course.doing {
            Doing::Hold(inner) => {
                self.rest(plan, &inner.course, left);
                self.all(plan, course.at, course.place + 1, left);
            }
            Doing::Unwinding(unwinding) => {
                self.rest(plan, &unwinding.course, left);
                for undo in unwinding.left() {
                    self.all(plan, BlockAt::Undo(undo), 0, left);
                }
                self.all(plan, course.at, course.place + 1, left);
            }
            _ => self.all(plan, course.at, course.place, left),
        }
    }

    fn all(&self, plan: &Plan, at: BlockAt, from: usize, left: &mut Vec<CommandLeft>) {
        let statements = at.block(plan).map_or(&[][..], |block| &block.statements);
        for statement in statements.iter().skip(from) {
            match &statement.kind {
                StatementKind::Take(name) | StatementKind::Release(name) => {
                    let to = match statement.kind {
                        StatementKind::Take(_) => HoldState::Taken,
                        _ => HoldState::Free,
                    };
                    if let Some(hold) = self.layout.hold(name) {
                        let at = match to {
                            HoldState::Taken => BlockAt::Take(hold),
                            _ => BlockAt::Release(hold),
                        };
                        self.all(plan, at, 0, left);
                    }
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
