//! Writes small runbooks as models.

use backstay_dsl::effect::{Cancel, Effect, Repeat, Resource, ResourceKind};
use backstay_dsl::model::{
    ActionCall, Ask, Block, Check, Disposition, Do, Effects, Expr, ExprKind, Hold, Literal, Rollback, Runbook, Settle,
    Statement, StatementKind, Step, SymptomRow, SymptomTable, Undo, UndoBody, Window,
};
use backstay_dsl::source::Span;
use backstay_dsl::types::Type;

use crate::plan::{Plan, fixture};

pub(super) const MINUTE: u64 = 60_000;

pub(super) fn yes() -> Expr {
    Expr {
        kind: ExprKind::Literal(Literal::Bool(true)),
        ty: Type::Bool,
        span: Span::default(),
    }
}

fn text(text: &str) -> Expr {
    Expr {
        kind: ExprKind::Literal(Literal::Text(text.to_owned())),
        ty: Type::Text,
        span: Span::default(),
    }
}

pub(super) fn statement(key: &str, kind: StatementKind) -> Statement {
    Statement {
        key: key.to_owned(),
        kind,
        group: None,
        span: Span::default(),
        calls: Vec::new(),
    }
}

/// An action that sets the file of its key; `@once`, `@tells` and `@adds` in the key say otherwise.
pub(super) fn action(key: &str) -> Do {
    let file = Resource::new(ResourceKind::File, text(key));
    let effect = if key.contains("@tells") {
        Effect::Tells(text("ops"))
    } else if key.contains("@adds") {
        Effect::Adds(file)
    } else {
        Effect::Sets {
            resource: file,
            to: None,
        }
    };
    Do {
        title: None,
        call: ActionCall {
            action: "toy.set".to_owned(),
            arguments: vec![("name".to_owned(), text(key))],
            effects: Effects {
                list: vec![effect],
                repeat: if key.contains("@once") {
                    Repeat::Once
                } else {
                    Repeat::Convergent
                },
                settle: Settle::Action,
                is_partial: false,
                cancel: Cancel::Kill,
                limit_ms: MINUTE,
                leaves_traces: false,
                healthy: None,
            },
            span: Span::default(),
        },
        within_ms: MINUTE,
        binding: None,
        live: None,
        retry: None,
        undo: None,
    }
}

pub(super) fn act(key: &str) -> Statement {
    statement(key, StatementKind::Do(Box::new(action(key))))
}

/// An action with an undo of one action, `undo:KEY/1`.
pub(super) fn undoable(key: &str) -> Statement {
    let undo_key = format!("undo:{key}");
    let undo = UndoBody {
        key: undo_key.clone(),
        body: block(vec![act(&format!("{undo_key}/1"))]),
        within_ms: MINUTE,
        span: Span::default(),
    };
    let action = Do {
        undo: Some(Undo::Body(undo)),
        ..action(key)
    };
    statement(key, StatementKind::Do(Box::new(action)))
}

/// An action that says why it needs no way back.
pub(super) fn excused(key: &str) -> Statement {
    let action = Do {
        undo: Some(Undo::No("a test".to_owned())),
        ..action(key)
    };
    statement(key, StatementKind::Do(Box::new(action)))
}

pub(super) fn check(key: &str) -> Statement {
    let check = Check {
        label: format!("label of {key}"),
        condition: yes(),
        within_ms: MINUTE,
        every_ms: None,
        service: None,
    };
    statement(key, StatementKind::Check(check))
}

pub(super) fn require(key: &str) -> Statement {
    statement(
        key,
        StatementKind::Require {
            condition: yes(),
            otherwise: "see to it".to_owned(),
        },
    )
}

pub(super) fn confirm(key: &str) -> Statement {
    let ask = Ask {
        prompt: "Ready?".to_owned(),
        confirm: true,
        binding: None,
        on_silence: None,
    };
    statement(key, StatementKind::Ask(ask))
}

pub(super) fn commits(key: &str) -> Statement {
    let because = "users write from here".to_owned();
    statement(key, StatementKind::Commits { because })
}

pub(super) fn block(statements: Vec<Statement>) -> Block {
    Block {
        statements,
        groups: Vec::new(),
    }
}

/// A step of ten minutes that waits for these.
pub(super) fn step(name: &str, after: &[usize], statements: Vec<Statement>) -> Step {
    Step {
        name: name.to_owned(),
        title: format!("Step {name}"),
        doc: String::new(),
        after: after.to_vec(),
        before_window: false,
        budget_ms: Some(10 * MINUTE),
        body: block(statements),
        on_failure: Disposition::Unwind,
        span: Span::default(),
    }
}

pub(super) fn hold(name: &str) -> Hold {
    let (take, release) = (format!("hold:{name}/take"), format!("hold:{name}/release"));
    Hold {
        name: name.to_owned(),
        title: name.to_owned(),
        doc: String::new(),
        take: block(vec![act(&take)]),
        take_within_ms: MINUTE,
        release: block(vec![act(&release)]),
        release_within_ms: MINUTE,
        span: Span::default(),
    }
}

pub(super) fn rollback(name: &str, from: usize, until: usize, statements: Vec<Statement>) -> Rollback {
    Rollback {
        name: name.to_owned(),
        title: name.to_owned(),
        doc: String::new(),
        from,
        until,
        budget_ms: Some(10 * MINUTE),
        body: block(statements),
        span: Span::default(),
    }
}

pub(super) fn row(key: &str, is_asked: bool, first: Option<Vec<Statement>>, otherwise: Disposition) -> SymptomRow {
    SymptomRow {
        key: key.to_owned(),
        title: format!("row {key}"),
        seen: is_asked.then(yes),
        suspect: "the usual".to_owned(),
        budget_ms: Some(5 * MINUTE),
        first: first.map(block),
        otherwise,
        span: Span::default(),
    }
}

pub(super) fn table(steps: &[usize], rows: Vec<SymptomRow>) -> SymptomTable {
    SymptomTable {
        name: "table".to_owned(),
        title: "table".to_owned(),
        steps: steps.to_vec(),
        rows,
        span: Span::default(),
    }
}

pub(super) fn runbook(steps: Vec<Step>) -> Runbook {
    Runbook {
        steps,
        ..Runbook::empty("r")
    }
}

pub(super) fn window(minutes: u64, keep_minutes: u64) -> Window {
    Window {
        window_ms: minutes * MINUTE,
        keep_ms: keep_minutes * MINUTE,
        span: Span::default(),
    }
}

pub(super) fn plan(runbook: Runbook) -> Plan {
    fixture::plan(runbook)
}
