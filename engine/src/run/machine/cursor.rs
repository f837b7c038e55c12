//! A cursor: one block whose statements are carried out in order. Table: `docs/machine.md`.

mod owed;
mod statement;
mod unwinding;
mod wants;

use backstay_dsl::model::{Do, Statement, StatementKind};
use backstay_dsl::program::{BlockId, HoldId, Owner, StatementId, StepId};

use super::failure::{Failure, FailureKind};
use super::progress::{Progress, View};
use super::time::Moment;
use crate::event::{HoldState, IntentWay, StepState};
use crate::plan::Plan;
use crate::value::RecordedValue;

use unwinding::Unwinding;

pub(super) use owed::{owed, taken_back};

/// One block whose statements are carried out in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cursor {
    /// The block; none where older undos are all there is.
    block: Option<BlockId>,
    /// The statement, by its place.
    place: usize,
    /// What the statement is at.
    doing: Doing,
    /// Further tries by `retry` that were used for this statement.
    retries: u64,
    /// Whether the statement was begun again once because its reply was lost.
    is_begun_again: bool,
    /// Whether each statement that failed is tried once more: a way back.
    is_way_back: bool,
    /// Whether that one more try was used for this statement.
    is_second_try: bool,
}

/// What a statement is at.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Doing {
    /// It is to be done.
    Fresh,
    Performing {
        n: u32,
    },
    /// An attempt's outcome is unknown.
    Settling {
        n: u32,
        /// Whether its runner was gone, so that nothing is wrong with the action itself.
        is_interrupted: bool,
    },
    /// The next attempt comes at this moment.
    Retrying {
        until: Moment,
    },
    /// Time has to pass until this moment.
    Waiting {
        until: Moment,
    },
    /// A person has answered, and another one has to say the same.
    Seconding {
        first: String,
        value: RecordedValue,
    },
    /// A hold is taken or released.
    Hold(HoldCursor),
    Unwinding(Unwinding),
    /// It failed; the owner of the cursor decides.
    Failed(Failure),
    /// The block was left early, and why.
    Left(StepState, String),
    Over,
}

/// A hold that is taken or released.
#[derive(Debug, Clone, PartialEq, Eq)]
struct HoldCursor {
    hold: HoldId,
    to: HoldState,
    cursor: Box<Cursor>,
}

impl Cursor {
    /// Begins a block on the way forward.
    pub(super) fn forward(view: View<'_>, block: BlockId) -> Self {
        Self::begin(view, block, false)
    }

    /// Begins a block of a way back: each of its statements gets a second try.
    pub(super) fn back(view: View<'_>, block: BlockId) -> Self {
        Self::begin(view, block, true)
    }

    /// A cursor without statements.
    pub(super) fn nothing() -> Self {
        Self {
            block: None,
            place: 0,
            doing: Doing::Over,
            retries: 0,
            is_begun_again: false,
            is_way_back: true,
            is_second_try: false,
        }
    }

    /// Begins the undos of all that was started.
    pub(super) fn unwinding(view: View<'_>) -> Self {
        let mut cursor = Self::nothing();
        if let Some(unwinding) = Unwinding::begin(view, None) {
            cursor.doing = Doing::Unwinding(unwinding);
        }
        cursor
    }

    /// Begins the release of a hold at the end of a run.
    pub(super) fn release(view: View<'_>, hold: HoldId, is_way_back: bool) -> Self {
        Self::begin(view, view.plan.program.release(hold), is_way_back)
    }

    fn begin(view: View<'_>, block: BlockId, is_way_back: bool) -> Self {
        let mut cursor = Self {
            block: Some(block),
            is_way_back,
            ..Self::nothing()
        };
        cursor.enter(view);
        cursor
    }

    /// Goes on to the next statement.
    fn next(&mut self, view: View<'_>) {
        self.place += 1;
        self.retries = 0;
        self.is_begun_again = false;
        self.is_second_try = false;
        self.enter(view);
    }

