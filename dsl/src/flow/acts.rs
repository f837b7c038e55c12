//! Every statement of a program with what it does, and which cell sees which of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::effect::{Effect, Resource, ResourceKind};
use crate::model::StatementKind;
use crate::program::{BlockId, HoldId, Owner, Program, RollbackId, StatementId, StepId};
use crate::state::slot::SlotId;
use crate::state::universe::Universe;
use crate::state::{Extent, Given};
use crate::term::Term;
use crate::term::normal::Normal;
use crate::term::reads::Readings;
use crate::topology::Topology;
use crate::types::Type;

use super::act::{Act, Deed, Reader};
use super::excuse::{Excuses, puts_back};

pub(super) struct Acts<'a> {
    pub(super) program: &'a Program,
    pub(super) universe: Universe,
    of: Vec<Act>,
    /// For each statement the slots that it works on, or asks about.
    touched: Vec<Vec<SlotId>>,
    /// What is asked not to be there before an action makes it, by the action and by the statements of its undo, which
    /// remove it.
    asked: BTreeSet<(StatementId, SlotId)>,
    /// The same things, whoever asks, without what lies in them.
    absent: BTreeSet<SlotId>,
    pub(super) excuses: Excuses,
    seen: BTreeMap<usize, BTreeSet<StatementId>>,
    /// The branches, by their place in the text.
    branches: BTreeMap<usize, Branch>,
    /// Values that were taken before anything was changed, with what they are values of.
    of_start: HashMap<Term, Vec<SlotId>>,
}

/// A branch, and where it applies.
pub(super) struct Branch {
    pub(super) id: RollbackId,
    pub(super) block: BlockId,
    /// Its first and its last step.
    pub(super) stretch: (StepId, StepId),
    /// Whether it carries out the undos that are older.
    unwinds: bool,
}

impl<'a> Acts<'a> {
    pub(super) fn new(program: &'a Program, normal: &Normal<'a>, topology: &Topology<Term>) -> Self {
        let runbook = program.runbook();
        let mut universe = Universe::new(topology);
        let effects: Vec<Vec<Effect<Term>>> = program
            .statements()
            .map(|(_, statement)| {
                let action = statement.action();
                let list = action.map_or(&[][..], |action| action.call.effects.list.as_slice());
                let binding = action.and_then(|action| action.binding);
                list.iter().map(|effect| normal.effect(effect, binding)).collect()
            })
            .collect();
        effects.iter().flatten().for_each(|effect| universe.note(effect));
        for (id, statement) in program.statements() {
            let arguments = statement.action().into_iter().flat_map(|action| &action.call.arguments);
            let paths = arguments.filter(|(_, value)| value.ty == Type::Path);
            for place in paths.map(|(_, value)| Resource::new(ResourceKind::Tree, normal.value(value))) {
                effects[id.place()]
                    .iter()
                    .for_each(|effect| universe.keep_at(effect, &place));
            }
        }
        for hold in program.holds() {
            let own: Vec<Effect<Term>> = of_hold(program, hold)
                .flat_map(|id| effects[id.place()].iter().cloned())
                .collect();
            universe.add_hold(&program.hold(hold).name, &own);
        }
        let reader = Reader {
            program,
            universe: &universe,
            readings: Readings::new(runbook, normal),
            effects: &effects,
        };
        let acts: Vec<Act> = program.statements().map(|(id, _)| reader.act(id)).collect();
        let anchors = runbook.anchors.iter().filter_map(|anchor| {
            let read = reader.readings.value_of(&anchor.value)?;
            Some((Term::AnchorAtStart(anchor.name.clone()), reader.valued(&read)?))
        });
        let guards = runbook.requires.iter();
        let required = guards.flat_map(|required| reader.equal(&required.condition));
        let mut of_start: HashMap<Term, Vec<SlotId>> = HashMap::new();
        for (value, slot) in anchors.chain(required) {
            of_start.entry(value).or_default().push(slot);
        }
        tie(&mut universe, &acts);
        let touched: Vec<Vec<SlotId>> = acts.iter().map(|act| touched(&universe, act)).collect();
        let (asked, absent) = asked(program, &universe, &acts);
        let mut acts = Self {
            program,
            absent,
            asked,
            excuses: Excuses::of(program, &universe, &acts, &touched),
            seen: BTreeMap::new(),
            branches: branches(program),
            universe,
            of: acts,
            touched,
            of_start,
        };
        acts.find_seen();
        acts
    }

    pub(super) fn act(&self, statement: StatementId) -> &Act {
        &self.of[statement.place()]
    }

    /// The statements that a cell sees, by place.
    pub(super) fn seen(&self, cell: usize) -> &BTreeSet<StatementId> {
        static NONE: BTreeSet<StatementId> = BTreeSet::new();
        self.seen.get(&cell).unwrap_or(&NONE)
    }

    /// The cells that see any statement.
    pub(super) fn cells(&self) -> BTreeSet<usize> {
        self.seen.keys().copied().collect()
    }

