use std::collections::BTreeMap;

use super::transition::next;
use super::*;
use crate::effect::{ResourceKind, Touch};
use crate::topology::{self, Runs, Service, Writes};

fn named(kind: ResourceKind, name: &str) -> Resource<Term> {
    crate::term::ground(&Resource::new(kind, name.to_owned()))
}

fn key(file: &str, name: &str) -> Resource<Term> {
    crate::term::ground(&Resource {
        kind: ResourceKind::Key,
        key: vec![file.to_owned(), name.to_owned()],
    })
}

/// A gateway behind an ingress, pinned in a file that is protected together with its state.
fn shape() -> Topology<Term> {
    let member = topology::Member {
        runs: Runs::Process(Term::text("gateway")),
        pinned_by: Some(key("/p/.env", "IMAGE")),
        begins: Begins::Running,
    };
    let writes = Writes {
        state: "state".to_owned(),
        migrates: true,
    };
    let gateway = Service {
        writes: vec![writes],
        behind: Some(named(ResourceKind::Ingress, "site")),
        endpoints: vec![named(ResourceKind::Endpoint, "http://g:1/ready")],
        ..Service::plain("gateway", member)
    };
    let parts = vec![named(ResourceKind::Tree, "/s"), named(ResourceKind::File, "/p/.env")];
    Topology {
        services: BTreeMap::from([("gateway".to_owned(), gateway)]),
        states: BTreeMap::from([("state".to_owned(), parts)]),
    }
}

fn gateway() -> Resource<Term> {
    named(ResourceKind::Service, "gateway")
}

fn start_new() -> Touch<Term> {
    Touch::Starts {
        member: gateway(),
        with: Some(Term::text("new")),
    }
}

fn capture() -> Touch<Term> {
    Touch::Captures {
        state: named(ResourceKind::State, "state"),
        backup: named(ResourceKind::Backup, "/b"),
    }
}

/// Applies effects in order and stops at the first that is refused.
fn run(state: State, touches: &[(Touch<Term>, Given)]) -> Result<State, &'static str> {
    let topology = shape();
    touches.iter().try_fold(state, |state, (touch, given)| {
        state
            .apply(&topology, touch, *given)
            .map_err(|violation| violation.slug)
    })
}

fn upgrade() -> Vec<(Touch<Term>, Given)> {
    vec![
        (Touch::Drains(named(ResourceKind::Ingress, "site")), Given::OTHER),
        (Touch::Stops(gateway()), Given::OTHER),
        (capture(), Given::OTHER),
        (Touch::Proves(named(ResourceKind::Backup, "/b")), Given::OTHER),
        (start_new(), Given::OTHER),
    ]
}

#[test]
fn the_reference_way_there_and_back_is_right() {
    let topology = shape();
    let start = State::start(&topology);
    let there = run(start.clone(), &upgrade()).expect("the way forward is allowed");
    assert_eq!(there.data["state"], Data::New);
    let back = [
        (Touch::Stops(gateway()), Given::OTHER),
        (Touch::Restores(named(ResourceKind::Backup, "/b")), Given::OTHER),
        (
            Touch::Starts {
                member: gateway(),
                with: Some(Term::text("old")),
            },
            Given::BEFORE,
        ),
        (Touch::Opens(named(ResourceKind::Ingress, "site")), Given::OTHER),
    ];
    let home = run(there.clone(), &back).expect("the way back is allowed");
    assert_eq!(home.differences(&start), []);
    let without_restore = [back[0].clone(), back[2].clone()];
    assert_eq!(run(there, &without_restore), Err("state-left-behind"));
}

#[test]
fn each_requirement_refuses_with_its_slug() {
    let topology = shape();
    let start = State::start(&topology);
    assert_eq!(
        run(start.clone(), &upgrade()[1..2]),
        Err("order-unsafe"),
        "stop before drain"
    );
    assert_eq!(run(start.clone(), &upgrade()[2..3]), Err("backup-not-cold"));
    let mut late = upgrade();
    late.swap(2, 4);
    late.remove(3);
    assert_eq!(run(start.clone(), &late[..3]).map(|_| ()), Ok(()));
    let stopped_again = [
        late[0].clone(),
        late[1].clone(),
        late[2].clone(),
        late[1].clone(),
        late[3].clone(),
    ];
    assert_eq!(run(start.clone(), &stopped_again), Err("backup-too-late"));

    let there = run(start.clone(), &upgrade()).expect("allowed");
    let open = [(Touch::Opens(gateway()), Given::OTHER)];
    assert_eq!(run(there.clone(), &open), Err("cutover-unvalidated"));
    let checked = there.checked(&topology, &[named(ResourceKind::Endpoint, "http://g:1/ready")]);
    assert_eq!(run(checked.clone(), &open), Err("writes-at-risk"));
    let committed = checked
        .commit(&topology, &[open[0].0.clone()])
        .expect("the backup is proven and fresh");
    let opened = run(committed, &open).expect("past commits users may write");
    let restore = [
        (Touch::Stops(gateway()), Given::OTHER),
        (Touch::Restores(named(ResourceKind::Backup, "/b")), Given::OTHER),
    ];
    assert_eq!(run(opened.clone(), &restore[1..]), Err("order-unsafe"), "a writer runs");
    let drained = [upgrade()[0].clone(), restore[0].clone(), restore[1].clone()];
    assert_eq!(run(opened, &drained), Err("writes-lost"));
}

