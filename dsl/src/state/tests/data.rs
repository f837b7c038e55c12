use super::*;

fn db() -> Resource<Term> {
    file("/s/db")
}

#[test]
fn the_pin_in_protected_state_is_no_part_of_its_data() {
    let pin = sets(key("/p/.env", "IMAGE"));
    let start = World::gateway(std::slice::from_ref(&pin));
    let pinned = start.run(&[(pin.clone(), Given::OTHER)]).expect("allowed");
    assert_eq!((pinned.member("gateway").pin, pinned.data()), (Release::New, Data::Own));
    assert_eq!(pinned.run(&[(pin, Given::BEFORE)]).expect("allowed").differences(), []);
}

#[test]
fn a_value_set_at_a_place_in_protected_state_is_an_edit_until_it_is_put_back() {
    for place in [db(), key("/p/.env", "OTHER"), tree("/s/conf")] {
        let set = sets(place.clone());
        let start = World::gateway(std::slice::from_ref(&set));
        for (effect, given, undo) in [
            (set.clone(), Given::OTHER, set.clone()),
            (Effect::Removes(place.clone()), Given::OTHER, set.clone()),
            (set.clone(), Given::FIRST, Effect::Removes(place.clone())),
            (
                Effect::Adds(place.clone()),
                Given::FIRST,
                Effect::Removes(place.clone()),
            ),
        ] {
            let edited = start.run(&[(effect, given)]).expect("allowed");
            assert_eq!(edited.data(), Data::Edited);
            let back = edited.run(&[(undo, Given::BEFORE)]).expect("allowed");
            assert_eq!((back.data(), back.is_as_at_start()), (Data::Own, true));
        }
        let mut half = start.clone();
        half.apply(&set, Given::OTHER, Extent::Half);
        assert_eq!(half.data(), Data::Mix);
        half.apply(&set, Given::BEFORE, Extent::Whole);
        assert_eq!(half.data(), Data::Own);
    }
}

#[test]
fn the_old_release_runs_on_edited_data_and_no_backup_is_made_of_it() {
    let set = sets(db());
    let drained = World::gateway(std::slice::from_ref(&set))
        .run(&upgrade()[..2])
        .expect("allowed");
    let edited = drained.run(&[(set, Given::OTHER)]).expect("allowed");
    assert_eq!(edited.differences().len(), 3, "traffic, what runs, and the place once");
    assert_eq!(edited.run(&[(captures(), Given::OTHER)]).err(), Some("backup-too-late"));
    assert!(edited.run(&[(starts("old"), Given::BEFORE)]).is_ok());
}

#[test]
fn what_is_edited_opaquely_or_changed_as_a_whole_is_new_until_it_is_restored() {
    let effects = [
        Effect::Edits(db()),
        Effect::Opaque(db()),
        sets(tree("/s")),
        sets(file("/p/.env")),
        Effect::Removes(tree("/p")),
        Effect::Edits(named(ResourceKind::State, "state")),
    ];
    for effect in effects {
        let start = World::gateway(std::slice::from_ref(&effect))
            .run(&upgrade()[..4])
            .expect("allowed");
        let changed = start.run(&[(effect.clone(), Given::BEFORE)]).expect("allowed");
        assert_eq!(changed.data(), Data::New, "{effect:?}");
        let mut half = start.clone();
        half.apply(&effect, Given::OTHER, Extent::Half);
        assert_eq!(half.data(), Data::Mix, "{effect:?}");
        let restored = changed.run(&[(restores(), Given::OTHER)]).expect("allowed");
        assert_eq!(restored.data(), Data::Own, "{effect:?}");
    }
}

#[test]
fn what_holds_a_part_of_the_state_and_more_is_not_put_back_by_a_restore() {
    let effect = Effect::Removes(tree("/p"));
    let start = World::gateway(std::slice::from_ref(&effect))
        .run(&upgrade()[..4])
        .expect("allowed");
    let back = start
        .run(&[(effect, Given::OTHER), (restores(), Given::OTHER)])
        .expect("allowed");
    assert_eq!((back.data(), back.plain(&tree("/p"))), (Data::Own, Plain::Gone));
}

#[test]
fn a_restore_puts_back_every_place_and_the_pin_and_one_half_way_nothing() {
    let (pin, set) = (sets(key("/p/.env", "IMAGE")), sets(db()));
    let start = World::gateway(&[pin.clone(), set.clone()])
        .run(&upgrade()[..4])
        .expect("allowed");
    let changed = start.run(&[(pin, Given::OTHER), (set, Given::OTHER)]).expect("allowed");
    let mut half = changed.clone();
    half.apply(&restores(), Given::OTHER, Extent::Half);
    assert_eq!((half.data(), half.member("gateway").pin), (Data::Mix, Release::New));
    for world in [half, changed] {
        let restored = world.run(&[(restores(), Given::OTHER)]).expect("allowed");
        assert_eq!(
            (restored.data(), restored.member("gateway").pin),
            (Data::Own, Release::Old)
        );
        assert_eq!(restored.plain(&db()), Plain::AsWas);
    }
}

#[test]
fn restoring_what_was_never_made_changes_nothing() {
    let set = sets(db());
    let mut world = World::gateway(std::slice::from_ref(&set));
    world.apply(&set, Given::OTHER, Extent::Whole);
    let before = world.state.clone();
    world.apply(&restores(), Given::OTHER, Extent::Whole);
    assert_eq!(world.state, before);
    assert_eq!(world.run(&[(restores(), Given::OTHER)]).err(), Some("backup-unproven"));
}

#[test]
fn a_backup_of_another_state_under_the_same_name_takes_its_place() {
    let mut topology = topology();
    topology.states.insert("other".to_owned(), vec![tree("/o")]);
    let other = Effect::Captures {
        state: named(ResourceKind::State, "other"),
        backup: named(ResourceKind::Backup, "/b"),
    };
    let world = World::new(&topology, &[captures(), other.clone()]);
    let mut taken = world.run(&upgrade()[..4]).expect("allowed");
    assert_eq!(
        taken.state.clone().commit(&taken.universe, &[upgrade()[4].0.clone()]),
        None
    );
    taken.apply(&other, Given::OTHER, Extent::Whole);
    let violation = taken.state.commit(&taken.universe, &[upgrade()[4].0.clone()]);
    assert_eq!(violation.map(|violation| violation.slug), Some("backup-unproven"));
}
