//! The port to a container engine against a real one: what it tells, and what it makes.

mod failures;
mod likeness;
mod silence;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use backstay::containers::{
    Containers, CreateContainer, HealthStatus, LogEnd, MountKind, MountOrder, Problem, ProgramOrder, PublishedPort,
    RestartPolicy,
};
use backstay::value::{Secret, Value};
use backstay::world::real::DockerEngine;
use serde_json::Value as Json;
use tokio::io::AsyncReadExt as _;

use crate::support::daemon::Daemon;

const SERVE: &str = "trap 'exit 3' TERM; echo up; while :; do sleep 0.1 & wait; done";

/// Removes its containers and volumes from the shared engine.
struct Cleared<'a>(&'a Daemon, &'static [&'static str]);

impl Drop for Cleared<'_> {
    fn drop(&mut self) {
        for name in self.1 {
            drop(self.0.try_docker(&["rm", "--force", "--volumes", name]));
            drop(self.0.try_docker(&["volume", "rm", "--force", name]));
            drop(self.0.try_docker(&["network", "rm", name]));
        }
    }
}

fn engine(daemon: &Daemon) -> DockerEngine {
    DockerEngine::new(Some(&daemon.host()))
}

fn order(name: &str, image: &str) -> CreateContainer {
    CreateContainer {
        name: name.to_owned(),
        image: image.to_owned(),
        ..CreateContainer::default()
    }
}

fn inspected(daemon: &Daemon, name: &str) -> Json {
    let text = daemon.docker(&["inspect", name]);
    let mut all: Vec<Json> = serde_json::from_str(&text).unwrap();
    all.remove(0)
}

#[tokio::test]
async fn a_container_is_told_whole_and_without_its_environment() {
    let Some(daemon) = Daemon::shared("a_container_is_told_whole_and_without_its_environment") else {
        return;
    };
    let _cleared = Cleared(daemon, &["engine-told"]);
    let health = "HEALTHCHECK --interval=100ms --timeout=5s CMD echo fine; echo more";
    let image = daemon.image_with("engine-told", SERVE, &[health]);
    daemon.docker(&[
        "run",
        "--detach",
        "--name=engine-told",
        "--restart=on-failure:4",
        "--env=KEY=hunter2-of-the-engine",
        "--label=colour=blue",
        "--volume=engine-told:/data:ro",
        "--volume=/etc:/host",
        "--tmpfs=/scratch",
        &image,
    ]);
    let engine = engine(daemon);
    let ask = async || engine.container("engine-told").await.unwrap().unwrap();
    let mut told = ask().await;
    while told.state.health.as_ref().unwrap().status == HealthStatus::Starting {
        tokio::time::sleep(Duration::from_millis(50)).await;
        told = ask().await;
    }
    assert_eq!(told.id, daemon.docker(&["inspect", "--format={{.Id}}", "engine-told"]));
    assert_eq!(
        (told.name.as_str(), told.image.as_str()),
        ("engine-told", image.as_str())
    );
    assert_eq!(told.labels["colour"], "blue");
    assert_eq!(
        (told.restart_policy.name.as_str(), told.restart_policy.maximum_retries),
        ("on-failure", 4)
    );
    assert!(told.state.is_running && told.state.status == "running" && told.state.pid.is_some());
    assert!(!told.state.started_at.is_empty() && told.state.finished_at.is_empty());
    let health = told.state.health.clone().unwrap();
    assert_eq!(
        (health.status, health.last_output.as_str()),
        (HealthStatus::Healthy, "fine")
    );
    let mounts: BTreeMap<_, _> = told.mounts.iter().map(|mount| (mount.target.as_str(), mount)).collect();
    let kept = &mounts["/data"];
    assert!(
        matches!(&kept.kind, MountKind::Volume { name, source } if name == "engine-told" && source.ends_with("/_data"))
    );
    assert!(!kept.is_writable && mounts["/host"].is_writable);
    assert_eq!(mounts["/host"].kind, MountKind::Bind { source: "/etc".into() });
    assert!(!format!("{told:?}").contains("hunter2"), "{told:?}");

    let known = engine.image(&image).await.unwrap().unwrap();
    assert_eq!(known.id, told.image_id);
    assert_eq!(known.repository_digests, [image]);
    let version = engine.version().await.unwrap();
    assert!(version.interface.starts_with("1."), "{version:?}");
    // The first digits of an id are no name.
    assert_eq!(engine.container(&told.id[..4]).await, Ok(None));
    assert_eq!(engine.container("engine-none").await, Ok(None));
    assert!(matches!(
        engine.container("../info").await,
        Err(Problem::Refused { status: 400, .. })
    ));
}

