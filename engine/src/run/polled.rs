//! What is asked again until it holds or its time is over: checks, `well`, whether a service is as it should be when a
//! run ends, and what must hold all the while. Driver and walk wait for themselves, and ask here.

mod missed;

use backstay_dsl::model::{Check, Expr};
use backstay_dsl::units;

use super::machine::Should;
use super::records::Seen;
use crate::eval::{Evaluator, Patience};
use crate::event::{EvaluationKind, EvaluationResult};
use crate::plan::Plan;
use crate::service_kind::{Asked, KINDS, MemberState};
use crate::value::Unanswered;

pub(crate) use missed::{Missed, Next};

/// How long what has just been started or stopped may take to be seen so, milliseconds.
const PRESENCE_WITHIN_MS: u64 = 10_000;
const PRESENCE_EVERY_MS: u64 = 1_000;

/// A question that is asked for a while.
#[derive(Clone, Copy)]
pub(crate) struct Polled<'plan> {
    what: EvaluationKind,
    label: &'plan str,
    pub(crate) within_ms: u64,
    /// `None`: it is asked once.
    pub(crate) every_ms: Option<u64>,
    course: Course,
    /// What ends it at once where it holds.
    unless: Option<&'plan Expr>,
    question: Question<'plan>,
}

/// When it has come to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Course {
    /// Once it holds.
    Holds,
    /// When all of its time is over, or it has failed to hold more often than this.
    Soak(u64),
    /// Once it has failed to hold more often than this in a row.
    Watch(u64),
    /// Once a watch that failed to hold holds again.
    Recovers,
}

#[derive(Clone, Copy)]
enum Question<'plan> {
    Condition(&'plan Expr),
    /// Whether the service of this name is so.
    Presence(&'plan str, Should),
}

impl<'plan> Polled<'plan> {
    pub(crate) fn check(check: &'plan Check) -> Self {
        Self::condition(EvaluationKind::Check, check)
    }

    /// Whether a service is well; `None` where it does not say what that means.
    pub(crate) fn well(plan: &'plan Plan, service: &str) -> Option<Self> {
        let well = plan.runbook.service(service)?.well.as_ref()?;
        Some(Self::condition(EvaluationKind::Well, well))
    }

    /// Whether a service is as it should be when the run ends.
    pub(crate) fn presence(plan: &'plan Plan, service: &str, should: Should) -> Option<Self> {
        let (member, _, _) = plan.topology.members().find(|(id, _, _)| id.as_str() == service)?;
        let service = plan.runbook.service(member.service())?;
        Some(Self {
            what: EvaluationKind::Presence,
            label: &service.title,
            within_ms: PRESENCE_WITHIN_MS,
            every_ms: Some(PRESENCE_EVERY_MS),
            course: Course::Holds,
            unless: None,
            question: Question::Presence(member.as_str(), should),
        })
    }

    /// What must hold all the while; whether it is waited for that it holds again.
    pub(crate) fn watch(plan: &'plan Plan, name: &str, is_missed: bool) -> Option<Self> {
        let watch = plan.runbook.watch(name)?;
        Some(Self {
            what: EvaluationKind::Watch,
            label: &watch.label,
            within_ms: u64::MAX,
            every_ms: Some(watch.every_ms),
            course: if is_missed {
                Course::Recovers
            } else {
                Course::Watch(watch.misses)
            },
            unless: None,
            question: Question::Condition(&watch.condition),
        })
    }

    /// Whether each question has its own time, whatever is left of the whole.
    pub(crate) fn has_own_time(&self) -> bool {
        self.course != Course::Holds
    }

    fn condition(what: EvaluationKind, check: &'plan Check) -> Self {
        Self {
            what,
            label: &check.label,
            within_ms: check.within_ms,
            every_ms: check.every_ms,
            course: check.misses.map_or(Course::Holds, Course::Soak),
            unless: check.unless.as_ref(),
            question: Question::Condition(&check.condition),
        }
    }

    /// Asks once; `left_ms` of its time are left.
    pub(crate) async fn ask(
        &self,
        plan: &Plan,
        asked: &dyn Asked,
        evaluator: Evaluator<'_>,
        (polls, left_ms): (u32, u64),
    ) -> Seen {
        match self.question {
            Question::Condition(condition) => {
                let patience = if self.has_own_time() {
                    Patience::Own
                } else {
                    Patience::of(self.every_ms, left_ms)
                };
                let evaluator = evaluator.patient(patience);
                let seen = Seen::judged(self.what, self.label, evaluator.evaluate(condition).await, polls);
                match self.unless {
                    // A poll that holds is over; a soak goes on.
                    Some(unless) if seen.result != EvaluationResult::Holds || self.has_own_time() => {
                        let ended = evaluator.evaluate(unless).await;
                        seen.ended_by(&ended)
                    }
                    _ => seen,
                }
            }
            Question::Presence(service, should) => {
                let (result, evidence) = match state_of(plan, asked, service).await {
                    Ok(state) => judge(should, &state),
                    Err(unanswered) => (
                        EvaluationResult::Unanswered,
                        format!("it cannot be told whether it runs: {}", unanswered.reason),
                    ),
                };
                self.seen(result, evidence, polls)
            }
        }
    }

    /// It was not answered in its time.
    pub(crate) fn late(&self, polls: u32) -> Seen {
        let evidence = format!("no answer within {}", units::duration(self.within_ms));
        self.seen(EvaluationResult::Unanswered, evidence, polls)
    }

    fn seen(&self, result: EvaluationResult, evidence: String, polls: u32) -> Seen {
        Seen {
            polls,
            ..Seen::line(self.what, self.label, result, evidence)
        }
    }
}

async fn state_of(plan: &Plan, asked: &dyn Asked, service: &str) -> Result<MemberState, Unanswered> {
    let member = plan.topology.member(service);
    let kind = member.and_then(|member| KINDS.iter().find(|kind| kind.kind() == member.runs.kind));
    match kind {
        Some(kind) => kind.state(asked, service).await,
        None => Err(Unanswered::new("nothing here asks services of its kind")),
    }
}

/// Whether a service that is so is as it should be, in words.
fn judge(should: Should, state: &MemberState) -> (EvaluationResult, String) {
    let status = match state.status.as_str() {
        "" => String::new(),
        status => format!(" ({status})"),
    };
    let is = match (state.runs, state.is_there) {
        (true, _) => "runs",
        (false, Some(false)) => "is not there",
        (false, _) => "does not run",
    };
    let wrong = match should {
        Should::Run => (!state.runs).then_some("it should run"),
        Should::Stand if state.is_there == Some(false) => Some("it should be there and stopped"),
        Should::Stand | Should::NotRun => state.runs.then_some("it should not run"),
        Should::BeGone => (state.runs || state.is_there == Some(true)).then_some("it should not be there"),
    };
    match wrong {
        None => (EvaluationResult::Holds, format!("it {is}{status}")),
        Some(wrong) => (EvaluationResult::DoesNotHold, format!("{wrong}, and {is}{status}")),
    }
}
