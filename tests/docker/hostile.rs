//! What somebody would try who wants a service to lose what belongs to it.

use std::time::Duration;

use backstay::action::Settled;
use backstay::containers::Timeouts;
use backstay_dsl::topology::Begins;

use crate::docker::actions_bench::{Bench, beside, image, service_script};
use crate::support::daemon::Daemon;
use crate::support::proxy::Proxy;

/// An image whose program ends at once.
const FAILS: &str = "echo cannot start; exit 3";

#[tokio::test]
async fn a_way_back_finds_the_settings_of_a_container_that_is_removed_already() {
    let Some(daemon) = Daemon::shared("a_way_back_finds_the_settings_of_a_container_that_is_removed_already") else {
        return;
    };
    let proxy = Proxy::new(daemon);
    let mut bench = Bench::reached_by(daemon, &proxy.host(), "heir", Begins::Running);
    let data = bench.volume("heir-data");
    let old = daemon.image("heir", &service_script("A"));
    let new = daemon.image("heir-new", &service_script("B"));
    bench.daemon.serve(
        &bench.name,
        &old,
        &["--restart=always", "--volume=heir-data:/data", "--env=MODE=kept"],
    );
    let before = bench.container().await.unwrap().id;
    // The old one is out of its place, the new one not yet in it.
    let forward = bench.call("run", &[("image", image(&new))]);
    proxy.passes("POST", "/containers/*/rename");
    proxy.before("POST", "/containers/*/rename");
    forward.is_lost().await;
    let settled = forward.settle().await;
    assert!(
        matches!(settled, Settled::Undecidable(_)),
        "not done would need no way back: {settled:?}"
    );
    assert!(bench.container().await.is_none());
    bench
        .call("run", &[("image", image(&old))])
        .of_statement("step/1/undo")
        .does()
        .await;
    assert_eq!(bench.asks("running_image").await, old);
    assert_eq!(bench.asks("restart_policy").await, "always");
    assert!(bench.asks("logs").await.contains("mode=kept"));
    assert!(data.join("lock").exists(), "the volume was lost");
    assert!(!data.join("two").exists(), "two wrote at once");
    assert_eq!(bench.container().await.unwrap().id, before);
    assert_eq!(bench.of_the_service(), "heir");
}

#[tokio::test]
async fn a_failed_replacement_of_a_passing_container_does_not_vanish() {
    let Some(daemon) = Daemon::shared("a_failed_replacement_of_a_passing_container_does_not_vanish") else {
        return;
    };
    let mut bench = Bench::new(daemon, "vanishing").with(Timeouts::default());
    let data = bench.volume("vanishing-data");
    let old = daemon.image("vanishing", &service_script("A"));
    let new = daemon.image("vanishing-new", FAILS);
    bench
        .daemon
        .serve(&bench.name, &old, &["--rm", "--volume=vanishing-data:/data"]);
    let failed = bench.fails("run", &[("image", image(&new))]).await;
    assert!(
        failed.ends_with("ended at once with status 3: cannot start"),
        "{failed}"
    );
    bench
        .call("run", &[("image", image(&old))])
        .of_statement("step/1/undo")
        .does()
        .await;
    assert!(data.join("lock").exists(), "the volume was lost");
}

#[tokio::test]
async fn a_service_is_not_made_without_the_state_that_it_writes() {
    let Some(daemon) = Daemon::shared("a_service_is_not_made_without_the_state_that_it_writes") else {
        return;
    };
    let bench = Bench::new(daemon, "stateless").writing("data");
    let app = daemon.image("stateless", &service_script("A"));
    let refused = bench.fails("run", &[("image", image(&app))]).await;
    assert!(refused.contains("it would run without `data`"), "{refused}");
    assert!(bench.container().await.is_none());
}

#[tokio::test]
async fn nobody_is_killed_before_the_time_that_was_set() {
    let Some(daemon) = Daemon::shared("nobody_is_killed_before_the_time_that_was_set") else {
        return;
    };
    let (bench, _) = Bench::served(daemon, "unhurried", &["--stop-timeout=120", "--restart=always"]);
    let preview = bench.call("stop", &[]).preview().await;
    assert!(preview.contains("may take 2m to end"), "{preview}");
    for action in ["stop", "remove"] {
        let refused = bench.fails(action, &[]).await;
        assert!(refused.contains("does not fit into the limit of 1m"), "{refused}");
    }
    assert_eq!(bench.asks("restart_policy").await, "always");
    bench.call("stop", &[]).within(Duration::from_mins(3)).does().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_sees_who_took_the_name_meanwhile() {
    let Some(daemon) = Daemon::shared("a_stop_sees_who_took_the_name_meanwhile") else {
        return;
    };
    let bench = Bench::new(daemon, "usurped");
    let slow = daemon.image(
        "usurped",
        "trap 'echo told; until [ -e /tmp/end ]; do sleep 0.1; done; exit 0' TERM; echo up; while :; do sleep 1 & wait; done",
    );
    bench.daemon.serve(&bench.name, &slow, &[]);
    bench.wait_for_line("up");
    let refused = beside(bench.fails("stop", &[]), || {
        bench.wait_for_line("told");
        daemon.docker(&["rename", "usurped", "usurped-before"]);
        bench.daemon.serve(&bench.name, &slow, &[]);
        daemon.docker(&["exec", "usurped-before", "touch", "/tmp/end"]);
    });
    daemon.docker(&["rm", "--force", "usurped-before"]);
    assert!(refused.contains("another container has its name since"), "{refused}");
}

#[test]
fn what_waits_beside_is_not_started_by_an_engine_that_restarts() {
    let Some(daemon) = Daemon::private("what_waits_beside_is_not_started_by_an_engine_that_restarts") else {
        return;
    };
    let app = daemon.image("beside", &service_script("A"));
    daemon.docker(&["run", "--detach", "--name=runs", "--restart=always", &app]);
    daemon.docker(&["create", "--name=waits", "--restart=always", &app]);
    let status = |name: &str| daemon.docker(&["inspect", "--format={{.State.Status}}", name]);
    daemon.restart();
    crate::support::sandbox::wait_until("what ran runs again", || status("runs") == "running");
    assert_eq!(status("waits"), "created");
    daemon.kill();
    daemon.start();
    crate::support::sandbox::wait_until("what ran runs again", || status("runs") == "running");
    assert_eq!(status("waits"), "created");
}

#[tokio::test]
async fn a_digest_counts_whatever_tag_stands_beside_it() {
    let Some(daemon) = Daemon::shared("a_digest_counts_whatever_tag_stands_beside_it") else {
        return;
    };
    let bench = Bench::reached_by(daemon, &daemon.host(), "tag-and-digest", Begins::Absent);
    let old = daemon.image("tag-and-digest", &service_script("A"));
    let new = daemon.image("tag-and-digest", &service_script("B"));
    assert_ne!(old, new);
    daemon.docker(&["rmi", "--force", &old]);
    let (place, digest) = old.split_once('@').unwrap();
    let both = format!("{place}:latest@{digest}");
    let pulled = bench.does("pull", &[("image", image(&both))]).await.summary;
    assert!(pulled.ends_with("was fetched"), "{pulled}");
    bench.does("run", &[("image", image(&both))]).await;
    assert_eq!(bench.asks("running_image").await, old);
}
