//! Three results, evidence, and what a question gives.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use super::*;
use backstay_dsl::effect::{Cancel, Repeat};
use backstay_dsl::model::{Effects, LimitBy, Settle};
use backstay_dsl::source::Span;
use std::sync::Arc;

/// Answers `t.yes`, `t.no`, `t.text`; everything else has no answer.
struct Fixture(Places);

#[async_trait]
impl Environment for Fixture {
    fn places(&self) -> &Places {
        &self.0
    }
    fn redactor(&self) -> &Redactor {
        &Redactor::NONE
    }
    fn input(&self, name: &str) -> Option<Value> {
        (name == "port").then_some(Value::Port(80))
    }
    fn binding(&self, _: BindingId) -> Option<Answer> {
        None
    }
    fn anchor_at_start(&self, _: &str) -> Option<Answer> {
        None
    }
    async fn read(&self, call: &ActionCall, _: &GroundCall, _: u64) -> Answer {
        match call.action.as_str() {
            "t.yes" => Ok(Value::Bool(true)),
            "t.no" => Ok(Value::Bool(false)),
            "t.text" => Ok(Value::Text("42\n".to_owned())),
            _ => Err(Unanswered::new("lost")),
        }
    }
}

fn expr(kind: ExprKind) -> Expr {
    Expr {
        kind,
        ty: Type::Unknown,
        span: Span::default(),
    }
}

fn read(action: &str) -> Expr {
    expr(ExprKind::Read(Arc::new(ActionCall {
        action: action.to_owned(),
        arguments: Vec::new(),
        effects: Effects {
            list: Vec::new(),
            repeat: Repeat::Read,
            settle: Settle::NotNeeded,
            is_partial: false,
            cancel: Cancel::Kill,
            limit_ms: 10_000,
            limit_by: LimitBy::Action,
            leaves_traces: false,
            healthy: None,
        },
        span: Span::default(),
    })))
}

fn binary(operator: BinaryOperator, left: Expr, right: Expr) -> Expr {
    expr(ExprKind::Binary(operator, Box::new(left), Box::new(right)))
}

fn int(value: i64) -> Expr {
    expr(ExprKind::Literal(backstay_dsl::model::Literal::Int(value)))
}

fn runbook() -> Runbook {
    Runbook {
        questions: vec![Question {
            name: "number".to_owned(),
            parameters: vec![("least".to_owned(), Type::Int)],
            result: Type::Int,
            lets: vec![("lost".to_owned(), read("t.lost"))],
            give: read("t.text"),
            span: Span::default(),
        }],
        ..Runbook::empty("r")
    }
}

async fn evaluate(expr: Expr) -> Evaluation {
    let runbook = runbook();
    let environment = Fixture(Places {
        working_directory: "/".into(),
        home: None,
    });
    Evaluator::new(&runbook, &environment).evaluate(&expr).await
}

#[tokio::test]
async fn and_or_not_are_kleene() {
    use BinaryOperator::{And, Or};
    let (yes, no, lost) = ("t.yes", "t.no", "t.lost");
    for (operator, left, right, expected) in [
        (And, lost, no, Some(false)),
        (And, no, lost, Some(false)),
        (And, lost, yes, None),
        (And, yes, lost, None),
        (Or, lost, yes, Some(true)),
        (Or, yes, lost, Some(true)),
        (Or, lost, no, None),
        (Or, no, no, Some(false)),
        (And, yes, yes, Some(true)),
    ] {
        let answer = evaluate(binary(operator, read(left), read(right))).await.answer;
        assert_eq!(answer.ok(), expected.map(Value::Bool), "{left} {operator:?} {right}");
    }
    let not = evaluate(expr(ExprKind::Not(Box::new(read("t.lost"))))).await;
    assert_eq!(not.answer.unwrap_err().reason, "lost");
}

#[tokio::test]
async fn a_question_parses_the_text_it_gives() {
    let question = expr(ExprKind::Question {
        name: "number".to_owned(),
        arguments: vec![int(1)],
        host: None,
    });
    let seen = evaluate(binary(BinaryOperator::Greater, question, int(41))).await;
    assert_eq!(seen.answer, Ok(Value::Bool(true)));
    assert_eq!(seen.evidence, "number(…) > 41: 42");
}

#[tokio::test]
async fn what_has_no_answer_says_why_in_the_evidence() {
    let seen = evaluate(binary(BinaryOperator::Equal, read("t.lost"), int(1))).await;
    assert_eq!(seen.evidence, "t.lost() == 1: not answered (lost)");
    let port = evaluate(expr(ExprKind::Input("port".to_owned()))).await;
    assert_eq!(port.answer, Ok(Value::Port(80)));
}

#[tokio::test]
async fn questions_that_double_with_every_level_are_given_up() {
    let ask = |level: usize| {
        expr(ExprKind::Question {
            name: format!("level{level}"),
            arguments: Vec::new(),
            host: None,
        })
    };
    let question = |level: usize| Question {
        name: format!("level{level}"),
        parameters: Vec::new(),
        result: Type::Int,
        lets: Vec::new(),
        give: match level {
            0 => int(1),
            _ => binary(BinaryOperator::Add, ask(level - 1), ask(level - 1)),
        },
        span: Span::default(),
    };
    let runbook = Runbook {
        questions: (0..64).map(question).collect(),
        ..Runbook::empty("r")
    };
    let environment = Fixture(Places {
        working_directory: "/".into(),
        home: None,
    });
    let evaluator = Evaluator::new(&runbook, &environment);
    let given_up = evaluator.evaluate(&ask(63)).await.answer.unwrap_err();
    assert_eq!(given_up.reason, "more than 10000 questions for one answer");
    assert_eq!(evaluator.evaluate(&ask(10)).await.answer, Ok(Value::Int(1024)));
}
