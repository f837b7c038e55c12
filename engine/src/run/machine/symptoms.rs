//! Symptom tables: what heals a step whose action or check failed.
//!
//! | stage | event | next |
//! | --- | --- | --- |
//! | queued | no other step heals | asking, or examined where nothing is to be asked |
//! | asking | `evaluated` of the row | examined |
//! | examined, does not hold | `symptom` passed over | the next row; none left: the step fails |
//! | examined, holds | `symptom` chosen | ready, or the step fails with the row's `otherwise` |
//! | ready | `step healing` | first |
//! | first | its cursor is over, `step running` | last try |
//! | first | its cursor failed, `timer row:KEY` | the step fails with the row's `otherwise` |
//! | last try | the statement is passed | healed |
//! | last try | the statement failed again | the step fails with the row's `otherwise` |
//!
//! The step's budget stands still from the failure until the statement is passed. One step heals at a
//! time: two that run at once may have one table, and its statements have one key each.

use backstay_dsl::model::Disposition;
use backstay_dsl::program::{RowId, StepId};

use super::cursor::Cursor;
use super::failure::{Failure, FailureKind};
use super::state::State;
use super::step::Budget;
use super::time::{Moment, Timeline, milliseconds};
use crate::plan::Plan;

/// A table that is consulted for a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Healing {
    /// Which of the step's tables.
    nth_table: usize,
    /// The row that is examined or carried out.
    pub(super) row: RowId,
    /// The statement that failed, by its place in the step.
    place: usize,
    failure: Failure,
    /// What the table is at.
    pub(super) stage: Stage,
}

/// What a table is at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stage {
    Queued,
    /// Whether the row is seen is asked.
    Asking,
    Examined {
        holds: bool,
    },
    /// The row's `first` is about to begin.
    Ready,
    /// The row's `first` runs.
    First {
        cursor: Cursor,
        /// When its budget runs out.
        until: Option<Moment>,
    },
    /// The statement is tried once more.
    LastTry,
}

impl Healing {
    /// The statements of `first`, while they run.
    pub(super) fn cursor(&self) -> Option<&Cursor> {
        match &self.stage {
            Stage::First { cursor, .. } => Some(cursor),
            _ => None,
        }
    }

    /// The same, to be changed.
    pub(super) fn cursor_mut(&mut self) -> Option<&mut Cursor> {
        match &mut self.stage {
            Stage::First { cursor, .. } => Some(cursor),
            _ => None,
        }
    }

    /// Gives the row its whole budget again, after an interruption.
    pub(super) fn refresh(&mut self, plan: &Plan, time: &Timeline) {
        let budget_ms = plan.program.row(self.row).budget_ms;
        if let Stage::First { until, .. } = &mut self.stage {
            *until = budget_ms.map(|ms| time.after_ms(ms));
        }
    }

    fn otherwise(&self, plan: &Plan) -> Disposition {
        plan.program.row(self.row).otherwise.clone()
    }
}

impl State {
    /// Looks at every active step for what failed or went on, and draws the consequences.
    pub(super) fn settle_steps(&mut self, plan: &Plan) {
        let places: Vec<StepId> = self.steps.active.keys().copied().collect();
        for step in places {
            self.settle_step(plan, step);
        }
        self.heal_next(plan);
    }

    fn settle_step(&mut self, plan: &Plan, step: StepId) {
        let Some(active) = self.steps.active.get_mut(&step) else {
            return;
        };
        if active.failing.is_some() {
            return;
        }
        let failure = active.cursor.failure().cloned();
        match (&active.healing, failure) {
            (None, Some(failure)) => self.on_step_failure(plan, step, failure),
            (Some(healing), Some(failure)) if healing.stage == Stage::LastTry => {
                let to = healing.otherwise(plan);
                self.fail_step(plan, step, &failure.key, &failure.reason, &to);
            }
            (Some(healing), _) if healing.stage == Stage::LastTry => {
                if active.cursor.place != healing.place {
                    active.healing = None;
                    active.go_on_with_budget(self.progress.time.now);
                }
            }
            (Some(healing), _) => {
                if let Some(failed) = healing.cursor().and_then(Cursor::failure).cloned() {
                    self.on_row_failure(plan, step, failed);
                }
            }
            (None, None) => {}
        }
    }

    fn on_step_failure(&mut self, plan: &Plan, step: StepId, failure: Failure) {
        let row = plan.program.tables_of(step).first().copied();
        if let Some(row) = row.filter(|_| failure.has_symptoms())
            && let Some(active) = self.steps.active.get_mut(&step)
        {
            active.stop_budget(self.progress.time.now);
            active.healing = Some(Healing {
                nth_table: 0,
                row,
                place: active.cursor.place,
                failure,
                stage: Stage::Queued,
            });
            return;
        }
        let on_failure = Self::on_failure_of(plan, step);
        let to = match &failure.kind {
            FailureKind::Silence(Some(on_silence)) => on_silence.clone(),
            FailureKind::Silence(None) => self.way_of(plan, &on_failure),
            _ => on_failure,
        };
        self.fail_step(plan, step, &failure.key, &failure.reason, &to);
    }

    fn on_row_failure(&mut self, plan: &Plan, step: StepId, failed: Failure) {
        let Some(healing) = self.steps.active.get(&step).and_then(|active| active.healing.as_ref()) else {
            return;
        };
        let to = match failed.kind {
            FailureKind::Silence(Some(on_silence)) => on_silence,
            _ => healing.otherwise(plan),
        };
        let failure = healing.failure.clone();
        self.fail_step(plan, step, &failure.key, &failure.reason, &to);
    }

