//! An engine that lies, and somebody who starts what was stopped: one signal is not enough.

use std::time::Duration;

use backstay::action::{Outcome, Settled};
use backstay::containers::Timeouts;
use backstay_dsl::topology::Begins;
use serde_json::Value as Json;

use crate::docker::actions_bench::{Bench, beside, service_script, short};
use crate::support::daemon::Daemon;
use crate::support::proxy::Proxy;
use crate::support::sandbox::wait_until;

fn failed(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Failed(evidence) => &evidence.summary,
        other => panic!("{other:?}"),
    }
}

/// What the engine tells of a container, in a lie: it has ended.
fn ended(daemon: &Daemon, name: &str) -> String {
    let told: Json = serde_json::from_str(&daemon.docker(&["inspect", name])).unwrap();
    let mut told = told[0].clone();
    told["State"]["Status"] = "exited".into();
    told["State"]["Running"] = false.into();
    told["State"]["Pid"] = 0.into();
    told.to_string()
}

#[tokio::test]
async fn an_engine_that_says_stopped_is_not_believed_while_processes_live() {
    let Some(daemon) = Daemon::shared("an_engine_that_says_stopped_is_not_believed_while_processes_live") else {
        return;
    };
    let proxy = Proxy::new(daemon);
    let bench = Bench::reached_by(daemon, &proxy.host(), "liar", Begins::Running).with(Timeouts {
        end: Duration::from_millis(300),
        ..short()
    });
    let app = daemon.image("liar", &service_script("A"));
    daemon.docker(&["run", "--detach", "--name=liar", &app]);
    proxy.lies("GET", "/containers/*/json", "200 OK", &ended(daemon, "liar"));
    proxy.lies("POST", "/containers/*/stop", "304 Not Modified", "");
    let stop = bench.call("stop", &[]);
    let outcome = stop.perform().await;
    let line = failed(&outcome);
    assert!(
        line.contains("still lives: the engine says exited, but processes of it live: "),
        "{line}"
    );
    let settled = stop.settle().await;
    assert!(
        matches!(settled, Settled::NotDone(ref why) if why.contains("processes of it live")),
        "{settled:?}"
    );
    assert_eq!(
        daemon.docker(&["inspect", "--format={{.State.Running}}", "liar"]),
        "true"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_starts_again_is_not_stopped() {
    let Some(daemon) = Daemon::shared("what_somebody_starts_again_is_not_stopped") else {
        return;
    };
    let stays = service_script("A");
    let ends =
        "trap 'exit 0' TERM; [ -e /tmp/ran ] && exit 0; touch /tmp/ran; echo variant; while :; do sleep 1 & wait; done";
    for (name, script, expected) in [
        (
            "comes-back",
            stays.as_str(),
            "it was stopped and came back (it is running)",
        ),
        ("ran-again", ends, "it was stopped, ran again for a moment and ended"),
    ] {
        let proxy = Proxy::new(daemon);
        // The default: between its two looks somebody has the time to start it.
        let bench = Bench::reached_by(daemon, &proxy.host(), name, Begins::Running).with(Timeouts::default());
        let app = daemon.image(name, script);
        daemon.docker(&["run", "--detach", &format!("--name={name}"), &app]);
        bench.wait_for_line("variant");
        let is_looked_at = || {
            let seen = proxy.seen();
            let mut from_stop = seen.iter().skip_while(|request| !request.ends_with("/stop"));
            from_stop.any(|request| request.starts_with("GET"))
        };
        let outcome = beside(bench.call("stop", &[]).perform(), || {
            wait_until("the first look is over", is_looked_at);
            daemon.docker(&["start", name]);
        });
        let line = failed(&outcome);
        assert!(line.contains(expected), "{name}: {line}");
    }
}
