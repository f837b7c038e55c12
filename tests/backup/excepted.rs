//! What protected state excepts: no backup holds it, and a restore leaves it as it is.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::process::{Command, Stdio};

use backstay::action::{Outcome, Settled, backup};
use backstay_dsl::topology::Excepted;

use super::crash::{KEPT, READY, die_at};
use crate::support::backup::{Site, backup_argument, failure, look};

/// A state without `cache` and `var/log`.
fn site() -> Site {
    let mut site = Site::new();
    let mut topology = (*site.context.topology).clone();
    let excepted = ["cache", "var/log", "note"].map(|path| Excepted {
        part: 0,
        path: path.to_owned(),
    });
    topology.excepted.insert("app state".to_owned(), excepted.into());
    site.context.topology = topology.into();
    for (name, text) in [
        ("cache/page", "old page"),
        ("var/log/today", "old line"),
        ("var/kept", "old"),
        ("note", "old note"),
        ("rows", "old"),
    ] {
        let path = site.state().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    fs::set_permissions(site.state().join("cache"), fs::Permissions::from_mode(0o700)).unwrap();
    site
}

fn read(site: &Site, name: &str) -> String {
    fs::read_to_string(site.state().join(name)).unwrap_or_default()
}

/// The release writes everywhere.
fn change(site: &Site) {
    for name in [
        "cache/page",
        "cache/more",
        "var/log/today",
        "var/kept",
        "note",
        "rows",
        "added",
    ] {
        fs::write(site.state().join(name), "new").unwrap();
    }
}

fn assert_restored(site: &Site) {
    let all = [
        "cache/page",
        "cache/more",
        "var/log/today",
        "var/kept",
        "note",
        "rows",
        "added",
    ];
    let now = all.map(|name| read(site, name));
    assert_eq!(now, ["new", "new", "new", "old", "new", "old", ""]);
}

#[test]
fn a_restore_leaves_it_as_it_is_and_puts_all_else_back_exactly() {
    let site = site();
    let before = site.seen();
    let archive = site.create();
    assert_eq!(site.verify(&archive), (true, String::new()));
    change(&site);
    let cached = look(&site.state().join("cache"));

    let outcome = site.restore(&archive);
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
    assert_restored(&site);
    assert_eq!(look(&site.state().join("cache")), cached);
    let is_excepted = |path: &std::path::Path| {
        let within = path.strip_prefix(site.state()).unwrap_or(path);
        ["cache", "var/log", "note"]
            .iter()
            .any(|place| within.starts_with(place))
    };
    let (mut before, mut now) = (before, site.seen());
    before.retain(|path, _| !is_excepted(path));
    now.retain(|path, _| !is_excepted(path));
    assert_eq!(now, before);
    let settled = site.settle("backup.restore", &backup_argument(&archive));
    assert!(matches!(settled, Settled::Done(_)), "{settled:?}");
    site.conclude();
}

#[test]
fn an_archive_holds_none_of_it_but_the_empty_folders() {
    let site = site();
    let archive = site.create();
    fs::remove_dir_all(site.state()).unwrap();
    assert!(matches!(site.restore(&archive), Outcome::Done(_)));
    for folder in ["state/cache", "state/var/log"] {
        assert_eq!(site.names_in(folder), [""; 0]);
    }
    assert_eq!(site.names_in("state"), ["cache", "rows", "var"]);
    let mode = site.state().join("cache").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700, "a program finds its folder as it left it");
}

#[test]
fn who_writes_there_is_in_nobodys_way() {
    let site = site();
    let log = fs::OpenOptions::new()
        .append(true)
        .open(site.state().join("var/log/today"))
        .unwrap();
    let mut writer = Command::new("sleep")
        .arg("60")
        .stdout(Stdio::from(log))
        .spawn()
        .unwrap();
    // A socket cannot be kept, and need not.
    let _socket = std::os::unix::net::UnixListener::bind(site.state().join("cache/socket")).unwrap();
    let archive = site.create();
    change(&site);
    let outcome = site.restore(&archive);
    writer.kill().unwrap();
    writer.wait().unwrap();
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
    assert_restored(&site);
}

#[test]
fn a_restore_that_died_is_finished_and_nothing_of_it_is_lost() {
    for moment in [
        "it is extracted beside",
        READY,
        "/state is back",
        "settings.env is back",
        KEPT,
    ] {
        let mut site = site();
        let archive = site.create();
        change(&site);
        fs::write(site.path("settings.env"), "RELEASE=2\n").unwrap();
        assert!(die_at(&mut site, &archive, moment), "{moment} never came");
        if moment == "settings.env is back" {
            let settled = site.settle("backup.restore", &backup_argument(&archive));
            assert!(matches!(settled, Settled::Done(_)), "{settled:?}");
        } else {
            assert!(matches!(site.restore(&archive), Outcome::Done(_)));
        }
        assert_restored(&site);
        let kept = backup::displaced(&site.context.run_directory).unwrap();
        let tree = kept.iter().find(|path| path.join("root/rows").exists()).unwrap();
        assert!(!tree.join("root/cache").exists(), "it is in one place: {moment}");
        site.conclude();
    }
}

/// What a release put in the way leads the move nowhere else.
#[test]
fn a_link_on_the_way_moves_nothing_of_others() {
    let site = site();
    let archive = site.create();
    change(&site);
    fs::create_dir(site.path("others")).unwrap();
    fs::create_dir(site.path("others/log")).unwrap();
    fs::write(site.path("others/log/today"), "theirs").unwrap();
    fs::remove_dir_all(site.state().join("var")).unwrap();
    symlink(site.path("others"), site.state().join("var")).unwrap();
    assert!(matches!(site.restore(&archive), Outcome::Done(_)));
    assert_eq!(fs::read_to_string(site.path("others/log/today")).unwrap(), "theirs");
    assert_eq!(site.names_in("state/var/log"), [""; 0]);
    assert_eq!(read(&site, "var/kept"), "old");
}

#[test]
fn a_backup_that_excepts_something_else_is_not_put_back() {
    let mut site = site();
    let archive = site.create();
    let mut topology = (*site.context.topology).clone();
    topology.excepted.clear();
    site.context.topology = topology.into();
    let text = failure(&site.restore(&archive));
    assert!(text.contains("not what the runbook protects now"), "{text}");
}