    /// The statements of a block that a cell sees.
    pub(super) fn seen_of(&self, cell: usize, block: BlockId) -> Vec<StatementId> {
        let seen = self.seen(cell);
        let mut own = self.program.statements_of(block).peekable();
        let Some(first) = own.peek().copied() else {
            return Vec::new();
        };
        let is_own = |id: &&StatementId| self.program.block_of(**id) == block;
        seen.range(first..).take_while(is_own).copied().collect()
    }

    /// Whether a statement works on a slot.
    pub(super) fn works_on(&self, id: StatementId, slot: SlotId) -> bool {
        self.touched[id.place()].contains(&slot)
    }

    /// The branches that a cell has to tell apart from the undos that are owed, where it sees these steps: they do
    /// something to it, or leave undone what was done in their stretch or before it.
    pub(super) fn branches_for(&self, cell: usize, steps: &BTreeMap<usize, StepId>) -> Vec<&Branch> {
        let order = self.program.step_order();
        let branches = self.branches.values().filter(|branch| {
            let (from, until) = branch.stretch;
            let is_within = |step: StepId| order.may_run_within(step.place(), (from.place(), until.place()));
            let is_left = |step: StepId| !branch.unwinds && !order.is_before(until.place(), step.place());
            steps.values().any(|step| is_within(*step) || is_left(*step))
                || !self.seen_of(cell, branch.block).is_empty()
        });
        branches.collect()
    }

    /// A branch by its place in the text.
    pub(super) fn branch(&self, place: usize) -> Option<&Branch> {
        self.branches.get(&place)
    }

    /// The holds of a cell, those that the text names last first.
    pub(super) fn holds_of(&self, cell: usize) -> Vec<HoldId> {
        let holds = self.program.holds().rev();
        holds.filter(|hold| self.hold_slot(*hold, cell).is_some()).collect()
    }

    /// The slot of a hold, where it is in this cell.
    pub(super) fn hold_slot(&self, hold: HoldId, cell: usize) -> Option<SlotId> {
        let slot = self.universe.hold(&self.program.hold(hold).name)?;
        (self.universe.cell_of(slot).0 == cell).then_some(slot)
    }

    /// Whether a statement makes what was asked not to be there, or removes it again.
    pub(super) fn is_asked(&self, statement: StatementId, slot: SlotId) -> bool {
        self.asked.contains(&(statement, slot))
    }

    /// Whether it is asked before an action that something is not there.
    pub(super) fn asks_first(&self, action: StatementId) -> bool {
        let first = (action, SlotId::FIRST);
        self.asked.range(first..).next().is_some_and(|(id, _)| *id == action)
    }

    /// The things that an action makes and asks for not to be there.
    pub(super) fn asked_of(&self, action: StatementId) -> impl Iterator<Item = SlotId> {
        let first = (action, SlotId::FIRST);
        let own = self.asked.range(first..).take_while(move |(id, _)| *id == action);
        own.map(|(_, slot)| *slot).filter(|slot| self.absent.contains(slot))
    }

    pub(super) fn is_absent(&self, slot: SlotId) -> bool {
        self.absent.contains(&slot)
    }

    /// What some action asks for not to be there, and that is this thing or holds it.
    pub(super) fn absent_around(&self, slot: SlotId) -> impl Iterator<Item = SlotId> {
        let around = self.universe.around(slot).iter().chain([&slot]).copied();
        around
            .filter(|slot| self.absent.contains(slot))
            .collect::<Vec<_>>()
            .into_iter()
    }

    /// Whether a block has a statement that works on a slot, or restores what it is constrained with.
    pub(super) fn puts_back(&self, block: BlockId, slot: SlotId) -> bool {
        puts_back(self.program, &self.universe, &self.touched, block, slot)
    }

    /// Whether a thing had this value before anything was changed.
    pub(super) fn is_of_start(&self, value: &Term, slot: SlotId) -> bool {
        self.of_start.get(value).is_some_and(|of| of.contains(&slot))
    }

    fn find_seen(&mut self) {
        let mut seen: BTreeMap<usize, BTreeSet<StatementId>> = BTreeMap::new();
        let mut holds: Vec<(StatementId, HoldId)> = Vec::new();
        for (id, _) in self.program.statements() {
            let act = self.act(id);
            if let Act::Take(hold) | Act::Release(hold) = act {
                holds.push((id, *hold));
            }
            for slot in &self.touched[id.place()] {
                seen.entry(self.universe.cell_of(*slot).0).or_default().insert(id);
            }
        }
        // Whoever starts what an undo takes back makes that undo owed.
        let undos = self.program.statements();
        let undos: Vec<(StatementId, BlockId)> = undos
            .filter_map(|(id, _)| Some((id, self.program.undo_of(id)?)))
            .collect();
        let mut of_blocks: HashMap<BlockId, BTreeSet<usize>> = HashMap::new();
        for (cell, seen) in &seen {
            for id in seen {
                of_blocks.entry(self.program.block_of(*id)).or_default().insert(*cell);
            }
        }
        for (id, undo) in undos {
            for cell in of_blocks.get(&undo).into_iter().flatten() {
                seen.entry(*cell).or_default().insert(id);
            }
        }
        for (id, hold) in holds {
            let slot = self.universe.hold(&self.program.hold(hold).name);
            let home = slot.map(|slot| self.universe.cell_of(slot).0);
            seen.extend(
                home.filter(|home| !seen.contains_key(home))
                    .map(|home| (home, BTreeSet::new())),
            );
            let own: Vec<StatementId> = of_hold(self.program, hold).collect();
            for (cell, seen) in &mut seen {
                if self.hold_slot(hold, *cell).is_some() || own.iter().any(|id| seen.contains(id)) {
                    seen.insert(id);
                }
            }
        }
        self.seen = seen;
    }
}

