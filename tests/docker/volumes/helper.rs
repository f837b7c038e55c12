//! A volume that only a helper container can reach.

use std::fs;

use backstay::action::{Outcome, Settled};
use backstay::value::Value;

use super::site::{SERVE, Site, Way};
use super::wrapped::Death;
use crate::support::backup::{backup_argument, failure};
use crate::support::daemon::Daemon;

fn is_ok(outcome: &Outcome) -> bool {
    let Outcome::Done(evidence) = outcome else {
        panic!("{outcome:?}")
    };
    match &evidence.value {
        Some(Value::Record(record)) => record["ok"] == Value::Bool(true),
        _ => true,
    }
}

#[test]
fn what_goes_through_a_helper_comes_out() {
    // An engine of its own, because all of its volumes are counted.
    let Some(daemon) = Daemon::private("what_goes_through_a_helper_comes_out") else {
        return;
    };
    let site = Site::new(&daemon, "vol-far", Way::Helper);
    let before = site.seen();
    // Its image is taken for the helper: nothing is named.
    let image = daemon.image_with("volumes-serve-declared", SERVE, &["VOLUME /declared"]);
    daemon.docker(&["create", "--name=vol-far-idle", "--volume=vol-far:/data", &image]);
    let volumes = || daemon.docker(&["volume", "ls", "--quiet"]);
    let volumes_before = volumes();
    let backup = site.create();
    assert!(is_ok(&site.verify(&backup)));
    site.spoil();
    let restored = site.restore(&backup);
    assert!(is_ok(&restored));
    assert_eq!(site.seen(), before);
    let Outcome::Done(evidence) = restored else {
        panic!("{restored:?}")
    };
    assert!(
        evidence.summary.contains(".backstay-displaced-"),
        "{}",
        evidence.summary
    );
    site.assert_nothing_left();
    assert_eq!(volumes(), volumes_before);
}

#[test]
fn an_archive_goes_from_one_way_to_the_other() {
    let Some(daemon) = Daemon::shared("an_archive_goes_from_one_way_to_the_other") else {
        return;
    };
    let mut site = Site::new(daemon, "vol-ways", Way::Helper);
    site.helper = Some(daemon.image("volumes-serve", SERVE));
    let before = site.seen();
    for (made, put_back) in [(Way::Helper, Way::Mountpoint), (Way::Mountpoint, Way::Helper)] {
        site.way = made;
        let backup = site.create();
        site.spoil();
        site.way = put_back;
        let restored = site.restore(&backup);
        assert!(matches!(restored, Outcome::Done(_)), "{restored:?}");
        assert_eq!(site.seen(), before);
        site.assert_nothing_left();
        fs::remove_dir_all(site.root.path().join("backups")).unwrap();
        fs::remove_dir_all(site.root.path().join("run")).unwrap();
    }
}

/// What a helper could not give back is refused before anything is touched.
#[test]
fn what_a_helper_would_lose_is_not_put_back() {
    let Some(daemon) = Daemon::shared("what_a_helper_would_lose_is_not_put_back") else {
        return;
    };
    let mut site = Site::new(daemon, "vol-loses", Way::Mountpoint);
    site.helper = Some(daemon.image("volumes-serve", SERVE));
    let backup = site.create();
    site.spoil();
    let before = site.seen();
    site.way = Way::Helper;
    let text = failure(&site.restore(&backup));
    assert!(
        text.contains("sparse in the volume has the extended attribute user.kept"),
        "{text}"
    );
    assert_eq!(site.seen(), before);
    site.assert_nothing_left();
}

