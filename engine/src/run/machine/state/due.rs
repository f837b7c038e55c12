//! The derived record that is due; and what is overdue.

use backstay_dsl::program::StepId;
use backstay_dsl::units;

use super::{Phase, State};
use crate::event::{Event, StepState, TimerId};
use crate::plan::Plan;
use crate::run::machine::ending::Ending;
use crate::run::machine::failure::Cause;
use crate::run::machine::step;

impl State {
    /// The record that is due.
    pub(super) fn due(&self, plan: &Plan) -> Option<Event> {
        if let Some(reason) = &self.pausing {
            let is_quiet = self.is_quiet(false);
            return is_quiet.then(|| Event::RunInterrupted { reason: reason.clone() });
        }
        let event = match &self.phase {
            Phase::Preparing | Phase::Ended(..) => None,
            Phase::Forward => self.steps.due(plan).or_else(|| {
                let next = self.next_ready().filter(|next| self.is_allowed(*next))?;
                Some(step::event(plan, next, StepState::Running, None))
            }),
            Phase::Quiescing(_) if !self.is_quiet(true) => None,
            Phase::Quiescing(releases) => releases
                .as_ref()
                .and_then(|ending| ending.released(self.view(plan)))
                .or_else(|| self.steps.due_when_turning(plan))
                .or_else(|| Some(self.turn_event(plan))),
            Phase::Ending(_) if self.is_watch_awaited() => None,
            Phase::Ending(ending) => ending.due(self.known(plan), &self.all_exceptions(plan)),
        };
        event.filter(|event| !self.is_held_back(event))
    }

    /// Whether a record waits until a person has said what a signal means: nothing more begins, and no point of
    /// no return is passed.
    fn is_held_back(&self, event: &Event) -> bool {
        let begins = matches!(event, Event::Step { state, .. } if *state == StepState::Running);
        self.is_asked_to_stop() && (begins || matches!(event, Event::Commit { .. }))
    }

    /// Whether no attempt runs and, where that is asked too, none is to be settled.
    fn is_quiet(&self, settling_counts: bool) -> bool {
        let of_ending = self.ending().and_then(Ending::cursor);
        self.steps.are_quiet(settling_counts) && of_ending.is_none_or(|cursor| cursor.is_quiet(settling_counts))
    }

    fn turn_event(&self, plan: &Plan) -> Event {
        let cause = self.cause.as_ref().map(|cause| cause.reason.clone());
        Event::Turn {
            cause: cause.unwrap_or_default(),
            way: self.choose_way(plan),
        }
    }

    /// The step that begins next.
    pub(super) fn next_ready(&self) -> Option<StepId> {
        let next = self.steps.next_ready(self.opening.is_open());
        next.filter(|_| self.phase == Phase::Forward)
    }

    /// What has come too late, as the timer that says so: `T_back` itself, or a step that would begin (or go
    /// on after an interruption) without the time for it. The record of the timer turns the run.
    pub(super) fn overdue(&self, plan: &Plan) -> Option<TimerId> {
        if self.is_t_back_armed() && self.progress.time.is_past_t_back() {
            return Some(TimerId::TBack);
        }
        let step = self.too_late(plan)?;
        Some(TimerId::TooLate(plan.program.step_name(step).into()))
    }

    /// Rule R1: the step for which there is not enough time.
    fn too_late(&self, plan: &Plan) -> Option<StepId> {
        if self.phase != Phase::Forward || self.progress.is_committed() {
            return None;
        }
        let again = self
            .steps
            .too_late_again(&self.progress.time)
            .filter(|_| self.is_resumed);
        if again.is_some() {
            return again;
        }
        let next = self.next_ready()?;
        let needed_ms = self.needed_ms(plan, next);
        let is_late = match (self.progress.time.t_back(), plan.runbook.window) {
            (None, Some(window)) if !self.steps.is_ready_before_window(next) => {
                needed_ms > window.window_ms.saturating_sub(window.keep_ms)
            }
            _ => !self.progress.time.fits(needed_ms),
        };
        is_late.then_some(next)
    }

    /// What a step needs before `T_back`: its budget; the first that changes anything, all that remains.
    pub(super) fn needed_ms(&self, plan: &Plan, step: StepId) -> u64 {
        let budget_ms = plan.program.step(step).budget_ms.unwrap_or(0);
        let remaining_ms = plan.times.remaining_ms.get(step.place()).copied().unwrap_or(0);
        if !self.progress.is_changed() && plan.program.changes(plan.program.step_block(step)) {
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
        let needed = units::duration(self.needed_ms(plan, step));
        let left = units::duration(self.progress.time.left_ms().unwrap_or(0));
        let on_failure = &plan.program.step(step).on_failure;
        self.turn(Cause {
            step: Some(step),
            statement: String::new(),
            reason: format!("too late to begin: it needs {needed}, and {left} are left until the time to turn back"),
            disposition: self.steps.way_of(plan, on_failure),
            is_failure: true,
        });
    }
}
