//! What no backup is made of, and where none is put.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use backstay::action::{Outcome, Settled};
use backstay::value::Value;

use crate::support::backup::{Site, backup_of, failure};

fn create_fails(site: &Site) -> String {
    let outcome = site.perform("backup.create", &site.create_arguments());
    assert!(site.names_in("backups").is_empty(), "something was left behind");
    failure(&outcome)
}

#[test]
fn a_git_work_tree_is_no_place_for_a_backup() {
    let site = Site::new();
    fs::create_dir(site.path(".git")).unwrap();
    let text = create_fails(&site);
    assert!(
        text.contains("git work tree") && text.contains("outside of it"),
        "{text}"
    );
    assert!(!site.path("backups").exists());
}

#[test]
fn the_state_itself_is_no_place_for_its_backup() {
    let site = Site::new();
    let mut arguments = site.create_arguments();
    let inside = site.state().join("backups").to_str().unwrap().to_owned();
    arguments.0.insert("to".to_owned(), Value::Path(inside));
    let text = failure(&site.perform("backup.create", &arguments));
    assert!(text.contains("inside the protected state"), "{text}");

    // Also by another way there.
    std::os::unix::fs::symlink(site.state(), site.path("alias")).unwrap();
    let mut arguments = site.create_arguments();
    let alias = site.path("alias/backups").to_str().unwrap().to_owned();
    arguments.0.insert("to".to_owned(), Value::Path(alias));
    let text = failure(&site.perform("backup.create", &arguments));
    assert!(text.contains("inside the protected state"), "{text}");
}

#[test]
fn sockets_are_refused_by_name() {
    let site = Site::new();
    let _listener = UnixListener::bind(site.state().join("control.sock")).unwrap();
    let text = create_fails(&site);
    assert!(
        text.contains("control.sock is a socket") && text.contains("remove it"),
        "{text}"
    );
}

#[test]
fn a_state_that_is_not_there_is_refused() {
    let site = Site::new();
    fs::remove_dir(site.state()).unwrap();
    fs::remove_file(site.path("settings.env")).unwrap();
    let text = create_fails(&site);
    assert!(text.contains("there is nothing at"), "{text}");
}

#[test]
fn a_symbolic_link_in_place_of_the_state_is_refused() {
    let site = Site::new();
    fs::rename(site.state(), site.path("real")).unwrap();
    std::os::unix::fs::symlink(site.path("real"), site.state()).unwrap();
    let text = create_fails(&site);
    assert!(text.contains("is not a directory"), "{text}");
}

#[test]
fn a_database_with_a_writer_is_refused() {
    let site = Site::new();
    let database = site.state().join("app.db");
    let mut content = b"SQLite format 3\0".to_vec();
    content.resize(4096, 0);
    fs::write(&database, content).unwrap();
    let reader = fs::File::open(&database).unwrap();
    let writer = fs::OpenOptions::new().write(true).open(&database).unwrap();
    let text = create_fails(&site);
    let own = format!("process {}", std::process::id());
    assert!(
        text.contains("SQLite") && text.contains("app.db") && text.contains(&own),
        "{text}"
    );
    drop(writer);
    backup_of(&site.perform("backup.create", &site.create_arguments()));
    drop(reader);
}

#[test]
fn a_file_that_changes_all_the_time_is_refused_by_name() {
    // One that is held in memory whole, and one that is not.
    for bytes in [1 << 20, 6 << 20] {
        refuses_a_busy_file(bytes);
    }
}