#[test]
fn a_named_pipe_is_refused_by_name() {
    let Some(daemon) = Daemon::shared("a_named_pipe_is_refused_by_name") else {
        return;
    };
    let mut site = Site::new(daemon, "vol-pipe", Way::Helper);
    site.helper = Some(daemon.image("volumes-serve", SERVE));
    let place = site.mountpoint().join("notes/pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, place, rustix::fs::Mode::RUSR).unwrap();
    let text = failure(&site.try_create());
    assert!(text.contains("notes/pipe in the volume is a named pipe"), "{text}");
    site.assert_nothing_left();
}

/// It would be empty by the time of a cold backup.
#[test]
fn a_volume_in_memory_is_refused() {
    let Some(daemon) = Daemon::shared("a_volume_in_memory_is_refused") else {
        return;
    };
    let site = Site::new(daemon, "vol-memory", Way::Mountpoint);
    daemon.docker(&["volume", "rm", "vol-memory"]);
    daemon.docker(&[
        "volume",
        "create",
        "--opt=type=tmpfs",
        "--opt=device=tmpfs",
        "vol-memory",
    ]);
    let text = failure(&site.try_create());
    assert!(text.contains("the volume vol-memory is memory"), "{text}");
}

/// Without a shell everything can be read, but nothing emptied: verify says so before a restore would have to.
#[test]
fn an_image_without_a_shell_cannot_put_back() {
    let Some(daemon) = Daemon::shared("an_image_without_a_shell_cannot_put_back") else {
        return;
    };
    let mut site = Site::new(daemon, "vol-no-shell", Way::Helper);
    let bare = site.root.path().join("bare.tar");
    let mut tar = tar::Builder::new(fs::File::create(&bare).unwrap());
    tar.append_path_with_name("/etc/hostname", "only-a-file").unwrap();
    tar.into_inner().unwrap();
    let bare = daemon.docker(&["import", bare.to_str().unwrap(), "volumes-bare:latest"]);
    site.helper = Some(bare.clone());
    let before = site.seen();
    let backup = site.create();
    for outcome in [site.verify(&backup), site.restore(&backup)] {
        let text = failure(&outcome);
        assert!(
            text.contains("needs `sh` and `rm`") && text.contains("name another one with `helper:`"),
            "{text}"
        );
    }
    assert_eq!(site.seen(), before);
    site.helper = Some(daemon.image("volumes-serve", SERVE));
    assert!(is_ok(&site.restore(&backup)));
    assert_eq!(site.seen(), before);
    site.assert_nothing_left();
    daemon.docker(&["rmi", &bare]);
}

#[test]
fn a_helper_has_to_be_named_where_none_is_known() {
    let Some(daemon) = Daemon::shared("a_helper_has_to_be_named_where_none_is_known") else {
        return;
    };
    let mut site = Site::new(daemon, "vol-unknown", Way::Helper);
    let text = failure(&site.try_create());
    assert!(text.contains("name one with `helper:`"), "{text}");
    site.helper = Some("nowhere.invalid/image:1".to_owned());
    let text = failure(&site.try_create());
    assert!(
        text.contains("nowhere.invalid/image:1 for the helper is not here: fetch it first"),
        "{text}"
    );
    site.assert_nothing_left();
}

/// Dies before and after each change that it asks of the engine; the next attempt clears up and does it exactly.
#[test]
fn whatever_died_at_any_change_is_done_by_the_next_attempt() {
    let Some(daemon) = Daemon::shared("whatever_died_at_any_change_is_done_by_the_next_attempt") else {
        return;
    };
    let mut site = Site::new(daemon, "vol-far-died", Way::Helper);
    site.helper = Some(daemon.image("volumes-serve", SERVE));
    let before = site.seen();
    let backup = site.create();
    // The scratch volume is there; its helper has filled it; the one that empties it runs.
    for changes in [1, 4, 7] {
        let engine = site.engine(Some(Death { changes }));
        site.perform_with(&engine, "backup.verify", backup_argument(&backup));
        assert!(engine.is_dead(), "{changes}");
        assert!(is_ok(&site.verify(&backup)), "{changes}");
        site.assert_nothing_left();
    }
    for changes in 0.. {
        site.spoil();
        let engine = site.engine(Some(Death { changes }));
        let spoilt = site.seen();
        site.perform_with(&engine, "backup.restore", backup_argument(&backup));
        let settled = site.settle("backup.restore", &backup_argument(&backup));
        let is_untouched = matches!(settled, Settled::NotDone(_));
        assert!(!is_untouched || site.seen() == spoilt, "{changes}: {settled:?}");
        assert!(is_ok(&site.restore(&backup)), "{changes}");
        assert_eq!(site.seen(), before, "{changes}");
        if engine.is_dead() {
            assert_displaced(&site, changes);
        }
        site.assert_nothing_left();
        drop(fs::remove_dir_all(site.root.path().join("run")));
        if !engine.is_dead() {
            // Three helpers are made and removed, one of them started, one written to.
            assert_eq!(changes, 8);
            break;
        }
    }
}

/// What was there before the first attempt is what is kept, whatever later ones found.
fn assert_displaced(site: &Site<'_>, changes: usize) {
    let kept = backstay::action::backup::displaced(&site.root.path().join("run")).unwrap();
    // The attempt that found all done but could not say so is done again, and keeps what it found too.
    let Some(kept) = kept.first() else {
        panic!("{changes}: nothing is kept")
    };
    let mut archive = tar::Archive::new(zstd::stream::Decoder::new(fs::File::open(kept).unwrap()).unwrap());
    let mut found = Vec::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().into_owned();
        if path.ends_with("notes/deep/again") || path.ends_with("extra/..more/file") {
            let mut text = String::new();
            std::io::Read::read_to_string(&mut entry, &mut text).unwrap();
            found.push(text);
        }
    }
    assert_eq!(found, ["extra", "spoilt"], "{changes}");
}

/// Helpers and scratch volumes carry the labels of the statement that makes them.
#[test]
fn everything_made_on_the_way_is_labelled() {
    let Some(daemon) = Daemon::shared("everything_made_on_the_way_is_labelled") else {
        return;
    };
    for way in [Way::Helper, Way::Mountpoint] {
        let mut site = Site::new(daemon, "vol-labels", way);
        site.helper = Some(daemon.image("volumes-serve", SERVE));
        let backup = site.create();
        for action in ["backup.verify", "backup.restore"] {
            let engine = site.engine(None);
            let outcome = site.perform_with(&engine, action, backup_argument(&backup));
            assert!(is_ok(&outcome), "{action}");
            let ordered = engine.ordered();
            assert!(!ordered.is_empty() || action == "backup.verify", "{action} {way:?}");
            for labels in ordered {
                let label = |name: &str| labels.get(&format!("backstay.{name}")).cloned().unwrap_or_default();
                assert_eq!(
                    (label("run"), label("step"), label("key")),
                    (
                        "run-vol-labels".to_owned(),
                        format!("step.{action}"),
                        format!("run-vol-labels/step.{action}")
                    )
                );
            }
        }
        site.assert_nothing_left();
    }
}
