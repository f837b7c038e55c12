//! What has no way back for a reason, and who must not hide behind the reason of another.
//!
//! `no undo because` holds for a thing wherever the run stands: an undo of another action that changes it again owes
//! nothing. It does not hold for what an action does to the same thing that neither gives a reason nor has an undo that
//! works on it: from there on the thing is owed, until it is as at the start.

use std::collections::{BTreeMap, BTreeSet};

use crate::effect::Effect;
use crate::model::Undo;
use crate::program::{BlockId, Owner, Program, StatementId};
use crate::state::slot::SlotId;
use crate::state::universe::Universe;
use crate::state::{Difference, Extent, Given};

use super::act::{Act, Deed};

/// What of a slot is meant: of a member how it runs, or its traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum About {
    Run,
    Traffic,
    Thing,
}

/// A slot, and what of it.
pub(super) type Aspect = (SlotId, About);

pub(super) struct Excuses {
    known: BTreeSet<Aspect>,
    /// What each action changes of that without a reason, and without an undo that works on it.
    owing: BTreeMap<StatementId, Vec<Aspect>>,
    /// Actions that give a reason.
    reasoned: BTreeSet<StatementId>,
}

impl Excuses {
    pub(super) fn of(program: &Program, universe: &Universe, acts: &[Act], touched: &[Vec<SlotId>]) -> Self {
        let done = |id: StatementId| match &acts[id.place()] {
            Act::Action(action) => action.deeds.as_slice(),
            _ => &[],
        };
        let changed = |id: StatementId| -> Vec<Aspect> {
            let changing = done(id).iter().filter(|deed| deed.effect.is_changing());
            changing.flat_map(|deed| aspects(universe, deed)).collect()
        };
        let actions = || program.statements().filter_map(|(id, own)| Some((id, own.action()?)));
        let reasoned = actions().filter(|(_, action)| matches!(action.undo, Some(Undo::No(_))));
        let reasoned: BTreeSet<StatementId> = reasoned.map(|(id, _)| id).collect();
        let mut known: BTreeSet<Aspect> = reasoned.iter().flat_map(|id| changed(*id)).collect();
        let mut owing = BTreeMap::new();
        for (id, _) in actions().filter(|(id, _)| !known.is_empty() && !reasoned.contains(id)) {
            let own = changed(id).into_iter().filter(|aspect| known.contains(aspect));
            let undo = program.undo_of(id);
            let owed: Vec<Aspect> = own
                .filter(|(slot, _)| !undo.is_some_and(|undo| puts_back(program, universe, touched, undo, *slot)))
                .collect();
            if !owed.is_empty() {
                owing.insert(id, owed);
            }
        }
        known.extend(of_holds(program, universe, &changed));
        Self { known, owing, reasoned }
    }

    pub(super) fn has(&self, aspect: Aspect) -> bool {
        self.known.contains(&aspect)
    }

    /// What an action changes that the reason of another does not excuse.
    pub(super) fn owing(&self, action: StatementId) -> &[Aspect] {
        self.owing.get(&action).map_or(&[], Vec::as_slice)
    }

    pub(super) fn has_reason(&self, action: StatementId) -> bool {
        self.reasoned.contains(&action)
    }
}

/// What a difference is about.
pub(super) fn aspect(slot: SlotId, difference: &Difference) -> Aspect {
    let about = match difference {
        Difference::Run(_) => About::Run,
        Difference::Traffic(_) => About::Traffic,
        _ => About::Thing,
    };
    (slot, about)
}

/// Whether a block has a statement that works on a slot, or restores what it is constrained with.
pub(super) fn puts_back(
    program: &Program,
    universe: &Universe,
    touched: &[Vec<SlotId>],
    block: BlockId,
    slot: SlotId,
) -> bool {
    let cell = universe.cell_of(slot).0;
    let restores = |id: StatementId| {
        let action = program.statement(id).action();
        let mut effects = action.into_iter().flat_map(|action| &action.call.effects.list);
        effects.any(|effect| matches!(effect, Effect::Restores(_)))
    };
    program.statements_of(block).any(|id| {
        let mut own = touched[id.place()].iter();
        own.clone().any(|known| *known == slot) || (restores(id) && own.any(|known| universe.cell_of(*known).0 == cell))
    })
}

/// What an effect changes itself; not the state that what it starts may write.
fn aspects(universe: &Universe, deed: &Deed) -> Vec<Aspect> {
    let about = match &deed.effect {
        Effect::Drains(_) | Effect::Opens(_) => About::Traffic,
        effect if effect.is_of_service() => About::Run,
        _ => About::Thing,
    };
    let operations = universe.operations(&deed.effect, Given::OTHER, Extent::Whole);
    let changed = operations
        .into_iter()
        .map(|operation| (operation.slot(universe), about));
    let moves_pin = matches!(deed.effect, Effect::Starts { with: Some(_), .. });
    let pin = deed.slot.filter(|_| moves_pin).map(|pin| (pin, About::Thing));
    changed.chain(pin).collect()
}

/// Things that only holds change: what a hold does to a thing is the hold's to take back.
fn of_holds(program: &Program, universe: &Universe, changed: &impl Fn(StatementId) -> Vec<Aspect>) -> Vec<Aspect> {
    let is_thing = |(slot, _): &Aspect| universe.resource(*slot).is_some() && !universe.is_pin(*slot);
    let (mut of_steps, mut of_holds) = (BTreeSet::new(), BTreeSet::new());
    for (id, _) in program.statements() {
        let things = changed(id).into_iter().filter(is_thing);
        match program.owner(program.block_of(id)) {
            Owner::Step(_) | Owner::Row(_) => of_steps.extend(things),
            Owner::Take(_) | Owner::Release(_) => of_holds.extend(things),
            _ => {}
        }
    }
    of_holds.difference(&of_steps).copied().collect()
}