fn refuses_a_busy_file(bytes: usize) {
    let site = Site::new();
    let log = site.state().join("busy.log");
    fs::write(&log, vec![b'x'; bytes]).unwrap();
    let ended = Arc::new(AtomicBool::new(false));
    let writer = std::thread::spawn({
        let (ended, log) = (ended.clone(), log.clone());
        move || {
            use std::io::Write as _;
            let mut file = fs::OpenOptions::new().append(true).open(log).unwrap();
            while !ended.load(Ordering::Relaxed) {
                file.write_all(b"line\n").unwrap();
                std::thread::yield_now();
            }
        }
    });
    // On a busy machine the writer may stand still for as long as many backups take.
    let began = Instant::now();
    let mut tries = std::iter::repeat(()).take_while(|()| began.elapsed() < Duration::from_mins(2));
    let refused = tries.find_map(|()| {
        let outcome = site.perform("backup.create", &site.create_arguments());
        if let Outcome::Done(_) = outcome {
            fs::remove_dir_all(site.path("backups")).unwrap();
            return None;
        }
        assert!(site.names_in("backups").is_empty(), "something was left behind");
        Some(failure(&outcome))
    });
    let text = refused.unwrap();
    ended.store(true, Ordering::Relaxed);
    writer.join().unwrap();
    assert!(
        text.contains("busy.log") && text.contains("changed while it was read"),
        "{text}"
    );
}

#[test]
fn a_mask_takes_and_gives_no_rights() {
    // The mask is the whole process's, so each is set in a process of its own.
    const MASK: &str = "BACKSTAY_TEST_MASK";
    let Ok(mask) = std::env::var(MASK) else {
        for mask in ["0", "18", "511"] {
            let status = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "backup::refusals::a_mask_takes_and_gives_no_rights"])
                .env(MASK, mask)
                .status()
                .unwrap();
            assert!(status.success(), "with the mask {mask}");
        }
        return;
    };
    {
        let mask = mask.parse().unwrap();
        let site = Site::new();
        fs::create_dir(site.state().join("inner")).unwrap();
        fs::write(site.state().join("inner/notes"), "text").unwrap();
        let before = site.seen();
        let old = rustix::process::umask(rustix::fs::Mode::from_raw_mode(mask));
        let backup = site.create();
        let verified = site.verify(&backup);
        let restored = site.restore(&backup);
        rustix::process::umask(old);
        let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode(backup.path.as_ref()), 0o600);
        assert_eq!(mode(&site.path("backups")), 0o700);
        assert_eq!(verified, (true, String::new()));
        assert!(matches!(restored, Outcome::Done(_)), "{restored:?}");
        assert_eq!(site.seen(), before);
    }
}

#[test]
fn a_second_attempt_finds_the_first() {
    let site = Site::new();
    fs::write(site.state().join("notes"), "text").unwrap();
    let arguments = site.create_arguments();
    assert!(matches!(site.settle("backup.create", &arguments), Settled::NotDone(_)));

    let backup = site.create();
    let Settled::Done(evidence) = site.settle("backup.create", &arguments) else {
        panic!("the archive was not found")
    };
    assert_eq!(evidence.value, Some(Value::Backup(backup.clone())));
    assert_eq!(site.create(), backup, "a second attempt makes no second archive");

    // An archive that was cut off, or is another attempt's, is none.
    let whole = fs::read(&backup.path).unwrap();
    fs::write(&backup.path, &whole[..whole.len() - 20]).unwrap();
    assert!(matches!(site.settle("backup.create", &arguments), Settled::NotDone(_)));
}

#[test]
fn what_an_attempt_left_unfinished_is_removed() {
    let site = Site::new();
    let backup = site.create();
    let name = backup
        .path
        .rsplit_once('-')
        .unwrap()
        .1
        .strip_suffix(".tar.zst")
        .unwrap();
    let left = site.path("backups").join(format!(".backstay-{name}-1.partial"));
    fs::rename(&backup.path, &left).unwrap();
    let settled = site.settle("backup.create", &site.create_arguments());
    assert!(matches!(settled, Settled::NotDone(_)), "{settled:?}");
    assert!(!left.exists());
}

#[test]
fn a_cancelled_backup_leaves_nothing() {
    let mut site = Site::new();
    fs::write(site.state().join("notes"), "text").unwrap();
    site.cancel();
    assert!(create_fails(&site).contains("stopped"));
    site.context.cancelled = tokio_util::sync::CancellationToken::new();
    site.context.limit = Duration::ZERO;
    assert!(create_fails(&site).contains("not done within 0s"));
}
