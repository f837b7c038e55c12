//! A container that is replaced waits until the run has ended, and comes back as the very same.

use backstay::containers::Container;
use backstay::event::End;

use backstay_dsl::topology::Begins;

use crate::docker::actions_bench::{Bench, image, map, service_script};
use crate::support::daemon::Daemon;
use crate::support::proxy::Proxy;

fn inspected(daemon: &Daemon, container: &str, format: &str) -> String {
    daemon.docker(&["inspect", "--format", format, container])
}

async fn present(bench: &Bench<'_>) -> Container {
    bench.container().await.unwrap()
}

/// The way back of a bench: the image alone.
async fn back(bench: &Bench<'_>, old: &str) -> String {
    let call = bench.call("run", &[("image", image(old))]);
    call.of_statement("back/1").does().await.summary
}

#[tokio::test]
async fn it_waits_stopped_and_is_removed_when_the_run_has_ended_well() {
    let Some(daemon) = Daemon::shared("it_waits_stopped_and_is_removed_when_the_run_has_ended_well") else {
        return;
    };
    let (bench, old) = Bench::served(daemon, "waits", &["--restart=always"]);
    let new = daemon.image("waits-new", &service_script("B"));
    let id = present(&bench).await.id;
    bench.does("run", &[("image", image(&new))]).await;
    let outside = format!("waits.backstay-before-{}", &id[..12]);
    assert_eq!(
        inspected(
            daemon,
            &outside,
            "{{.State.Running}} {{.HostConfig.RestartPolicy.Name}} {{.Id}}"
        ),
        format!("false no {id}")
    );
    for end in [End::Stuck, End::Parked, End::RolledBack] {
        let left = bench.concluded(end).await;
        let told = format!(
            "container({outside}): it was waits before, from {old}, and waits as it was stopped; when nobody needs it any \
             more: docker rm {outside}"
        );
        assert_eq!(left, told, "{end:?}");
    }
    assert_eq!(bench.concluded(End::Completed).await, "");
    assert_eq!(bench.of_the_service(), "waits");
    assert_eq!(bench.asks("running_image").await, new);
}

#[tokio::test]
async fn what_cannot_be_removed_is_named() {
    let Some(daemon) = Daemon::shared("what_cannot_be_removed_is_named") else {
        return;
    };
    let (bench, _) = Bench::served(daemon, "kept", &[]);
    let new = daemon.image("kept-new", &service_script("B"));
    let outside = format!("kept.backstay-before-{}", &present(&bench).await.id[..12]);
    bench.does("run", &[("image", image(&new))]).await;
    daemon.docker(&["start", &outside]);
    let left = bench.concluded(End::Completed).await;
    assert!(
        left.starts_with(&format!("container({outside}): it could not be removed"))
            && left.ends_with(&format!("docker rm {outside}")),
        "{left}"
    );
    daemon.docker(&["stop", "--time=2", &outside]);
    assert_eq!(bench.concluded(End::Completed).await, "");
}

#[tokio::test]
async fn the_way_back_starts_the_very_container() {
    let Some(daemon) = Daemon::shared("the_way_back_starts_the_very_container") else {
        return;
    };
    let (bench, old) = Bench::served(daemon, "very", &["--restart=always", "--env=MODE=kept"]);
    let new = daemon.image("very-new", &service_script("B"));
    let before = present(&bench).await;
    daemon.docker(&["exec", "very", "sh", "-c", "echo own > /tmp/own"]);
    let said = [
        ("image", image(&new)),
        ("env", map(&[("MODE", "new"), ("FEATURE", "1")])),
        ("ports", map(&[("127.0.0.1:38651", "80")])),
        ("mounts", map(&[("/outside", "/tmp:ro")])),
    ];
    bench.does("run", &said).await;
    let line = back(&bench, &old).await;
    assert!(
        line.ends_with("its restart policy always is on again: the one that was there before"),
        "{line}"
    );
    let now = present(&bench).await;
    assert_eq!((&now.id, &now.mounts), (&before.id, &before.mounts));
    assert_eq!(now.restart_policy, before.restart_policy);
    assert_eq!(daemon.docker(&["exec", "very", "cat", "/tmp/own"]), "own");
    assert!(!inspected(daemon, "very", "{{.Config.Env}}").contains("FEATURE"));
    // A second attempt finds it, and what the way forward made is of no use to anybody.
    assert!(back(&bench, &old).await.contains("ran already"));
    assert_eq!(bench.concluded(End::RolledBack).await, "");
    assert_eq!(bench.of_the_service(), "very");
}

