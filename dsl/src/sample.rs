//! Hand-made runbooks for unit tests.

use crate::effect::{Cancel, Effect, Repeat};
use crate::model::{
    ActionCall, Block, Disposition, Do, Effects, Expr, ExprKind, Literal, Runbook, Settle, Statement, StatementKind,
    Step, Undo, UndoBody,
};
use crate::source::Span;
use crate::types::Type;

pub(crate) const MINUTE: u64 = 60_000;

pub(crate) fn runbook(steps: Vec<Step>) -> Runbook {
    Runbook {
        steps,
        ..Runbook::empty("sample")
    }
}

pub(crate) fn step(name: &str, budget_ms: Option<u64>) -> Step {
    Step {
        name: name.to_owned(),
        title: name.to_owned(),
        doc: String::new(),
        after: Vec::new(),
        before_window: false,
        budget_ms,
        body: Block::default(),
        on_failure: Disposition::Unwind,
        span: Span::default(),
    }
}

/// Steps that each wait for the one before, with budgets in minutes.
pub(crate) fn chain(steps: &[(&str, u64)]) -> Vec<Step> {
    let steps = steps.iter().enumerate().map(|(at, (name, minutes))| {
        let mut step = step(name, Some(minutes * MINUTE));
        step.after = at.checked_sub(1).into_iter().collect();
        step
    });
    steps.collect()
}

pub(crate) fn statement(kind: StatementKind) -> Statement {
    Statement {
        key: "key".to_owned(),
        kind,
        group: None,
        span: Span::default(),
        calls: Vec::new(),
    }
}

pub(crate) fn text(text: &str) -> Expr {
    Expr {
        kind: ExprKind::Literal(Literal::Text(text.to_owned())),
        ty: Type::Text,
        span: Span::default(),
    }
}

pub(crate) fn change(effects: Vec<Effect<Expr>>, cancel: Cancel, within_ms: u64) -> Do {
    Do {
        title: None,
        call: ActionCall {
            action: "test.change".to_owned(),
            arguments: Vec::new(),
            effects: Effects {
                list: effects,
                repeat: Repeat::Convergent,
                settle: Settle::Action,
                is_partial: false,
                cancel,
                limit_ms: MINUTE,
                leaves_traces: false,
                healthy: None,
            },
            span: Span::default(),
        },
        within_ms,
        binding: None,
        live: None,
        retry: None,
        undo: None,
    }
}

pub(crate) fn undo(within_ms: u64) -> Undo {
    Undo::Body(UndoBody {
        key: "undo:key".to_owned(),
        body: Block::default(),
        within_ms,
        span: Span::default(),
    })
}
