//! Engines that are not there, hang, die, or whose answers get lost.

use std::io::{BufRead as _, BufReader, Write as _};
use std::time::{Duration, Instant};

use backstay::containers::{Containers, LogEnd, Problem, ProgramOrder, RestartPolicy};
use backstay::world::real::{DockerEngine, EngineLimits};

use super::{Cleared, SERVE, engine, order, until_up};
use crate::support::daemon::Daemon;
use crate::support::proxy::Proxy;

/// Limits that a test can wait for.
fn short() -> EngineLimits {
    EngineLimits {
        connect: Duration::from_millis(500),
        question: Duration::from_secs(1),
        change: Duration::from_secs(1),
        silence: Duration::from_secs(1),
    }
}

/// Waits until a busy engine has told its version inside short limits.
async fn until_agreed(engine: &DockerEngine) {
    let begun = Instant::now();
    while let Err(problem) = engine.version().await {
        assert!(begun.elapsed() < Duration::from_mins(1), "{problem:?}");
    }
}

#[tokio::test]
async fn nobody_there_is_said_with_what_to_do() {
    for (host, words) in [
        (
            "unix:///nowhere/docker.sock",
            "there is no socket /nowhere/docker.sock; start Docker",
        ),
        ("tcp://127.0.0.1:1", "nobody listens at tcp://127.0.0.1:1; start Docker"),
        ("ssh://boat", "not understood"),
    ] {
        let engine = DockerEngine::new(Some(host));
        match engine.start("engine-none").await {
            Err(Problem::Unreachable(text)) => assert!(text.contains(words), "{text}"),
            other => panic!("{host}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_swallowed_request_or_reply_is_lost() {
    let Some(daemon) = Daemon::shared("a_swallowed_request_or_reply_is_lost") else {
        return;
    };
    let _cleared = Cleared(daemon, &["engine-lost"]);
    let proxy = Proxy::new(daemon);
    let image = daemon.image("engine-lost", SERVE);
    let engine = DockerEngine::new(Some(&proxy.host()));
    engine.create(&order("engine-lost", &image)).await.unwrap();
    proxy.after("POST", "/containers/engine-lost/start");
    let lost = engine.start("engine-lost").await;
    assert!(matches!(lost, Err(Problem::Lost(_))), "{lost:?}");
    assert!(engine.container("engine-lost").await.unwrap().unwrap().state.is_running);
    proxy.before("GET", "/containers/*/json");
    let lost = engine.container("engine-lost").await;
    assert!(matches!(lost, Err(Problem::Lost(_))), "{lost:?}");
    // What was only prepared was not begun.
    proxy.after("POST", "/containers/*/exec");
    let program = ProgramOrder {
        argv: vec!["true".into()],
        ..ProgramOrder::default()
    };
    let lost = engine.run_in("engine-lost", &program, Duration::from_secs(5)).await;
    assert!(matches!(lost, Err(Problem::Unreachable(_))), "{lost:?}");
    proxy.after("POST", "/exec/*/start");
    let lost = engine.run_in("engine-lost", &program, Duration::from_secs(5)).await;
    assert!(matches!(lost, Err(Problem::Lost(_))), "{lost:?}");
    assert_eq!(proxy.swallowed(), 4);
}

#[tokio::test]
async fn a_stop_that_nobody_waits_for_goes_on() {
    let Some(daemon) = Daemon::shared("a_stop_that_nobody_waits_for_goes_on") else {
        return;
    };
    let _cleared = Cleared(daemon, &["engine-stop"]);
    let slow = "trap 'sleep 1; exit 5' TERM; echo up; while :; do sleep 0.1 & wait; done";
    let image = daemon.image("engine-stop", slow);
    let engine = engine(daemon);
    engine.create(&order("engine-stop", &image)).await.unwrap();
    engine.start("engine-stop").await.unwrap();
    until_up(&engine, "engine-stop").await;
    let waited = tokio::time::timeout(
        Duration::from_millis(200),
        engine.stop("engine-stop", Duration::from_secs(20)),
    );
    assert!(waited.await.is_err());
    // It had its time, and ended by itself.
    assert_eq!(engine.ended("engine-stop").await, Ok(5));
}

#[tokio::test]
async fn a_frozen_engine_hangs_nobody() {
    let Some(daemon) = Daemon::private("a_frozen_engine_hangs_nobody") else {
        return;
    };
    let image = daemon.image("engine-frozen", SERVE);
    let patient = engine(&daemon);
    patient.create(&order("engine-frozen", &image)).await.unwrap();
    patient.start("engine-frozen").await.unwrap();
    let engine = DockerEngine::with_limits(Some(&daemon.host()), short());
    until_agreed(&engine).await;
    daemon.freeze();
    let stranger = DockerEngine::with_limits(Some(&daemon.host()), short());
    let start = Instant::now();
    let (name, zero) = ("engine-frozen", Duration::ZERO);
    let end = LogEnd {
        since_seconds: None,
        lines_max: 1,
        bytes_max: 1,
    };
    let program = ProgramOrder {
        argv: vec!["true".into()],
        ..ProgramOrder::default()
    };
    let other = order("engine-frozen-other", &image);
    let tar = || Box::new(std::io::Cursor::new(Vec::new()));
    let mut silent = |_| {};
    let (told, started, stopped, made, removed, log, ran, fetched, read, written, new) = tokio::join!(
        engine.container(name),
        engine.start(name),
        engine.stop(name, zero),
        engine.create(&other),
        engine.remove(name, false),
        engine.logs(name, &end),
        engine.run_in(name, &program, Duration::from_secs(1)),
        engine.pull(&image, &mut silent),
        engine.read_tree(name, "/"),
        engine.write_tree(name, "/", tar()),
        stranger.start(name),
    );
    assert!(start.elapsed() < Duration::from_secs(6), "{:?}", start.elapsed());
    let lost = [
        told.err(),
        started.err(),
        stopped.err(),
        made.err(),
        removed.err(),
        log.err(),
        fetched.err(),
        read.err(),
        written.err(),
    ];
    for (at, problem) in lost.into_iter().enumerate() {
        match problem {
            Some(Problem::Lost(text)) => assert!(text.contains("not answered within 1 s"), "{text}"),
            other => panic!("call {at}: {other:?}"),
        }
    }
    // Nothing was sent but a question, and the program was not begun.
    assert!(matches!(new, Err(Problem::Unreachable(_))), "{new:?}");
    assert!(matches!(ran, Err(Problem::Unreachable(_))), "{ran:?}");
    the_rest_is_lost(&engine, name).await;
    daemon.thaw();
    until_agreed(&engine).await;
}

/// Every other call; only the waiting for an end has no limit of its own, and is bounded by who waits.
async fn the_rest_is_lost(engine: &DockerEngine, name: &str) {
    let start = Instant::now();
    let never = RestartPolicy::never();
    let label = [("a", "b")];
    let told = tokio::join!(
        engine.version(),
        engine.labelled(&label),
        engine.labelled_volumes(&label),
        engine.set_restart_policy(name, &never),
        engine.rename(name, "engine-frozen-b"),
        engine.image(name),
        engine.volume(name),
        engine.create_volume(name, &[]),
        engine.remove_volume(name),
    );
    let all = [
        told.0.err(),
        told.1.err(),
        told.2.err(),
        told.3.err(),
        told.4.err(),
        told.5.err(),
        told.6.err(),
        told.7.err(),
        told.8.err(),
    ];
    for (at, problem) in all.into_iter().enumerate() {
        assert!(matches!(problem, Some(Problem::Lost(_))), "call {at}: {problem:?}");
    }
    assert!(start.elapsed() < Duration::from_secs(6), "{:?}", start.elapsed());
}

#[tokio::test]
async fn an_end_is_seen_over_a_restart_of_the_engine() {
    let Some(daemon) = Daemon::private("an_end_is_seen_over_a_restart_of_the_engine") else {
        return;
    };
    let image = daemon.image("engine-ended", "sleep 5; exit 9");
    let engine = engine(&daemon);
    engine.create(&order("engine-ended", &image)).await.unwrap();
    engine.create(&order("engine-ended-never", &image)).await.unwrap();
    // Never started, so it has not ended.
    let never = tokio::time::timeout(Duration::from_secs(2), engine.ended("engine-ended-never"));
    assert!(never.await.is_err());
    engine.start("engine-ended").await.unwrap();
    let waiting = tokio::spawn({
        let engine = engine.clone();
        async move { engine.ended("engine-ended").await }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    daemon.kill();
    daemon.start();
    let ended = tokio::time::timeout(Duration::from_secs(30), waiting)
        .await
        .unwrap()
        .unwrap();
    // The engine ends what it finds running after it was killed.
    let told = engine.container("engine-ended").await.unwrap().unwrap();
    assert_eq!(ended, Ok(told.state.exit_code));
    assert_eq!(told.state.status, "exited");
}

/// A socket that gives each request the next of these answers, and tells the first line of each.
fn imposter(answers: Vec<Vec<u8>>) -> (tempfile::TempDir, String, std::sync::mpsc::Receiver<String>) {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("docker.sock");
    let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for answer in answers {
            let (mut client, _) = listener.accept().unwrap();
            let mut lines = BufReader::new(client.try_clone().unwrap()).lines();
            drop(tell.send(lines.next().unwrap().unwrap()));
            while lines.next().is_some_and(|line| !line.unwrap().is_empty()) {}
            drop(client.write_all(&answer));
        }
    });
    (folder, format!("unix://{}", socket.display()), told)
}

fn json(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

#[tokio::test]
async fn the_version_is_agreed_on_and_an_old_engine_refused_by_name() {
    let old = r#"{"Version": "19.03.15", "ApiVersion": "1.40", "MinAPIVersion": "1.12"}"#;
    let (_folder, host, _) = imposter(vec![json(old)]);
    match DockerEngine::new(Some(&host)).start("boat").await {
        Err(Problem::Unreachable(text)) => assert!(text.contains("is 19.03.15 with interface 1.40: too old"), "{text}"),
        other => panic!("{other:?}"),
    }
    let newer = r#"{"Version": "99.1.0", "ApiVersion": "1.99", "MinAPIVersion": "1.44"}"#;
    let (_folder, host, told) = imposter(vec![json(newer), json(r#"{"Id": "ab", "Name": "/boat"}"#)]);
    let engine = DockerEngine::new(Some(&host));
    assert_eq!(engine.container("boat").await.unwrap().unwrap().name, "boat");
    assert_eq!(told.recv().unwrap(), "GET /version HTTP/1.1");
    assert_eq!(told.recv().unwrap(), "GET /v1.53/containers/boat/json HTTP/1.1");
}

#[tokio::test]
async fn half_an_answer_or_one_without_end_is_lost() {
    let version = json(r#"{"Version": "20.10.24", "ApiVersion": "1.41", "MinAPIVersion": "1.12"}"#);
    let half = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"Id\": \"a".to_vec();
    let mut endless = b"HTTP/1.1 200 OK\r\nContent-Length: 40000000\r\n\r\n\"".to_vec();
    endless.resize(40_000_000, b'a');
    let nonsense = json("[1, 2");
    let (_folder, host, _) = imposter(vec![version, half, endless, nonsense]);
    let engine = DockerEngine::new(Some(&host));
    for words in [
        "broke before the answer",
        "larger than it may be",
        "cut off or not understood",
    ] {
        match engine.container("boat").await {
            Err(Problem::Lost(text)) => assert!(text.contains(words), "{text}"),
            other => panic!("{words}: {other:?}"),
        }
    }
}
