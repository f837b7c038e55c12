//! Where statements stand: every block of a runbook that the machine can carry out.

use backstay_dsl::model::{Block, Do, Statement, StatementKind, SymptomRow, Undo, UndoBody};

use crate::event::IntentWay;
use crate::plan::Plan;

/// A block of the runbook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BlockAt {
    /// The body of a step, or the `first` of a row.
    Home(Home),
    /// What takes a hold.
    Take(usize),
    /// What releases a hold.
    Release(usize),
    /// An undo.
    Undo(UndoAt),
    /// A way back with a name.
    Rollback(usize),
    /// A safe place to stop.
    Park(usize),
    /// No statements of its own: the undos of all that was started.
    Unwind,
}

/// A block whose actions may have undos.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Home {
    /// A step.
    Step(usize),
    /// The `first` of a row.
    Row {
        /// The table.
        table: usize,
        /// The row.
        row: usize,
    },
}

/// An undo: where its action stands, and which one it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct UndoAt {
    /// The block of its action.
    pub(super) home: Home,
    /// Whose undo it is.
    pub(super) of: UndoOf,
}

/// Whose undo it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UndoOf {
    /// One action's, by its place in the block.
    Action(usize),
    /// A whole procedure's, by its place among the block's groups.
    Group(usize),
}

impl BlockAt {
    /// The statements; `None` where the plan has no such block.
    pub(super) fn block<'plan>(&self, plan: &'plan Plan) -> Option<&'plan Block> {
        let runbook = &plan.runbook;
        match *self {
            Self::Home(home) => home.block(plan),
            Self::Take(hold) => runbook.holds.get(hold).map(|hold| &hold.take),
            Self::Release(hold) => runbook.holds.get(hold).map(|hold| &hold.release),
            Self::Undo(undo) => undo.body(plan).map(|undo| &undo.body),
            Self::Rollback(branch) => runbook.rollbacks.get(branch).map(|branch| &branch.body),
            Self::Park(park) => runbook.parks.get(park).map(|park| &park.body),
            Self::Unwind => None,
        }
    }

    /// The statement at a place; `None` past the end.
    pub(super) fn statement<'plan>(&self, plan: &'plan Plan, place: usize) -> Option<&'plan Statement> {
        self.block(plan)?.statements.get(place)
    }

    /// What an intent says of the way it is on.
    pub(super) fn way(&self, plan: &Plan) -> IntentWay {
        let runbook = &plan.runbook;
        let name = |name: Option<&String>| name.cloned().unwrap_or_default();
        match *self {
            Self::Home(Home::Step(_)) => IntentWay::Forward,
            Self::Home(Home::Row { .. }) => IntentWay::Row,
            Self::Take(hold) | Self::Release(hold) => {
                IntentWay::Hold(name(runbook.holds.get(hold).map(|hold| &hold.name)))
            }
            Self::Undo(_) | Self::Unwind => IntentWay::Undo,
            Self::Rollback(branch) => IntentWay::Rollback(name(runbook.rollbacks.get(branch).map(|way| &way.name))),
            Self::Park(park) => IntentWay::Park(name(runbook.parks.get(park).map(|park| &park.name))),
        }
    }

    /// The longest that one attempt of an action in this block may take, milliseconds.
    pub(super) fn limit_ms(&self, plan: &Plan, action: &Do) -> u64 {
        let within_ms = match *self {
            Self::Take(hold) => plan.runbook.holds.get(hold).map(|hold| hold.take_within_ms),
            Self::Release(hold) => plan.runbook.holds.get(hold).map(|hold| hold.release_within_ms),
            Self::Undo(undo) => undo.body(plan).map(|undo| undo.within_ms),
            _ => None,
        };
        within_ms.map_or(action.within_ms, |within_ms| within_ms.min(action.within_ms))
    }
}

impl Home {
    fn block(self, plan: &Plan) -> Option<&Block> {
        match self {
            Self::Step(step) => plan.runbook.steps.get(step).map(|step| &step.body),
            Self::Row { table, row } => row_at(plan, table, row)?.first.as_ref(),
        }
    }

    /// The undo that belongs to the action at a place; `None` where it has none.
    pub(super) fn undo_of(self, plan: &Plan, place: usize) -> Option<UndoAt> {
        let statement = self.block(plan)?.statements.get(place)?;
        if let Some(group) = statement.group {
            return Some(UndoAt {
                home: self,
                of: UndoOf::Group(group),
            });
        }
        match &statement.kind {
            StatementKind::Do(action) if matches!(action.undo, Some(Undo::Body(_))) => Some(UndoAt {
                home: self,
                of: UndoOf::Action(place),
            }),
            _ => None,
        }
    }
}

impl UndoAt {
    /// The undo; `None` where the plan has none there.
    pub(super) fn body<'plan>(&self, plan: &'plan Plan) -> Option<&'plan UndoBody> {
        let block = self.home.block(plan)?;
        match self.of {
            UndoOf::Group(group) => block.groups.get(group),
            UndoOf::Action(place) => match &block.statements.get(place)?.kind {
                StatementKind::Do(action) => match &action.undo {
                    Some(Undo::Body(body)) => Some(body),
                    _ => None,
                },
                _ => None,
            },
        }
    }
}

/// A row of a symptom table.
pub(super) fn row_at(plan: &Plan, table: usize, row: usize) -> Option<&SymptomRow> {
    plan.runbook.tables.get(table)?.rows.get(row)
}

/// Whether any action of a block changes production.
pub(super) fn changes(plan: &Plan, block: &Block) -> bool {
    block.statements.iter().any(|statement| match &statement.kind {
        StatementKind::Do(action) => action.call.effects.is_changing(),
        StatementKind::Take(name) => plan
            .runbook
            .holds
            .iter()
            .any(|hold| hold.name == *name && changes(plan, &hold.take)),
        _ => false,
    })
}
