//! Symptom tables: what heals a step whose action or check failed. Table: `docs/machine.md`.
//!
//! The step's budget stands still from the failure until the statement is passed. One step heals at a
//! time: two that run at once may have one table, and its statements have one key each.

use backstay_dsl::model::Disposition;
use backstay_dsl::program::{RowId, StepId};

use super::cursor::Cursor;
use super::desired::{Mode, Work, WorkKind};
use super::failure::{Failure, FailureKind};
use super::places::{Places, word};
use super::progress::View;
use super::time::Moment;
use crate::event::{Event, StepState, TimerId, WorkKey};
use crate::plan::Plan;

/// A table that is consulted for a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Healing {
    /// Which of the step's tables.
    nth_table: usize,
    /// The row that is examined or carried out.
    row: RowId,
    /// The statement that failed, by its place in the step.
    place: usize,
    failure: Failure,
    stage: Stage,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Stage {
    Queued,
    /// Whether the row is seen is asked.
    Asking,
    Examined(Examined),
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

/// What the question of a row came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Examined {
    Holds,
    HoldsNot,
    /// It holds on the evidence on which the row was taken before.
    IsOld,
}

/// What healing comes to.
pub(super) enum Outcome {
    GoesOn,
    Healed,
    /// The step fails after all, and this is where it goes.
    Fails(Disposition),
}

impl Healing {
    /// Waits until no other step heals. `None` where the step has no table.
    pub(super) fn queue(plan: &Plan, step: StepId, place: usize, failure: Failure) -> Option<Self> {
        Some(Self {
            nth_table: 0,
            row: *plan.program.tables_of(step).first()?,
            place,
            failure,
            stage: Stage::Queued,
        })
    }

    pub(super) fn places(&self, plan: &Plan, step: &str, places: &mut Places) {
        places.insert(("healing", step.to_owned()), word(&self.stage));
        if let Some(cursor) = self.cursor() {
            cursor.places(plan, places);
        }
    }

    pub(super) fn is_queued(&self) -> bool {
        self.stage == Stage::Queued
    }

    /// Whether no other step may heal: a row is examined or carried out.
    pub(super) fn is_begun(&self) -> bool {
        !matches!(self.stage, Stage::Queued | Stage::LastTry)
    }

    /// No other step heals.
    pub(super) fn begin(&mut self, plan: &Plan) {
        self.examine(plan, self.row);
    }

    fn examine(&mut self, plan: &Plan, row: RowId) {
        self.row = row;
        self.stage = if plan.program.row(row).seen.is_some() {
            Stage::Asking
        } else {
            Stage::Examined(Examined::Holds)
        };
    }

    /// What failed.
    pub(super) fn failure(&self) -> &Failure {
        &self.failure
    }

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
    pub(super) fn refresh(&mut self, view: View<'_>) {
        let budget_ms = view.plan.program.row(self.row).budget_ms;
        if let Stage::First { until, .. } = &mut self.stage {
            *until = budget_ms.map(|ms| view.progress.time.after_ms(ms));
        }
    }

    /// After anything happened: what it comes to, with the step's own cursor.
    pub(super) fn settle(&self, plan: &Plan, of_step: &Cursor) -> Outcome {
        match &self.stage {
            Stage::LastTry if of_step.failure().is_some() => Outcome::Fails(self.otherwise(plan)),
            Stage::LastTry if of_step.place() != self.place => Outcome::Healed,
            Stage::First { cursor, .. } => match cursor.failure().map(|failed| &failed.kind) {
                Some(FailureKind::Silence(Some(on_silence))) => Outcome::Fails(on_silence.clone()),
                Some(_) => Outcome::Fails(self.otherwise(plan)),
                None => Outcome::GoesOn,
            },
            _ => Outcome::GoesOn,
        }
    }

    pub(super) fn otherwise(&self, plan: &Plan) -> Disposition {
        plan.program.row(self.row).otherwise.clone()
    }

    /// The row that is examined or carried out.
    pub(super) fn row(&self) -> RowId {
        self.row
    }

    /// `evaluated` of a row.
    pub(super) fn on_evaluated(&mut self, plan: &Plan, key: &str, examined: Examined) {
        if self.stage == Stage::Asking && plan.program.row(self.row).key == key {
            self.stage = Stage::Examined(examined);
        }
    }

