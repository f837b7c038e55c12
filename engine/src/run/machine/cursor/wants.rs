//! What a cursor wants: its derived record, its work, its timers.

use backstay_dsl::model::{Do, StatementKind};
use backstay_dsl::program::StatementId;

use super::{Cursor, Doing};
use crate::event::{Event, TimerId, WorkKey};
use crate::plan::Plan;
use crate::run::machine::desired::{Mode, Work, WorkKind};
use crate::run::machine::holds;
use crate::run::machine::places::{Places, word};
use crate::run::machine::progress::View;
use crate::run::machine::time::Moment;

impl Cursor {
    pub(in crate::run::machine) fn places(&self, plan: &Plan, places: &mut Places) {
        if let Some(statement) = self.statement(plan) {
            places.insert(("statement", statement.key.clone()), word(&self.doing));
        }
        match &self.doing {
            Doing::Hold(inner) => inner.cursor.places(plan, places),
            Doing::Unwinding(unwinding) => unwinding.cursor.places(plan, places),
            _ => {}
        }
    }

    pub(in crate::run::machine) fn due(&self, plan: &Plan) -> Option<Event> {
        match &self.doing {
            Doing::Hold(inner) if inner.cursor.is_over() => Some(holds::event(plan, inner.hold, inner.to)),
            Doing::Hold(inner) => inner.cursor.due(plan),
            Doing::Unwinding(unwinding) => unwinding.cursor.due(plan),
            Doing::Fresh => {
                let statement = self.statement(plan)?;
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

    pub(in crate::run::machine) fn work(&self, view: View<'_>, mode: Mode, work: &mut Vec<(WorkKey, Work)>) {
        let plan = view.plan;
        let leaf = self.leaf();
        let Some(id) = leaf.statement_id(plan) else {
            return;
        };
        let statement = plan.program.statement(id);
        let (attempt, kind) = match (&leaf.doing, &statement.kind) {
            (Doing::Performing { n }, StatementKind::Do(action)) => (*n, leaf.perform(plan, action)),
            (Doing::Settling { n, is_interrupted }, _) if mode != Mode::Hold => {
                let may_wait = *is_interrupted && !leaf.is_way_back && mode != Mode::Stop;
                (*n, WorkKind::Settle { may_wait })
            }
            (Doing::Fresh, StatementKind::Do(action)) if mode == Mode::Go => {
                (view.progress.next_attempt(id), leaf.perform(plan, action))
            }
            (Doing::Fresh, StatementKind::Ask(_)) if mode == Mode::Go => (1, WorkKind::Ask { besides: None }),
            (Doing::Seconding { first, .. }, StatementKind::Ask(_)) if mode == Mode::Go => {
                let besides = Some(first.clone());
                (2, WorkKind::Ask { besides })
            }
            (
                Doing::Fresh,
                StatementKind::Require { .. }
                | StatementKind::SkipWhen { .. }
                | StatementKind::OnlyWhen { .. }
                | StatementKind::Let { .. }
                | StatementKind::Check(_)
                | StatementKind::Record(_),
            ) if mode.does_look() => (1, WorkKind::Evaluate),
            _ => return,
        };
        let cancel = mode == Mode::Stop && matches!(kind, WorkKind::Perform { .. });
        let one = Work {
            kind,
            statement: Some(id),
            attempt,
            cancel,
        };
        work.push((WorkKey::Statement(plan.program.key(id).into()), one));
    }

    fn perform(&self, plan: &Plan, action: &Do) -> WorkKind {
        WorkKind::Perform {
            limit_ms: self.limit_ms(plan, action),
            way: self.way(plan),
        }
    }

    pub(in crate::run::machine) fn timer(&self, plan: &Plan) -> Option<(TimerId, Moment)> {
        let leaf = self.leaf();
        let key = || Some(plan.program.key(leaf.statement_id(plan)?).into());
        match leaf.doing {
            Doing::Waiting { until } => Some((TimerId::Wait(key()?), until)),
            Doing::Retrying { until } => Some((TimerId::Retry(key()?), until)),
            _ => None,
        }
    }

    /// How many of the further tries of this statement are used, where that is what it is at.
    pub(in crate::run::machine) fn retries_of(&self, plan: &Plan, statement: StatementId) -> Option<u64> {
        let leaf = self.leaf();
        (leaf.statement_id(plan) == Some(statement)).then_some(leaf.retries)
    }

    /// The statement for which a person is asked now.
    pub(in crate::run::machine) fn asks(&self, plan: &Plan) -> Option<StatementId> {
        let leaf = self.leaf();
        let is_asking = matches!(leaf.doing, Doing::Fresh | Doing::Seconding { .. });
        let statement = leaf.statement(plan).filter(|_| is_asking)?;
        let is_ask = matches!(statement.kind, StatementKind::Ask(_));
        leaf.statement_id(plan).filter(|_| is_ask)
    }
}
