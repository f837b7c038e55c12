use std::time::Duration;

use super::super::sets::{STATES_MAX, Sets, Table, TooManyStates};
use super::*;

const EXTENTS: [Extent; 2] = [Extent::Whole, Extent::Half];

/// Carries each effect out, or leaves it out; then each of the way back for certain.
fn walk(
    universe: &Universe,
    forward: &[(Effect<Term>, Given)],
    back: &[(Effect<Term>, Given)],
) -> Result<(usize, bool), TooManyStates> {
    let mut table = Table::default();
    let start = Sets::start(universe, &mut table);
    let mut sets = start.clone();
    let mut most = 0;
    for (effect, given) in forward {
        sets.apply(universe, &mut table, (effect, *given), &EXTENTS, true)?;
        most = most.max(sets.sizes().max().unwrap_or_default());
    }
    for (effect, given) in back {
        sets.apply(universe, &mut table, (effect, *given), &EXTENTS[..1], false)?;
    }
    Ok((most, sets == start))
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
    let (most, is_back) = walk(&universe, &forward, &back).expect("few states");
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
    let (most, _) = walk(&universe, &forward, &back).expect("within the bound");
    assert!(most > 100 && most < STATES_MAX, "{most}");
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
    assert_eq!(walk(&world.universe, &forward, &back), Ok((3, true)));
}

#[test]
fn beyond_the_bound_the_cell_is_named() {
    let names: Vec<String> = (0..8).map(|name| format!("s{name}")).collect();
    let mut topology = topology();
    let gateway = topology.services.remove("gateway").expect("it is there");
    for name in &names {
        let service = Service {
            members: BTreeMap::from([(MemberId::only(name), process(name))]),
            ..gateway.clone()
        };
        topology.services.insert(name.clone(), service);
    }
    let forward: Vec<(Effect<Term>, Given)> = names
        .iter()
        .map(|name| (Effect::Stops(named(ResourceKind::Service, name)), Given::OTHER))
        .chain([(sets(key("/p/.env", "IMAGE")), Given::OTHER)])
        .chain(
            names
                .iter()
                .map(|name| (Effect::Drains(named(ResourceKind::Service, name)), Given::OTHER)),
        )
        .collect();
    let world = World::new(&topology, &[]);
    let found = walk(&world.universe, &forward, &[]).expect_err("2^16 states");
    assert!(found.slots.len() >= 2 * names.len(), "members with their pins");
}

#[test]
fn a_set_has_whatever_single_states_reach() {
    let forward = forty_over_one_service();
    let mut universe = Universe::new(&topology());
    for (effect, _) in &forward {
        universe.note(effect);
    }
    let mut table = Table::default();
    let mut sets = Sets::start(&universe, &mut table);
    let mut state = State::start(&universe);
    for (place, (effect, given)) in forward.iter().enumerate() {
        sets.apply(&universe, &mut table, (effect, *given), &EXTENTS, true)
            .expect("within the bound");
        match place % 3 {
            0 => state.apply(&universe, effect, *given, Extent::Whole),
            1 => state.apply(&universe, effect, *given, Extent::Half),
            _ => {}
        }
        assert!(sets.holds(&universe, &table, &state), "{effect:?}");
    }
}
