//! Archives made to do harm: each has the right digest, none gets anything outside of its own place, and
//! none gets the live state touched.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;

use super::archive::MemberKind;
use super::fixture::{Content, archive, directory, entries, file, hard_link, header, member, symlink, trees};
use super::manifest::Manifest;
use super::problem::Problem;
use super::restore::Order;
use crate::action::common::blocking::Stop;

type Case = (&'static str, Vec<Content>);

/// Where links try to lead: the staging directory lies two below the test's own.
const OUTSIDE: &str = "../../victim";

fn names_that_leave() -> Vec<Case> {
    vec![
        ("parent", vec![directory("part-0"), file("part-0/../escaped", "x")]),
        (
            "parent in the middle",
            vec![directory("part-0"), file("part-0/a/../../../escaped", "x")],
        ),
        ("absolute", vec![directory("part-0"), file("/escaped", "x")]),
        (
            "absolute inside",
            vec![directory("part-0"), file("part-0//escaped", "x")],
        ),
        ("dot", vec![directory("part-0"), file("part-0/./x", "x")]),
        ("other part", vec![directory("part-0"), file("part-1/x", "x")]),
        (
            "part by another spelling",
            vec![directory("part-0"), file("part-00/x", "x")],
        ),
    ]
}

fn links_that_leave() -> Vec<Case> {
    vec![
        (
            "root is a link",
            vec![symlink("part-0", OUTSIDE), file("part-0/x", "x")],
        ),
        (
            "through a link",
            vec![
                directory("part-0"),
                symlink("part-0/a", OUTSIDE),
                file("part-0/a/x", "x"),
            ],
        ),
        (
            "through two links",
            vec![
                directory("part-0"),
                symlink("part-0/a", ".."),
                symlink("part-0/b", "a/../../victim"),
                file("part-0/b/x", "x"),
            ],
        ),
        (
            "over a link",
            vec![
                directory("part-0"),
                symlink("part-0/a", "../../victim/kept"),
                file("part-0/a", "x"),
            ],
        ),
        (
            "directory over a link",
            vec![directory("part-0"), symlink("part-0/a", OUTSIDE), directory("part-0/a")],
        ),
        (
            "hard link outside",
            vec![
                directory("part-0"),
                hard_link("part-0/a", "part-0/../../../victim/kept"),
            ],
        ),
        (
            "absolute hard link",
            vec![directory("part-0"), hard_link("part-0/a", "/etc/passwd")],
        ),
        (
            "hard link to another part",
            vec![directory("part-0"), hard_link("part-0/a", "part-1/x")],
        ),
        (
            "hard link through a link",
            vec![
                directory("part-0"),
                symlink("part-0/a", OUTSIDE),
                hard_link("part-0/b", "part-0/a/kept"),
            ],
        ),
        (
            "hard link to nothing",
            vec![directory("part-0"), hard_link("part-0/a", "part-0/none")],
        ),
    ]
}

fn what_is_never_written() -> Vec<Case> {
    vec![
        (
            "file twice",
            vec![directory("part-0"), file("part-0/a", "x"), file("part-0/a", "y")],
        ),
        ("directory twice", vec![directory("part-0"), directory("part-0")]),
        ("no parent", vec![directory("part-0"), file("part-0/a/b", "x")]),
        (
            "below a file",
            vec![directory("part-0"), file("part-0/a", "x"), file("part-0/a/b", "x")],
        ),
        ("file for a directory", vec![file("part-0", "x")]),
        ("nothing", vec![]),
        (
            "our own name",
            vec![directory("part-0"), file("backstay/header.json", "x")],
        ),
        ("zero byte", vec![directory("part-0"), file("part-0/a\0b", "x")]),
        (
            "link with content",
            vec![
                directory("part-0"),
                (member("part-0/a", MemberKind::File, "").0, vec![7; 512]),
            ],
        ),
    ]
}

#[test]
fn nothing_leaves_its_place() {
    for (name, members) in [names_that_leave(), links_that_leave(), what_is_never_written()].concat() {
        let root = tempfile::tempdir().unwrap();
        let site = root.path().join("site");
        fs::create_dir_all(site.join("state")).unwrap();
        fs::write(site.join("state/live"), "live").unwrap();
        fs::create_dir(root.path().join("victim")).unwrap();
        fs::write(root.path().join("victim/kept"), "kept").unwrap();
        let parts = trees(&site, &["state"]);
        let manifest = Manifest {
            header: header(&parts),
            entries: entries(&members),
        };
        let backup = archive(&root.path().join("archive"), &members, &manifest);
        let order = Order {
            parts,
            backup,
            name: "hostile".to_owned(),
            run_directory: root.path().join("run"),
            volumes: None,
        };
        let problem = order.restore(&Stop::never(), &mut |_| {}).expect_err(name);
        let is_refused = matches!(problem, Problem::Damaged(_) | Problem::Refused(_));
        assert!(is_refused, "{name}: {problem}");

        let names = |path: &std::path::Path| {
            let mut names: Vec<String> = fs::read_dir(path)
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            names
        };
        assert_eq!(names(root.path()), ["archive", "run", "site", "victim"], "{name}");
        assert_eq!(names(&site), ["state"], "{name}: something is left beside the state");
        assert_eq!(names(&site.join("state")), ["live"], "{name}");
        assert_eq!(names(&root.path().join("victim")), ["kept"], "{name}");
        assert_eq!(
            fs::read_to_string(root.path().join("victim/kept")).unwrap(),
            "kept",
            "{name}"
        );
    }
}

/// The same means do restore what is not hostile: the corpus is refused for the right reasons.
#[test]
fn a_harmless_archive_is_restored() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("state")).unwrap();
    let parts = trees(root.path(), &["state"]);
    let members = [
        directory("part-0"),
        symlink("part-0/a", "../../victim"),
        file("part-0/b", "content"),
        hard_link("part-0/c", "part-0/b"),
    ];
    let manifest = Manifest {
        header: header(&parts),
        entries: entries(&members),
    };
    let backup = archive(&root.path().join("archive"), &members, &manifest);
    let order = Order {
        parts,
        backup,
        name: "harmless".to_owned(),
        run_directory: root.path().join("run"),
        volumes: None,
    };
    order.restore(&Stop::never(), &mut |_| {}).unwrap();
    assert_eq!(fs::read_to_string(root.path().join("state/c")).unwrap(), "content");
}

/// A manifest that does not fit its archive: missing, more, other content.
#[test]
fn a_manifest_that_lies_is_found() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("state")).unwrap();
    let parts = trees(root.path(), &["state"]);
    let members = [
        directory("part-0"),
        file("part-0/a", "content"),
        file("part-0/b", "content"),
    ];
    let honest = Manifest {
        header: header(&parts),
        entries: entries(&members),
    };
    let mut lies = vec![honest.clone(); 4];
    lies[0].entries.pop();
    lies[1].entries.swap(1, 2);
    lies[2].entries.extend(entries(&[file("part-0/c", "")]));
    lies[3].entries[1] = entries(&[file("part-0/a", "CONTENT")]).remove(0);
    for (number, lie) in lies.into_iter().enumerate() {
        let order = Order {
            backup: archive(&root.path().join("archive"), &members, &lie),
            parts: parts.clone(),
            name: format!("lie-{number}"),
            run_directory: root.path().join("run"),
            volumes: None,
        };
        let problem = order.restore(&Stop::never(), &mut |_| {}).unwrap_err();
        assert!(matches!(problem, Problem::Damaged(_)), "{number}: {problem}");
        assert_eq!(fs::read_dir(root.path().join("state")).unwrap().count(), 0);
    }
}
