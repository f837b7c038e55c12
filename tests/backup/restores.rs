//! What a restore does beside putting bytes back.

use std::fs;
use std::process::{Command, Stdio};

use backstay::action::{Outcome, Settled, backup};

use backstay_dsl::effect::{Resource, ResourceKind};

use crate::support::backup::{Site, backup_argument, failure};

#[test]
fn what_was_there_before_is_kept_until_it_is_discarded() {
    let site = Site::new();
    fs::write(site.state().join("notes"), "old").unwrap();
    let archive = site.create();
    fs::write(site.state().join("notes"), "new").unwrap();
    fs::write(site.state().join("added"), "since").unwrap();
    fs::remove_file(site.path("settings.env")).unwrap();

    let Outcome::Done(evidence) = site.restore(&archive) else {
        panic!("not restored")
    };
    assert_eq!(fs::read_to_string(site.state().join("notes")).unwrap(), "old");
    assert!(!site.state().join("added").exists());
    let kept = backup::displaced(&site.context.run_directory).unwrap();
    assert_eq!(kept.len(), 1, "the file was not there, so only the tree was displaced");
    assert!(
        evidence.summary.contains(kept[0].to_str().unwrap()),
        "{}",
        evidence.summary
    );
    assert_eq!(fs::read_to_string(kept[0].join("root/added")).unwrap(), "since");

    site.conclude();
    assert_eq!(site.names(), ["backups", "run", "settings.env", "state"]);
    let settled = site.settle("backup.restore", &backup_argument(&archive));
    assert!(matches!(settled, Settled::Done(_)), "{settled:?}");
}

#[test]
fn a_process_at_work_in_the_state_stops_a_restore() {
    let site = Site::new();
    fs::write(site.state().join("log"), "line\n").unwrap();
    let archive = site.create();
    let live = site.seen();
    // One holds a file open for writing, one only stands there.
    let mut writer = Command::new("sleep")
        .arg("60")
        .stdout(
            fs::OpenOptions::new()
                .append(true)
                .open(site.state().join("log"))
                .unwrap(),
        )
        .spawn()
        .unwrap();
    let text = failure(&site.restore(&archive));
    writer.kill().unwrap();
    writer.wait().unwrap();
    assert!(
        text.contains(&format!("process {} (sleep) has open", writer.id())),
        "{text}"
    );

    let mut resident = Command::new("sleep")
        .arg("60")
        .current_dir(site.state())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let text = failure(&site.restore(&archive));
    resident.kill().unwrap();
    resident.wait().unwrap();
    assert!(
        text.contains(&format!("process {} (sleep) works in", resident.id())),
        "{text}"
    );
    assert_eq!(site.seen(), live);

    let settled = site.settle("backup.restore", &backup_argument(&archive));
    assert!(matches!(settled, Settled::NotDone(_)), "{settled:?}");
    assert!(matches!(site.restore(&archive), Outcome::Done(_)));
}

#[test]
fn a_backup_of_other_parts_is_refused() {
    let mut site = Site::new();
    let archive = site.create();
    let mut topology = (*site.context.topology).clone();
    topology.states.get_mut("app state").unwrap().pop();
    site.context.topology = topology.into();
    let text = failure(&site.restore(&archive));
    assert!(text.contains("not what the runbook protects now"), "{text}");
}

/// A link on the way to the state is switched by the upgrade: the state goes back to where it was, and
/// what the link points to now stays as it is.
#[test]
fn a_link_on_the_way_does_not_mislead() {
    let mut site = Site::new();
    for release in ["one", "two"] {
        fs::create_dir_all(site.path(release).join("data")).unwrap();
        fs::write(site.path(release).join("data/notes"), release).unwrap();
    }
    let current = site.path("current");
    std::os::unix::fs::symlink("one", &current).unwrap();
    let mut topology = (*site.context.topology).clone();
    let data = current.join("data").to_str().unwrap().to_owned();
    let data = Resource::new(ResourceKind::Tree, data);
    topology.states.insert("app state".to_owned(), vec![data]);
    site.context.topology = topology.into();
    let archive = site.create();

    fs::write(site.path("one/data/notes"), "changed").unwrap();
    fs::remove_file(&current).unwrap();
    std::os::unix::fs::symlink("two", &current).unwrap();
    assert!(matches!(site.restore(&archive), Outcome::Done(_)));
    assert_eq!(fs::read_to_string(site.path("one/data/notes")).unwrap(), "one");
    assert_eq!(fs::read_to_string(site.path("two/data/notes")).unwrap(), "two");
}
