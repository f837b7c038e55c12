//! The states that production may be in, a set for each cell.
//!
//! *Joined* are the states of one cell where paths meet: a step that may be skipped, an action that may have
//! failed before, after or half-way. *Lost* is which states of different cells go together, so that a set of
//! sets stands for all their combinations: every state that can be is among them, and some that cannot. *Bounded*
//! is each cell: a plain thing has 6 states, whatever else there is. A service of one member with one pin, that
//! writes one state with one backup, has at most 12 × 2 × 3 × 17 = 1,224 byte patterns, of which effects reach a
//! few dozen; more members, states and backups multiply that. [`STATES_MAX`] cuts it off with an error that names
//! the cell, so that no proof is ever silently given up.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::effect::Effect;
use crate::state::slot::{Bytes, SlotId};
use crate::state::transition::Operation;
use crate::state::universe::Universe;
use crate::state::{Extent, Given, State};
use crate::term::Term;

/// So many states of one cell are told apart.
pub const STATES_MAX: usize = 1024;

/// Names a state of a cell in one [`Table`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StateId(u32);

/// Every state of a cell that was ever reached, once; and what each operation makes of it.
#[derive(Default)]
pub struct Table {
    ids: HashMap<Arc<[u8]>, StateId>,
    states: Vec<Arc<[u8]>>,
    memo: HashMap<(Operation, StateId), StateId>,
}

/// A set of states for each cell of a universe that does not grow any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sets {
    cells: Vec<Arc<BTreeSet<StateId>>>,
}

/// A cell may be in more states than are told apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TooManyStates {
    /// What is in the cell.
    pub slots: Vec<SlotId>,
}

/// The bytes of one cell.
struct Cell<'a> {
    universe: &'a Universe,
    index: usize,
    bytes: Vec<u8>,
}

impl Cell<'_> {
    fn place(&self, slot: SlotId) -> Option<usize> {
        let (cell, place) = self.universe.cell_of(slot);
        (cell == self.index).then_some(place)
    }
}

impl Bytes for Cell<'_> {
    fn byte(&self, slot: SlotId) -> u8 {
        self.place(slot).map_or(0, |place| self.bytes[place])
    }

    fn set_byte(&mut self, slot: SlotId, byte: u8) {
        if let Some(place) = self.place(slot) {
            self.bytes[place] = byte;
        }
    }
}

impl Table {
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

    fn after(&mut self, universe: &Universe, index: usize, operation: Operation, before: StateId) -> StateId {
        if let Some(known) = self.memo.get(&(operation, before)) {
            return *known;
        }
        let bytes = self.states[before.0 as usize].to_vec();
        let mut cell = Cell { universe, index, bytes };
        operation.carry_out(universe, &mut cell);
        let after = self.intern(&cell.bytes);
        self.memo.insert((operation, before), after);
        after
    }
}

impl Sets {
    /// Production as it is at the start: one state a cell.
    pub fn start(universe: &Universe, table: &mut Table) -> Self {
        let cells = universe.cells().iter().map(|slots| {
            let bytes: Vec<u8> = slots.iter().map(|slot| universe.slot(*slot).start).collect();
            Arc::new(BTreeSet::from([table.intern(&bytes)]))
        });
        Self { cells: cells.collect() }
    }

    /// Carries an effect out that came as far as any of `extents`, or was perhaps `left_out`; only the cells
    /// that it touches are looked at.
    pub fn apply(
        &mut self,
        universe: &Universe,
        table: &mut Table,
        (effect, given): (&Effect<Term>, Given),
        extents: &[Extent],
        left_out: bool,
    ) -> Result<(), TooManyStates> {
        let mut after: HashMap<usize, BTreeSet<StateId>> = HashMap::new();
        let mut touched: BTreeSet<usize> = BTreeSet::new();
        for extent in extents {
            let operations = universe.operations(effect, given, *extent);
            let cells = operations
                .iter()
                .map(|operation| universe.cell_of(operation.slot(universe)).0);
            let cells: BTreeSet<usize> = cells.collect();
            for cell in cells {
                let within = operations
                    .iter()
                    .filter(|operation| universe.cell_of(operation.slot(universe)).0 == cell);
                let states = self.cells[cell].iter().map(|state| {
                    within.clone().fold(*state, |state, operation| {
                        table.after(universe, cell, *operation, state)
                    })
                });
                after.entry(cell).or_default().extend(states);
                touched.insert(cell);
            }
        }
        for cell in touched {
            let mut states = after.remove(&cell).unwrap_or_default();
            if left_out {
                states.extend(self.cells[cell].iter());
            }
            if states.len() > STATES_MAX {
                let slots = universe.cells()[cell].clone();
                return Err(TooManyStates { slots });
            }
            self.cells[cell] = Arc::new(states);
        }
        Ok(())
    }

    /// Whether production may be in this state.
    pub fn holds(&self, universe: &Universe, table: &Table, state: &State) -> bool {
        let mut cells = universe.cells().iter().zip(&self.cells);
        cells.all(|(slots, states)| {
            let bytes: Vec<u8> = slots.iter().map(|slot| state.byte(*slot)).collect();
            table.ids.get(bytes.as_slice()).is_some_and(|id| states.contains(id))
        })
    }

    /// How many states each cell may be in.
    pub fn sizes(&self) -> impl Iterator<Item = usize> {
        self.cells.iter().map(|states| states.len())
    }
}