    /// `symptom`: a row was chosen, or passed over. `rest_ms`: what the step needs after the row. `times`: how
    /// often the row was taken in this run.
    pub(super) fn on_symptom(
        &mut self,
        view: View<'_>,
        step: StepId,
        (row, chosen): (&str, bool),
        (rest_ms, times): (u64, u64),
    ) -> Outcome {
        let program = &view.plan.program;
        let definition = program.row(self.row);
        let Stage::Examined(examined) = self.stage else {
            return Outcome::GoesOn;
        };
        if (examined == Examined::Holds) != chosen || definition.title != row {
            return Outcome::GoesOn;
        }
        if chosen {
            let needed_ms = definition.budget_ms.unwrap_or(0) + rest_ms;
            // A row without a question has no evidence that could be newer.
            let may_again = definition.seen.is_some() && definition.again.is_none_or(|again| times <= again);
            let heals = definition.first.is_some()
                && (times == 0 || may_again)
                && self.failure.may_repeat()
                && (view.progress.is_committed() || view.progress.time.fits(needed_ms));
            if !heals {
                return Outcome::Fails(definition.otherwise.clone());
            }
            self.stage = Stage::Ready;
            return Outcome::GoesOn;
        }
        let below = program.row_below(self.row).or_else(|| {
            self.nth_table += 1;
            program.tables_of(step).get(self.nth_table).copied()
        });
        match below {
            Some(row) => {
                self.examine(view.plan, row);
                Outcome::GoesOn
            }
            None => Outcome::Fails(program.step(step).on_failure.clone()),
        }
    }

    /// `step healing`: the row's `first` begins. Gives whether it does so now.
    pub(super) fn on_healing(&mut self, view: View<'_>) -> bool {
        let block = view.plan.program.row_block(self.row);
        let block = block.filter(|_| self.stage == Stage::Ready);
        if let Some(block) = block {
            let cursor = Cursor::forward(view, block);
            self.stage = Stage::First { cursor, until: None };
            self.refresh(view);
        }
        block.is_some()
    }

    /// `step running` of a step that heals. Gives whether the row is done, so that the statement that failed is
    /// tried once more.
    pub(super) fn on_row_done(&mut self) -> bool {
        let is_done = self.cursor().is_some_and(Cursor::is_over);
        if is_done {
            self.stage = Stage::LastTry;
        }
        is_done
    }

    /// Whether the budget of the row of this key is used up.
    pub(super) fn is_row_over(&self, view: View<'_>, key: &str) -> bool {
        let until = match &self.stage {
            Stage::First { until, .. } => *until,
            _ => None,
        };
        view.plan.program.row(self.row).key == key && until.is_some_and(|until| view.progress.time.has_come(until))
    }

    /// What is due, with the step's own cursor.
    pub(super) fn due(&self, plan: &Plan, step: StepId, of_step: &Cursor) -> Option<Event> {
        let row = plan.program.row(self.row);
        let state = |state, reason| {
            let id = plan.program.step(step).name.clone();
            let reason = Some(reason);
            Some(Event::Step { id, state, reason })
        };
        match &self.stage {
            Stage::Examined(examined) => Some(Event::Symptom {
                table: plan.program.table_of(self.row).to_owned(),
                row: row.title.clone(),
                step: plan.program.step(step).name.clone(),
                chosen: *examined == Examined::Holds,
                is_old: *examined == Examined::IsOld,
            }),
            Stage::Ready => state(StepState::Healing, format!("{}: suspect {}", row.title, row.suspect)),
            Stage::First { cursor, .. } if cursor.is_over() => state(
                StepState::Running,
                "the statement that failed is tried once more".to_owned(),
            ),
            Stage::First { cursor, .. } => cursor.due(plan),
            Stage::LastTry => of_step.due(plan),
            Stage::Queued | Stage::Asking => None,
        }
    }

    pub(super) fn work(&self, view: View<'_>, mode: Mode, work: &mut Vec<(WorkKey, Work)>) {
        match &self.stage {
            Stage::First { cursor, .. } => cursor.work(view, mode, work),
            Stage::Asking if mode.does_look() => {
                let key = view.plan.program.row(self.row).key.clone();
                work.push((WorkKey::Statement(key.into()), Work::once(WorkKind::Row)));
            }
            _ => {}
        }
    }

    /// The moment until which a person who is asked by the row may be silent.
    pub(super) fn silence(&self) -> Option<(&Cursor, Option<Moment>)> {
        match &self.stage {
            Stage::First { cursor, until } => Some((cursor, *until)),
            _ => None,
        }
    }

    pub(super) fn timers(&self, plan: &Plan, timers: &mut Vec<(TimerId, Moment)>) {
        if let Stage::First { cursor, until } = &self.stage {
            timers.extend(cursor.timer(plan));
            let until = until.filter(|_| cursor.asks(plan).is_none());
            timers.extend(until.map(|until| (TimerId::Row(plan.program.row(self.row).key.as_str().into()), until)));
        }
    }
}
