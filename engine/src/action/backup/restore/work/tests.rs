//! A restore that is ended at each of its moments, and begun again.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use super::super::super::fixture::{archive, directory, entries, file, header, trees};
use super::super::super::manifest::Manifest;
use super::super::progress;
use super::*;

/// Three parts: `a` and `b` are in the backup and live; `c` was not there when the backup was made.
fn site() -> (tempfile::TempDir, Order) {
    let root = tempfile::tempdir().unwrap();
    for name in ["a", "b", "c"] {
        fs::create_dir(root.path().join(name)).unwrap();
        fs::write(root.path().join(name).join("live"), name).unwrap();
    }
    let parts = trees(root.path(), &["a", "b", "c"]);
    let members = [
        directory("part-0"),
        file("part-0/old", "a"),
        directory("part-1"),
        file("part-1/old", "b"),
    ];
    let mut header = header(&parts);
    header.parts[2].present = false;
    let manifest = Manifest {
        header,
        entries: entries(&members),
    };
    let order = Order {
        backup: archive(&root.path().join("archive"), &members, &manifest),
        parts,
        name: "key".to_owned(),
        run_directory: root.path().join("run"),
        volumes: None,
    };
    (root, order)
}

fn names(path: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Runs a restore that dies at a moment; answers whether that moment came.
fn die_at(order: &Order, point: Point) -> bool {
    let died = catch_unwind(AssertUnwindSafe(|| {
        let _ = order.restore(&Stop::never(), &mut |reached| assert!(reached != point, "dies here"));
    }));
    died.is_err()
}

fn all_points() -> Vec<Point> {
    let mut points = vec![Point::Begun, Point::Extracted, Point::Ready, Point::Kept];
    for part in 0..3 {
        points.extend([Point::Swapped(part), Point::Noted(part)]);
    }
    points
}

fn assert_restored(root: &Path) {
    assert_eq!(fs::read_to_string(root.join("a/old")).unwrap(), "a");
    assert_eq!(fs::read_to_string(root.join("b/old")).unwrap(), "b");
    assert_eq!(
        (names(&root.join("a")), names(&root.join("b"))),
        (vec!["old".to_owned()], vec!["old".to_owned()])
    );
    assert!(!root.join("c").exists());
    // What was live is kept, all of it, and nothing else is left.
    let kept = super::super::displaced(&root.join("run")).unwrap();
    let mut live: Vec<String> = kept
        .iter()
        .map(|path| fs::read_to_string(path.join("root/live")).unwrap())
        .collect();
    live.sort();
    assert_eq!(live, ["a", "b", "c"]);
    let hidden = names(root).into_iter().filter(|name| name.starts_with('.')).count();
    assert_eq!(hidden, kept.len(), "{:?}", names(root));
}

#[test]
fn a_restore_that_died_is_finished() {
    for point in all_points() {
        let (root, order) = site();
        assert!(die_at(&order, point), "{point:?} never came");
        order.restore(&Stop::never(), &mut |_| {}).unwrap();
        assert_restored(root.path());
    }
}

#[test]
fn a_restore_that_died_twice_is_finished() {
    for first in [
        Point::Begun,
        Point::Ready,
        Point::Swapped(0),
        Point::Noted(1),
        Point::Kept,
    ] {
        for second in all_points() {
            let (root, order) = site();
            assert!(die_at(&order, first), "{first:?} never came");
            if die_at(&order, second) {
                order.restore(&Stop::never(), &mut |_| {}).unwrap();
            }
            assert_restored(root.path());
        }
    }
}

#[test]
fn its_progress_is_known_by_the_marks() {
    for point in all_points() {
        let (root, order) = site();
        assert!(die_at(&order, point));
        let back = match point {
            Point::Begun | Point::Extracted | Point::Ready => 0,
            Point::Swapped(part) | Point::Noted(part) => part + 1,
            Point::Kept => 3,
        };
        let run = root.path().join("run");
        let now = progress(&run, "key").unwrap();
        assert_eq!((now.back, now.all), (back, 3), "{point:?}");
        if back == 3 {
            assert_restored(root.path());
        }
    }
}

/// What is swapped already need not be there again, so a damaged archive stops only what is not begun.
#[test]
fn a_swap_that_began_needs_no_archive() {
    let (root, order) = site();
    assert!(die_at(&order, Point::Swapped(0)));
    fs::remove_file(&order.backup.path).unwrap();
    order.restore(&Stop::never(), &mut |_| {}).unwrap();
    assert_restored(root.path());
}

/// If what was made ready was changed meanwhile, the restore begins again from the archive.
#[test]
fn what_was_made_ready_is_examined_again() {
    for point in [Point::Ready, Point::Swapped(0)] {
        let (root, order) = site();
        assert!(die_at(&order, point));
        fs::write(order.beside(1, "restore", 1).join("root/old"), "other").unwrap();
        order.restore(&Stop::never(), &mut |_| {}).unwrap();
        assert_eq!(fs::read_to_string(root.path().join("b/old")).unwrap(), "b");
        assert_eq!(names(&root.path().join("a")), ["old"]);
        let kept = super::super::displaced(&root.path().join("run")).unwrap();
        let holds_live = |name: &str| {
            names(root.path()).iter().any(|hidden| {
                let live = root.path().join(hidden).join("root/live");
                fs::read_to_string(live).is_ok_and(|text| text == name)
            })
        };
        assert!(
            holds_live("a") && holds_live("b") && holds_live("c"),
            "{point:?}: {kept:?}"
        );
    }
}

/// A file system without the exchange moves what was there aside first; a crash between the two moves
/// loses nothing.
#[test]
fn a_swap_in_two_moves_is_finished_or_taken_back() {
    for is_damaged in [false, true] {
        let (root, order) = site();
        assert!(die_at(&order, Point::Ready));
        let holder = order.beside(0, "restore", 1);
        fs::rename(root.path().join("a"), holder.join("before")).unwrap();
        if is_damaged {
            fs::write(holder.join("root/old"), "other").unwrap();
        }
        order.restore(&Stop::never(), &mut |_| {}).unwrap();
        assert_eq!(names(&root.path().join("a")), ["old"]);
        assert_eq!(fs::read_to_string(root.path().join("a/old")).unwrap(), "a");
        let kept = super::super::displaced(&root.path().join("run")).unwrap();
        let word = if is_damaged { "root" } else { "before" };
        assert!(
            kept.iter()
                .any(|path| fs::read_to_string(path.join(word).join("live")).is_ok_and(|text| text == "a")),
            "{kept:?}"
        );
    }
}
