//! What an event does to the statement that it speaks of.
//!
//! All of these are for the innermost cursor; an event that does not fit what the statement is at
//! changes nothing, so a late outcome or answer is only recorded.

use backstay_dsl::model::{Do, Statement, StatementKind};
use backstay_dsl::program::HoldId;

use super::{Cursor, Doing};
use crate::event::{EvaluationResult, OutcomeRecord, OutcomeResult, StepState, Verdict, is_one_person};
use crate::plan::Plan;
use crate::run::machine::describe::words;
use crate::run::machine::failure::FailureKind;
use crate::run::machine::progress::View;
use crate::value::RecordedValue;

impl Cursor {
    /// An attempt begins.
    pub(in crate::run::machine) fn on_intent(&mut self, n: u32) {
        if matches!(self.doing, Doing::Fresh | Doing::Retrying { .. }) {
            self.doing = Doing::Performing { n };
        }
    }

    /// An attempt came out.
    pub(in crate::run::machine) fn on_outcome(&mut self, view: View<'_>, outcome: &OutcomeRecord) {
        if self.doing != (Doing::Performing { n: outcome.n }) {
            return;
        }
        let Some(action) = self.action(view.plan) else {
            return;
        };
        let is_message = action.call.effects.is_message();
        let again = action.call.effects.repeat.is_safe();
        match outcome.result {
            OutcomeResult::Ok => self.next(view),
            OutcomeResult::Failed | OutcomeResult::Unknown if is_message => self.next(view),
            OutcomeResult::Unknown => {
                self.doing = Doing::Settling {
                    n: outcome.n,
                    is_interrupted: false,
                };
            }
            OutcomeResult::Failed => {
                let kind = FailureKind::Action { again };
                self.fail(view.plan, view.progress, outcome.evidence.clone(), kind);
            }
        }
    }

    /// An attempt's unknown outcome was decided.
    pub(in crate::run::machine) fn on_settled(&mut self, view: View<'_>, n: u32, verdict: Verdict, evidence: &str) {
        let is_interrupted = match self.doing {
            Doing::Settling {
                n: settled,
                is_interrupted,
            } if settled == n => is_interrupted,
            _ => return,
        };
        let Some(action) = self.action(view.plan) else {
            return;
        };
        let again = action.call.effects.repeat.is_safe();
        let kind = FailureKind::Action { again };
        match verdict {
            Verdict::Done => self.next(view),
            // What may be repeated need not be known: doing it twice is as doing it once. An action that loses
            // its replies is begun again once; a way back has its one more try for that.
            _ if again && is_interrupted => self.doing = Doing::Fresh,
            _ if again && !self.is_way_back && !self.is_begun_again => {
                self.is_begun_again = true;
                self.doing = Doing::Fresh;
            }
            Verdict::NotDone => {
                let reason = with_evidence("it was not done", evidence);
                self.fail(view.plan, view.progress, reason, kind);
            }
            Verdict::Undecidable => {
                let reason = with_evidence("nobody can tell whether it was done", evidence);
                self.fail(view.plan, view.progress, reason, kind);
            }
        }
    }

    /// An expression was evaluated.
    pub(in crate::run::machine) fn on_evaluated(&mut self, view: View<'_>, result: EvaluationResult, evidence: &str) {
        if self.doing != Doing::Fresh {
            return;
        }
        let Some(statement) = self.statement(view.plan) else {
            return;
        };
        let holds = result == EvaluationResult::Holds;
        let unanswered = result == EvaluationResult::Unanswered;
        let guard = FailureKind::Guard;
        let (kind, reason) = match &statement.kind {
            StatementKind::SkipWhen { because, .. } if holds => {
                self.doing = Doing::Left(StepState::Skipped, because.clone());
                return;
            }
            StatementKind::OnlyWhen { because, .. } if !holds && !unanswered => {
                self.doing = Doing::Left(StepState::NotTaken, because.clone());
                return;
            }
            StatementKind::SkipWhen { .. } if unanswered => {
                (guard, with_evidence("whether to skip it is not known", evidence))
            }
            StatementKind::OnlyWhen { .. } if unanswered => {
                (guard, with_evidence("whether it is wanted is not known", evidence))
            }
            StatementKind::Require { .. } if unanswered => {
                (guard, with_evidence("what is required could not be asked", evidence))
            }
            StatementKind::Require { otherwise, .. } if !holds => (guard, with_evidence(otherwise, evidence)),
            StatementKind::Let { .. } if !holds => (guard, with_evidence("a value could not be read", evidence)),
            StatementKind::Record(_) if !holds => {
                (guard, with_evidence("a value to record could not be read", evidence))
            }
            StatementKind::Check(check) if !holds => (FailureKind::Check, with_evidence(&check.label, evidence)),
            // Its undo would not put things back.
            StatementKind::Do(_) if !holds && !unanswered => (guard, evidence.to_owned()),
            // Arguments that could not be worked out: nothing was performed, so even `once` may be tried again.
            StatementKind::Do(action) if !holds && !action.call.effects.is_message() => (
                FailureKind::Action { again: true },
                with_evidence("its arguments could not be worked out", evidence),
            ),
            StatementKind::Do(_) if holds => return,
            StatementKind::Ask(_) | StatementKind::Commits { .. } => return,
            _ => {
                self.next(view);
                return;
            }
        };
        self.fail(view.plan, view.progress, reason, kind);
    }

