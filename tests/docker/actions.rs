//! Every action of the family `docker`, really done.

use std::time::{Duration, Instant};

use backstay::action::{Outcome, Settled};
use backstay::containers::Timeouts;
use backstay::event::End;
use backstay::value::Value;
use backstay_dsl::topology::Begins;

use crate::docker::actions_bench::{
    Bench, SECRET, beside, image, map, secret_variables, service_script, short, text, words,
};
use crate::support::daemon::Daemon;
use crate::support::sandbox::wait_until;

#[tokio::test]
async fn questions_tell_how_a_service_is() {
    let Some(daemon) = Daemon::shared("questions_tell_how_a_service_is") else {
        return;
    };
    let mut bench = Bench::new(daemon, "asked");
    assert!(bench.asks("version").await.contains("ok: true"));
    assert_eq!(bench.asks("state").await, "{exit: 0, ok: false, status: absent}");
    assert_eq!(bench.fails("running_image", &[]).await, "there is no container asked");
    bench.volume("asked-data");
    let health = "HEALTHCHECK --interval=1s CMD echo fine";
    let app = daemon.image_with("asked", &service_script("A"), &[health]);
    let mounts = [
        "--volume=asked-data:/data",
        "--volume=/tmp:/outside:ro",
        "--restart=on-failure:3",
    ];
    daemon.serve("asked", &app, &[&mounts[..], &["--env=TOKEN=hidden-value"]].concat());
    assert_eq!(bench.asks("running_image").await, app);
    assert_eq!(bench.asks("state").await, "{exit: 0, ok: true, status: running}");
    assert_eq!(bench.asks("restarts").await, "0");
    assert_eq!(bench.asks("restart_policy").await, "on-failure:3");
    let path = daemon.mountpoint("asked-data").display().to_string();
    assert_eq!(
        bench.asks("mounts").await,
        format!(
            "[{{kind: volume, path: {path}, source: asked-data, target: /data, writable: true}}, \
             {{kind: bind, path: /tmp, source: /tmp, target: /outside, writable: false}}]"
        )
    );
    bench.wait_for_line("variant");
    questions_on_what_it_says(&bench).await;
    daemon.docker(&["stop", "--time=2", "asked"]);
    assert_eq!(
        bench.asks("health").await,
        "{ok: false, output: exited, status: not running}"
    );
    let refused = bench.fails("read", &[("argv", words(&["true"]))]).await;
    assert!(refused.contains("start it first"), "{refused}");
}

async fn questions_on_what_it_says(bench: &Bench<'_>) {
    assert!(bench.asks("logs").await.starts_with("variant A"));
    let since = bench
        .does("logs", &[("lines", Value::Int(1)), ("since", Value::Duration(600_000))])
        .await;
    assert!(
        since.summary.starts_with("1 lines, the last: variant A"),
        "{}",
        since.summary
    );
    assert!(
        bench
            .fails("logs", &[("lines", Value::Int(0))])
            .await
            .contains("1 to 10000")
    );
    wait_until("the engine asked for its health", || {
        let health = ["inspect", "--format={{.State.Health.Status}}", "asked"];
        bench.daemon.docker(&health) == "healthy"
    });
    assert_eq!(bench.asks("health").await, "{ok: true, output: fine, status: healthy}");
    let read = bench
        .does(
            "read",
            &[("argv", words(&["sh", "-c", "echo out; echo err >&2; exit 3"]))],
        )
        .await;
    assert_eq!(
        read.value.unwrap().canonical(),
        "{ok: false, status: 3, stderr: err, stdout: out}"
    );
}