#[tokio::test]
async fn the_way_back_goes_through_every_step_that_was_made() {
    let Some(daemon) = Daemon::shared("the_way_back_goes_through_every_step_that_was_made") else {
        return;
    };
    // One image with other settings, twice.
    let (bench, old) = Bench::served(daemon, "steps", &["--env=MODE=0"]);
    let mut ids = vec![present(&bench).await.id];
    for mode in ["1", "2"] {
        let said = [("image", image(&old)), ("env", map(&[("MODE", mode)]))];
        bench.call("run", &said).of_statement(mode).does().await;
        ids.push(present(&bench).await.id);
    }
    for (undo, expected) in [("2/undo", &ids[1]), ("1/undo", &ids[0])] {
        let only = bench.call("run", &[("image", image(&old))]);
        only.of_statement(undo).does().await;
        assert_eq!(present(&bench).await.id, *expected, "{undo}");
    }
    assert_eq!(bench.concluded(End::RolledBack).await, "");
    assert_eq!(bench.of_the_service(), "steps");
    assert_eq!(present(&bench).await.id, ids[0]);
}

#[tokio::test]
async fn nothing_that_was_made_beside_stays_where_it_cannot_go_on() {
    let Some(daemon) = Daemon::shared("nothing_that_was_made_beside_stays_where_it_cannot_go_on") else {
        return;
    };
    let (bench, old) = Bench::served(daemon, "stubborn", &["--restart=always"]);
    let new = daemon.image_with("stubborn-new", &service_script("B"), &["VOLUME /cache"]);
    let proxy = Proxy::new(daemon);
    let through = Bench::reached_by(daemon, &proxy.host(), "stubborn", Begins::Running);
    proxy.lies(
        "POST",
        "/containers/*/stop",
        "500 Internal Server Error",
        "{\"message\": \"cannot stop\"}",
    );
    let failed = through.fails("run", &[("image", image(&new))]).await;
    assert!(failed.contains("cannot stop"), "{failed}");
    assert_eq!(bench.of_the_service(), "stubborn");
    assert_eq!(bench.asks("running_image").await, old);
    assert_eq!(bench.asks("restart_policy").await, "always");
    // Where it cannot be removed either, it is named.
    proxy.lies(
        "DELETE",
        "/containers/*",
        "500 Internal Server Error",
        "{\"message\": \"cannot remove\"}",
    );
    let failed = through.fails("run", &[("image", image(&new))]).await;
    let beside = bench
        .of_the_service()
        .lines()
        .find(|name| *name != "stubborn")
        .unwrap()
        .to_owned();
    assert!(failed.ends_with(&format!("docker rm {beside}")), "{failed}");
}

#[tokio::test]
async fn volumes_that_a_new_image_asks_for_are_named() {
    let Some(daemon) = Daemon::shared("volumes_that_a_new_image_asks_for_are_named") else {
        return;
    };
    let (bench, old) = Bench::served(daemon, "asking", &["--volume=/known"]);
    let new = daemon.image_with("asking-new", &service_script("B"), &["VOLUME /cache"]);
    let line = bench.does("run", &[("image", image(&new))]).await.summary;
    let now = present(&bench).await;
    let volumes = inspected(daemon, "asking", "{{range .Mounts}}{{.Name}} {{.Destination}},{{end}}");
    let new_one = volumes.split(',').find(|volume| volume.ends_with(" /cache")).unwrap();
    let expected = format!("; new volumes that its image asks for: {} at /cache", &new_one[..12]);
    assert!(line.ends_with(&expected), "{line}\n{now:?}");
    // It goes with what the way forward made; the one that was there stays.
    back(&bench, &old).await;
    assert_eq!(bench.concluded(End::RolledBack).await, "");
    let known = volumes.split(',').find(|volume| volume.ends_with(" /known")).unwrap();
    let is_there = |volume: &str| {
        daemon
            .try_docker(&["volume", "inspect", volume.split(' ').next().unwrap()])
            .is_ok()
    };
    assert!(is_there(known) && !is_there(new_one));
}

