//! The derived record that is due; and what is overdue.

use backstay_dsl::model::StatementKind;
use backstay_dsl::program::{HoldId, StepId};

use super::cursor::{Cursor, Doing};
use super::ending::{Ending, Stage, Verdict};
use super::failure::Cause;
use super::opening::Opening;
use super::state::{Phase, State};
use super::step::{ActiveStep, Budget};
use super::symptoms::Stage as HealingStage;
use crate::event::{Event, FailedAt, HoldState, RunEnd, StepState, TimerId, Way};
use crate::plan::Plan;

/// Steps that may be active at once.
const WIDTH_MAX: usize = 64;

impl State {
    /// The record that is due.
    pub(super) fn due(&self, plan: &Plan) -> Option<Event> {
        if self.pausing.is_some() {
            return self.due_while_pausing();
        }
        let event = match &self.phase {
            Phase::Preparing | Phase::Ended(_) => None,
            Phase::Forward => self.due_forward(plan),
            Phase::Quiescing => self.due_while_quiescing(plan),
            Phase::Ending(ending) => self.due_at_the_end(plan, ending),
        };
        event.filter(|event| !self.is_held_back(event))
    }

    /// Whether a record waits until a person has said what a signal means: nothing more begins, and no point of
    /// no return is passed.
    fn is_held_back(&self, event: &Event) -> bool {
        let begins = matches!(event, Event::Step { state, .. } if *state == StepState::Running);
        self.is_asked_to_stop() && (begins || matches!(event, Event::Commit { .. }))
    }

    fn due_while_pausing(&self) -> Option<Event> {
        let reason = self.pausing.clone()?;
        let of_ending = match &self.phase {
            Phase::Ending(ending) => ending.cursor(),
            _ => None,
        };
        let is_quiet = self.steps.active.values().all(|active| active.is_quiet(false))
            && of_ending.is_none_or(|cursor| cursor.is_quiet(false));
        is_quiet.then_some(Event::RunInterrupted { reason })
    }

    fn due_forward(&self, plan: &Plan) -> Option<Event> {
        for (step, active) in &self.steps.active {
            if let Some(event) = due_in_step(plan, *step, active) {
                return Some(event);
            }
        }
        self.next_ready()
            .map(|next| step_event(plan, next, StepState::Running, None))
    }

    /// The step that begins next.
    fn next_ready(&self) -> Option<StepId> {
        if self.phase != Phase::Forward || self.steps.active.len() >= WIDTH_MAX {
            return None;
        }
        let before = self.steps.ready_before_window.first();
        let inside = self.steps.ready.first().filter(|_| self.opening == Opening::Open);
        before.or(inside).copied()
    }

    /// What has come too late, as the timer that says so: `T_back` itself, or a step that would begin (or go
    /// on after an interruption) without the time for it. The record of the timer turns the run.
    pub(super) fn overdue(&self, plan: &Plan) -> Option<TimerId> {
        if self.is_t_back_armed() && self.progress.time.is_past_t_back() {
            return Some(TimerId::TBack);
        }
        let step = self.too_late(plan)?;
        Some(TimerId::TooLate(plan.program.step(step).name.clone()))
    }

    /// Rule R1: the step for which there is not enough time.
    fn too_late(&self, plan: &Plan) -> Option<StepId> {
        if self.phase != Phase::Forward || self.progress.is_committed {
            return None;
        }
        if self.is_resumed {
            let late = self.steps.active.iter().find(|(_, active)| match active.budget {
                Budget::Until(until) => self.progress.time.t_back.is_some_and(|t_back| until > t_back),
                Budget::Unbounded | Budget::Stopped(_) => self.progress.time.is_past_t_back(),
            });
            if let Some((step, _)) = late {
                return Some(*step);
            }
        }
        let next = self.next_ready()?;
        let needed_ms = self.needed_ms(plan, next);
        let is_late = match (self.progress.time.t_back, plan.runbook.window) {
            (None, Some(window)) if !self.steps.ready_before_window.contains(&next) => {
                needed_ms > window.window_ms.saturating_sub(window.keep_ms)
            }
            _ => !self.progress.time.fits(needed_ms),
        };
        is_late.then_some(next)
    }

    /// What a step needs before `T_back`: its budget; the first that changes anything, all that remains.
    fn needed_ms(&self, plan: &Plan, step: StepId) -> u64 {
        let budget_ms = plan.program.step(step).budget_ms.unwrap_or(0);
        let remaining_ms = plan.times.remaining_ms.get(step.place()).copied().unwrap_or(0);
        if !self.progress.is_changed && plan.program.changes(plan.program.step_block(step)) {
            remaining_ms.max(budget_ms)
        } else {
            budget_ms
        }
    }

    /// `timer too_late:STEP`.
    pub(super) fn on_too_late(&mut self, plan: &Plan, step: StepId) {
        if self.too_late(plan) != Some(step) {
            return;
        }
        let needed = backstay_dsl::units::duration(self.needed_ms(plan, step));
        let left = backstay_dsl::units::duration(self.progress.time.left_ms().unwrap_or(0));
        let on_failure = Self::on_failure_of(plan, step);
        self.turn(Cause {
            step: Some(step),
            statement: String::new(),
            reason: format!("too late to begin: it needs {needed}, and {left} are left until the time to turn back"),
            disposition: self.way_of(plan, &on_failure),
            is_failure: true,
        });
    }

