//! A course: one block whose statements are carried out in order.
//!
//! | doing | event | next |
//! | --- | --- | --- |
//! | fresh | `intent` n | performing n |
//! | fresh | `evaluated`, `answer` | next statement, left, or failed |
//! | fresh (`commits`) | `commit` | next statement |
//! | fresh (`wait`) | – | waiting, then `timer wait:KEY` → next statement |
//! | performing n | `outcome` ok | next statement |
//! | performing n | `outcome` failed | retrying, fresh (a way back's second try), or failed |
//! | performing n | `outcome` unknown, `run.resumed` | settling n |
//! | settling n | `settled` done | next statement |
//! | settling n, runner gone | `settled` not done, undecidable | fresh where it may be repeated, else failed |
//! | settling n, reply lost | `settled` not done, undecidable | fresh once (not on a way back) where it may be repeated, else failed |
//! | retrying | `timer retry:KEY` | fresh |
//! | hold | the hold's own course is over, then `hold` | next statement |
//! | unwinding | the last undo is over | next statement |

use backstay_dsl::model::{Statement, StatementKind};

use super::block::{BlockAt, Home};
use super::failure::{Failure, FailureKind};
use super::progress::Progress;
use super::statement::Ground;
use super::time::Moment;
use super::unwind::Unwinding;
use crate::event::{HoldState, StepState};
use crate::plan::Plan;

/// One block whose statements are carried out in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Course {
    /// The block.
    pub(super) at: BlockAt,
    /// The statement, by its place.
    pub(super) place: usize,
    /// What the statement is at.
    pub(super) doing: Doing,
    /// Further tries by `retry` that were used for this statement.
    pub(super) retries: u64,
    /// Whether the statement was begun again once because its reply was lost.
    pub(super) is_begun_again: bool,
    /// Whether each statement that failed is tried once more: a way back.
    pub(super) is_way_back: bool,
    /// Whether that one more try was used for this statement.
    pub(super) is_second_try: bool,
}

/// What a statement is at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Doing {
    /// It is to be done.
    Fresh,
    /// An attempt runs.
    Performing {
        /// The attempt.
        n: u32,
    },
    /// An attempt's outcome is unknown.
    Settling {
        /// The attempt.
        n: u32,
        /// Whether its runner was gone, so that nothing is wrong with the action itself.
        is_interrupted: bool,
    },
    /// The next attempt comes at this moment.
    Retrying {
        /// When.
        until: Moment,
    },
    /// Time has to pass until this moment.
    Waiting {
        /// When.
        until: Moment,
    },
    /// A hold is taken or released.
    Hold(HoldCourse),
    /// Older undos run.
    Unwinding(Unwinding),
    /// It failed; the owner of the course decides.
    Failed(Failure),
    /// The block was left early, and why.
    Left(StepState, String),
    /// No statement is left.
    Over,
}

/// A hold that is taken or released.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HoldCourse {
    /// The hold.
    pub(super) hold: usize,
    /// What it will be.
    pub(super) to: HoldState,
    /// The hold's own statements.
    pub(super) course: Box<Course>,
}

impl Course {
    /// Begins a block on the way forward.
    pub(super) fn forward(ground: Ground<'_>, home: Home) -> Self {
        Self::begin(ground, BlockAt::Home(home), false)
    }

    /// Begins a block of a way back: each of its statements gets a second try.
    pub(super) fn back(ground: Ground<'_>, at: BlockAt) -> Self {
        Self::begin(ground, at, true)
    }

    /// A course without statements.
    pub(super) fn nothing() -> Self {
        Self {
            at: BlockAt::Unwind,
            place: 0,
            doing: Doing::Over,
            retries: 0,
            is_begun_again: false,
            is_way_back: true,
            is_second_try: false,
        }
    }

    /// Begins the undos of all that was started.
    pub(super) fn unwinding(ground: Ground<'_>) -> Self {
        let mut course = Self::nothing();
        if let Some(unwinding) = Unwinding::begin(ground, None) {
            course.doing = Doing::Unwinding(unwinding);
        }
        course
    }

    /// Begins the release of a hold at the end of a run.
    pub(super) fn release(ground: Ground<'_>, hold: usize, is_way_back: bool) -> Self {
        Self::begin(ground, BlockAt::Release(hold), is_way_back)
    }

