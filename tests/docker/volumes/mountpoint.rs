//! A volume whose files lie on this machine.

use std::fs;

use backstay::action::Outcome;

use super::site::{SERVE, Site, Way};
use super::wrapped::Death;
use crate::support::backup::failure;
use crate::support::daemon::Daemon;

#[test]
fn what_goes_into_a_backup_comes_out() {
    let Some(daemon) = Daemon::shared("what_goes_into_a_backup_comes_out") else {
        return;
    };
    let site = Site::new(daemon, "vol-round-trip", Way::Mountpoint);
    let before = site.seen();
    // One that has the volume and does not run is in nobody's way.
    let image = daemon.image("volumes-serve", SERVE);
    daemon.docker(&[
        "create",
        "--name=vol-round-trip-idle",
        "--volume=vol-round-trip:/data",
        &image,
    ]);

    let backup = site.create();
    assert!(matches!(site.verify(&backup), Outcome::Done(_)));
    site.spoil();
    assert_ne!(site.seen(), before);
    let restored = site.restore(&backup);
    assert!(matches!(restored, Outcome::Done(_)), "{restored:?}");
    assert_eq!(site.seen(), before);
    site.assert_nothing_left();

    // A container sees what was put back, also one that was made before.
    daemon.docker(&["start", "vol-round-trip-idle"]);
    let inside = daemon.docker(&["exec", "vol-round-trip-idle", "cat", "/data/notes/deep/again"]);
    assert_eq!(inside, "first");
}

#[test]
fn a_volume_that_is_gone_is_made_again() {
    let Some(daemon) = Daemon::shared("a_volume_that_is_gone_is_made_again") else {
        return;
    };
    for way in [Way::Mountpoint, Way::Helper] {
        let mut site = Site::new(daemon, "vol-gone", way);
        site.helper = Some(daemon.image("volumes-serve", SERVE));
        let before = site.seen();
        let backup = site.create();
        daemon.docker(&["volume", "rm", "vol-gone"]);
        let restored = site.restore(&backup);
        assert!(matches!(restored, Outcome::Done(_)), "{restored:?}");
        assert_eq!(site.seen(), before);
        let labels = daemon.docker(&["volume", "inspect", "--format={{json .Labels}}", "vol-gone"]);
        assert_eq!(labels, r#"{"of":"the test"}"#);
        site.assert_nothing_left();
    }
}

#[test]
fn a_volume_that_was_never_there_is_refused() {
    let Some(daemon) = Daemon::shared("a_volume_that_was_never_there_is_refused") else {
        return;
    };
    let site = Site::new(daemon, "vol-never", Way::Mountpoint);
    daemon.docker(&["volume", "rm", "vol-never"]);
    let text = failure(&site.try_create());
    assert!(text.contains("there is no volume with the name vol-never"), "{text}");
    daemon.docker(&["volume", "create", "vol-never"]);
    site.assert_nothing_left();
}

/// Dies before and after each change that it asks of the engine, then is done once more.
#[test]
fn a_restore_that_died_at_any_change_is_finished() {
    let Some(daemon) = Daemon::shared("a_restore_that_died_at_any_change_is_finished") else {
        return;
    };
    let site = Site::new(daemon, "vol-died", Way::Mountpoint);
    let before = site.seen();
    let backup = site.create();
    for changes in 0.. {
        site.spoil();
        let engine = site.engine(Some(Death { changes }));
        site.perform_with(
            &engine,
            "backup.restore",
            crate::support::backup::backup_argument(&backup),
        );
        let restored = site.restore(&backup);
        assert!(matches!(restored, Outcome::Done(_)), "{changes}: {restored:?}");
        assert_eq!(site.seen(), before, "{changes}");
        site.assert_nothing_left();
        fs::remove_dir_all(site.root.path().join("run")).unwrap();
        if !engine.is_dead() {
            // The trial volume is made and removed.
            assert_eq!(changes, 2);
            break;
        }
    }
}
