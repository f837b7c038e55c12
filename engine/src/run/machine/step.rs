//! Steps: when they begin, what they are at, how they end.
//!
//! | from | event | to |
//! | --- | --- | --- |
//! | waiting | the last step it waits for is done | ready |
//! | ready | `step running` | active |
//! | active | its cursor is over, `step done`, `skipped`, `not_taken` | over, counts as done |
//! | active | its cursor failed and a table is for it | healing, see [`super::symptoms`] |
//! | active | its cursor failed, `timer step:NAME`, a row's `otherwise` | failing |
//! | failing, `on failure continue` | it is quiet, `step excepted` | over, counts as done |
//! | failing, any other | the run turns; it is quiet, `step failed` | over |
//! | active while the run turns | it is quiet, `step cancelled` | over |

use std::collections::{BTreeMap, BTreeSet};

use backstay_dsl::model::Disposition;
use backstay_dsl::program::StepId;

use super::cursor::Cursor;
use super::failure::{Cause, Failure};
use super::state::State;
use super::symptoms::Healing;
use super::time::Moment;
use crate::event::{Exception, StepState};
use crate::plan::Plan;

/// All steps of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Steps {
    /// For each step: how many of those it waits for are not done.
    waits_for: Vec<usize>,
    /// For each step: how it ended.
    over: Vec<Option<StepState>>,
    /// Those that may begin before the window.
    pub(super) ready_before_window: BTreeSet<StepId>,
    /// Those that may begin inside the window.
    pub(super) ready: BTreeSet<StepId>,
    /// Those that are being carried out.
    pub(super) active: BTreeMap<StepId, ActiveStep>,
    /// Those in which an intent was recorded.
    pub(super) begun: BTreeSet<StepId>,
    /// Those whose `commits` was passed.
    pub(super) committed: BTreeSet<StepId>,
}

/// A step that is being carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ActiveStep {
    pub(super) cursor: Cursor,
    pub(super) budget: Budget,
    /// The symptom table that is consulted for it.
    pub(super) healing: Option<Healing>,
    pub(super) failing: Option<Failing>,
}

/// A step's budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Budget {
    /// It has none.
    Unbounded,
    /// It runs out at this moment.
    Until(Moment),
    /// It stands still, with these nanoseconds left.
    Stopped(i64),
}

/// Why a step fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failing {
    pub(super) reason: String,
    /// The reason of `on failure continue`.
    pub(super) continues: Option<String>,
}

impl Steps {
    /// All of them waiting or ready.
    pub(super) fn new(plan: &Plan) -> Self {
        let steps = &plan.runbook.steps;
        let mut all = Self {
            waits_for: steps.iter().map(|step| step.after.len()).collect(),
            over: vec![None; steps.len()],
            ..Self::default()
        };
        for step in plan
            .program
            .order()
            .filter(|step| plan.program.step(*step).after.is_empty())
        {
            all.make_ready(plan, step);
        }
        all
    }

    fn make_ready(&mut self, plan: &Plan, step: StepId) {
        if plan.program.step(step).before_window {
            self.ready_before_window.insert(step);
        } else {
            self.ready.insert(step);
        }
    }

    /// Takes a ready step from those that wait to begin. Gives false where it was not ready.
    fn take_ready(&mut self, step: StepId) -> bool {
        self.ready_before_window.remove(&step) || self.ready.remove(&step)
    }

    /// A step ends; what waits for it may become ready.
    fn end(&mut self, plan: &Plan, step: StepId, state: StepState) {
        if self.active.remove(&step).is_none() {
            return;
        }
        if let Some(over) = self.over.get_mut(step.place()) {
            *over = Some(state);
        }
        if !matches!(
            state,
            StepState::Done | StepState::Skipped | StepState::NotTaken | StepState::Excepted
        ) {
            return;
        }
        for next in plan.program.dependents(step) {
            if let Some(count) = self.waits_for.get_mut(next.place()) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    self.make_ready(plan, next);
                }
            }
        }
    }

    /// Whether nothing is active or may begin.
    pub(super) fn are_idle(&self) -> bool {
        self.active.is_empty() && self.ready.is_empty() && self.ready_before_window.is_empty()
    }

    /// Whether a step has begun at all.
    pub(super) fn has_begun(&self, step: StepId) -> bool {
        self.active.contains_key(&step) || self.over.get(step.place()).is_some_and(Option::is_some)
    }
}

impl ActiveStep {
    /// Lets the budget stand still.
    pub(super) fn stop_budget(&mut self, now: Moment) {
        if let Budget::Until(until) = self.budget {
            self.budget = Budget::Stopped(until.saturating_sub(now).max(0));
        }
    }

