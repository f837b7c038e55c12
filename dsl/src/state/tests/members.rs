use super::*;

#[test]
fn the_reference_way_there_and_back_is_right() {
    let there = World::gateway(&[]).run(&upgrade()).expect("the way forward is allowed");
    assert_eq!(there.data(), Data::New);
    let back = [
        (Effect::Stops(gateway()), Given::OTHER),
        (restores(), Given::OTHER),
        (starts("old"), Given::BEFORE),
        (Effect::Opens(site()), Given::OTHER),
    ];
    let home = there.run(&back).expect("the way back is allowed");
    assert_eq!(home.differences(), []);
    let without_restore = [back[0].clone(), back[2].clone()];
    assert_eq!(there.run(&without_restore).err(), Some("state-left-behind"));
}

#[test]
fn each_requirement_refuses_with_its_slug() {
    let start = World::gateway(&[]);
    let refused = |world: &World, effects: &[(Effect<Term>, Given)]| world.run(effects).err();
    let upgrade = upgrade();
    assert_eq!(
        refused(&start, &upgrade[1..2]),
        Some("order-unsafe"),
        "stop before drain"
    );
    assert_eq!(refused(&start, &upgrade[2..3]), Some("backup-not-cold"));
    let mut late = upgrade.clone();
    late.swap(2, 4);
    late.remove(3);
    assert_eq!(refused(&start, &late[..3]), None);
    let stopped_again = [0, 1, 2, 1, 3].map(|place: usize| late[place].clone());
    assert_eq!(refused(&start, &stopped_again), Some("backup-too-late"));

    let there = start.run(&upgrade).expect("allowed");
    let open = [(Effect::Opens(gateway()), Given::OTHER)];
    assert_eq!(refused(&there, &open), Some("cutover-unvalidated"));
    let mut checked = there.clone();
    let ready = named(ResourceKind::Endpoint, "http://g:1/ready");
    checked.state.checked(&checked.universe, &[ready]);
    assert_eq!(refused(&checked, &open), Some("writes-at-risk"));
    let effects = [open[0].0.clone()];
    assert_eq!(
        checked.state.commit(&checked.universe, &effects),
        None,
        "proven and fresh"
    );
    let opened = checked.run(&open).expect("past commits users may write");
    let restore = [(Effect::Stops(gateway()), Given::OTHER), (restores(), Given::OTHER)];
    assert_eq!(refused(&opened, &restore[1..]), Some("order-unsafe"), "a writer runs");
    let drained = [upgrade[0].clone(), restore[0].clone(), restore[1].clone()];
    assert_eq!(refused(&opened, &drained), Some("writes-lost"));
}

#[test]
fn a_backup_that_was_never_restored_on_trial_is_not_relied_on() {
    let mut effects = upgrade();
    effects.remove(3);
    let there = World::gateway(&[]).run(&effects).expect("allowed");
    let violation = there.state.clone().commit(&there.universe, &[]);
    assert_eq!(violation.map(|violation| violation.slug), Some("backup-unproven"));
    let restore = [(Effect::Stops(gateway()), Given::OTHER), (restores(), Given::OTHER)];
    assert_eq!(there.run(&restore).err(), Some("backup-unproven"));
}

#[test]
fn a_check_of_what_well_reads_of_a_written_state_or_of_the_member_is_evidence() {
    let started = World::gateway(&[]).run(&upgrade()).expect("allowed");
    let evidence = |read: Resource<Term>| {
        let mut world = started.clone();
        world.state.checked(&world.universe, &[read]);
        world.member("gateway").valid
    };
    let endpoint = |url: &str| named(ResourceKind::Endpoint, url);
    assert!(!started.member("gateway").valid);
    for read in [
        endpoint("http://g:1/ready"),
        endpoint("http://g:1/"),
        gateway(),
        file("/s/db"),
        tree("/"),
    ] {
        assert!(evidence(read.clone()), "{read:?}");
    }
    for read in [
        endpoint("http://g:2/ready"),
        file("/srv/db"),
        endpoint("http://g:1/other"),
    ] {
        assert!(!evidence(read.clone()), "{read:?}");
    }
    let mut world = started.clone();
    world.state.well(&world.universe, "gateway");
    assert!(world.member("gateway").valid);
}

#[test]
fn a_hold_is_taken_and_released_once() {
    let mut universe = Universe::new(&topology());
    universe.add_hold("drained", &[Effect::Drains(site())]);
    let start = State::start(&universe);
    let mut state = start.clone();
    state.hold(&universe, "drained", true);
    state.hold(&universe, "drained", true);
    assert_eq!(state.differences(&universe), [Difference::Hold("drained".to_owned())]);
    assert!(!state.unsettled(&universe).is_empty());
    state.hold(&universe, "drained", false);
    state.hold(&universe, "drained", false);
    assert_eq!(state, start);
}