#[tokio::test]
async fn a_running_image_is_what_was_made_whatever_tags_say() {
    let Some(daemon) = Daemon::shared("a_running_image_is_what_was_made_whatever_tags_say") else {
        return;
    };
    let bench = Bench::new(daemon, "tagged");
    let old = daemon.image("tagged", &service_script("A"));
    let tag = format!("{}/tagged:latest", daemon.registry());
    daemon.serve("tagged", &tag, &[]);
    let new = daemon.image("tagged", &service_script("B"));
    assert_ne!(old, new);
    assert_eq!(bench.asks("running_image").await, old);
    daemon.docker(&["rm", "--force", "tagged"]);
    daemon.serve("tagged", &old, &[]);
    daemon.docker(&["rmi", "--force", &old]);
    assert_eq!(bench.asks("running_image").await, old);
}

#[tokio::test]
async fn what_was_stopped_stays_stopped_over_a_restart_of_the_engine() {
    let Some(daemon) = Daemon::private("what_was_stopped_stays_stopped_over_a_restart_of_the_engine") else {
        return;
    };
    let (bench, _) = Bench::served(&daemon, "revived", &["--restart=always"]);
    assert_eq!(
        bench.call("stop", &[]).preview().await,
        "stops the container revived within 10s; takes its restart policy always off until it is started"
    );
    let stopped = bench.does("stop", &[]).await.summary;
    assert!(
        stopped.contains("(the engine and the process table agree); its restart policy always is kept"),
        "{stopped}"
    );
    daemon.restart();
    assert_eq!(bench.asks("state").await, "{exit: 0, ok: false, status: exited}");
    let again = bench.does("stop", &[]).await.summary;
    assert!(again.contains("its restart policy always is kept"), "{again}");
    assert_eq!(bench.asks("restart_policy").await, "no");
    let started = bench.does("start", &[]).await.summary;
    assert!(started.contains("its restart policy always is on again"), "{started}");
    assert_eq!(bench.asks("restart_policy").await, "always");
    assert_eq!(std::fs::read_dir(bench.run_directory()).unwrap().count(), 0);
    daemon.restart();
    wait_until("it is revived", || {
        daemon.docker(&["ps", "--format={{.Names}}"]) == "revived"
    });
    assert!(bench.does("start", &[]).await.summary.contains("ran already"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_that_does_not_answer_leaves_it_unknown_within_the_limit() {
    let Some(daemon) = Daemon::private("an_engine_that_does_not_answer_leaves_it_unknown_within_the_limit") else {
        return;
    };
    let bench = Bench::new(&daemon, "frozen").with(Timeouts {
        reserve: Duration::from_secs(1),
        ..short()
    });
    let app = daemon.image("frozen", "trap 'echo told' TERM; echo up; while :; do sleep 1; done");
    daemon.serve("frozen", &app, &["--restart=always"]);
    bench.wait_for_line("up");
    let call = bench.call("stop", &[]).within(Duration::from_secs(5));
    let start = Instant::now();
    let lost = beside(call.is_lost(), || {
        bench.wait_for_line("told");
        daemon.freeze();
    });
    assert!(
        start.elapsed() < Duration::from_secs(8),
        "{:?}: {lost}",
        start.elapsed()
    );
    let settled = tokio::time::timeout(Duration::from_secs(5), call.settle()).await;
    assert!(settled.is_err(), "a frozen engine cannot settle: {settled:?}");
    daemon.thaw();
    wait_until("the stop that was under way is done", || {
        daemon.docker(&["ps", "--format={{.Names}}"]).is_empty()
    });
    assert!(matches!(call.settle().await, Settled::Done(_)));
    // One that only hangs for a while is waited for where nothing was sent yet.
    daemon.freeze();
    let start = bench.call("start", &[]);
    let (started, ()) = tokio::join!(start.does(), async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        daemon.thaw();
    });
    assert!(started.summary.contains("always is on again"), "{}", started.summary);
}

#[tokio::test]
async fn a_start_that_does_not_last_has_failed_with_the_last_line() {
    let Some(daemon) = Daemon::shared("a_start_that_does_not_last_has_failed_with_the_last_line") else {
        return;
    };
    let bench = Bench::new(daemon, "short-lived").with(Timeouts::default());
    let app = daemon.image(
        "short-lived",
        &format!("echo starting; echo no such key {SECRET} >&2; exit 7"),
    );
    daemon.docker(&["create", "--name=short-lived", &app]);
    assert_eq!(
        bench.fails("start", &[]).await,
        "short-lived ended at once with status 7: no such key ***"
    );
    daemon.docker(&["update", "--restart=always", "short-lived"]);
    let looping = bench.fails("start", &[]).await;
    assert!(looping.contains("is started again and again"), "{looping}");
    assert!(looping.ends_with(": no such key ***"), "{looping}");
    wait_until("the engine counts", || {
        daemon.docker(&["inspect", "--format={{.RestartCount}}", "short-lived"]) != "0"
    });
    assert_ne!(bench.asks("restarts").await, "0");
    assert!(bench.does("stop", &[]).await.summary.contains("stays stopped"));
}

#[tokio::test]
async fn a_service_is_replaced_with_what_was_given_to_it() {
    let Some(daemon) = Daemon::shared("a_service_is_replaced_with_what_was_given_to_it") else {
        return;
    };
    let mut bench = Bench::new(daemon, "replaced");
    let data = bench.volume("replaced-data");
    let old = daemon.image("replaced", &service_script("A"));
    let new = daemon.image("replaced-new", &service_script("B"));
    let given = [
        "--restart=always",
        "--volume=replaced-data:/data",
        "--env=MODE=given",
        "--publish=127.0.0.1::80",
    ];
    daemon.serve("replaced", &old, &given);
    let port = daemon.docker(&["port", "replaced"]);
    let arguments = [("image", image(&new)), ("env", secret_variables())];
    let preview = bench.call("run", &arguments).preview().await;
    assert_eq!(
        preview,
        format!("stops and replaces the container replaced ({old}) by one from {new}; variables MODE, TOKEN")
    );
    let done = bench.does("run", &arguments).await;
    assert!(done.summary.contains("replaced runs as container"), "{}", done.summary);
    assert_eq!(bench.asks("running_image").await, new);
    assert_eq!(bench.asks("restart_policy").await, "always");
    assert_eq!(bench.of_the_run(), "replaced");
    assert!(data.join("lock").exists() && !data.join("two").exists());
    let said = bench.asks("logs").await;
    assert!(said.contains(&format!("variant B token={SECRET} mode=calm")), "{said}");
    let labels = bench.container().await.unwrap().labels;
    assert_eq!(labels["backstay.key"], "run-replaced/step/1");
    assert_eq!(labels["backstay.step"], "step");
    let ports = |text: &str| {
        text.lines()
            .next()
            .unwrap_or_default()
            .split(' ')
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    assert_eq!(ports(&daemon.docker(&["port", "replaced"])), ports(&port));
    assert!(!format!("{done:?}").contains(SECRET), "{done:?}");
    // The same statement again finds what it made; another one goes back.
    let id = bench.container().await.unwrap().id;
    bench.does("run", &arguments).await;
    assert_eq!(bench.container().await.unwrap().id, id);
    let back = bench.call("run", &[("image", image(&old))]).of_statement("back.1");
    bench.does("stop", &[]).await;
    back.does().await;
    assert_eq!(bench.asks("running_image").await, old);
    assert_eq!(bench.asks("restart_policy").await, "always");
    assert!(!data.join("two").exists());
    assert_eq!(bench.concluded(End::RolledBack).await, "");
    assert_eq!(bench.of_the_service(), "replaced");
    assert_eq!(std::fs::read_dir(bench.run_directory()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_service_that_begins_absent_is_made_and_removed() {
    let Some(daemon) = Daemon::shared("a_service_that_begins_absent_is_made_and_removed") else {
        return;
    };
    let mut bench = Bench::reached_by(daemon, &daemon.host(), "made", Begins::Absent);
    bench.volume("made-data");
    let app = daemon.image("made", &service_script("A"));
    let arguments = [
        ("image", image(&app)),
        ("mounts", map(&[("/data", "made-data"), ("/outside", "/tmp:ro")])),
        ("restart", text("unless-stopped")),
        ("network", text("none")),
        ("user", text("root")),
        ("cwd", text("/tmp")),
    ];
    daemon.serve("made", &app, &[]);
    for action in ["run", "stop", "start", "remove"] {
        let given = if action == "run" { &arguments[..] } else { &[] };
        let refused = bench.fails(action, given).await;
        assert!(refused.contains("which this run did not make"), "{refused}");
    }
    assert_eq!(bench.asks("state").await, "{exit: 0, ok: true, status: running}");
    daemon.docker(&["rm", "--force", "made"]);
    bench.does("run", &arguments).await;
    assert_eq!(bench.asks("restart_policy").await, "unless-stopped");
    assert!(
        bench
            .asks("mounts")
            .await
            .contains("{kind: bind, path: /tmp, source: /tmp, target: /outside, writable: false}")
    );
    let read = bench.does("read", &[("argv", words(&["pwd"]))]).await;
    assert!(read.value.unwrap().canonical().contains("stdout: /tmp"));
    let removed = bench.does("remove", &[]).await.summary;
    assert!(removed.ends_with("; removed"), "{removed}");
    assert_eq!(bench.asks("state").await, "{exit: 0, ok: false, status: absent}");
    assert!(
        bench
            .does("remove", &[])
            .await
            .summary
            .contains("there was no container")
    );
    assert!(daemon.mountpoint("made-data").is_dir());
}

#[tokio::test]
async fn a_run_that_does_not_last_has_failed_and_leaves_the_volume_to_one() {
    let Some(daemon) = Daemon::shared("a_run_that_does_not_last_has_failed_and_leaves_the_volume_to_one") else {
        return;
    };
    let bench = Bench::new(daemon, "broken").with(Timeouts::default());
    let old = daemon.image("broken", &service_script("A"));
    let new = daemon.image("broken-new", "echo cannot open /data/key; exit 4");
    daemon.serve("broken", &old, &[]);
    let missing = format!("{}/nobody@sha256:{}", daemon.registry(), "0".repeat(64));
    let refused = bench.fails("run", &[("image", image(&missing))]).await;
    assert!(
        refused.ends_with("is not here; pull it first: docker.pull"),
        "{refused}"
    );
    assert_eq!(bench.asks("running_image").await, old);
    let failed = bench.fails("run", &[("image", image(&new))]).await;
    assert_eq!(failed, "broken ended at once with status 4: cannot open /data/key");
    let wrong = bench
        .fails("run", &[("image", image(&new)), ("network", text("no-such-network"))])
        .await;
    assert!(!wrong.is_empty());
    let back = bench.call("run", &[("image", image(&old))]).of_statement("back.1");
    back.does().await;
    assert_eq!(bench.asks("running_image").await, old);
    assert_eq!(bench.concluded(End::RolledBack).await, "");
    assert_eq!(bench.of_the_service(), "broken");
}

#[tokio::test]
async fn an_image_is_pulled_by_its_digest_once() {
    let Some(daemon) = Daemon::shared("an_image_is_pulled_by_its_digest_once") else {
        return;
    };
    let bench = Bench::new(daemon, "pulled");
    let app = daemon.image("pulled", "exit 0");
    daemon.docker(&["rmi", "--force", &app]);
    let _ = daemon.try_docker(&["rmi", "--force", &format!("{}/pulled:latest", daemon.registry())]);
    let arguments = [("image", image(&app))];
    assert_eq!(bench.call("pull", &arguments).preview().await, format!("fetches {app}"));
    let fetched = bench.does("pull", &arguments).await;
    assert_eq!(
        (fetched.summary, fetched.was_there),
        (format!("{app} was fetched"), false)
    );
    assert!(!bench.heard().is_empty());
    let found = bench.does("pull", &arguments).await;
    assert_eq!(
        (found.summary, found.was_there),
        (format!("{app} is here already"), true)
    );
    let missing = format!("{}/pulled@sha256:{}", daemon.registry(), "0".repeat(64));
    let failed = bench.fails("pull", &[("image", image(&missing))]).await;
    assert!(failed.contains("not found") || failed.contains("unknown"), "{failed}");
}

#[tokio::test]
async fn a_stop_that_could_not_be_taken_back_is_refused() {
    let Some(daemon) = Daemon::shared("a_stop_that_could_not_be_taken_back_is_refused") else {
        return;
    };
    let (bench, _) = Bench::served(daemon, "passing", &["--rm"]);
    assert!(bench.call("stop", &[]).preview().await.contains("(--rm)"));
    assert!(bench.fails("stop", &[]).await.contains("could never be started again"));
    assert_eq!(bench.asks("state").await, "{exit: 0, ok: true, status: running}");
}

#[tokio::test]
async fn a_paused_container_is_stopped_and_one_that_does_not_end_is_killed() {
    let Some(daemon) = Daemon::shared("a_paused_container_is_stopped_and_one_that_does_not_end_is_killed") else {
        return;
    };
    let bench = Bench::new(daemon, "stubborn");
    let app = daemon.image("stubborn", "trap '' TERM; while :; do sleep 1; done");
    daemon.serve("stubborn", &app, &["--stop-timeout=1"]);
    daemon.docker(&["pause", "stubborn"]);
    assert!(bench.fails("start", &[]).await.contains("paused"));
    let preview = bench.call("stop", &[]).preview().await;
    assert_eq!(preview, "stops the container stubborn within 1s");
    let line = bench.does("stop", &[]).await.summary;
    assert!(
        line.contains("ended with status 137 (it was killed) and stays stopped"),
        "{line}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_that_is_restarted_on_the_way_is_waited_for() {
    let Some(daemon) = Daemon::private("an_engine_that_is_restarted_on_the_way_is_waited_for") else {
        return;
    };
    let mut bench = Bench::new(&daemon, "waited").with(Timeouts::default());
    let data = bench.volume("waited-data");
    let old = daemon.image("waited", &service_script("A"));
    let new = daemon.image("waited-new", &service_script("B"));
    daemon.serve("waited", &old, &["--restart=always", "--volume=waited-data:/data"]);
    let moments = [
        "the new one is made",
        "the old one has ended",
        "the old one is out of its place",
        "the new one runs",
    ];
    for (number, moment) in moments.into_iter().enumerate() {
        let (before, wanted) = if number % 2 == 0 { (&old, &new) } else { (&new, &old) };
        let call = bench
            .call("run", &[("image", image(wanted))])
            .of_statement(&format!("step.{number}"));
        let is_now = || {
            let format = "--format={{.Names}} {{.State}} {{.Image}}";
            let listed = daemon.docker(&["ps", "--all", "--no-trunc", format]);
            let is_any = |start: &str, image: &str| {
                let mut lines = listed.lines();
                lines.any(|line| line.starts_with(start) && line.contains(image))
            };
            match number {
                0 => is_any("waited.backstay-", wanted),
                1 => is_any("waited exited", before) || is_any("waited.backstay-before-", before),
                2 => is_any("waited.backstay-before-", before),
                _ => is_any("waited running", wanted),
            }
        };
        let outcome = beside(call.perform(), || {
            wait_until(moment, is_now);
            daemon.restart();
        });
        call.settle().await;
        if !matches!(outcome, Outcome::Done(_)) {
            // A moment may be seen late. One that comes back has its policy only once it is up: the engine does not
            // start it again before. Whatever was half-way, another attempt ends it.
            call.does().await;
        }
        assert_eq!(&bench.asks("running_image").await, wanted, "{moment}");
        assert_eq!(bench.asks("restart_policy").await, "always", "{moment}");
        let is_beside = data.join("two").exists();
        assert!(!is_beside, "{moment}: two wrote at once, {outcome:?}");
    }
    assert_eq!(bench.concluded(End::RolledBack).await, "");
    assert_eq!(bench.of_the_service(), "waited");
}