#[test]
fn a_backup_that_was_never_restored_on_trial_is_not_relied_on() {
    let mut touches = upgrade();
    touches.remove(3);
    let there = run(State::start(&shape()), &touches).expect("allowed");
    assert_eq!(
        there.commit(&shape(), &[]).map_err(|violation| violation.slug),
        Err("backup-unproven")
    );
    let restore = [
        (Touch::Stops(gateway()), Given::OTHER),
        (Touch::Restores(named(ResourceKind::Backup, "/b")), Given::OTHER),
    ];
    assert_eq!(run(there, &restore), Err("backup-unproven"));
}

#[test]
fn the_pin_in_protected_state_is_no_part_of_its_data() {
    let topology = shape();
    let start = State::start(&topology);
    let pin = Touch::Sets {
        resource: key("/p/.env", "IMAGE"),
        to: Some(Term::text("new")),
    };
    let other = Touch::Sets {
        resource: key("/p/.env", "OTHER"),
        to: None,
    };
    let pinned = next(&start, &topology, &pin, Given::OTHER, Extent::Whole);
    assert_eq!(pinned.members["gateway"].pin, Release::New);
    assert_eq!(pinned.data["state"], Data::Own);
    assert!(next(&pinned, &topology, &pin, Given::BEFORE, Extent::Whole).is_as_at_start(&start));
    assert_eq!(
        next(&start, &topology, &other, Given::OTHER, Extent::Whole).data["state"],
        Data::New
    );
    assert_eq!(
        next(&start, &topology, &other, Given::OTHER, Extent::Half).data["state"],
        Data::Mix
    );
}

#[test]
fn plain_resources_remember_what_was_added() {
    let topology = shape();
    let start = State::start(&topology);
    let link = named(ResourceKind::Link, "/srv/current");
    let inner = named(ResourceKind::File, "/srv/new/x");
    let outer = named(ResourceKind::Tree, "/srv/new");
    let apply = |state: &State, touch: Touch<Term>, given, extent| next(state, &topology, &touch, given, extent);
    let set = |resource: &Resource<Term>| Touch::Sets {
        resource: resource.clone(),
        to: None,
    };

    let changed = apply(&start, set(&link), Given::OTHER, Extent::Whole);
    assert_eq!(
        changed.differences(&start),
        [Difference::Plain(link.clone(), Plain::Changed)]
    );
    assert!(apply(&changed, set(&link), Given::BEFORE, Extent::Whole).is_as_at_start(&start));

    let added = apply(&start, set(&outer), Given::FIRST, Extent::Whole);
    let within = apply(&added, set(&inner), Given::OTHER, Extent::Whole);
    assert!(
        within.is_as_at_start(&start),
        "what lies in something added counts as added"
    );
    assert_eq!(
        apply(&within, Touch::Removes(outer), Given::OTHER, Extent::Whole),
        start
    );
    let gone = apply(&start, Touch::Removes(link.clone()), Given::OTHER, Extent::Whole);
    assert_eq!(gone.plain[&link], Plain::Gone);
    let half = apply(&start, set(&link), Given::OTHER, Extent::Half);
    assert!(!half.may_park());
}

#[test]
fn a_hold_is_taken_and_released_once() {
    let start = State::start(&shape());
    let taken = start.take("drained").take("drained");
    assert_eq!(taken.differences(&start), [Difference::Hold("drained".to_owned())]);
    assert_eq!(taken.release("drained").release("drained"), start);
}

#[test]
fn the_pin_of_a_container_is_its_image_unless_the_text_says_another() {
    let (container, image) = (
        named(ResourceKind::Container, "app"),
        named(ResourceKind::Image, "app:1"),
    );
    let begun = |runs: Runs<String>, pinned_by: Option<Resource<String>>| {
        let member = topology::Member {
            runs,
            pinned_by,
            begins: Begins::Running,
        };
        let services = BTreeMap::from([("gateway".to_owned(), Service::plain("gateway", member))]);
        Topology::grounded(&Topology {
            services,
            states: BTreeMap::new(),
        })
    };
    let app = || Runs::Container("app".to_owned());
    let said = begun(app(), Some(Resource::new(ResourceKind::Image, "app:1".to_owned())));
    assert_eq!(said.pin_of(&gateway()), Some(&image));
    assert_eq!(begun(Runs::Unit("app".to_owned()), None).pin_of(&gateway()), None);
    let topology = begun(app(), None);
    let usual = topology.pin_of(&gateway()).expect("a container has one");
    assert_eq!(
        topology.pin_of(&container),
        Some(usual),
        "the container names the service"
    );
    // What is done inside a container leaves its image alone.
    let inside = Touch::Opaque(container);
    let start = State::start(&topology);
    let after = next(&start, &topology, &inside, Given::OTHER, Extent::Whole);
    assert_eq!(after.members["gateway"].pin, Release::Old);
}
