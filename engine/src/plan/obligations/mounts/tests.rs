#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use backstay_dsl::service_kind::ServiceKind;
use backstay_dsl::topology::{Begins, Excepted, Member, Runs};

use super::*;

fn view(writes: &[&str], ignores: Vec<GroundResource>) -> Service<String> {
    let member = Member::new(Runs::new(ServiceKind::Container, "app".to_owned()), Begins::Running);
    let writes = writes.iter().map(|state| Writes {
        state: (*state).to_owned(),
        migrates: true,
    });
    Service {
        writes: writes.collect(),
        ignores,
        ..Service::plain("app", member)
    }
}

fn part(kind: ResourceKind, name: &str) -> GroundResource {
    Resource::new(kind, name.to_owned())
}

fn records() -> Topology<String> {
    let parts = vec![part(ResourceKind::Volume, "data"), part(ResourceKind::Tree, "/srv/app")];
    Topology {
        states: BTreeMap::from([("records".to_owned(), parts)]),
        ..Topology::default()
    }
}

fn volume(name: &str) -> Mounted {
    Mounted {
        what: MountedWhat::Volume {
            name: name.to_owned(),
            path: format!("/volumes/{name}/_data"),
        },
        target: "/cache".to_owned(),
        is_writable: true,
    }
}

fn bind(path: &str) -> Mounted {
    Mounted {
        what: MountedWhat::Bind(path.to_owned()),
        ..volume("")
    }
}

fn said(view: &Service<String>, mount: &Mounted) -> Option<String> {
    let real = BTreeMap::from([("/srv/link".to_owned(), "/srv/app/files".to_owned())]);
    unprotected(&records(), ("app", view), mount, &real)
}

#[test]
fn the_forgotten_third_mount_is_found() {
    let app = view(&["records"], Vec::new());
    assert_eq!(said(&app, &volume("data")), None);
    assert_eq!(said(&app, &bind("/srv/app/files")), None);
    assert_eq!(said(&app, &bind("/srv/link")), None, "by its real path");
    assert_eq!(
        said(&app, &volume("cache")).unwrap(),
        "service `app` writes to the volume `cache`, mounted at /cache, which nothing protects: \
         add `volume \"cache\"` to `protect records`, or add `ignores volume \"cache\" because \"…\"` to the service"
    );
    assert!(
        said(&app, &bind("/srv")).unwrap().contains("path \"/srv\""),
        "only a part of it is protected"
    );
    assert!(said(&app, &bind("/srv/application")).is_some());
    let anonymous = volume(&"0f".repeat(32));
    assert!(said(&app, &anonymous).unwrap().contains("ignores path \"/cache\""));
}

#[test]
fn what_is_ignored_read_only_or_memory_is_in_order() {
    let ignores = vec![part(ResourceKind::Volume, "cache"), part(ResourceKind::Tree, "/cache")];
    let app = view(&["records"], ignores);
    assert_eq!(said(&app, &volume("cache")), None);
    assert_eq!(said(&app, &volume(&"0f".repeat(32))), None, "by where it is mounted");
    assert!(
        said(&app, &volume("other")).is_some(),
        "a volume with a name is not ignored by its place"
    );
    let app = view(&["records"], Vec::new());
    let read_only = Mounted {
        is_writable: false,
        ..volume("cache")
    };
    assert_eq!(said(&app, &read_only), None);
    let memory = Mounted {
        what: MountedWhat::Memory,
        ..volume("")
    };
    assert_eq!(said(&app, &memory), None);
}

#[test]
fn a_service_says_what_it_writes() {
    let other = view(&[], Vec::new());
    let words = said(&other, &volume("data")).unwrap();
    assert!(words.contains("add `writes records`"), "{words}");
}

/// A place that one state leaves out and another protects is that other's.
#[test]
fn what_one_state_leaves_out_and_another_protects_is_the_others() {
    let excepted = |pictures: Vec<GroundResource>| Topology {
        states: BTreeMap::from([
            ("data".to_owned(), vec![part(ResourceKind::Tree, "/srv/data")]),
            ("pictures".to_owned(), pictures),
        ]),
        excepted: BTreeMap::from([(
            "data".to_owned(),
            vec![Excepted {
                part: 0,
                path: "pictures".to_owned(),
            }],
        )]),
        ..Topology::default()
    };
    let app = view(&["data"], Vec::new());
    let said = |topology: &Topology<String>| {
        unprotected(topology, ("app", &app), &bind("/srv/data/pictures"), &BTreeMap::new())
    };
    assert_eq!(said(&excepted(Vec::new())), None);
    let pictures = vec![part(ResourceKind::Tree, "/srv/data/pictures")];
    assert!(
        said(&excepted(pictures))
            .unwrap()
            .contains("add `writes pictures` to the service")
    );
}