    /// Begins the statement at this place; what needs nothing is passed over.
    fn enter(&mut self, view: View<'_>) {
        while let Some(statement) = self.statement(view.plan) {
            match &statement.kind {
                StatementKind::Wait { duration_ms, .. } => {
                    self.doing = Doing::Waiting {
                        until: view.progress.time.after_ms(*duration_ms),
                    };
                    return;
                }
                StatementKind::Take(name) => {
                    let hold = view.plan.program.hold_named(name);
                    if let Some(hold) = hold.filter(|hold| !view.progress.holds.is_taken(*hold)) {
                        self.hold(view, hold, HoldState::Taken);
                        return;
                    }
                }
                StatementKind::Release(name) => {
                    let hold = view.plan.program.hold_named(name);
                    if let Some(hold) = hold.filter(|hold| !view.progress.holds.is_free(*hold)) {
                        self.hold(view, hold, HoldState::Free);
                        return;
                    }
                }
                StatementKind::Unwind => {
                    let older_than = self.branch_start(view.plan);
                    if let Some(unwinding) = Unwinding::begin(view, older_than) {
                        self.doing = Doing::Unwinding(unwinding);
                        return;
                    }
                }
                _ => {
                    self.doing = Doing::Fresh;
                    return;
                }
            }
            self.place += 1;
        }
        self.doing = Doing::Over;
    }

    fn hold(&mut self, view: View<'_>, hold: HoldId, to: HoldState) {
        let program = &view.plan.program;
        let block = match to {
            HoldState::Taken => program.take(hold),
            _ => program.release(hold),
        };
        let cursor = Box::new(Self::begin(view, block, self.is_way_back));
        self.doing = Doing::Hold(HoldCursor { hold, to, cursor });
    }

    /// The first step of the stretch that the block is a way back for.
    fn branch_start(&self, plan: &Plan) -> Option<StepId> {
        match plan.program.owner(self.block?) {
            Owner::Rollback(branch) => plan.program.step_at(plan.program.rollback(branch).from),
            _ => None,
        }
    }

    /// The cursor that really runs: this one, or the one inside it.
    fn leaf(&self) -> &Self {
        match &self.doing {
            Doing::Hold(hold) => hold.cursor.leaf(),
            Doing::Unwinding(unwinding) => unwinding.cursor.leaf(),
            _ => self,
        }
    }

    /// The same, to be changed.
    fn leaf_mut(&mut self) -> &mut Self {
        match self.doing {
            Doing::Hold(ref mut hold) => hold.cursor.leaf_mut(),
            Doing::Unwinding(ref mut unwinding) => unwinding.cursor.leaf_mut(),
            _ => self,
        }
    }

