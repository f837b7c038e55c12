use super::*;

fn link() -> Resource<Term> {
    named(ResourceKind::Link, "/srv/current")
}

/// What is not as at the start: how each thing is.
fn left(effects: &[(Effect<Term>, Given)]) -> Vec<Plain> {
    let found = after(effects).differences();
    let plain = found.into_iter().map(|difference| match difference {
        Difference::Plain(_, plain) => plain,
        other => panic!("{other:?}"),
    });
    plain.collect()
}

#[test]
fn what_was_made_and_is_removed_is_as_it_was_whatever_kind_names_it() {
    for remove in [
        file("/srv/new"),
        tree("/srv/new"),
        link_at("/srv/new"),
        tree("/srv/./new/"),
    ] {
        for make in [file("/srv/new"), tree("/srv/new"), link_at("/srv/new")] {
            let removes = (Effect::Removes(remove.clone()), Given::OTHER);
            assert_eq!(left(&[(sets(make.clone()), Given::FIRST), removes.clone()]), []);
            let adds = Effect::Adds(make.clone());
            assert_eq!(left(&[(adds.clone(), Given::FIRST), removes.clone()]), []);
            for make in [sets(make), adds] {
                assert_eq!(
                    left(&[(make, Given::OTHER), removes.clone()]),
                    [Plain::Gone],
                    "it was there before"
                );
            }
        }
    }
}

fn link_at(path: &str) -> Resource<Term> {
    named(ResourceKind::Link, path)
}

#[test]
fn removing_what_was_never_made_is_no_change() {
    let removes = (Effect::Removes(tree("/srv/new")), Given::FIRST);
    assert_eq!(left(std::slice::from_ref(&removes)), []);
    assert_eq!(left(&[(sets(file("/srv/new")), Given::FIRST), removes]), []);
}

#[test]
fn a_package_at_two_versions_is_one_thing() {
    let one = named(ResourceKind::Package, "nginx=1");
    let two = named(ResourceKind::Package, "nginx=2");
    assert_eq!(left(&[(sets(two), Given::OTHER), (sets(one), Given::BEFORE)]), []);
}

#[test]
fn a_file_put_back_puts_back_the_key_that_was_set_in_it() {
    let (key, env) = (sets(key("/srv/.env", "A")), sets(file("/srv/.env")));
    assert_eq!(left(&[(key.clone(), Given::OTHER)]), [Plain::Changed]);
    assert_eq!(left(&[(key, Given::OTHER), (env, Given::BEFORE)]), []);
}

#[test]
fn a_key_put_back_does_not_put_back_the_file_that_was_edited() {
    let edits = Effect::Edits(file("/srv/.env"));
    let key = sets(key("/srv/.env", "A"));
    assert_eq!(left(&[(edits, Given::OTHER), (key, Given::BEFORE)]), [Plain::Changed]);
}

#[test]
fn moved_there_and_back_is_as_it_was_and_another_thing_in_its_place_is_not() {
    let (from, to) = (tree("/a"), tree("/b"));
    let there = [
        (sets(to.clone()), Given::FIRST),
        (Effect::Removes(from.clone()), Given::OTHER),
    ];
    let back = |given| [(sets(from.clone()), given), (Effect::Removes(to.clone()), Given::OTHER)];
    assert_eq!(left(&there), [Plain::Gone]);
    assert_eq!(left(&[there.to_vec(), back(Given::BEFORE).to_vec()].concat()), []);
    assert_eq!(
        left(&[there.to_vec(), back(Given::FIRST).to_vec()].concat()),
        [Plain::Changed]
    );
}

#[test]
fn what_lies_in_something_made_counts_as_made() {
    let (outer, inner) = (tree("/srv/new"), file("/srv/new/x"));
    let made = (sets(outer.clone()), Given::FIRST);
    let removes = (Effect::Removes(outer), Given::OTHER);
    assert_eq!(left(&[made.clone(), (sets(inner.clone()), Given::OTHER)]), []);
    assert_eq!(
        after(&[made.clone(), (sets(inner.clone()), Given::OTHER)]).plain(&inner),
        Plain::Added
    );
    let all = after(&[made, (sets(inner), Given::OTHER), removes]);
    assert_eq!(all.state, State::start(&all.universe));
}

#[test]
fn a_slot_that_is_known_late_lies_where_it_would_have_lain() {
    let (outer, inner) = (tree("/srv/new"), file("/srv/new/x"));
    let mut universe = Universe::new(&Topology::default());
    universe.add(&outer);
    let mut state = State::start(&universe);
    state.apply(&universe, &sets(outer.clone()), Given::FIRST, Extent::Whole);
    let slot = universe.add(&inner);
    state.grow(&universe);
    assert_eq!(state.plain(&universe, slot), Some(Plain::Added));
    state.apply(&universe, &Effect::Removes(outer.clone()), Given::OTHER, Extent::Whole);
    assert_eq!(state, State::start(&universe));
    let around = universe.add(&tree("/srv"));
    assert_eq!(universe.inside(around).len(), 2);
}

#[test]
fn an_existing_folder_that_is_made_sure_of_hides_no_change_in_it() {
    let adds = Effect::Adds(tree("/srv/app"));
    let conf = sets(file("/srv/app/conf"));
    assert_eq!(left(&[(adds, Given::OTHER), (conf, Given::OTHER)]), [Plain::Changed]);
}

#[test]
fn a_tree_that_is_gone_says_all_and_put_back_is_all_as_it_was() {
    let (outer, inner) = (tree("/a"), file("/a/x"));
    let gone = [
        (sets(inner.clone()), Given::OTHER),
        (Effect::Removes(outer.clone()), Given::OTHER),
    ];
    assert_eq!(left(&gone), [Plain::Gone]);
    assert_eq!(left(&[gone.to_vec(), vec![(sets(outer), Given::BEFORE)]].concat()), []);
}

#[test]
fn the_root_holds_every_path() {
    let inner = Resource::new(
        ResourceKind::File,
        Term::Input("state".to_owned()).join(vec![Term::text("db")]),
    );
    assert_eq!(
        left(&[(sets(inner), Given::OTHER), (sets(tree("/")), Given::BEFORE)]),
        []
    );
}

#[test]
fn half_a_change_may_not_be_parked_on() {
    let half = |effect: Effect<Term>, given| {
        let mut world = World::new(&Topology::default(), std::slice::from_ref(&effect));
        world.apply(&effect, given, Extent::Half);
        assert!(!world.state.unsettled(&world.universe).is_empty());
        world
    };
    let mut changed = half(sets(link()), Given::OTHER);
    assert_eq!(changed.plain(&link()), Plain::Partial);
    changed.apply(&sets(link()), Given::BEFORE, Extent::Whole);
    assert!(changed.is_as_at_start());
    let mut made = half(sets(link()), Given::FIRST);
    assert!(!made.is_as_at_start(), "half a thing is no addition");
    made.apply(&Effect::Removes(link()), Given::OTHER, Extent::Whole);
    assert!(made.is_as_at_start());
}
