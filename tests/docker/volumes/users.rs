//! Nothing is read or put back while a container could write.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use backstay::action::Outcome;

use super::site::{SERVE, Site, Way};
use crate::support::backup::failure;
use crate::support::daemon::Daemon;

/// A container that has the folder of all volumes can write to those of another test too.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

#[test]
fn a_container_that_could_write_is_named() {
    let Some(daemon) = Daemon::shared("a_container_that_could_write_is_named") else {
        return;
    };
    let _alone = ONE_AT_A_TIME.lock();
    let site = Site::new(daemon, "vol-writer", Way::Mountpoint);
    let backup = site.create();
    let before = site.seen();
    let place = site.mountpoint();
    let bind = |path: &std::path::Path| format!("--volume={}:/host", path.display());
    // Another volume that is the same folder.
    let device = format!("--opt=device={}", place.display());
    let alias = [
        "volume",
        "create",
        "--opt=type=none",
        "--opt=o=bind",
        &device,
        "vol-writer-alias",
    ];
    daemon.docker(&alias);
    let cases = [
        ("own", "--volume=vol-writer:/data".to_owned(), "at /data"),
        (
            "alias",
            "--volume=vol-writer-alias:/data".to_owned(),
            "by its mount of /",
        ),
        ("bound", bind(&place), "by its mount of /"),
        (
            "above",
            bind(place.parent().unwrap().parent().unwrap()),
            "by its mount of /",
        ),
        ("below", bind(&place.join("notes")), "by its mount of /"),
    ];
    for (name, option, how) in cases {
        let container = site.container(name, &[&option]);
        for pause in [false, true] {
            if pause {
                daemon.docker(&["pause", &container]);
            }
            let status = if pause { "paused" } else { "running" };
            let expected = format!("the container {container} ({status}) can write to the volume vol-writer {how}");
            let asked: [&dyn Fn() -> Outcome; 2] = [&|| site.perform("backup.create", other_directory(&site)), &|| {
                site.restore(&backup)
            }];
            for ask in asked {
                let text = failure(&ask());
                assert!(text.contains(&expected), "{text}");
            }
        }
        daemon.docker(&["unpause", &container]);
        daemon.docker(&["rm", "--force", &container]);
        assert_eq!(site.seen(), before);
    }
    daemon.docker(&["volume", "rm", "vol-writer-alias"]);
    site.assert_nothing_left();
}

/// Whoever only reads may go on while a backup is made, but would go on seeing what a restore replaced.
#[test]
fn a_container_that_only_reads_stops_a_restore_alone() {
    let Some(daemon) = Daemon::shared("a_container_that_only_reads_stops_a_restore_alone") else {
        return;
    };
    let site = Site::new(daemon, "vol-reader", Way::Mountpoint);
    let container = site.container("reads", &["--volume=vol-reader:/data:ro"]);
    let backup = site.create();
    let text = failure(&site.restore(&backup));
    assert!(
        text.contains(&format!("{container} (running) reads the volume")),
        "{text}"
    );
    daemon.docker(&["stop", "--time=0", &container]);
    assert!(matches!(site.restore(&backup), Outcome::Done(_)));
    site.assert_nothing_left();
}

/// A folder that belongs to the same state is looked after like a volume.
#[test]
fn a_folder_of_the_state_is_guarded_too() {
    let Some(daemon) = Daemon::shared("a_folder_of_the_state_is_guarded_too") else {
        return;
    };
    let mut site = Site::new(daemon, "vol-folder", Way::Helper);
    site.helper = Some(daemon.image("volumes-serve", SERVE));
    let folder = site.root.path().join("uploads");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("picture"), "before").unwrap();
    site.folder = Some(folder.clone());
    let before = site.seen();
    let container = site.container("bound", &[&format!("--volume={}:/uploads", folder.display())]);
    let text = failure(&site.try_create());
    let expected = format!(
        "the container {container} (running) can write to the directory {} by its mount",
        folder.display()
    );
    assert!(text.contains(&expected), "{text}");
    daemon.docker(&["stop", "--time=0", &container]);
    // One part through a helper, one in one move.
    let backup = site.create();
    assert!(matches!(site.verify(&backup), Outcome::Done(_)));
    site.spoil();
    std::fs::write(folder.join("picture"), "after").unwrap();
    std::fs::write(folder.join("another"), "after").unwrap();
    let restored = site.restore(&backup);
    assert!(matches!(restored, Outcome::Done(_)), "{restored:?}");
    assert_eq!(site.seen(), before);
    assert_eq!(crate::support::backup::names(&folder), ["picture"]);
    assert_eq!(std::fs::read_to_string(folder.join("picture")).unwrap(), "before");
    site.assert_nothing_left();
    assert!(
        crate::support::backup::names(site.root.path())
            .iter()
            .all(|name| !name.starts_with('.'))
    );
}