    fn begin(ground: Ground<'_>, at: BlockAt, is_way_back: bool) -> Self {
        let mut course = Self {
            at,
            place: 0,
            doing: Doing::Fresh,
            retries: 0,
            is_begun_again: false,
            is_way_back,
            is_second_try: false,
        };
        course.enter(ground);
        course
    }

    /// Goes on to the next statement.
    pub(super) fn next(&mut self, ground: Ground<'_>) {
        self.place += 1;
        self.retries = 0;
        self.is_begun_again = false;
        self.is_second_try = false;
        self.enter(ground);
    }

    /// Begins the statement at this place; what needs nothing is passed over.
    fn enter(&mut self, ground: Ground<'_>) {
        while let Some(statement) = self.at.statement(ground.plan, self.place) {
            match &statement.kind {
                StatementKind::Wait { duration_ms, .. } => {
                    self.doing = Doing::Waiting {
                        until: ground.progress.time.after_ms(*duration_ms),
                    };
                    return;
                }
                StatementKind::Take(name) => {
                    if let Some(hold) = ground
                        .layout
                        .hold(name)
                        .filter(|hold| !ground.progress.holds.is_taken(*hold))
                    {
                        self.hold(ground, hold, HoldState::Taken);
                        return;
                    }
                }
                StatementKind::Release(name) => {
                    if let Some(hold) = ground
                        .layout
                        .hold(name)
                        .filter(|hold| !ground.progress.holds.is_free(*hold))
                    {
                        self.hold(ground, hold, HoldState::Free);
                        return;
                    }
                }
                StatementKind::Unwind => {
                    let older_than = self.branch_start(ground.plan);
                    if let Some(unwinding) = Unwinding::begin(ground, older_than) {
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

    fn hold(&mut self, ground: Ground<'_>, hold: usize, to: HoldState) {
        let at = if to == HoldState::Taken {
            BlockAt::Take(hold)
        } else {
            BlockAt::Release(hold)
        };
        let course = Box::new(Self::begin(ground, at, self.is_way_back));
        self.doing = Doing::Hold(HoldCourse { hold, to, course });
    }

    fn branch_start(&self, plan: &Plan) -> Option<usize> {
        match self.at {
            BlockAt::Rollback(branch) => plan.runbook.rollbacks.get(branch).map(|branch| branch.from),
            _ => None,
        }
    }

    /// The course that really runs: this one, or the one inside it.
    pub(super) fn leaf(&self) -> &Self {
        match &self.doing {
            Doing::Hold(hold) => hold.course.leaf(),
            Doing::Unwinding(unwinding) => unwinding.course.leaf(),
            _ => self,
        }
    }

    /// The same, to be changed.
    pub(super) fn leaf_mut(&mut self) -> &mut Self {
        match self.doing {
            Doing::Hold(ref mut hold) => hold.course.leaf_mut(),
            Doing::Unwinding(ref mut unwinding) => unwinding.course.leaf_mut(),
            _ => self,
        }
    }

    /// The statement that is being carried out.
    pub(super) fn statement<'plan>(&self, plan: &'plan Plan) -> Option<&'plan Statement> {
        self.at.statement(plan, self.place)
    }

    /// After something happened inside: goes on where what runs inside is over.
    pub(super) fn settle(&mut self, ground: Ground<'_>) {
        let is_unwound = match &mut self.doing {
            Doing::Hold(hold) => {
                hold.course.settle(ground);
                false
            }
            Doing::Unwinding(unwinding) => {
                unwinding.course.settle(ground);
                !unwinding.advance(ground)
            }
            _ => false,
        };
        if is_unwound {
            self.next(ground);
        }
    }

    /// Whether nothing is left to do.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.doing, Doing::Over | Doing::Left(..))
    }

    /// What failed, where something did.
    pub(super) fn failure(&self) -> Option<&Failure> {
        match &self.leaf().doing {
            Doing::Failed(failure) => Some(failure),
            _ => None,
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

    /// The statement failed: it is retried, gets its second try, or the course has failed.
    /// Only on the innermost course.
    pub(super) fn fail(&mut self, plan: &Plan, progress: &Progress, reason: String, kind: FailureKind) {
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
