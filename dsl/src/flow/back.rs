//! Ways back of one cell: from every element in which the way forward is left, and once more from wherever they
//! may be interrupted.

use std::collections::{BTreeSet, HashSet};

use crate::order::StepOrder;
use crate::program::{BlockId, HoldId, StatementId};
use crate::state::slot::SlotId;
use crate::state::{Difference, Violation};

use super::act::Act;
use super::element::{Element, Owed};
use super::excuse::aspect;
use super::perform::Cell;
use super::ways::Way;

/// Where the way forward is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Point {
    /// The place of the step in the order of the plan; behind all of them where every step is done.
    pub rank: usize,
    /// The statement that fails; `None` where the step fails or is interrupted at any other.
    pub statement: Option<StatementId>,
}

/// A way back that does not come to where the run began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Return {
    pub cell: usize,
    pub point: Point,
    pub way: Way,
    /// What is not as at the start, with the slot that says it.
    pub left: Vec<(SlotId, Difference)>,
    /// Whether it comes there only when it is interrupted and carried out again.
    pub is_again: bool,
}

/// What an effect needs and does not find.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    pub cell: usize,
    pub violation: Violation,
    pub statement: StatementId,
    /// On the way back: from where, and which.
    pub back: Option<(Point, Way)>,
    /// The later statement that makes it one.
    pub change: Option<StatementId>,
}

/// The ways back of a cell that were carried out, each once.
#[derive(Default)]
pub(super) struct Back {
    begun: HashSet<(Way, Element, bool)>,
    ended: HashSet<(Way, Element, bool)>,
    pub(super) returns: Vec<Return>,
    pub(super) breaches: Vec<Breach>,
}

/// One way back that is carried out.
struct Course<'c, 'a> {
    cell: &'c mut Cell<'a>,
    violations: Vec<(StatementId, Violation)>,
    /// Where it may be interrupted.
    interrupted: BTreeSet<Element>,
}

impl Back {
    /// Carries a way back out from an element, and once more from wherever it may stop.
    pub(super) fn take(&mut self, cell: &mut Cell<'_>, way: Way, element: Element, point: Point) {
        let mut open = vec![(element, false)];
        while let Some((element, is_again)) = open.pop() {
            if !self.begun.insert((way, element, is_again)) {
                continue;
            }
            let mut course = Course {
                cell,
                violations: Vec::new(),
                interrupted: BTreeSet::new(),
            };
            // One undo after the other, so that what is left to undo is shared by all who come to it.
            let undone = (way == Way::Unwind).then(|| course.undo_last(element)).flatten();
            let ends = match &undone {
                Some(_) => Vec::new(),
                None => course.carry_out(way, element),
            };
            let (violations, interrupted) = (course.violations, course.interrupted);
            // Who begins again begins where it stopped: what it asks for once more need not be there any more.
            let first = violations.into_iter().filter(|_| !is_again);
            self.breaches
                .extend(first.into_iter().map(|(statement, violation)| Breach {
                    cell: cell.index,
                    violation,
                    statement,
                    back: Some((point, way)),
                    change: None,
                }));
            for end in ends {
                self.judge(cell, (way, point), end, is_again);
            }
            open.extend(undone.into_iter().flatten().map(|element| (element, is_again)));
            open.extend(interrupted.into_iter().map(|element| (element, true)));
        }
    }

    fn judge(&mut self, cell: &Cell<'_>, (way, point): (Way, Point), end: Element, is_again: bool) {
        // Past the point of no return nothing is owed.
        if end.is_committed
            || !self.ended.insert((way, end, is_again))
            || (is_again && self.ended.contains(&(way, end, false)))
        {
            return;
        }
        let left = match way {
            Way::Park(_) => cell.table.unsettled(end.state),
            Way::Stay => Vec::new(),
            Way::Unwind | Way::Rollback(..) => cell.table.differences(end.state),
        };
        let branch = match way {
            Way::Rollback(_, block) => Some(block),
            _ => None,
        };
        let owed = left
            .into_iter()
            .filter(|(slot, how)| !cell.is_excused(end, aspect(*slot, how), branch));
        let left: Vec<(SlotId, Difference)> = owed.collect();
        if !left.is_empty() {
            self.returns.push(Return {
                cell: cell.index,
                point,
                way,
                left,
                is_again,
            });
        }
    }
}