    /// Lets the budget go on.
    pub(super) fn go_on_with_budget(&mut self, now: Moment) {
        if let Budget::Stopped(left) = self.budget {
            self.budget = Budget::Until(now.saturating_add(left));
        }
    }

    /// Whether no attempt runs or is to be settled, in the step or in the row that heals it.
    pub(super) fn is_quiet(&self, settling_counts: bool) -> bool {
        let healing = self.healing.as_ref().and_then(Healing::cursor);
        self.cursor.is_quiet(settling_counts) && healing.is_none_or(|cursor| cursor.is_quiet(settling_counts))
    }
}

impl State {
    /// `step running`: a ready step begins, or a healed one goes on.
    pub(super) fn on_step_running(&mut self, plan: &Plan, step: StepId) {
        if self.steps.active.contains_key(&step) {
            self.on_row_done(step);
            return;
        }
        if !self.steps.take_ready(step) {
            return;
        }
        if let Some(window) = plan.runbook.window
            && !plan.program.step(step).before_window
        {
            let until_turn_ms = window.window_ms.saturating_sub(window.keep_ms);
            self.progress.time.open_window(until_turn_ms);
        }
        let budget = self.fresh_budget(plan, step);
        let cursor = Cursor::forward(self.view(plan), plan.program.step_block(step));
        let active = ActiveStep {
            cursor,
            budget,
            healing: None,
            failing: None,
        };
        self.steps.active.insert(step, active);
    }

    /// A whole budget that begins now.
    pub(super) fn fresh_budget(&self, plan: &Plan, step: StepId) -> Budget {
        let budget_ms = plan.program.step(step).budget_ms;
        budget_ms.map_or(Budget::Unbounded, |ms| Budget::Until(self.progress.time.after_ms(ms)))
    }

    /// A record says how a step ended.
    pub(super) fn on_step_over(&mut self, plan: &Plan, step: StepId, state: StepState) {
        if state == StepState::Excepted
            && let Some(failing) = self.steps.active.get(&step).and_then(|active| active.failing.as_ref())
        {
            let definition = plan.program.step(step);
            self.exceptions.push(Exception {
                step: definition.name.clone(),
                title: definition.title.clone(),
                reason: failing.reason.clone(),
                because: failing.continues.clone().unwrap_or_default(),
            });
        }
        self.steps.end(plan, step, state);
        self.free_healing(step);
    }

    /// A step fails: it is passed over, the run pauses, or the run turns.
    pub(super) fn fail_step(&mut self, plan: &Plan, step: StepId, statement: &str, reason: &str, to: &Disposition) {
        let Some(active) = self.steps.active.get_mut(&step) else {
            return;
        };
        if active.failing.is_some() {
            return;
        }
        let may_repeat = active.cursor.failure().is_none_or(Failure::may_repeat);
        if *to == Disposition::Pause && may_repeat && active.is_quiet(true) {
            active.healing = None;
            active.cursor.again();
            self.free_healing(step);
            self.pause(reason);
            return;
        }
        let continues = match to {
            Disposition::Continue(because) => Some(because.clone()),
            _ => None,
        };
        let does_continue = continues.is_some();
        active.failing = Some(Failing {
            reason: reason.to_owned(),
            continues,
        });
        self.free_healing(step);
        if !does_continue {
            self.turn(Cause {
                step: Some(step),
                statement: statement.to_owned(),
                reason: reason.to_owned(),
                disposition: self.way_of(plan, to),
                is_failure: true,
            });
        }
    }

    /// What a step's failure leads to.
    pub(super) fn on_failure_of(plan: &Plan, step: StepId) -> Disposition {
        plan.program.step(step).on_failure.clone()
    }

    /// The budget of a step ran out.
    pub(super) fn on_overrun(&mut self, plan: &Plan, step: StepId) {
        let Some(active) = self.steps.active.get(&step) else {
            return;
        };
        let Budget::Until(until) = active.budget else {
            return;
        };
        if !self.progress.time.has_come(until) || active.failing.is_some() {
            return;
        }
        let statement = active.cursor.leaf().statement(plan);
        let key = statement.map_or_else(String::new, |statement| statement.key.clone());
        let budget_ms = plan.program.step(step).budget_ms;
        let budget = backstay_dsl::units::duration(budget_ms.unwrap_or(0));
        let to = Self::on_failure_of(plan, step);
        self.fail_step(
            plan,
            step,
            &key,
            &format!("the step took longer than its budget of {budget}"),
            &to,
        );
    }
}