#[tokio::test]
async fn networks_are_those_that_it_is_in_and_not_those_that_it_was_made_in() {
    let Some(daemon) = Daemon::shared("networks_are_those_that_it_is_in_and_not_those_that_it_was_made_in") else {
        return;
    };
    let networks = |name: &str| {
        inspected(
            daemon,
            name,
            "{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}",
        )
    };
    for network in ["replaced-n1", "replaced-n3"] {
        daemon.docker(&["network", "create", network]);
    }
    // One network is gone; from the default one it was taken out; and out of all.
    let (bench, _) = Bench::served(daemon, "moved", &["--network=replaced-n3"]);
    daemon.docker(&["network", "connect", "replaced-n1", "moved"]);
    daemon.docker(&["network", "disconnect", "replaced-n3", "moved"]);
    daemon.docker(&["network", "rm", "replaced-n3"]);
    let (unbridged, _) = Bench::served(daemon, "unbridged", &[]);
    daemon.docker(&["network", "connect", "replaced-n1", "unbridged"]);
    daemon.docker(&["network", "disconnect", "bridge", "unbridged"]);
    let (alone, _) = Bench::served(daemon, "alone", &[]);
    daemon.docker(&["network", "disconnect", "bridge", "alone"]);
    let new = daemon.image("moved-new", &service_script("B"));
    for (bench, expected) in [(&bench, "replaced-n1"), (&unbridged, "replaced-n1"), (&alone, "none")] {
        bench.does("run", &[("image", image(&new))]).await;
        assert_eq!(networks(&bench.name), expected, "{}", bench.name);
        assert_eq!(bench.concluded(End::Completed).await, "");
    }
    drop((bench, unbridged, alone));
    daemon.docker(&["network", "rm", "replaced-n1"]);
}

const TAKEN: &str = r#"{"message":"Conflict. The container name is already in use"}"#;

/// A killed runner's order is carried out late: until then its name is taken, and nobody has it.
#[tokio::test]
async fn a_name_that_an_earlier_attempt_is_still_taking_is_waited_for() {
    let Some(daemon) = Daemon::shared("a_name_that_an_earlier_attempt_is_still_taking_is_waited_for") else {
        return;
    };
    let proxy = Proxy::new(daemon);
    let bench = Bench::reached_by(daemon, &proxy.host(), "being-made", Begins::Running);
    let (old, new) = (
        daemon.image("being-made", &service_script("A")),
        daemon.image("being-made-new", &service_script("B")),
    );
    daemon.docker(&["run", "--detach", "--name=being-made", &old]);
    proxy.lies_once("POST", "/containers/create", "409 Conflict", TAKEN);
    bench.does("run", &[("image", image(&new))]).await;
    assert_eq!(bench.asks("running_image").await, new);
    let job = daemon.image("being-made-job", "echo done");
    proxy.lies_once("POST", "/containers/create", "409 Conflict", TAKEN);
    bench.does("job", &[("image", image(&job))]).await;
    assert_eq!(proxy.swallowed(), 2);
}

/// What was only about to be replaced is not replaced by the way back either.
#[tokio::test]
async fn the_way_back_keeps_what_was_never_taken_out() {
    let Some(daemon) = Daemon::shared("the_way_back_keeps_what_was_never_taken_out") else {
        return;
    };
    let proxy = Proxy::new(daemon);
    let bench = Bench::reached_by(daemon, &proxy.host(), "never-out", Begins::Running);
    let (old, new) = (
        daemon.image("never-out", &service_script("A")),
        daemon.image("never-out-new", &service_script("B")),
    );
    daemon.docker(&["run", "--detach", "--name=never-out", &old]);
    let before = present(&bench).await.id;
    proxy.lies_once("POST", "/containers/create", "400 Bad Request", "{\"message\":\"no\"}");
    assert!(bench.fails("run", &[("image", image(&new))]).await.contains("no"));
    let line = back(&bench, &old).await;
    assert!(line.ends_with("the one that was there before"), "{line}");
    assert_eq!(present(&bench).await.id, before);
    assert_eq!(bench.of_the_service(), "never-out");
}