impl Course<'_, '_> {
    fn carry_out(&mut self, way: Way, element: Element) -> Vec<Element> {
        let ends = match way {
            Way::Unwind | Way::Stay => vec![element],
            Way::Park(block) => self.block(block, element),
            Way::Rollback(branch, block) => {
                let from = self.cell.acts.program.rollback(branch).from;
                let older = self.older(element, from);
                self.block(block, older)
            }
        };
        self.release(ends)
    }

    /// An element that owes only what is older than a stretch: not started in its first step, and in none that
    /// waits for it.
    fn older(&mut self, element: Element, from: usize) -> Element {
        let order: &StepOrder = self.cell.acts.program.step_order();
        let is_older = |owed: &Owed| owed.step.place() != from && !order.is_before(from, owed.step.place());
        let undos = self.cell.undos.filtered(element.undos, is_older);
        Element { undos, ..element }
    }

    fn block(&mut self, block: BlockId, element: Element) -> Vec<Element> {
        // The undos that are owed stay so until they are carried out: who begins again begins with them.
        let mut elements = vec![element];
        for id in self.cell.acts.program.statements_of(block) {
            if matches!(self.cell.acts.act(id), Act::Unwind) {
                elements = self.unwind(elements);
            } else if self.cell.acts.seen(self.cell.index).contains(&id) {
                elements = self.statement(id, elements);
            }
        }
        elements
    }

    fn statement(&mut self, id: StatementId, elements: Vec<Element>) -> Vec<Element> {
        let mut after = BTreeSet::new();
        for element in elements {
            let outcome = self.cell.perform(id, element, None);
            after.extend(outcome.done.iter().chain(&outcome.left));
            self.interrupted.extend(&outcome.failed);
            self.violations.extend(outcome.violations.iter().cloned());
        }
        after.into_iter().collect()
    }

    /// The undos that are owed, the last first.
    fn unwind(&mut self, elements: Vec<Element>) -> Vec<Element> {
        let mut open = elements;
        let mut seen: BTreeSet<Element> = open.iter().copied().collect();
        let mut ends = Vec::new();
        while let Some(element) = open.pop() {
            match self.undo_last(element) {
                Some(undone) => open.extend(undone.into_iter().filter(|after| seen.insert(*after))),
                None => ends.push(element),
            }
        }
        ends.sort_unstable();
        ends
    }

    /// The last undo that is owed; `None` where none is.
    fn undo_last(&mut self, element: Element) -> Option<Vec<Element>> {
        let (owed, rest) = self.cell.undos.last(element.undos)?;
        let (undo, then) = (owed.undo, owed.facts);
        let facts = self.cell.facts.still(then, element.facts);
        let mut after = vec![Element { facts, ..element }];
        for id in self.cell.acts.seen_of(self.cell.index, undo) {
            after = self.statement(id, after);
        }
        // What it names itself is known to nobody after it.
        let known = &mut self.cell.facts;
        let undone = after.into_iter().map(|after| Element {
            undos: rest,
            facts: known.still(then, after.facts),
            ..after
        });
        Some(undone.collect())
    }

    /// What is held is released on every ending.
    fn release(&mut self, elements: Vec<Element>) -> Vec<Element> {
        let holds = self.cell.acts.holds_of(self.cell.index);
        let mut elements: BTreeSet<Element> = elements.into_iter().collect();
        for hold in holds {
            elements = self.released(hold, elements);
        }
        elements.into_iter().collect()
    }

    fn released(&mut self, hold: HoldId, elements: BTreeSet<Element>) -> BTreeSet<Element> {
        let mut after = BTreeSet::new();
        for element in elements {
            let outcome = self.cell.release(hold, element);
            after.extend(&outcome.done);
            self.violations.extend(outcome.violations);
        }
        after
    }
}