/// Waits until a container has said that it is up: from then on it hears signals.
async fn until_up(engine: &DockerEngine, name: &str) {
    let end = LogEnd {
        since_seconds: None,
        lines_max: 10,
        bytes_max: 100,
    };
    while !engine.logs(name, &end).await.unwrap().stdout.starts_with(b"up\n") {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// An order that says everything.
fn whole_order(image: &str) -> CreateContainer {
    let secret = Value::Secret(Secret::new("password", "hunter2-given"));
    CreateContainer {
        labels: [("run".to_owned(), "engine-life".to_owned())].into(),
        environment: [("PASSWORD".to_owned(), secret)].into(),
        mounts: vec![MountOrder {
            source: "engine-life".into(),
            target: "/data".into(),
            is_writable: true,
        }],
        ports: vec![PublishedPort {
            address: "127.0.0.1".into(),
            host_port: 0,
            container_port: 80,
        }],
        user: Some("app".into()),
        working_directory: Some("/tmp".into()),
        restart_policy: Some(RestartPolicy {
            name: "always".into(),
            maximum_retries: 0,
        }),
        ..order("engine-life", image)
    }
}

#[tokio::test]
async fn a_life_from_order_to_removal() {
    let Some(daemon) = Daemon::shared("a_life_from_order_to_removal") else {
        return;
    };
    let _cleared = Cleared(daemon, &["engine-life", "engine-lives"]);
    let image = daemon.image("engine-life", SERVE);
    let engine = engine(daemon);
    let labels = [("run".to_owned(), "engine-life".to_owned())];
    let whole = whole_order(&image);
    engine.create_volume("engine-life", &labels).await.unwrap();
    assert_eq!(
        engine.labelled_volumes(&[("run", "engine-life")]).await.unwrap(),
        ["engine-life"]
    );
    let id = engine.create(&whole).await.unwrap();
    let made = engine.container("engine-life").await.unwrap().unwrap();
    assert_eq!((made.id.as_str(), made.state.status.as_str()), (id.as_str(), "created"));
    assert!(matches!(
        engine.create(&whole).await,
        Err(Problem::Refused { status: 409, .. })
    ));
    assert_eq!(
        engine.labelled(&[("run", "engine-life")]).await.unwrap(),
        ["engine-life"]
    );
    let told = inspected(daemon, "engine-life");
    assert_eq!(told["Config"]["Env"][0], "PASSWORD=hunter2-given");
    assert_eq!(told["Config"]["User"], "app");
    assert_eq!(told["Config"]["WorkingDir"], "/tmp");
    assert_eq!(told["HostConfig"]["PortBindings"]["80/tcp"][0]["HostIp"], "127.0.0.1");

    assert_eq!(engine.start("engine-life").await, Ok(true));
    assert_eq!(engine.start("engine-life").await, Ok(false));
    until_up(&engine, "engine-life").await;
    engine
        .set_restart_policy("engine-life", &RestartPolicy::never())
        .await
        .unwrap();
    assert!(engine.container(&id).await.unwrap().unwrap().restart_policy.is_never());
    assert_eq!(engine.stop("engine-life", Duration::from_secs(20)).await, Ok(true));
    assert_eq!(engine.stop("engine-life", Duration::from_secs(20)).await, Ok(false));
    assert_eq!(engine.ended("engine-life").await, Ok(3));
    engine.rename("engine-life", "engine-lives").await.unwrap();
    assert_eq!(engine.container("engine-life").await, Ok(None));
    assert!(matches!(
        engine.remove_volume("engine-life").await,
        Err(Problem::Refused { status: 409, .. })
    ));
    assert_eq!(engine.remove("engine-lives", true).await, Ok(true));
    assert_eq!(engine.remove("engine-lives", true).await, Ok(false));
    assert!(engine.ended("engine-lives").await.unwrap_err().is_missing());
    let volume = engine.volume("engine-life").await.unwrap().unwrap();
    assert!(volume.mountpoint.ends_with("/_data") && volume.labels["run"] == "engine-life");
    assert_eq!(engine.remove_volume("engine-life").await, Ok(true));
    assert_eq!(engine.remove_volume("engine-life").await, Ok(false));
    assert_eq!(engine.volume("engine-life").await, Ok(None));
}

#[tokio::test]
async fn programs_inside_are_run_bounded_and_told_apart() {
    let Some(daemon) = Daemon::shared("programs_inside_are_run_bounded_and_told_apart") else {
        return;
    };
    let _cleared = Cleared(daemon, &["engine-inside"]);
    let image = daemon.image("engine-inside", SERVE);
    let engine = engine(daemon);
    engine.create(&order("engine-inside", &image)).await.unwrap();
    let program = |words: &str| ProgramOrder {
        argv: vec!["sh".into(), "-c".into(), words.into()],
        environment: [("A".to_owned(), Value::Text("é".into()))].into(),
        user: Some("app".into()),
        working_directory: Some("/tmp".into()),
        bytes_max: 1000,
    };
    let limit = Duration::from_secs(20);
    let refused = engine.run_in("engine-inside", &program("true"), limit).await;
    assert!(
        matches!(refused, Err(Problem::Refused { status: 409, .. })),
        "{refused:?}"
    );
    engine.start("engine-inside").await.unwrap();
    let (exit, printed) = engine
        .run_in(
            "engine-inside",
            &program("pwd; id -un; echo $A; echo bad >&2; exit 7"),
            limit,
        )
        .await
        .unwrap();
    assert_eq!(exit, 7);
    assert_eq!(String::from_utf8(printed.stdout).unwrap(), "/tmp\napp\né\n");
    assert_eq!(
        (printed.stderr.as_slice(), printed.is_cut),
        (b"bad\n".as_slice(), false)
    );
    let many = program("yes | head -c 3000000; echo END; exit 0");
    let (exit, printed) = engine.run_in("engine-inside", &many, limit).await.unwrap();
    assert_eq!((exit, printed.stdout.len(), printed.is_cut), (0, 1000, true));
    assert!(printed.stdout.ends_with(b"END\n"));
    let start = Instant::now();
    let lost = engine
        .run_in("engine-inside", &program("sleep 30"), Duration::from_secs(1))
        .await;
    assert!(matches!(lost, Err(Problem::Lost(_))), "{lost:?}");
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_log_is_bounded_in_bytes_and_lines() {
    let Some(daemon) = Daemon::shared("a_log_is_bounded_in_bytes_and_lines") else {
        return;
    };
    let _cleared = Cleared(daemon, &["engine-log", "engine-log-terminal"]);
    let script = "yes $(printf %0999d 7) | head -c 10000000; sleep 1; echo last; echo wrong >&2";
    let image = daemon.image("engine-log", script);
    let engine = engine(daemon);
    engine.create(&order("engine-log", &image)).await.unwrap();
    engine.start("engine-log").await.unwrap();
    engine.ended("engine-log").await.unwrap();
    let end = |lines_max, bytes_max| LogEnd {
        since_seconds: None,
        lines_max,
        bytes_max,
    };
    let all = engine.logs("engine-log", &end(u64::MAX - 1, 100_000)).await.unwrap();
    assert_eq!(all.stdout.len() + all.stderr.len(), 100_000);
    assert!(all.is_cut && all.stdout.ends_with(b"last\n") && all.stderr == b"wrong\n");
    let three = engine.logs("engine-log", &end(3, 100_000)).await.unwrap();
    assert_eq!(three.stdout.len(), 1000 + "last\n".len());
    assert!(three.stdout.ends_with(b"7\nlast\n"));
    assert!(three.is_cut && three.stderr == b"wrong\n");
    let future = LogEnd {
        since_seconds: Some(i64::from(i32::MAX)),
        ..end(3, 1000)
    };
    let nothing = engine.logs("engine-log", &future).await.unwrap();
    assert!(nothing.stdout.is_empty() && !nothing.is_cut, "{nothing:?}");
    // A terminal's log has no heads in it, and its last line may have no end.
    daemon.docker(&[
        "run",
        "--tty",
        "--name=engine-log-terminal",
        "--entrypoint=sh",
        &image,
        "-c",
        "echo a; printf b",
    ]);
    let terminal = engine.logs("engine-log-terminal", &end(10, 1000)).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&terminal.stdout), "a\r\nb");
}

#[tokio::test]
async fn trees_go_out_and_in_as_streams() {
    let Some(daemon) = Daemon::shared("trees_go_out_and_in_as_streams") else {
        return;
    };
    let _cleared = Cleared(daemon, &["engine-tree"]);
    let image = daemon.image("engine-tree", SERVE);
    let engine = engine(daemon);
    let with_volume = CreateContainer {
        mounts: vec![MountOrder {
            source: "engine-tree".into(),
            target: "/data".into(),
            is_writable: true,
        }],
        ..order("engine-tree", &image)
    };
    engine.create(&with_volume).await.unwrap();
    let content = vec![7; 3 << 20];
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o640);
    tar.append_data(&mut header, "sub/file", content.as_slice()).unwrap();
    let tar = std::io::Cursor::new(tar.into_inner().unwrap());
    engine.write_tree("engine-tree", "/data", Box::new(tar)).await.unwrap();
    let kept = daemon.mountpoint("engine-tree").join("sub/file");
    assert_eq!(std::fs::read(kept).unwrap(), content);
    let mut bytes = Vec::new();
    let mut stream = engine.read_tree("engine-tree", "/data").await.unwrap();
    stream.read_to_end(&mut bytes).await.unwrap();
    let mut archive = tar::Archive::new(bytes.as_slice());
    let names: Vec<_> = archive
        .entries()
        .unwrap()
        .map(|entry| entry.unwrap().path().unwrap().display().to_string())
        .collect();
    assert_eq!(names, ["data/", "data/sub/", "data/sub/file"]);
    let missing = engine.read_tree("engine-tree", "/nowhere").await.err().unwrap();
    assert!(missing.is_missing(), "{missing:?}");
    let cut = std::io::Cursor::new(b"no tar".repeat(1000));
    let refused = engine.write_tree("engine-tree", "/data", Box::new(cut)).await;
    assert!(matches!(refused, Err(Problem::Refused { .. })), "{refused:?}");
}

#[tokio::test]
async fn an_image_is_fetched_by_its_digest() {
    let Some(daemon) = Daemon::shared("an_image_is_fetched_by_its_digest") else {
        return;
    };
    let image = daemon.image("engine-fetched", "exit 0");
    daemon.docker(&[
        "rmi",
        "--force",
        &daemon.docker(&["inspect", "--format={{.Id}}", &image]),
    ]);
    let engine = engine(daemon);
    assert_eq!(engine.image(&image).await, Ok(None));
    let mut lines = Vec::new();
    engine.pull(&image, &mut |line| lines.push(line)).await.unwrap();
    assert_eq!(
        engine.image(&image).await.unwrap().unwrap().repository_digests,
        std::slice::from_ref(&image)
    );
    assert!(
        lines.iter().all(|line| line.contains("layer")) && !lines.is_empty(),
        "{lines:?}"
    );
    let (repository, _) = image.split_once('@').unwrap();
    let other = format!("{repository}@sha256:{}", "0".repeat(64));
    let refused = engine.pull(&other, &mut |_| {}).await;
    assert!(matches!(refused, Err(Problem::Refused { .. })), "{refused:?}");
}
