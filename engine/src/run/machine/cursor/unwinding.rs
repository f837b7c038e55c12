//! Undos that are carried out one after the other. One that fails holds back those that have to do with it; all
//! others go on.

use std::mem;

use backstay_dsl::program::{BlockId, StepId};

use super::Cursor;
use super::owed::{Owed, owed};
use crate::run::machine::failure::Failure;
use crate::run::machine::progress::View;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::run::machine) struct Unwinding {
    /// Those to come; the next is the last of the list.
    left: Vec<Owed>,
    running: Option<Owed>,
    pub(super) cursor: Box<Cursor>,
    /// Those that were carried out to their end, in this order.
    done: Vec<BlockId>,
    /// Those that failed or were held back, in the order of their turn.
    open: Vec<Owed>,
}

impl Unwinding {
    /// `None` where there is nothing to undo.
    pub(super) fn begin(view: View<'_>, older_than: Option<StepId>) -> Option<Self> {
        let mut unwinding = Self {
            left: owed(view, older_than),
            running: None,
            cursor: Box::new(Cursor::nothing()),
            done: Vec::new(),
            open: Vec::new(),
        };
        unwinding.advance(view).then_some(unwinding)
    }

    /// Goes on to the next undo where the running one is over or has failed. Gives false when none is left.
    pub(super) fn advance(&mut self, view: View<'_>) -> bool {
        loop {
            if self.cursor.failure().is_some() {
                let stopped = mem::replace(&mut *self.cursor, Cursor::nothing());
                let failed = self.running.take().map(|owed| Owed {
                    stopped: Some(Box::new(stopped)),
                    ..owed
                });
                self.open.extend(failed);
            } else if !self.cursor.is_over() {
                return true;
            }
            self.done.extend(self.running.take().map(|owed| owed.undo));
            let Some(mut next) = self.left.pop() else {
                return false;
            };
            if self.open.iter().any(|open| next.has_to_do_with(view, open)) {
                self.open.push(next);
                continue;
            }
            *self.cursor = match next.stopped.take() {
                Some(stopped) => *stopped,
                None => Cursor::back(view, next.undo),
            };
            self.running = Some(next);
        }
    }

    /// Begins again where it stopped: what failed first.
    pub(super) fn take_up(&mut self, view: View<'_>) {
        self.left = mem::take(&mut self.open);
        self.left.reverse();
        for stopped in self.left.iter_mut().filter_map(|owed| owed.stopped.as_mut()) {
            stopped.take_up(view);
        }
        self.advance(view);
    }

    /// Whether all were carried out.
    pub(super) fn is_whole(&self) -> bool {
        self.open.is_empty()
    }

    /// What failed first, once all others have had their turn.
    pub(super) fn failure(&self) -> Option<&Failure> {
        let is_over = self.running.is_none() && self.left.is_empty();
        let mut failed = self.open.iter().filter_map(|open| open.stopped.as_ref()?.failure());
        failed.next().filter(|_| is_over)
    }

    pub(in crate::run::machine) fn done(&self) -> &[BlockId] {
        &self.done
    }

    pub(in crate::run::machine) fn open(&self) -> &[Owed] {
        &self.open
    }

    /// The statements that are left, in order: each block from which place on.
    pub(super) fn rest(&self) -> Vec<(BlockId, usize)> {
        let rest = |owed: &Owed| match &owed.stopped {
            Some(stopped) => stopped.rest(),
            None => vec![(owed.undo, 0)],
        };
        let running = self.cursor.rest();
        let to_come = self.left.iter().rev().flat_map(rest);
        self.open.iter().flat_map(rest).chain(running).chain(to_come).collect()
    }
}
