//! Who hangs on a container, and what would keep it from being started: seen before anything is touched.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use backstay::containers::Timeouts;

use crate::docker::actions_bench::{Bench, image, map, service_script, short, text, words};
use crate::support::daemon::Daemon;

/// A container beside the bench's, removed with this value.
struct Beside<'a>(&'a Daemon, &'a str);

impl Drop for Beside<'_> {
    fn drop(&mut self) {
        drop(self.0.try_docker(&["rm", "--force", self.1]));
    }
}

/// A service that runs, its image, and one to replace it.
fn served<'a>(daemon: &'a Daemon, name: &str, given: &[&str]) -> (Bench<'a>, String, String) {
    let (bench, old) = Bench::served(daemon, name, given);
    let new = daemon.image(&format!("{name}-new"), &service_script("B"));
    (bench, old, new)
}

/// Whether the service's container still runs as it did, and nothing was made beside it.
async fn is_untouched(bench: &Bench<'_>, image: &str) {
    assert_eq!(bench.asks("running_image").await, image);
    assert_eq!(bench.of_the_service(), bench.name);
}

#[tokio::test]
async fn others_that_hang_on_it_are_not_cut_off() {
    let Some(daemon) = Daemon::shared("others_that_hang_on_it_are_not_cut_off") else {
        return;
    };
    let (bench, old, new) = served(daemon, "vpn", &["--ipc=shareable"]);
    let ways = [
        ("--network=container:vpn", "is in the network of", "network", true),
        ("--pid=container:vpn", "is among the processes of", "processes", true),
        ("--ipc=container:vpn", "has the shared memory of", "memory", true),
        ("--link=vpn", "is linked to", "link", false),
    ];
    for (way, told, word, ends_with_a_stop) in ways {
        let side = Beside(daemon, "vpn-side");
        daemon.serve(side.1, &old, &[way]);
        assert_eq!(
            bench.asks("sharers").await,
            format!("[{{name: vpn-side, running: true, shares: {word}}}]")
        );
        let expected = format!("the container vpn-side {told} vpn and would be cut off: ");
        for action in ["run", "remove", "stop"] {
            if action == "stop" && !ends_with_a_stop {
                continue;
            }
            let given = [("image", image(&new))];
            let given = if action == "run" { &given[..] } else { &[] };
            let refused = bench.fails(action, given).await;
            assert!(refused.starts_with(&expected), "{action} {way}: {refused}");
            is_untouched(&bench, &old).await;
        }
        // One after the other it goes: whoever does not run joins again.
        daemon.docker(&["stop", "--time=0", side.1]);
        bench.does("stop", &[]).await;
        bench.does("start", &[]).await;
        daemon.docker(&["start", side.1]);
        daemon.docker(&["stop", "--time=0", side.1]);
        let refused = bench.fails("run", &[("image", image(&new))]).await;
        assert!(refused.contains("remove vpn-side before"), "{way}: {refused}");
    }
    // What only has its volumes goes on with them.
    let side = Beside(daemon, "vpn-side");
    daemon.serve(side.1, &old, &["--volumes-from=vpn"]);
    bench.does("run", &[("image", image(&new))]).await;
    daemon.docker(&["restart", "--time=0", side.1]);
}

