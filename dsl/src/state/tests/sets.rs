use std::collections::BTreeSet;
use std::time::Duration;

use super::super::cell::{StateId, Table};
use super::*;

const EXTENTS: [Extent; 2] = [Extent::Whole, Extent::Half];

/// A set of states for each cell.
struct Sets<'a> {
    universe: &'a Universe,
    cells: Vec<(Table<'a>, BTreeSet<StateId>)>,
}

impl<'a> Sets<'a> {
    fn start(universe: &'a Universe) -> Self {
        let cells = (0..universe.cells().len()).map(|cell| {
            let mut table = Table::new(universe, cell);
            let start = table.start();
            (table, BTreeSet::from([start]))
        });
        let cells = cells.collect();
        Self { universe, cells }
    }

    /// Carries an effect out that came as far as any of `extents`, or was perhaps `left_out`.
    fn apply(&mut self, (effect, given): (&Effect<Term>, Given), extents: &[Extent], left_out: bool) {
        for (table, states) in &mut self.cells {
            let mut after = if left_out { states.clone() } else { BTreeSet::new() };
            for extent in extents {
                let operations = self.universe.operations(effect, given, *extent);
                after.extend(states.iter().map(|state| table.after(*state, &operations)));
            }
            *states = after;
        }
    }

    fn most(&self) -> usize {
        self.cells
            .iter()
            .map(|(_, states)| states.len())
            .max()
            .unwrap_or_default()
    }

    /// Whether each cell is as at the start, and cannot be otherwise.
    fn is_at_start(&mut self) -> bool {
        let mut cells = self.cells.iter_mut();
        cells.all(|(table, states)| *states == BTreeSet::from([table.start()]))
    }

    fn holds(&self, state: &State) -> bool {
        self.cells.iter().enumerate().all(|(cell, (table, states))| {
            let slots = self.universe.cells()[cell].iter();
            let bytes: Vec<u8> = slots.map(|slot| state.byte(*slot)).collect();
            states.iter().any(|known| table.bytes(*known) == bytes)
        })
    }
}

/// Carries each effect out, or leaves it out; then each of the way back for certain. Gives the most states of a cell,
/// and whether all is as at the start.
fn walk(universe: &Universe, forward: &[(Effect<Term>, Given)], back: &[(Effect<Term>, Given)]) -> (usize, bool) {
    let mut sets = Sets::start(universe);
    let mut most = 0;
    for (effect, given) in forward {
        sets.apply((effect, *given), &EXTENTS, true);
        most = most.max(sets.most());
    }
    for (effect, given) in back {
        sets.apply((effect, *given), &EXTENTS[..1], false);
    }
    (most, sets.is_at_start())
}

/// Processor time of this thread.
#[expect(clippy::disallowed_methods, reason = "the wall clock of a busy machine says nothing")]
fn processor_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = text.split_whitespace().next().and_then(|word| word.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or_default())
}

#[test]
fn forty_steps_that_may_be_skipped_are_three_states_each() {
    let forward: Vec<(Effect<Term>, Given)> = (0..40)
        .map(|step| {
            (
                sets(named(ResourceKind::Link, &format!("/srv/app/{step}"))),
                Given::OTHER,
            )
        })
        .collect();
    let back: Vec<(Effect<Term>, Given)> = forward
        .iter()
        .map(|(effect, _)| (effect.clone(), Given::BEFORE))
        .collect();
    let began = processor_time();
    let mut universe = Universe::new(&Topology::default());
    for (effect, _) in &forward {
        universe.note(effect);
    }
    let (most, is_back) = walk(&universe, &forward, &back);
    assert_eq!((most, is_back), (3, true), "as it was, changed, partial");
    assert!(processor_time() < began + Duration::from_millis(50));
}

/// What may be done to the gateway, each step of it left out or not, over and over.
fn forty_over_one_service() -> Vec<(Effect<Term>, Given)> {
    let mut steps = upgrade();
    steps.push((sets(key("/p/.env", "IMAGE")), Given::OTHER));
    steps.push((Effect::Opens(site()), Given::OTHER));
    steps.push((restores(), Given::OTHER));
    steps.into_iter().cycle().take(40).collect()
}

#[test]
fn forty_steps_over_one_service_are_bounded_by_its_cell() {
    let forward = forty_over_one_service();
    let began = processor_time();
    let mut universe = Universe::new(&topology());
    for (effect, _) in &forward {
        universe.note(effect);
    }
    let back = [
        Effect::Stops(gateway()),
        captures(),
        restores(),
        starts("old"),
        Effect::Opens(site()),
    ];
    let back = back.map(|effect| (effect, Given::BEFORE));
    let (most, _) = walk(&universe, &forward, &back);
    assert!(most > 100 && most < 1024, "{most}");
    assert!(processor_time() < began + Duration::from_millis(500));
}

#[test]
fn places_in_protected_state_are_told_apart_from_each_other_at_no_cost() {
    let forward: Vec<(Effect<Term>, Given)> = (0..40)
        .map(|step| (sets(file(&format!("/s/{step}"))), Given::OTHER))
        .collect();
    let back: Vec<(Effect<Term>, Given)> = forward
        .iter()
        .map(|(effect, _)| (effect.clone(), Given::BEFORE))
        .collect();
    let world = World::gateway(&forward.iter().map(|(effect, _)| effect.clone()).collect::<Vec<_>>());
    assert_eq!(walk(&world.universe, &forward, &back), (3, true));
}

#[test]
fn a_set_has_whatever_single_states_reach() {
    let forward = forty_over_one_service();
    let mut universe = Universe::new(&topology());
    for (effect, _) in &forward {
        universe.note(effect);
    }
    let mut sets = Sets::start(&universe);
    let mut state = State::start(&universe);
    for (place, (effect, given)) in forward.iter().enumerate() {
        sets.apply((effect, *given), &EXTENTS, true);
        match place % 3 {
            0 => state.apply(&universe, effect, *given, Extent::Whole),
            1 => state.apply(&universe, effect, *given, Extent::Half),
            _ => {}
        }
        assert!(sets.holds(&state), "{effect:?}");
    }
}