fn branches(program: &Program) -> BTreeMap<usize, Branch> {
    let branches = program.rollbacks().enumerate().filter_map(|(place, (branch, block))| {
        let Owner::Rollback(id) = program.owner(block) else {
            return None;
        };
        let mut own = program.statements_of(block);
        let branch = Branch {
            id,
            block,
            stretch: (program.step_at(branch.from)?, program.step_at(branch.until)?),
            unwinds: own.any(|id| matches!(program.statement(id).kind, StatementKind::Unwind)),
        };
        Some((place, branch))
    });
    branches.collect()
}

/// What takes and releases a hold.
fn of_hold(program: &Program, hold: HoldId) -> impl Iterator<Item = StatementId> + use<> {
    let take = program.statements_of(program.take(hold));
    take.chain(program.statements_of(program.release(hold)))
}

/// The slots that an act works on, or asks about.
fn touched(universe: &Universe, act: &Act) -> Vec<SlotId> {
    match act {
        Act::Binds { of, .. } => vec![*of],
        Act::Requires { equal, .. } => equal.iter().map(|(_, slot)| *slot).collect(),
        Act::Action(action) => action.deeds.iter().flat_map(|deed| worked_on(universe, deed)).collect(),
        Act::Evidence { members, proves } => {
            let members = members.iter().map(|member| universe.member_slot(*member));
            let proves = proves.iter().flat_map(|deed| worked_on(universe, deed));
            members.chain(proves).collect()
        }
        _ => Vec::new(),
    }
}

fn worked_on(universe: &Universe, deed: &Deed) -> Vec<SlotId> {
    let mut found = universe.places_asked(&deed.effect);
    for given in [Given::BEFORE, Given::OTHER, Given::FIRST] {
        for extent in [Extent::Whole, Extent::Half] {
            let operations = universe.operations(&deed.effect, given, extent);
            found.extend(operations.into_iter().map(|operation| operation.slot(universe)));
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// Makes one cell of what a value is read from and what decides whether it was of the start.
fn tie(universe: &mut Universe, acts: &[Act]) {
    let mut ties: Vec<(SlotId, SlotId)> = Vec::new();
    for act in acts {
        match act {
            Act::Binds { of, .. } => ties.extend(universe.read_with(*of).into_iter().map(|with| (*of, with))),
            Act::Requires { equal, .. } => {
                let read = equal.iter().map(|(_, of)| *of);
                ties.extend(read.flat_map(|of| universe.read_with(of).into_iter().map(move |with| (of, with))));
            }
            Act::Action(action) => {
                for deed in &action.deeds {
                    let (Some(slot), Some(copied)) = (deed.slot, deed.copied) else {
                        continue;
                    };
                    ties.push((slot, copied));
                    let near = universe.inside(slot).iter().chain(universe.around(slot));
                    ties.extend(near.map(|with| (slot, *with)));
                    ties.extend(universe.read_with(copied).into_iter().map(|with| (copied, with)));
                }
            }
            _ => {}
        }
    }
    for (one, other) in ties {
        universe.tie(one, other);
    }
}

/// Things that an action makes and that its own undo removes, with all that lies in them: whether they are there is
/// asked before the action.
fn asked(program: &Program, universe: &Universe, acts: &[Act]) -> (BTreeSet<(StatementId, SlotId)>, BTreeSet<SlotId>) {
    let (mut asked, mut absent) = (BTreeSet::new(), BTreeSet::new());
    for (id, _) in program.statements() {
        let (Act::Action(action), Some(undo)) = (&acts[id.place()], program.undo_of(id)) else {
            continue;
        };
        let is_making = |deed: &&Deed| matches!(deed.effect, Effect::Sets { .. } | Effect::Adds(_));
        let made: BTreeSet<SlotId> = action
            .deeds
            .iter()
            .filter(is_making)
            .filter_map(|deed| deed.slot)
            .collect();
        for undone in program.statements_of(undo) {
            let Act::Action(action) = &acts[undone.place()] else {
                continue;
            };
            let removed = action
                .deeds
                .iter()
                .filter(|deed| matches!(deed.effect, Effect::Removes(_)));
            for slot in removed.filter_map(|deed| deed.slot).filter(|slot| made.contains(slot)) {
                absent.insert(slot);
                let inside = universe.inside(slot).iter().copied().chain([slot]);
                asked.extend(inside.flat_map(|slot| [(id, slot), (undone, slot)]));
            }
        }
    }
    (asked, absent)
}
