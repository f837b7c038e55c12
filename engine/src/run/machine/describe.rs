//! Statements as text: the commands that a person has to carry out where a way back failed.

use backstay_dsl::model::{Expr, ExprKind, Literal, Statement, StatementKind, Test};

use super::block::BlockAt;
use super::course::{Course, Doing};
use super::ending::{Ending, Stage};
use super::progress::Progress;
use super::state::State;
use crate::event::HoldState;
use crate::plan::Plan;
use crate::value::Value;
use backstay_dsl::units;

impl State {
    /// What is left to do, from the statement that failed on, in order.
    pub(super) fn commands_left(&self, plan: &Plan, ending: &Ending) -> Vec<String> {
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
    fn rest(&self, plan: &Plan, course: &Course, left: &mut Vec<String>) {
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

    fn all(&self, plan: &Plan, at: BlockAt, from: usize, left: &mut Vec<String>) {
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
                _ => left.push(describe(plan, &self.progress, statement)),
            }
        }
    }
}

/// A statement as its author would write it, with the values that are known put in.
pub(super) fn describe(plan: &Plan, progress: &Progress, statement: &Statement) -> String {
    let text = |expr: &Expr| expression(plan, progress, expr);
    match &statement.kind {
        StatementKind::Do(action) => {
            let arguments = action.call.arguments.iter().enumerate();
            let arguments: Vec<String> = arguments
                .map(|(place, (name, value))| match place {
                    0 => text(value),
                    _ => format!("{name}: {}", text(value)),
                })
                .collect();
            format!("{}({})", action.call.action, arguments.join(", "))
        }
        StatementKind::Check(check) => format!("check {:?}: {}", check.label, text(&check.condition)),
        StatementKind::Ask(ask) => format!("answer: {}", ask.prompt),
        StatementKind::Require { condition, .. } => format!("see to it that {}", text(condition)),
        StatementKind::SkipWhen { condition, .. } => format!("stop here when {}", text(condition)),
        StatementKind::OnlyWhen { condition, .. } => format!("go on only when {}", text(condition)),
        StatementKind::Wait { duration_ms, .. } => format!("wait {}", units::duration(*duration_ms)),
        StatementKind::Take(name) => format!("take {name}"),
        StatementKind::Release(name) => format!("release {name}"),
        StatementKind::Let { value, .. } => text(value),
        StatementKind::Record(_) => "record".to_owned(),
        StatementKind::Commits { because } => format!("commits {because:?}"),
        StatementKind::Unwind => "unwind".to_owned(),
    }
}

fn expression(plan: &Plan, progress: &Progress, expr: &Expr) -> String {
    let text = |expr: &Expr| expression(plan, progress, expr);
    let list = |exprs: &[Expr]| exprs.iter().map(text).collect::<Vec<_>>().join(", ");
    match &expr.kind {
        ExprKind::Literal(literal) => literal_text(literal),
        ExprKind::List(items) => format!("[{}]", list(items)),
        ExprKind::Map(pairs) => {
            let pairs: Vec<String> = pairs
                .iter()
                .map(|(key, value)| format!("{key}: {}", text(value)))
                .collect();
            format!("{{{}}}", pairs.join(", "))
        }
        ExprKind::Input(name) => plan.inputs.get(name).map_or_else(|| name.clone(), value_text),
        ExprKind::Binding(id) => {
            let place = usize::try_from(id.0).unwrap_or(usize::MAX);
            let name = plan.runbook.bindings.get(place).map_or("?", |binding| &binding.name);
            let value = progress.values.get(id);
            value.map_or_else(|| name.to_owned(), |value| value_text(&value.to_value()))
        }
        ExprKind::Parameter(name) | ExprKind::Local(name) | ExprKind::Service(name) | ExprKind::State(name) => {
            name.clone()
        }
        ExprKind::Anchor { name, at_start: true } => format!("{name} at start"),
        ExprKind::Anchor { name, .. } => name.clone(),
        ExprKind::Resource(resource) => format!("{}({})", resource.kind, list(&resource.key)),
        ExprKind::Field(subject, name) => format!("{}.{name}", text(subject)),
        ExprKind::Read(call) => {
            let arguments: Vec<Expr> = call.arguments.iter().map(|(_, value)| value.clone()).collect();
            format!("{}({})", call.action, list(&arguments))
        }
        ExprKind::Question { name, arguments } => format!("{name}({})", list(arguments)),
        ExprKind::Binary(operator, left, right) => format!("{} {} {}", text(left), operator.word(), text(right)),
        ExprKind::Not(inner) => format!("not {}", text(inner)),
        ExprKind::Is { subject, test, negated } => {
            let not = if *negated { "not " } else { "" };
            format!("{} is {not}{}", text(subject), test_word(*test))
        }
        ExprKind::Default(left, right) => format!("{} default {}", text(left), text(right)),
        ExprKind::Result(field) => field.clone().unwrap_or_else(|| "result".to_owned()),
    }
}

fn test_word(test: Test) -> &'static str {
    match test {
        Test::Ok => "ok",
        Test::Present => "present",
        Test::Pinned => "pinned",
        Test::Well => "well",
    }
}

fn literal_text(literal: &Literal) -> String {
    match literal {
        Literal::Text(text)
        | Literal::Path(text)
        | Literal::Url(text)
        | Literal::Image(text)
        | Literal::Package(text)
        | Literal::Host(text) => format!("{text:?}"),
        Literal::Digest(text) => text.clone(),
        Literal::Bool(value) => value.to_string(),
        Literal::Int(value) => value.to_string(),
        Literal::Port(value) => value.to_string(),
        Literal::Duration(ms) => units::duration(*ms),
        Literal::Size(bytes) => units::size(*bytes),
    }
}

fn value_text(value: &Value) -> String {
    match value {
        Value::Text(_) | Value::Path(_) | Value::Url(_) | Value::Image(_) | Value::Package(_) | Value::Host(_) => {
            format!("{:?}", value.canonical())
        }
        Value::List(values) => format!("[{}]", values.iter().map(value_text).collect::<Vec<_>>().join(", ")),
        _ => value.canonical(),
    }
}
