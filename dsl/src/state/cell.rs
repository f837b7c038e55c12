//! The states that one cell may be in, each once, and what operations make of them: what proofs compute with.
//!
//! A plain thing has 6 states, whatever else there is. A service of one member with one pin, that writes one
//! state with one backup, has at most 12 × 2 × 3 × 17 = 1,224 byte patterns, of which effects reach a few dozen.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use crate::effect::Effect;
use crate::state::goal::Unserved;
use crate::state::requirement::Rules;
use crate::state::slot::{Bytes, Plain, Release, SlotId};
use crate::state::transition::Operation;
use crate::state::universe::{Role, Universe};
use crate::state::{Difference, Given, Violation, goal};
use crate::term::Term;
use crate::topology::MemberId;

/// Names a state of the cell in its [`Table`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct StateId(u32);

/// Every state of a cell that was ever reached, once; and what each operation makes of it.
pub(crate) struct Table<'a> {
    universe: &'a Universe,
    cell: usize,
    ids: HashMap<Arc<[u8]>, StateId>,
    states: Vec<Arc<[u8]>>,
    memo: HashMap<(Operation, StateId), StateId>,
}

/// The bytes of one cell; what lies in another reads as 0 and cannot be written.
struct View<'a> {
    universe: &'a Universe,
    cell: usize,
    bytes: Cow<'a, [u8]>,
}

impl View<'_> {
    fn place(&self, slot: SlotId) -> Option<usize> {
        let (cell, place) = self.universe.cell_of(slot);
        (cell == self.cell).then_some(place)
    }
}

impl Bytes for View<'_> {
    fn byte(&self, slot: SlotId) -> u8 {
        self.place(slot).map_or(0, |place| self.bytes[place])
    }

    fn set_byte(&mut self, slot: SlotId, byte: u8) {
        if let Some(place) = self.place(slot) {
            self.bytes.to_mut()[place] = byte;
        }
    }
}

impl<'a> Table<'a> {
    pub(crate) fn new(universe: &'a Universe, cell: usize) -> Self {
        Self {
            universe,
            cell,
            ids: HashMap::new(),
            states: Vec::new(),
            memo: HashMap::new(),
        }
    }

    /// The cell as it is at the start.
    pub(crate) fn start(&mut self) -> StateId {
        let slots = self.universe.cells()[self.cell].iter();
        let bytes: Vec<u8> = slots.map(|slot| self.universe.slot(*slot).start).collect();
        self.intern(&bytes)
    }

    /// The cell after operations; those that work in another are passed over.
    pub(crate) fn after(&mut self, before: StateId, operations: &[Operation]) -> StateId {
        let mut state = before;
        for operation in operations {
            let is_own = self.universe.cell_of(operation.slot(self.universe)).0 == self.cell;
            if is_own {
                state = self.after_one(state, *operation);
            }
        }
        state
    }

    /// The first requirement of an effect that this state does not meet. A cell that an effect does not work in
    /// answers for the places in protected state that it holds.
    pub(crate) fn violation(
        &self,
        state: StateId,
        is_committed: bool,
        (effect, given): (&Effect<Term>, Given),
    ) -> Option<Violation> {
        let view = self.view(state);
        let rules = Rules {
            universe: self.universe,
            bytes: &view,
            is_committed,
        };
        if rules.is_at_home(effect, self.cell) {
            rules.violation(effect, given)
        } else {
            rules.violation_of_places(effect, given)
        }
    }

    /// What an action that came from one state to another must not have done.
    pub(crate) fn violation_after(&self, before: StateId, after: StateId) -> Option<Violation> {
        let (before, after) = (self.view(before), self.view(after));
        let rules = |bytes| Rules {
            universe: self.universe,
            bytes,
            is_committed: false,
        };
        rules(&after).violation_after(&rules(&before))
    }

    /// Why the point of no return must not be passed, where `next` is what the action behind it touches.
    pub(crate) fn commit(&self, state: StateId, next: &[Effect<Term>]) -> Option<Violation> {
        let view = self.view(state);
        let rules = Rules {
            universe: self.universe,
            bytes: &view,
            is_committed: false,
        };
        rules.commit(next, |slot| self.universe.cell_of(slot).0 == self.cell)
    }

