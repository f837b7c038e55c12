//! The harness itself: what it promises to the other tests of this program.

use std::path::Path;

use crate::docker::watcher::Watcher;
use crate::support::daemon::Daemon;
use crate::support::proxy::Proxy;

const SERVE: &str = "echo up; trap 'exit 0' TERM; while :; do sleep 1 & wait; done";

#[test]
fn a_private_engine_is_restarted_and_leaves_nothing() {
    let Some(daemon) = Daemon::private("a_private_engine_is_restarted_and_leaves_nothing") else {
        return;
    };
    let image = daemon.image("harness", SERVE);
    assert!(image.contains("/harness@sha256:"), "{image}");
    daemon.docker(&[
        "run",
        "--detach",
        "--name=stays",
        "--restart=always",
        "--volume=kept:/data",
        &image,
    ]);
    let with_volume = daemon.image_with("harness-volume", SERVE, &["VOLUME /data"]);
    assert!(with_volume.starts_with(daemon.registry()), "{with_volume}");
    daemon.docker(&["run", "--detach", "--name=ends", &with_volume]);
    assert!(daemon.mountpoint("kept").is_dir());
    let running = || daemon.docker(&["ps", "--format={{.Names}}"]);
    daemon.restart();
    crate::support::sandbox::wait_until("the container that restarts always is back", || running() == "stays");
    daemon.kill();
    daemon.start();
    crate::support::sandbox::wait_until("it is back after a kill", || running() == "stays");
    let place = daemon.socket().parent().unwrap().to_owned();
    let bridge = std::fs::read_to_string(place.join("bridge")).unwrap();
    daemon.freeze();
    daemon.thaw();
    daemon.docker(&["version"]);
    daemon.freeze();
    drop(daemon);
    assert!(!place.exists(), "{} is left", place.display());
    assert!(
        !Path::new("/sys/class/net").join(bridge.trim()).exists(),
        "the bridge {bridge} is left"
    );
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains(place.to_str().unwrap()), "{mounts}");
    let left = crate::support::sandbox::processes_of(place.to_str().unwrap());
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_proxy_swallows_a_request_or_its_reply() {
    let Some(daemon) = Daemon::shared("a_proxy_swallows_a_request_or_its_reply") else {
        return;
    };
    let proxy = Proxy::new(daemon);
    let through = |arguments: &[&str]| {
        let mut command = daemon.client_command();
        command.env("DOCKER_HOST", proxy.host()).args(arguments);
        command.output().unwrap().status.success()
    };
    let volume_is_there = || daemon.try_docker(&["volume", "inspect", "harness-proxy"]).is_ok();
    assert!(through(&["version"]));
    proxy.before("POST", "/volumes/create");
    assert!(!through(&["volume", "create", "harness-proxy"]));
    assert!(!volume_is_there());
    proxy.after("POST", "/volumes/*");
    assert!(!through(&["volume", "create", "harness-proxy"]));
    assert!(volume_is_there());
    assert_eq!(proxy.swallowed(), 2);
    assert!(through(&["volume", "rm", "harness-proxy"]));
    assert!(
        proxy.seen().contains(&"DELETE /volumes/harness-proxy".to_owned()),
        "{:?}",
        proxy.seen()
    );
}

#[test]
fn a_watcher_sees_two_writers_at_once_and_only_then() {
    let Some(daemon) = Daemon::shared("a_watcher_sees_two_writers_at_once_and_only_then") else {
        return;
    };
    let image = daemon.image("harness-writers", SERVE);
    let watcher = Watcher::new(daemon);
    let start = |name: &str, volume: &str| {
        let arguments = ["run", "--detach", "--name", name, "--volume", volume, &image];
        daemon.docker(&arguments)
    };
    start("harness-writer-1", "harness-written:/data");
    start("harness-reader", "harness-written:/data:ro");
    daemon.docker(&["kill", "harness-writer-1"]);
    start("harness-writer-2", "harness-written:/data");
    let one_after_the_other = watcher.two_writers("harness-written");
    daemon.docker(&["start", "harness-writer-1"]);
    let at_once = watcher.two_writers("harness-written");
    let lives = watcher.lives("harness-written");
    daemon.docker(&[
        "rm",
        "--force",
        "harness-writer-1",
        "harness-writer-2",
        "harness-reader",
    ]);
    daemon.docker(&["volume", "rm", "harness-written"]);
    one_after_the_other.unwrap();
    assert!(at_once.is_err(), "{lives:?}");
    let mut starts: Vec<usize> = lives.values().map(|life| life.spans.len()).collect();
    starts.sort_unstable();
    assert_eq!(starts, [1, 2], "{lives:?}");
}