    /// Lets the first step that waits for it heal, where none does.
    fn heal_next(&mut self, plan: &Plan) {
        if self.healing.is_some() {
            return;
        }
        let queued = self.steps.active.iter_mut().find_map(|(step, active)| {
            let healing = active.healing.as_mut()?;
            (active.failing.is_none() && healing.stage == Stage::Queued).then_some((*step, healing))
        });
        if let Some((step, healing)) = queued {
            healing.stage = first_stage(plan, healing.row);
            self.healing = Some(step);
        }
    }

    /// Another step may heal.
    pub(super) fn free_healing(&mut self, step: StepId) {
        if self.healing == Some(step) {
            self.healing = None;
        }
    }

    fn healing_of(&mut self, step: StepId) -> Option<&mut Healing> {
        let active = self.steps.active.get_mut(&step)?;
        active.healing.as_mut().filter(|_| active.failing.is_none())
    }

    /// `evaluated` of a row. Gives whether it was one that is asked for.
    pub(super) fn on_row_evaluated(&mut self, plan: &Plan, key: &str, holds: bool) -> bool {
        let Some(healing) = self.healing.and_then(|step| self.healing_of(step)) else {
            return false;
        };
        let is_asked = healing.stage == Stage::Asking && plan.program.row(healing.row).key == key;
        if is_asked {
            healing.stage = Stage::Examined { holds };
        }
        is_asked
    }

    /// `symptom`: a row was chosen, or passed over.
    pub(super) fn on_symptom(&mut self, plan: &Plan, step: StepId, row: &str, chosen: bool) {
        let Some(healing) = self.healing_of(step) else {
            return;
        };
        let is_due = healing.stage == (Stage::Examined { holds: chosen }) && plan.program.row(healing.row).title == row;
        if !is_due {
            return;
        }
        if chosen {
            self.on_row_chosen(plan, step);
            return;
        }
        let mut below = plan.program.row_below(healing.row);
        if below.is_none() {
            healing.nth_table += 1;
            below = plan.program.tables_of(step).get(healing.nth_table).copied();
        }
        if let Some(row) = below {
            healing.row = row;
            healing.stage = first_stage(plan, row);
            return;
        }
        let failure = healing.failure.clone();
        let to = Self::on_failure_of(plan, step);
        self.fail_step(plan, step, &failure.key, &failure.reason, &to);
    }

    fn on_row_chosen(&mut self, plan: &Plan, step: StepId) {
        let Some(active) = self.steps.active.get(&step) else {
            return;
        };
        let Some(healing) = &active.healing else {
            return;
        };
        let row = plan.program.row(healing.row);
        let rest_ms = match active.budget {
            Budget::Stopped(left) => milliseconds(left),
            _ => 0,
        };
        let needed_ms = row.budget_ms.unwrap_or(0) + rest_ms + limit_of(plan, active.cursor.leaf());
        let heals = row.first.is_some()
            && healing.failure.may_repeat()
            && (self.progress.is_committed || self.progress.time.fits(needed_ms));
        let (to, failure) = (row.otherwise.clone(), healing.failure.clone());
        if !heals {
            self.fail_step(plan, step, &failure.key, &failure.reason, &to);
        } else if let Some(healing) = self.healing_of(step) {
            healing.stage = Stage::Ready;
        }
    }

    /// `step healing`: the row's `first` begins.
    pub(super) fn on_step_healing(&mut self, plan: &Plan, step: StepId) {
        let Some(healing) = self.healing_of(step).filter(|healing| healing.stage == Stage::Ready) else {
            return;
        };
        let row = healing.row;
        let Some(block) = plan.program.row_block(row) else {
            return;
        };
        let cursor = Cursor::forward(self.view(plan), block);
        let budget_ms = plan.program.row(row).budget_ms;
        let until = budget_ms.map(|ms| self.progress.time.after_ms(ms));
        if let Some(healing) = self.healing_of(step) {
            healing.stage = Stage::First { cursor, until };
        }
    }

    /// `step running` of a step that heals: the statement that failed is tried once more.
    pub(super) fn on_row_done(&mut self, step: StepId) {
        let is_done = self
            .healing_of(step)
            .and_then(|healing| healing.cursor().map(Cursor::is_over))
            .unwrap_or(false);
        if let Some(active) = self.steps.active.get_mut(&step).filter(|_| is_done)
            && let Some(healing) = &mut active.healing
        {
            healing.stage = Stage::LastTry;
            active.cursor.again();
            self.free_healing(step);
        }
    }

    /// The budget of a row ran out.
    pub(super) fn on_row_overrun(&mut self, plan: &Plan, key: &str) {
        let now = self.progress.time.clone();
        let Some(step) = self.healing else {
            return;
        };
        let Some(healing) = self.healing_of(step) else {
            return;
        };
        let is_over_budget = matches!(&healing.stage, Stage::First { until: Some(until), .. } if now.has_come(*until));
        if is_over_budget && plan.program.row(healing.row).key == key {
            let (failure, to) = (healing.failure.clone(), healing.otherwise(plan));
            self.fail_step(plan, step, &failure.key, &failure.reason, &to);
        }
    }
}

fn first_stage(plan: &Plan, row: RowId) -> Stage {
    if plan.program.row(row).seen.is_some() {
        Stage::Asking
    } else {
        Stage::Examined { holds: true }
    }
}

/// The longest that the statement of a cursor may take, milliseconds.
fn limit_of(plan: &Plan, cursor: &Cursor) -> u64 {
    use backstay_dsl::model::StatementKind;
    match cursor.statement(plan).map(|statement| &statement.kind) {
        Some(StatementKind::Do(action)) => cursor.limit_ms(plan, action),
        Some(StatementKind::Check(check)) => check.within_ms,
        _ => 0,
    }
}