    /// A person of this name answered, or nobody did.
    pub(in crate::run::machine) fn on_answer(&mut self, view: View<'_>, who: &str, value: Option<&RecordedValue>) {
        let Some(Statement {
            kind: StatementKind::Ask(ask),
            ..
        }) = self.statement(view.plan)
        else {
            return;
        };
        let before = match &self.doing {
            Doing::Fresh => None,
            Doing::Seconding { first, value } => Some((first, value)),
            _ => return,
        };
        let prompt = || words(view, &ask.prompt);
        let (reason, kind) = match (value, before) {
            (None, _) => {
                let kind = FailureKind::Silence(ask.on_silence.clone());
                (format!("nobody answered: {}", prompt()), kind)
            }
            (Some(RecordedValue::Bool(false)), _) if ask.confirm => {
                (format!("answered no: {}", prompt()), FailureKind::No)
            }
            (Some(value), None) if ask.by_two => {
                self.doing = Doing::Seconding {
                    first: who.to_owned(),
                    value: value.clone(),
                };
                return;
            }
            (Some(_), Some((first, _))) if is_one_person(first, who) => return,
            (Some(value), Some((first, said))) if said != value => {
                let reason = format!("{first} and {who} answered differently: {}", prompt());
                (reason, FailureKind::No)
            }
            (Some(_), _) => return self.next(view),
        };
        self.fail(view.plan, view.progress, reason, kind);
    }

    /// The time that had to pass has passed.
    pub(in crate::run::machine) fn on_time(&mut self, view: View<'_>) {
        match self.doing {
            Doing::Waiting { until } if view.progress.time.has_come(until) => self.next(view),
            Doing::Retrying { until } if view.progress.time.has_come(until) => self.doing = Doing::Fresh,
            _ => {}
        }
    }

    /// The point of no return was recorded.
    pub(in crate::run::machine) fn on_commit(&mut self, view: View<'_>) {
        let is_commit = self
            .statement(view.plan)
            .is_some_and(|statement| matches!(statement.kind, StatementKind::Commits { .. }));
        if is_commit && self.doing == Doing::Fresh {
            self.next(view);
        }
    }

    /// A hold's new state was recorded: goes on where it was waited for.
    pub(in crate::run::machine) fn on_hold(&mut self, view: View<'_>, hold: HoldId) {
        match &mut self.doing {
            Doing::Hold(inner) if inner.hold == hold && inner.cursor.is_over() => self.next(view),
            Doing::Hold(inner) => inner.cursor.on_hold(view, hold),
            Doing::Unwinding(unwinding) => unwinding.cursor.on_hold(view, hold),
            _ => {}
        }
    }

    /// The run goes on after its runner was gone: what ran then has an unknown outcome.
    pub(in crate::run::machine) fn on_resumed(&mut self) {
        let leaf = self.leaf_mut();
        if let Doing::Performing { n } = leaf.doing {
            leaf.doing = Doing::Settling {
                n,
                is_interrupted: true,
            };
        }
    }

    fn action<'plan>(&self, plan: &'plan Plan) -> Option<&'plan Do> {
        self.statement(plan)?.action()
    }
}

fn with_evidence(text: &str, evidence: &str) -> String {
    if evidence.is_empty() {
        text.to_owned()
    } else {
        format!("{text}: {evidence}")
    }
}
