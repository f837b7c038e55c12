//! Evaluating: guards, checks, names, rows, `well`. Polling lives inside one piece of work; only the last
//! evidence is recorded.

use std::time::Duration;

use backstay_dsl::model::{Check, Expr, StatementKind};

use crate::eval::Evaluation;
use crate::event::{EvaluationKind, EvaluationResult, Event};
use crate::value::{RecordedValue, Unanswered, Value};
use backstay_dsl::units;

use super::shared::{Job, Stopped};

/// How an evaluation came out, before it is recorded.
struct Seen {
    result: EvaluationResult,
    evidence: String,
    polls: u32,
    values: Vec<(String, RecordedValue)>,
}

impl Job {
    /// Evaluates the statement of this key.
    pub(super) async fn evaluate(&self) -> Result<(), Stopped> {
        let statement = self.statement()?;
        let start_ns = self.boot_ns();
        let (what, label, seen) = match &statement.kind {
            StatementKind::Require { condition, otherwise } => {
                (EvaluationKind::Require, otherwise.clone(), self.once(condition).await)
            }
            StatementKind::SkipWhen { condition, because } => {
                (EvaluationKind::SkipWhen, because.clone(), self.once(condition).await)
            }
            StatementKind::OnlyWhen { condition, because } => {
                (EvaluationKind::OnlyWhen, because.clone(), self.once(condition).await)
            }
            StatementKind::Check(check) => (EvaluationKind::Check, check.label.clone(), self.polled(check).await),
            StatementKind::Let { binding, value } => {
                let name = self
                    .shared
                    .plan
                    .runbook
                    .bindings
                    .get(binding.0 as usize)
                    .map_or_else(String::new, |binding| binding.name.clone());
                let seen = self.named(std::iter::once((&name, value))).await;
                (EvaluationKind::Let, name, seen)
            }
            StatementKind::Record(pairs) => {
                let seen = self.named(pairs.iter().map(|(label, value)| (label, value))).await;
                (EvaluationKind::Record, "record".to_owned(), seen)
            }
            _ => return Err(Stopped),
        };
        self.record(self.evaluated(what, label, seen, start_ns), true).await
    }

    /// Evaluates the `seen when` of the row of this key.
    pub(super) async fn row(&self) -> Result<(), Stopped> {
        let rows = self.shared.plan.runbook.tables.iter().flat_map(|table| &table.rows);
        let Some(row) = rows.into_iter().find(|row| row.key == self.key) else {
            return Err(Stopped);
        };
        let start_ns = self.boot_ns();
        let mut seen = match &row.seen {
            Some(seen) => self.once(seen).await,
            None => Seen {
                result: EvaluationResult::Holds,
                evidence: "no row above was seen".to_owned(),
                polls: 0,
                values: Vec::new(),
            },
        };
        if seen.result == EvaluationResult::Unanswered {
            seen.evidence = format!("could not be asked: {}", seen.evidence);
        }
        let event = self.evaluated(EvaluationKind::Row, row.title.clone(), seen, start_ns);
        self.record(event, true).await
    }

    /// Asks the `well` of a service, polling as it says.
    pub(super) async fn well(&self, service: &str) -> Result<(), Stopped> {
        let start_ns = self.boot_ns();
        let known = self
            .shared
            .plan
            .runbook
            .services
            .iter()
            .find(|known| known.name == service);
        let Some(check) = known.and_then(|service| service.well.as_ref()) else {
            return Err(Stopped);
        };
        let seen = self.polled(check).await;
        let event = self.evaluated(EvaluationKind::Well, check.label.clone(), seen, start_ns);
        self.record(event, true).await
    }

    pub(super) fn evaluated_line(
        &self,
        what: EvaluationKind,
        label: &str,
        result: EvaluationResult,
        evidence: &str,
    ) -> Event {
        let seen = Seen {
            result,
            evidence: evidence.to_owned(),
            polls: 1,
            values: Vec::new(),
        };
        self.evaluated(what, label.to_owned(), seen, self.boot_ns())
    }

    fn evaluated(&self, what: EvaluationKind, label: String, seen: Seen, start_ns: u64) -> Event {
        Event::Evaluated {
            key: self.work.clone(),
            label,
            what,
            result: seen.result,
            evidence: self.evidence(&seen.evidence),
            polls: seen.polls,
            values: seen.values,
            ms: self.ms_since(start_ns),
        }
    }

    async fn once(&self, condition: &Expr) -> Seen {
        judged(self.evaluator().evaluate(condition).await, 1)
    }

    /// Evaluates once within `within`, or again and again until it holds or `within` is over.
    async fn polled(&self, check: &Check) -> Seen {
        let end_ns = self.boot_ns().saturating_add(check.within_ms.saturating_mul(1_000_000));
        let mut last: Option<Seen> = None;
        let mut polls = 0;
        loop {
            let left_ms = end_ns.saturating_sub(self.boot_ns()) / 1_000_000;
            let evaluator = self.evaluator();
            let Some(evaluation) = self.within(left_ms, evaluator.evaluate(&check.condition)).await else {
                return last.unwrap_or_else(|| unanswered(check, polls + 1));
            };
            polls += 1;
            let seen = judged(evaluation, polls);
            let Some(every_ms) = check.every_ms.filter(|_| seen.result != EvaluationResult::Holds) else {
                return seen;
            };
            let left_ms = end_ns.saturating_sub(self.boot_ns()) / 1_000_000;
            if every_ms >= left_ms {
                return seen;
            }
            last = Some(seen);
            self.shared
                .ports
                .clock
                .sleep(Duration::from_millis(every_ms.max(1)))
                .await;
        }
    }

    async fn named<'a>(&self, pairs: impl Iterator<Item = (&'a String, &'a Expr)>) -> Seen {
        let mut values = Vec::new();
        let mut evidence = Vec::new();
        for (name, expr) in pairs {
            let answer = self.evaluator().value(expr).await;
            let recorded = answer.and_then(|value| {
                let recorded = self.recorded(&value).map_err(Unanswered::new)?;
                evidence.push(format!("{name} = {}", crate::eval::shown(&value)));
                Ok(recorded)
            });
            match recorded {
                Ok(recorded) => values.push((name.clone(), recorded)),
                Err(unanswered) => {
                    return Seen {
                        result: EvaluationResult::Unanswered,
                        evidence: format!("{}: {}", name.trim_start_matches('#'), unanswered.reason),
                        polls: 1,
                        values: Vec::new(),
                    };
                }
            }
        }
        Seen {
            result: EvaluationResult::Holds,
            evidence: evidence.join("; "),
            polls: 1,
            values,
        }
    }
}

fn judged(evaluation: Evaluation, polls: u32) -> Seen {
    let mut evidence = evaluation.evidence;
    let result = match evaluation.answer {
        Ok(Value::Bool(true)) => EvaluationResult::Holds,
        Ok(Value::Bool(false)) => EvaluationResult::DoesNotHold,
        Ok(_) => EvaluationResult::Unanswered,
        Err(unanswered) => {
            if !evidence.contains(&unanswered.reason) {
                evidence = format!("{evidence}; {}", unanswered.reason);
            }
            EvaluationResult::Unanswered
        }
    };
    Seen {
        result,
        evidence,
        polls,
        values: Vec::new(),
    }
}

fn unanswered(check: &Check, polls: u32) -> Seen {
    Seen {
        result: EvaluationResult::Unanswered,
        evidence: format!("no answer within {}", units::duration(check.within_ms)),
        polls,
        values: Vec::new(),
    }
}