    /// The statement at this place of the block.
    fn statement<'plan>(&self, plan: &'plan Plan) -> Option<&'plan Statement> {
        plan.program.block(self.block?).statements.get(self.place)
    }

    /// The same, as its id.
    fn statement_id(&self, plan: &Plan) -> Option<StatementId> {
        plan.program.statement_at(self.block?, self.place)
    }

    /// What an intent says of the way it is on.
    fn way(&self, plan: &Plan) -> IntentWay {
        let program = &plan.program;
        match self.block.map(|block| program.owner(block)) {
            Some(Owner::Step(_)) => IntentWay::Forward,
            Some(Owner::Row(_)) => IntentWay::Row,
            Some(Owner::Take(hold) | Owner::Release(hold)) => IntentWay::Hold(program.hold(hold).name.clone()),
            Some(Owner::Rollback(branch)) => IntentWay::Rollback(program.rollback(branch).name.clone()),
            Some(Owner::Park(park)) => IntentWay::Park(program.park(park).name.clone()),
            Some(Owner::Undo(_) | Owner::GroupUndo(..)) | None => IntentWay::Undo,
        }
    }

    /// The longest that one attempt of an action in this block may take, milliseconds.
    fn limit_ms(&self, plan: &Plan, action: &Do) -> u64 {
        let within_ms = self.block.and_then(|block| plan.program.within_ms(block));
        within_ms.map_or(action.within_ms, |within_ms| within_ms.min(action.within_ms))
    }

    /// After something happened inside: goes on where what runs inside is over.
    pub(super) fn settle(&mut self, view: View<'_>) {
        let is_unwound = match &mut self.doing {
            Doing::Hold(hold) => {
                hold.cursor.settle(view);
                false
            }
            Doing::Unwinding(unwinding) => {
                unwinding.cursor.settle(view);
                !unwinding.advance(view) && unwinding.is_whole()
            }
            _ => false,
        };
        if is_unwound {
            self.next(view);
        }
    }

    /// The place in its block of the statement that it is at.
    pub(super) fn place(&self) -> usize {
        self.place
    }

    /// The innermost statement that is being carried out.
    pub(super) fn current(&self, plan: &Plan) -> Option<StatementId> {
        self.leaf().statement_id(plan)
    }

    /// Calls `change` for the innermost cursor where it is at this statement.
    pub(super) fn at(&mut self, view: View<'_>, id: StatementId, change: impl FnOnce(&mut Self, View<'_>)) {
        let leaf = self.leaf_mut();
        if leaf.statement_id(view.plan) == Some(id) {
            change(leaf, view);
        }
    }

    /// The statements that are left: each block from which place on, what runs inside first.
    pub(super) fn rest(&self) -> Vec<(BlockId, usize)> {
        let (mut rest, is_inside) = match &self.doing {
            Doing::Hold(hold) => (hold.cursor.rest(), true),
            Doing::Unwinding(unwinding) => (unwinding.rest(), true),
            _ => (Vec::new(), false),
        };
        let from = self.place + usize::from(is_inside);
        rest.extend(self.block.map(|block| (block, from)));
        rest
    }

    /// How long the statement that failed may take when it is tried once more, milliseconds.
    pub(super) fn limit_again_ms(&self, plan: &Plan) -> u64 {
        let leaf = self.leaf();
        match leaf.statement(plan).map(|statement| &statement.kind) {
            Some(StatementKind::Do(action)) => leaf.limit_ms(plan, action),
            Some(StatementKind::Check(check)) => check.within_ms,
            _ => 0,
        }
    }

    /// How it came to its end, with the reason where it was left early.
    pub(super) fn ended(&self) -> Option<(StepState, Option<String>)> {
        match &self.doing {
            Doing::Over => Some((StepState::Done, None)),
            Doing::Left(state, because) => Some((*state, Some(because.clone()))),
            _ => None,
        }
    }

    /// Whether nothing is left to do.
    pub(super) fn is_over(&self) -> bool {
        self.ended().is_some()
    }

    /// What failed, where something did.
    pub(super) fn failure(&self) -> Option<&Failure> {
        match &self.doing {
            Doing::Failed(failure) => Some(failure),
            Doing::Hold(hold) => hold.cursor.failure(),
            Doing::Unwinding(unwinding) => unwinding.failure(),
            _ => None,
        }
    }

    /// The undos that are being carried out.
    pub(super) fn undos(&self) -> Option<&Unwinding> {
        match &self.doing {
            Doing::Unwinding(unwinding) => Some(unwinding),
            _ => None,
        }
    }

    /// Whether it has no statements of its own.
    pub(super) fn is_nothing_else(&self) -> bool {
        self.block.is_none()
    }

    /// Begins again at what failed, as if it were the first time.
    pub(super) fn take_up(&mut self, view: View<'_>) {
        self.retries = 0;
        self.is_begun_again = false;
        self.is_second_try = false;
        match &mut self.doing {
            Doing::Hold(hold) => hold.cursor.take_up(view),
            Doing::Unwinding(unwinding) => unwinding.take_up(view),
            Doing::Failed(_) => self.doing = Doing::Fresh,
            _ => {}
        }
    }

    /// Whether no attempt runs and, where that is asked too, none is to be settled.
    pub(super) fn is_quiet(&self, settling_counts: bool) -> bool {
        match self.leaf().doing {
            Doing::Performing { .. } => false,
            Doing::Settling { .. } => !settling_counts,
            _ => true,
        }
    }

    /// The statement that failed is to be done once more.
    pub(super) fn again(&mut self) {
        let leaf = self.leaf_mut();
        if matches!(leaf.doing, Doing::Failed(_)) {
            leaf.doing = Doing::Fresh;
        }
    }

    /// The statement failed: it is retried, gets its second try, or the cursor has failed.
    /// Only on the innermost cursor.
    fn fail(&mut self, plan: &Plan, progress: &Progress, reason: String, kind: FailureKind) {
        let Some(statement) = self.statement(plan) else {
            return;
        };
        let failure = Failure {
            key: statement.key.clone(),
            reason,
            kind,
        };
        if let StatementKind::Do(action) = &statement.kind
            && let Some(retry) = action.retry
            && failure.may_repeat()
            && self.retries < retry.times
        {
            self.retries += 1;
            self.doing = Doing::Retrying {
                until: progress.time.after_ms(retry.every_ms),
            };
        } else if self.is_way_back && !self.is_second_try && failure.has_second_try() {
            self.is_second_try = true;
            self.doing = Doing::Fresh;
        } else {
            self.doing = Doing::Failed(failure);
        }
    }
}
