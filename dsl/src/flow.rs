//! Everything that can happen in a change, worked out from its text: where an effect does not find what it needs,
//! and from where a way back does not come to where the run began.
//!
//! One abstract interpretation over the program, with the automaton of [`crate::state`], one cell after the other:
//! a failure edge at every statement, ways back from every point of their stretch, parallel steps in every order,
//! symptom rows as parts of the steps that they heal. What comes out is a list of facts; the rules in
//! [`crate::prove`] say what they mean.
//!
//! | what | how it is bounded |
//! | --- | --- |
//! | a cell sees only the statements that touch it | the cost is the sum over statements of the cells that each touches |
//! | elements of one point, and points of one cell (`flow/forward.rs`) | by constants there; beyond them [`Flow::too_many`] |
//! | ways back (`flow/back.rs`) | each is carried out once from each element |

use std::collections::BTreeSet;

use crate::effect::Effect;
use crate::program::{Owner, Program, StatementId};
use crate::state::slot::SlotId;
use crate::state::universe::Universe;
use crate::state::{Difference, MISSED, Unserved};
use crate::term::Term;
use crate::term::normal::Normal;
use crate::topology::{MemberId, Topology};

mod act;
mod acts;
mod back;
mod element;
mod excuse;
mod forward;
mod perform;
mod track;
mod ways;

pub use back::{Breach, Point, Return};
pub use ways::Way;

use acts::Acts;
use back::Back;
use forward::Forward;
use perform::Cell;
use ways::Ways;

/// What can happen.
pub struct Flow<'a> {
    acts: Acts<'a>,
    /// What effects need and do not find, forward before ways back.
    pub breaches: Vec<Breach>,
    pub returns: Vec<Return>,
    /// What is not as it should be at the end of some way forward.
    pub unserved: BTreeSet<(usize, MemberId, Unserved)>,
    /// Holds that may be taken at the end of some way forward, with their cells.
    pub held: BTreeSet<(usize, String)>,
    /// Cells that may stand in more ways than are told apart, by one of their slots.
    pub too_many: Vec<SlotId>,
}

impl<'a> Flow<'a> {
    pub fn of(program: &'a Program, normal: &Normal<'a>, topology: &Topology<Term>) -> Self {
        let acts = Acts::new(program, normal, topology);
        let ways = Ways::new(program);
        let (mut breaches, mut returns, mut too_many) = (Vec::new(), Vec::new(), Vec::new());
        let (mut unserved, mut held) = (BTreeSet::new(), BTreeSet::new());
        for index in acts.cells() {
            let mut cell = Cell::new(&acts, index);
            let mut back = Back::default();
            let mut forward = Forward::new(&mut cell, &ways, &mut back);
            match forward.explore() {
                Ok(found) => {
                    breaches.extend(found);
                    let ends = std::mem::take(&mut forward.ends);
                    let found = ends.iter().flat_map(|end| cell.table.unserved(end.state));
                    unserved.extend(found.map(|(member, how)| (index, member, how)));
                    let left = ends.iter().flat_map(|end| cell.table.differences(end.state));
                    held.extend(left.filter_map(|(_, left)| match left {
                        Difference::Hold(name) => Some((index, name)),
                        _ => None,
                    }));
                }
                Err(_) => too_many.extend(acts.universe.cells()[index].first().copied()),
            }
            breaches.append(&mut back.breaches);
            returns.append(&mut back.returns);
        }
        breaches.retain_mut(|breach| breach.violation.slug != MISSED || find_capture(&acts, breach));
        Self {
            acts,
            breaches,
            returns,
            unserved,
            held,
            too_many,
        }
    }

    /// The last action of the way forward, up to a point, that changes what a slot is about; else one that changes what
    /// is constrained with it.
    pub fn changed_by(&self, slot: SlotId, point: Point) -> Option<StatementId> {
        let program = self.acts.program;
        let cell = self.acts.universe.cell_of(slot).0;
        let is_before = |id: StatementId| match program.owner(program.block_of(id)) {
            Owner::Step(step) => {
                let rank = program.rank(step);
                rank < point.rank || (rank == point.rank && point.statement.is_none_or(|at| id <= at))
            }
            Owner::Row(_) => true,
            _ => false,
        };
        let changes = |id: StatementId| {
            let action = program.statement(id).action();
            action.is_some_and(|action| action.call.effects.is_changing())
        };
        let seen = self.acts.seen(cell).iter().rev().copied();
        let before: Vec<StatementId> = seen.filter(|id| is_before(*id) && changes(*id)).collect();
        let exact = || before.iter().filter(|id| self.acts.works_on(**id, slot));
        // What gives a reason is to blame where nothing else is.
        let exact = exact()
            .find(|id| !self.acts.excuses.has_reason(**id))
            .or_else(|| exact().next());
        let near = || {
            let slots = &self.acts.universe.cells()[cell];
            let works_near = |id: &&StatementId| slots.iter().any(|slot| self.acts.works_on(**id, *slot));
            before.iter().find(works_near)
        };
        exact.or_else(near).copied()
    }

    /// A statement of an undo that works on a slot.
    pub fn undone_by(&self, slot: SlotId) -> Option<StatementId> {
        let program = self.acts.program;
        let mut seen = self.acts.seen(self.acts.universe.cell_of(slot).0).iter().copied();
        seen.find(|id| {
            let owner = program.owner(program.block_of(*id));
            matches!(owner, Owner::Undo(_) | Owner::GroupUndo(..)) && self.acts.works_on(*id, slot)
        })
    }

    /// Whether a statement works on a slot.
    pub fn works_on(&self, id: StatementId, slot: SlotId) -> bool {
        self.acts.works_on(id, slot)
    }

    pub fn universe(&self) -> &Universe {
        &self.acts.universe
    }
}

/// What no backup has is told at the last backup before it changes; where there is none, other rules tell it.
fn find_capture(acts: &Acts<'_>, breach: &mut Breach) -> bool {
    let program = acts.program;
    let step_of = |id: StatementId| match program.owner(program.block_of(id)) {
        Owner::Step(step) => Some(step),
        _ => None,
    };
    let Some(step) = step_of(breach.statement).filter(|_| breach.back.is_none()) else {
        return false;
    };
    let captures = program.statements().filter_map(|(id, statement)| {
        let mut effects = statement.action()?.call.effects.list.iter();
        let owner = step_of(id).filter(|_| effects.any(|effect| matches!(effect, Effect::Captures { .. })))?;
        let is_before = program.step_order().is_before(owner.place(), step.place());
        (is_before || (owner == step && id < breach.statement)).then_some((program.rank(owner), id))
    });
    let last = captures.max();
    breach.change = last.map(|_| breach.statement);
    breach.statement = last.map_or(breach.statement, |(_, id)| id);
    last.is_some()
}