#[tokio::test]
async fn what_would_not_start_is_refused_before_the_stop() {
    let Some(daemon) = Daemon::shared("what_would_not_start_is_refused_before_the_stop") else {
        return;
    };
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name).display().to_string();
    let device = path("device");
    let made = std::process::Command::new("mknod")
        .args([&device, "c", "1", "3"])
        .status();
    assert!(made.unwrap().success());
    fs::write(path("app.conf"), "x").unwrap();
    let (bench, old, new) = served(
        daemon,
        "hindered",
        &[
            &format!("--device={device}:/dev/own"),
            &format!("--volume={}:/app.conf", path("app.conf")),
        ],
    );
    let helper = Beside(daemon, "hindered-helper");
    daemon.serve(helper.1, &old, &["--publish=127.0.0.1:38652:80"]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().to_string();
    let refused = async |more: &[(&str, backstay::value::Value)]| {
        let said = [&[("image", image(&new))], more].concat();
        let refused = bench
            .call("run", &said)
            .of_statement(&format!("{}", said.len()))
            .perform()
            .await;
        let backstay::action::Outcome::Failed(evidence) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(bench.of_the_service(), "hindered", "{}", evidence.summary);
        is_untouched(&bench, &old).await;
        evidence.summary
    };
    let by_a_container = refused(&[("ports", map(&[("38652", "80")]))]).await;
    assert!(
        by_a_container.ends_with("could not be started: the container hindered-helper has the port 38652/tcp"),
        "{by_a_container}"
    );
    let by_a_program = refused(&[("ports", map(&[(&port, "80")]))]).await;
    assert!(
        by_a_program.ends_with(&format!("a program of this machine listens at the port {port}/tcp")),
        "{by_a_program}"
    );
    daemon.docker(&["stop", "--time=0", helper.1]);
    let not_running = refused(&[("network", text("container:hindered-helper"))]).await;
    assert!(
        not_running.ends_with("it is in the network of hindered-helper, which does not run: start that first"),
        "{not_running}"
    );
    for gone in [device, path("app.conf")] {
        fs::rename(&gone, format!("{gone}-away")).unwrap();
        let refused = refused(&[]).await;
        assert!(
            refused.ends_with(&format!(
                "{gone} is not there, which it has mounted or takes as a device: put it back"
            )),
            "{refused}"
        );
        assert!(!Path::new(&gone).exists(), "the engine made {gone}");
        fs::rename(format!("{gone}-away"), gone).unwrap();
    }
}

#[tokio::test]
async fn a_start_makes_nothing_that_is_gone() {
    let Some(daemon) = Daemon::shared("a_start_makes_nothing_that_is_gone") else {
        return;
    };
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("app.conf");
    fs::write(&file, "x").unwrap();
    let (bench, ..) = served(daemon, "bereft", &[&format!("--volume={}:/app.conf", file.display())]);
    bench.does("stop", &[]).await;
    fs::remove_file(&file).unwrap();
    let start = bench.fails("start", &[]).await;
    assert!(start.contains("app.conf is not there"), "{start}");
    assert!(!file.exists());
    assert_eq!(bench.of_the_service(), "bereft");
}

#[tokio::test]
async fn a_network_that_is_gone_is_seen_before_the_way_back_touches_anything() {
    let Some(daemon) = Daemon::shared("a_network_that_is_gone_is_seen_before_the_way_back_touches_anything") else {
        return;
    };
    daemon.docker(&["network", "create", "neighbours-n4"]);
    let (bench, old, new) = served(daemon, "netless", &["--network=neighbours-n4"]);
    bench
        .does("run", &[("image", image(&new)), ("network", text("none"))])
        .await;
    // Nobody runs in it any more, so it can be removed.
    daemon.docker(&["network", "rm", "neighbours-n4"]);
    let back = bench.call("run", &[("image", image(&old))]).of_statement("back/1");
    let refused = back.perform().await;
    let told = format!("{refused:?}");
    assert!(told.contains("the network neighbours-n4 is gone"), "{told}");
    assert_eq!(bench.asks("running_image").await, new);
}

#[tokio::test]
async fn what_was_just_proved_stopped_is_not_waited_for_again() {
    let Some(daemon) = Daemon::shared("what_was_just_proved_stopped_is_not_waited_for_again") else {
        return;
    };
    let (bench, old, new) = served(daemon, "proved", &["--restart=always"]);
    bench.does("stop", &[]).await;
    // A wait would outlast the test.
    let bench = bench.with(Timeouts {
        stays: Duration::from_hours(1),
        ..short()
    });
    bench.does("run", &[("image", image(&new))]).await;
    assert_eq!(bench.asks("running_image").await, new);
    assert_ne!(old, new);
    let again = bench.call("stop", &[]).within(Duration::from_secs(20)).perform().await;
    assert!(matches!(again, backstay::action::Outcome::Unknown(_)), "{again:?}");
}

#[tokio::test]
async fn what_is_paused_is_unpaused() {
    let Some(daemon) = Daemon::shared("what_is_paused_is_unpaused") else {
        return;
    };
    let (bench, ..) = served(daemon, "dormant", &[]);
    daemon.docker(&["pause", "dormant"]);
    let refused = bench.fails("exec", &[("argv", words(&["true"]))]).await;
    assert!(refused.ends_with("docker unpause dormant"), "{refused}");
    let refused = bench.fails("start", &[]).await;
    assert!(refused.contains("unpause"), "{refused}");
    daemon.docker(&["unpause", "dormant"]);
}
