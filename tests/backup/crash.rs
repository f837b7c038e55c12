//! A restore that is ended at each of its moments, and begun again. It says each moment as its progress; there it dies.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use backstay::action::backup::displaced;
use backstay::action::{Outcome, Progress, Settled};
use backstay::value::Backup;
use backstay_dsl::effect::{Resource, ResourceKind};

use crate::support::backup::{Site, backup_argument, names};

const BEGUN: &str = "it is extracted beside the state";
const EXTRACTED: &str = "everything is extracted and compared";
pub(super) const READY: &str = "everything is ready";
const A_IS_BACK: &str = "/a is back";
const B_IS_BACK: &str = "/b is back";
const C_IS_BACK: &str = "/c is back";
pub(super) const KEPT: &str = "what was there before is kept";
const ALL: [&str; 7] = [BEGUN, EXTRACTED, READY, A_IS_BACK, B_IS_BACK, C_IS_BACK, KEPT];

/// Three parts: `a` and `b` are in the backup and live; `c` was not there when the backup was made.
fn site() -> (Site, Backup) {
    let mut site = Site::new();
    let mut topology = (*site.context.topology).clone();
    let tree = |name: &str| Resource::new(ResourceKind::Tree, site.path(name).to_str().unwrap().to_owned());
    let trees = vec![tree("a"), tree("b"), tree("c")];
    topology.states.insert("app state".to_owned(), trees);
    site.context.topology = topology.into();
    for name in ["a", "b"] {
        fs::create_dir(site.path(name)).unwrap();
        fs::write(site.path(name).join("old"), name).unwrap();
    }
    let backup = site.create();
    fs::create_dir(site.path("c")).unwrap();
    for name in ["a", "b", "c"] {
        drop(fs::remove_file(site.path(name).join("old")));
        fs::write(site.path(name).join("live"), name).unwrap();
    }
    (site, backup)
}

/// Restores, and dies at a moment; answers whether that moment came.
pub(super) fn die_at(site: &mut Site, backup: &Backup, moment: &'static str) -> bool {
    let died = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&died);
    site.context.progress = Progress::new(Arc::new(move |line: &str| {
        if line.contains(moment) {
            told.store(true, Ordering::Relaxed);
            panic!("dies here");
        }
    }));
    let outcome = site.restore(backup);
    site.context.progress = Progress::default();
    let died = died.load(Ordering::Relaxed);
    assert!(died == matches!(outcome, Outcome::Failed(_)), "{moment}: {outcome:?}");
    died
}

fn finish(site: &Site, backup: &Backup) {
    let outcome = site.restore(backup);
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
}

fn kept(site: &Site) -> Vec<PathBuf> {
    displaced(&site.context.run_directory).unwrap()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn assert_restored(site: &Site) {
    for name in ["a", "b"] {
        assert_eq!(read(&site.path(name).join("old")), name);
        assert_eq!(site.names_in(name), ["old"]);
    }
    assert!(!site.path("c").exists());
    // What was live is kept, all of it, and nothing else is left.
    let kept = kept(site);
    let mut live: Vec<String> = kept.iter().map(|path| read(&path.join("root/live"))).collect();
    live.sort();
    assert_eq!(live, ["a", "b", "c"]);
    let hidden = site.names().into_iter().filter(|name| name.starts_with('.')).count();
    assert_eq!(hidden, kept.len(), "{:?}", site.names());
}

/// Our directory beside a part.
fn holder(site: &Site, part: usize) -> PathBuf {
    let ending = format!("-1-{part}");
    let found =
        (site.names().into_iter()).find(|name| name.starts_with(".backstay-restore") && name.ends_with(&ending));
    site.path(&found.unwrap())
}

#[test]
fn a_restore_that_died_is_finished() {
    for moment in ALL {
        let (mut site, backup) = site();
        assert!(die_at(&mut site, &backup, moment), "{moment} never came");
        finish(&site, &backup);
        assert_restored(&site);
    }
}

#[test]
fn a_restore_that_died_twice_is_finished() {
    for first in [BEGUN, READY, A_IS_BACK, B_IS_BACK, KEPT] {
        for second in ALL {
            let (mut site, backup) = site();
            assert!(die_at(&mut site, &backup, first), "{first} never came");
            if die_at(&mut site, &backup, second) {
                finish(&site, &backup);
            }
            assert_restored(&site);
        }
    }
}

#[test]
fn how_far_it_is_is_known() {
    for moment in ALL {
        let (mut site, backup) = site();
        assert!(die_at(&mut site, &backup, moment));
        let settled = site.settle("backup.restore", &backup_argument(&backup));
        match (moment, &settled) {
            (BEGUN | EXTRACTED | READY, Settled::NotDone(_)) => {}
            (A_IS_BACK, Settled::Undecidable(text)) => assert!(text.contains("1 of 3"), "{text}"),
            (B_IS_BACK, Settled::Undecidable(text)) => assert!(text.contains("2 of 3"), "{text}"),
            (C_IS_BACK | KEPT, Settled::Done(_)) => assert_restored(&site),
            _ => panic!("{moment}: {settled:?}"),
        }
    }
}

/// What is swapped already need not be there again, so a damaged archive stops only what is not begun.
#[test]
fn a_swap_that_began_needs_no_archive() {
    let (mut site, backup) = site();
    assert!(die_at(&mut site, &backup, A_IS_BACK));
    fs::remove_file(&backup.path).unwrap();
    finish(&site, &backup);
    assert_restored(&site);
}

/// If what was made ready was changed meanwhile, the restore begins again from the archive.
#[test]
fn what_was_made_ready_is_examined_again() {
    for moment in [READY, A_IS_BACK] {
        let (mut site, backup) = site();
        assert!(die_at(&mut site, &backup, moment));
        fs::write(holder(&site, 1).join("root/old"), "other").unwrap();
        finish(&site, &backup);
        assert_eq!(read(&site.path("b/old")), "b");
        assert_eq!(site.names_in("a"), ["old"]);
        for name in ["a", "b", "c"] {
            let holds = |hidden: &String| read(&site.path(hidden).join("root/live")) == name;
            assert!(site.names().iter().any(holds), "{moment}: {name} is lost");
        }
    }
}

/// A file system without the exchange moves what was there aside first; a crash between the two moves
/// loses nothing.
#[test]
fn a_swap_in_two_moves_is_finished_or_taken_back() {
    for is_damaged in [false, true] {
        let (mut site, backup) = site();
        assert!(die_at(&mut site, &backup, READY));
        let holder = holder(&site, 0);
        fs::rename(site.path("a"), holder.join("before")).unwrap();
        if is_damaged {
            fs::write(holder.join("root/old"), "other").unwrap();
        }
        finish(&site, &backup);
        assert_eq!(names(&site.path("a")), ["old"]);
        assert_eq!(read(&site.path("a/old")), "a");
        let word = if is_damaged { "root" } else { "before" };
        let holds = |path: &PathBuf| read(&path.join(word).join("live")) == "a";
        assert!(kept(&site).iter().any(holds), "{:?}", kept(&site));
    }
}