    fn due_while_quiescing(&self, plan: &Plan) -> Option<Event> {
        let is_quiet = self.steps.active.values().all(|active| active.is_quiet(true));
        if !is_quiet {
            return None;
        }
        let Some((step, active)) = self.steps.active.first_key_value() else {
            return Some(Event::Turn {
                cause: self
                    .cause
                    .as_ref()
                    .map_or_else(String::new, |cause| cause.reason.clone()),
                way: self.choose_way(plan),
            });
        };
        let (state, reason) = match &active.failing {
            Some(failing) => (StepState::Failed, failing.reason.clone()),
            None if active.cursor.is_over() => (StepState::Done, String::new()),
            None => (StepState::Cancelled, "the run turned".to_owned()),
        };
        let reason = Some(reason).filter(|reason| !reason.is_empty());
        Some(step_event(plan, *step, state, reason))
    }

    fn due_at_the_end(&self, plan: &Plan, ending: &Ending) -> Option<Event> {
        if let Some(hold) = self.released() {
            return Some(hold_event(plan, hold, HoldState::Free));
        }
        match &ending.stage {
            Stage::Body(cursor) | Stage::Release { cursor, .. } => due_in_cursor(plan, cursor),
            Stage::Over(verdict) => match verdict.stuck_hold {
                Some(hold) if !self.progress.holds.is_stuck(hold) => Some(hold_event(plan, hold, HoldState::Stuck)),
                _ => Some(self.run_end(plan, ending, verdict)),
            },
            Stage::Wells(_) | Stage::Anchors => None,
        }
    }

    fn run_end(&self, plan: &Plan, ending: &Ending, verdict: &Verdict) -> Event {
        let failed_at = self.cause.as_ref().filter(|cause| cause.is_failure).map(|cause| {
            let step = cause.step.map(|step| plan.program.step(step).name.clone());
            FailedAt {
                step: step.unwrap_or_default(),
                statement: cause.statement.clone(),
                reason: cause.reason.clone(),
            }
        });
        let held = self.progress.holds.held().map(|hold| plan.program.hold(hold));
        Event::RunEnd(Box::new(RunEnd {
            end: verdict.end,
            reason: verdict.reason.clone(),
            failed_at,
            way_back: match &ending.way {
                Some(Way::Rollback(name) | Way::Park(name)) => Some(name.clone()),
                Some(Way::Unwind) => Some("unwind".to_owned()),
                _ => None,
            },
            leftovers: self.progress.leftovers(plan, verdict.end),
            exceptions: self.exceptions.clone(),
            commands_left: verdict.commands_left.clone(),
            held: held.map(|hold| hold.name.clone()).collect(),
        }))
    }
}

fn due_in_step(plan: &Plan, step: StepId, active: &ActiveStep) -> Option<Event> {
    if let Some(failing) = &active.failing {
        let is_due = active.is_quiet(true) && failing.continues.is_some();
        return is_due.then(|| step_event(plan, step, StepState::Excepted, Some(failing.reason.clone())));
    }
    if let Some(healing) = &active.healing {
        return match &healing.stage {
            HealingStage::Examined { holds } => Some(Event::Symptom {
                table: plan.program.table_of(healing.row).to_owned(),
                row: plan.program.row(healing.row).title.clone(),
                step: plan.program.step(step).name.clone(),
                chosen: *holds,
            }),
            HealingStage::Ready => {
                let row = plan.program.row(healing.row);
                let reason = format!("{}: suspect {}", row.title, row.suspect);
                Some(step_event(plan, step, StepState::Healing, Some(reason)))
            }
            HealingStage::First { cursor, .. } if cursor.is_over() => {
                let reason = Some("the statement that failed is tried once more".to_owned());
                Some(step_event(plan, step, StepState::Running, reason))
            }
            HealingStage::First { cursor, .. } => due_in_cursor(plan, cursor),
            HealingStage::LastTry => due_in_cursor(plan, &active.cursor),
            HealingStage::Queued | HealingStage::Asking => None,
        };
    }
    match &active.cursor.doing {
        Doing::Over => Some(step_event(plan, step, StepState::Done, None)),
        Doing::Left(state, because) => Some(step_event(plan, step, *state, Some(because.clone()))),
        _ => due_in_cursor(plan, &active.cursor),
    }
}

fn due_in_cursor(plan: &Plan, cursor: &Cursor) -> Option<Event> {
    match &cursor.doing {
        Doing::Hold(inner) if inner.cursor.is_over() => Some(hold_event(plan, inner.hold, inner.to)),
        Doing::Hold(inner) => due_in_cursor(plan, &inner.cursor),
        Doing::Unwinding(unwinding) => due_in_cursor(plan, &unwinding.cursor),
        Doing::Fresh => {
            let statement = cursor.statement(plan)?;
            match &statement.kind {
                StatementKind::Commits { because } => Some(Event::Commit {
                    key: statement.key.clone(),
                    because: because.clone(),
                }),
                _ => None,
            }
        }
        _ => None,
    }
}

fn step_event(plan: &Plan, step: StepId, state: StepState, reason: Option<String>) -> Event {
    let id = plan.program.step(step).name.clone();
    Event::Step { id, state, reason }
}

fn hold_event(plan: &Plan, hold: HoldId, state: HoldState) -> Event {
    let name = plan.program.hold(hold).name.clone();
    Event::Hold { name, state }
}