/// Two members of one service, of which one must serve.
fn pair() -> Topology<Term> {
    let only = Service::plain("db", process("db"));
    let members = ["a", "b"].map(|name| (MemberId::only(name), process(name)));
    let service = Service {
        members: BTreeMap::from(members),
        behind: Some(site()),
        serving_at_least: 1,
        ..only
    };
    Topology {
        services: BTreeMap::from([("db".to_owned(), service)]),
        ..Topology::default()
    }
}

#[test]
fn members_of_one_service_are_two_and_the_service_names_all() {
    let member = |name: &str| Resource::keyed(ResourceKind::Member, vec![Term::text("db"), Term::text(name)]);
    let start = World::new(&pair(), &[]);
    let drain = |target: Resource<Term>| (Effect::Drains(target), Given::OTHER);
    let one = start.run(&[drain(member("a"))]).expect("the other serves");
    assert_eq!(one.differences(), [Difference::Traffic(MemberId::only("a"))]);
    assert_eq!(
        one.run(&[drain(member("b"))]).err(),
        Some("order-unsafe"),
        "none would be left"
    );
    let all = drain(named(ResourceKind::Service, "db"));
    assert_eq!(start.run(&[all]).err(), Some("order-unsafe"), "all at once leave none");
}

#[test]
fn members_that_write_stay_within_what_the_service_promises() {
    let mut topology = pair();
    topology.states.insert("rows".to_owned(), vec![tree("/rows")]);
    let db = topology.services.get_mut("db").expect("it is there");
    db.writes.push(Writes {
        state: "rows".to_owned(),
        migrates: false,
    });
    for member in db.members.values_mut() {
        member.begins = Begins::Stopped;
    }
    let member = |name: &str| Resource::keyed(ResourceKind::Member, vec![Term::text("db"), Term::text(name)]);
    let start = |name: &str| Effect::Starts {
        member: member(name),
        with: None,
    };
    let world = World::new(&topology, &[]);
    let one = world.run(&[(start("a"), Given::OTHER)]).expect("one may write");
    assert_eq!(one.run(&[(start("b"), Given::OTHER)]).err(), Some("order-unsafe"));
}

#[test]
fn the_pin_of_a_container_is_its_image_and_comes_and_goes_with_it() {
    let container = topology::Member {
        host: None,
        runs: Runs::new(ServiceKind::Container, "app".to_owned()),
        pinned_by: None,
        begins: Begins::Absent,
        ends: None,
    };
    let topology = Topology::grounded(&Topology {
        services: BTreeMap::from([("app".to_owned(), Service::plain("app", container))]),
        ..Topology::default()
    });
    let app = named(ResourceKind::Container, "app");
    let start = Effect::Starts {
        member: app.clone(),
        with: Some(Term::text("new")),
    };
    let world = World::new(&topology, &[Effect::Opaque(app.clone())]);
    assert!(world.universe.pin_of(&app).is_some(), "the container names the service");
    let started = world.run(&[(start, Given::OTHER)]).expect("allowed");
    assert_eq!(started.differences().len(), 2, "it runs, and its pin is new");
    let stopped = started
        .run(&[(Effect::Stops(app.clone()), Given::OTHER)])
        .expect("allowed");
    assert_eq!(stopped.differences(), []);
    // What is done inside a container leaves its image alone.
    let inside = world.run(&[(Effect::Opaque(app), Given::OTHER)]).expect("allowed");
    assert_eq!(inside.member("app").pin, Release::Old);
}

#[test]
fn members_that_share_a_pin_are_pinned_together() {
    let pinned = |name: &str| topology::Member {
        pinned_by: Some(named(ResourceKind::Link, "/srv/current")),
        ..process(name)
    };
    let services = ["web", "worker"].map(|name| (name.to_owned(), Service::plain(name, pinned(name))));
    let topology = Topology {
        services: BTreeMap::from(services),
        ..Topology::default()
    };
    let link = sets(named(ResourceKind::Link, "/srv/current"));
    let world = World::new(&topology, std::slice::from_ref(&link));
    let moved = world.run(&[(link.clone(), Given::OTHER)]).expect("allowed");
    assert_eq!(
        (moved.member("web").pin, moved.member("worker").pin),
        (Release::New, Release::New)
    );
    let back = moved.run(&[(link, Given::BEFORE)]).expect("allowed");
    assert_eq!(back.differences(), []);
}