/// A container that restarts again and again is no less a writer between its runs.
#[test]
fn a_container_in_a_restart_loop_is_a_writer() {
    let Some(daemon) = Daemon::shared("a_container_in_a_restart_loop_is_a_writer") else {
        return;
    };
    let site = Site::new(daemon, "vol-loop", Way::Mountpoint);
    let image = daemon.image("volumes-fails", "exit 1");
    daemon.docker(&[
        "run",
        "--detach",
        "--restart=always",
        "--name=vol-loop-c",
        "--volume=vol-loop:/data",
        &image,
    ]);
    let ended = || daemon.docker(&["inspect", "--format={{.State.Status}}", "vol-loop-c"]) == "restarting";
    crate::support::sandbox::wait_until("it restarts", ended);
    let text = failure(&site.try_create());
    assert!(text.contains("vol-loop-c") && text.contains("can write to"), "{text}");
    daemon.docker(&["rm", "--force", "vol-loop-c"]);
    site.assert_nothing_left();
}

/// A container that was started and has ended again while the volume was read is seen by when it was started.
#[test]
fn a_start_while_the_volume_is_read_is_seen() {
    let Some(daemon) = Daemon::shared("a_start_while_the_volume_is_read_is_seen") else {
        return;
    };
    let site = Site::new(daemon, "vol-start", Way::Mountpoint);
    let image = daemon.image("volumes-ends", "exit 0");
    daemon.docker(&["create", "--name=vol-start-c", "--volume=vol-start:/data", &image]);
    let engine = site.engine(None);
    let mut client = daemon.client_command();
    client.args(["start", "--attach", "vol-start-c"]);
    engine.meanwhile(move || assert!(client.output().unwrap().status.success()));
    let outcome = site.perform_with(&engine, "backup.create", other_directory(&site));
    let text = failure(&outcome);
    assert!(
        text.contains("the volume vol-start (the container vol-start-c was started) changed while it was read"),
        "{text}"
    );
    site.assert_nothing_left();
}

/// An engine that does not answer has not said that nobody writes.
#[test]
fn an_engine_that_does_not_answer_stops_everything() {
    let Some(daemon) = Daemon::private("an_engine_that_does_not_answer_stops_everything") else {
        return;
    };
    let mut site = Site::new(&daemon, "vol-frozen", Way::Mountpoint);
    let backup = site.create();
    let before = site.seen();
    site.limit = Duration::from_secs(2);
    daemon.freeze();
    let start = Instant::now();
    let texts = [failure(&site.try_create_anew()), failure(&site.restore(&backup))];
    let took = start.elapsed();
    daemon.thaw();
    for text in texts {
        assert!(text.contains("cannot be looked"), "{text}");
    }
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert_eq!(site.seen(), before);
    site.assert_nothing_left();
}

fn other_directory(site: &Site<'_>) -> backstay::action::Arguments {
    let to = site.root.path().join("others").to_str().unwrap().to_owned();
    backstay::action::Arguments(std::collections::BTreeMap::from([
        ("state".to_owned(), backstay::value::Value::State("data".to_owned())),
        ("to".to_owned(), backstay::value::Value::Path(to)),
    ]))
}

impl Site<'_> {
    fn try_create_anew(&self) -> Outcome {
        self.perform("backup.create", other_directory(self))
    }
}

/// On a busy engine there is always a container that was listed and is gone when it is looked at, and one that has got
/// another name meanwhile.
#[test]
fn containers_that_come_and_go_are_in_nobodys_way() {
    let Some(daemon) = Daemon::shared("containers_that_come_and_go_are_in_nobodys_way") else {
        return;
    };
    let _alone = ONE_AT_A_TIME.lock();
    let site = Site::new(daemon, "vol-busy", Way::Mountpoint);
    let writer = site.container("writer", &["--volume=vol-busy:/data"]);
    let image = daemon.image("volumes-serve", SERVE);
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::SeqCst) {
                daemon.docker(&["create", "--name=vol-busy-passer", &image]);
                daemon.docker(&["rm", "vol-busy-passer"]);
            }
        });
        scope.spawn(|| {
            while !is_over.load(Ordering::SeqCst) {
                daemon.docker(&["rename", &writer, "vol-busy-renamed"]);
                daemon.docker(&["rename", "vol-busy-renamed", &writer]);
            }
        });
        let told: Vec<Outcome> = (0..20).map(|_| site.try_create_anew()).collect();
        is_over.store(true, Ordering::SeqCst);
        for outcome in told {
            let text = failure(&outcome);
            assert!(text.contains("can write to the volume vol-busy at /data"), "{text}");
        }
    });
}