    /// What is not as at the start, with the slot that says it; what was added does not count.
    pub(crate) fn differences(&self, state: StateId) -> Vec<(SlotId, Difference)> {
        goal::differences(self.universe, self.cell, &self.view(state))
    }

    /// What must not be left where a run stops without being done or back.
    pub(crate) fn unsettled(&self, state: StateId) -> Vec<(SlotId, Difference)> {
        goal::unsettled(self.universe, self.cell, &self.view(state))
    }

    /// Whether a hold is taken.
    pub(crate) fn is_held(&self, state: StateId, hold: SlotId) -> bool {
        self.view(state).get(hold)
    }

    /// Whether nothing was done to a thing.
    pub(crate) fn is_as_was(&self, state: StateId, slot: SlotId) -> bool {
        self.view(state).get::<Plain>(slot) == Plain::AsWas
    }

    /// Whether what can be read of a thing now is what could be read of it at the start.
    pub(crate) fn is_of_start(&self, state: StateId, slot: SlotId) -> bool {
        self.is_of_start_in(&self.view(state), slot)
    }

    fn is_of_start_in(&self, view: &View<'_>, slot: SlotId) -> bool {
        let is_own = |slot: SlotId| match self.universe.slot(slot).role {
            Role::Plain => view.get::<Plain>(slot) == Plain::AsWas,
            Role::Pin => view.get::<Release>(slot) == Release::Old,
            _ => view.byte(slot) == self.universe.slot(slot).start,
        };
        // Of what was made with its holder its own slot tells.
        let is_added =
            |slot: SlotId| self.universe.slot(slot).role == Role::Plain && view.get::<Plain>(slot) == Plain::Added;
        let mut read = self.universe.read_with(slot).into_iter();
        is_own(slot) && read.all(|with| is_own(with) || is_added(with))
    }

    /// Where a thing, and what holds it, is as at the start: the things in it that are not. `None` where more than such
    /// things is otherwise.
    pub(crate) fn changed_inside(&self, state: StateId, slot: SlotId) -> Option<Vec<(SlotId, Plain)>> {
        if self.is_of_start(state, slot) {
            return Some(Vec::new());
        }
        let view = self.view(state);
        let inside = self.universe.inside(slot);
        let is_plain = |slot: SlotId| self.universe.slot(slot).role == Role::Plain;
        let changed = inside.iter().copied().filter(|inner| is_plain(*inner));
        let changed: Vec<(SlotId, Plain)> = changed
            .map(|inner| (inner, view.get(inner)))
            .filter(|(_, plain)| *plain != Plain::AsWas)
            .collect();
        let mut as_was = view;
        for (inner, _) in &changed {
            as_was.put(*inner, Plain::AsWas);
        }
        self.is_of_start_in(&as_was, slot).then_some(changed)
    }

    /// What of its members is not as it should be where the change is done.
    pub(crate) fn unserved(&self, state: StateId) -> Vec<(MemberId, Unserved)> {
        let view = self.view(state);
        let members = self.universe.members.iter();
        let own = members.filter(|member| self.universe.cell_of(member.slot).0 == self.cell);
        own.filter_map(|member| Some((member.id.clone(), goal::unserved(self.universe, member, &view)?)))
            .collect()
    }

    #[cfg(test)]
    pub(crate) fn bytes(&self, state: StateId) -> &[u8] {
        &self.states[state.0 as usize]
    }

    fn view(&self, state: StateId) -> View<'_> {
        View {
            universe: self.universe,
            cell: self.cell,
            bytes: Cow::Borrowed(&self.states[state.0 as usize]),
        }
    }

    fn intern(&mut self, bytes: &[u8]) -> StateId {
        if let Some(known) = self.ids.get(bytes) {
            return *known;
        }
        let id = StateId(u32::try_from(self.states.len()).unwrap_or(u32::MAX));
        let bytes: Arc<[u8]> = bytes.into();
        self.states.push(Arc::clone(&bytes));
        self.ids.insert(bytes, id);
        id
    }

    fn after_one(&mut self, before: StateId, operation: Operation) -> StateId {
        if let Some(known) = self.memo.get(&(operation, before)) {
            return *known;
        }
        let mut view = self.view(before);
        operation.carry_out(self.universe, &mut view);
        let bytes = view.bytes.into_owned();
        let after = self.intern(&bytes);
        self.memo.insert((operation, before), after);
        after
    }
}
