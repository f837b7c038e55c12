//! What the examples with containers promise, on an engine of the tests.

use std::fs;
use std::process::Command;

use crate::docker::guest_book::{Example, GuestBook};
use crate::support::daemon::Daemon;
use crate::support::sandbox::{Finished, Sandbox, repository};

#[test]
fn docker_upgrade_again_and_again() {
    let Some(daemon) = Daemon::shared("docker_upgrade_again_and_again") else {
        return;
    };
    let book = GuestBook::as_printed(daemon, Example::Upgrade);
    for _ in 0..2 {
        let json = book.run(&[]).exits(0).json();
        assert_eq!(json["end"], "completed");
        book.is_upgraded().unwrap();
        fs::remove_dir_all(book.sandbox.state_directory()).unwrap();
    }
    // The old release refuses what the new one made of the records: that is why both have to go back together.
    daemon.docker(&["rm", "--force", &book.name]);
    let volume = format!("{}-records:/data", book.name);
    let refusal = daemon.try_docker(&["run", "--rm", "--volume", &volume, &book.image_of("1.0.0")]);
    assert_eq!(
        refusal.unwrap_err(),
        "the records have schema 2; release 1.0.0 reads schema 1"
    );
}

#[test]
fn docker_upgrade_with_a_registry_of_its_own_and_down() {
    let Some(daemon) = Daemon::shared("docker_upgrade_with_a_registry_of_its_own_and_down") else {
        return;
    };
    let book = GuestBook::as_printed(daemon, Example::Upgrade);
    let site = book.sandbox.path("site");
    book.run(&["registry="]).exits(0);
    assert!(!book.image_of("2.0.0").contains(daemon.registry()));
    let name = book.name.clone();
    let registry_mark = format!("BACKSTAY_DEMO_REGISTRY={}", site.display());
    assert!(!crate::support::sandbox::processes_of(&registry_mark).is_empty());
    let mut down = Command::new(repository().join("examples/02-docker-upgrade/demo"));
    let output = daemon
        .environment(&mut down)
        .arg("down")
        .arg(&site)
        .arg(&name)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(!site.exists());
    let filter = format!("name={name}");
    assert_eq!(daemon.docker(&["ps", "--all", "--quiet", "--filter", &filter]), "");
    assert_eq!(daemon.docker(&["volume", "ls", "--quiet", "--filter", &filter]), "");
    crate::support::sandbox::wait_until("the registry has ended", || {
        crate::support::sandbox::processes_of(&registry_mark).is_empty()
    });
}

fn turns_back(test: &str, example: Example, inputs: &[&str]) {
    let Some(daemon) = Daemon::shared(test) else { return };
    let book = GuestBook::as_printed(daemon, example);
    let json = book.run(inputs).exits(5).json();
    assert_eq!(json["end"], "rolled_back");
    assert_eq!(json["failed_at"]["step"], "validate", "{json}");
    book.is_as_before().unwrap();
    book.has_left_no_more_than(&json["leftovers"]).unwrap();
    let anchors = book.sandbox.records_of("anchor");
    assert_eq!(anchors.len(), 2, "{anchors:?}");
    assert_eq!(anchors[0]["value"], anchors[1]["value"]);
    assert!(anchors[0].to_string().contains(&book.image_of("1.0.0")), "{anchors:?}");
}

#[test]
fn docker_turn_back_by_undo() {
    turns_back("docker_turn_back_by_undo", Example::TurnBack, &[]);
}

#[test]
fn docker_turn_back_by_a_branch() {
    turns_back(
        "docker_turn_back_by_a_branch",
        Example::Upgrade,
        &["release=2.0.0-broken"],
    );
}

#[test]
fn without_docker_the_examples_are_refused_and_say_what_to_do() {
    for file in [
        Example::Upgrade.file(),
        Example::TurnBack.file(),
        "examples/04-symptom-table/container.runbook",
    ] {
        let sandbox = Sandbox::new();
        let finished: Finished = sandbox
            .command(&["run", file, "--no-input"])
            .arg("--input")
            .arg(format!("site={}", sandbox.path("site").display()))
            .env(
                "DOCKER_HOST",
                format!("unix://{}", sandbox.path("nothing.sock").display()),
            )
            .output()
            .unwrap()
            .into();
        let finished = finished.exits(4);
        let said = format!("{}{}", finished.stdout, finished.stderr);
        assert!(said.contains("Install docker.io and start Docker"), "{said}");
        assert!(!sandbox.path("site").exists(), "something was put up without Docker");
    }
}

/// The worker of example 04 in a container.
struct Worker {
    sandbox: Sandbox,
    daemon: &'static Daemon,
    name: &'static str,
}

impl Worker {
    fn new(daemon: &'static Daemon, name: &'static str) -> Self {
        Self {
            sandbox: Sandbox::new(),
            daemon,
            name,
        }
    }

    fn run(&self, inputs: &[&str]) -> Finished {
        let file = "examples/04-symptom-table/container.runbook";
        let mut command = self.sandbox.command(&["run", file, "--format", "json", "--no-input"]);
        self.daemon
            .environment(&mut command)
            .arg("--input")
            .arg(format!("site={}", self.sandbox.path("site").display()))
            .arg("--input")
            .arg(format!("name={}", self.name))
            .arg("--input")
            .arg(format!("registry={}", self.daemon.registry()));
        for input in inputs {
            command.args(["--input", input]);
        }
        command.output().unwrap().into()
    }

    fn rows_taken(&self) -> Vec<String> {
        let rows = self.sandbox.records_of("symptom").into_iter();
        rows.filter(|row| row["chosen"] == true)
            .map(|row| row["row"].as_str().unwrap().to_owned())
            .collect()
    }

    fn said(&self) -> String {
        self.daemon.docker(&["logs", self.name])
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let mut command = Command::new(repository().join("examples/04-symptom-table/container/demo"));
        drop(
            self.daemon
                .environment(&mut command)
                .arg("down")
                .arg(self.sandbox.path("site"))
                .arg(self.name)
                .status(),
        );
    }
}

#[test]
fn container_in_a_restart_loop_is_healed() {
    let Some(daemon) = Daemon::shared("container_in_a_restart_loop_is_healed") else {
        return;
    };
    let worker = Worker::new(daemon, "backstay-test-worker-healed");
    let json = worker.run(&[]).exits(0).json();
    assert_eq!(json["end"], "completed");
    assert_eq!(worker.rows_taken(), ["Restart loop, bind refused"]);
    assert_eq!(worker.said(), "ready: bind=public auth=token");
}

#[test]
fn container_in_an_unknown_restart_loop_is_turned_back() {
    let Some(daemon) = Daemon::shared("container_in_an_unknown_restart_loop_is_turned_back") else {
        return;
    };
    let worker = Worker::new(daemon, "backstay-test-worker-turned-back");
    let json = worker.run(&["licence=expired", "bind=loopback"]).exits(5).json();
    assert_eq!(json["end"], "rolled_back");
    assert_eq!(worker.rows_taken(), ["anything else"]);
    assert_eq!(worker.said(), "ready: bind=loopback auth=none");
}

/// The project of example 08.
struct ComposeApp {
    sandbox: Sandbox,
    daemon: &'static Daemon,
    name: &'static str,
}

impl ComposeApp {
    fn run(&self, release: &str) -> Finished {
        let file = "examples/08-compose-app/upgrade.runbook";
        let mut command = self.sandbox.command(&["run", file, "--format", "json", "--no-input"]);
        self.daemon.environment(&mut command);
        for (name, value) in [
            ("site", self.sandbox.path("site").display().to_string()),
            ("name", self.name.to_owned()),
            ("registry", self.daemon.registry().to_owned()),
            ("release", release.to_owned()),
        ] {
            command.arg("--input").arg(format!("{name}={value}"));
        }
        Finished::of(&mut command)
    }

    fn said(&self) -> String {
        self.daemon.docker(&["logs", &format!("{}-app-1", self.name)])
    }

    fn settings(&self) -> String {
        fs::read_to_string(self.sandbox.path("site/project/.env")).unwrap()
    }

    fn image(&self, release: &str) -> String {
        fs::read_to_string(self.sandbox.path("site/images").join(release)).unwrap()
    }
}

impl Drop for ComposeApp {
    fn drop(&mut self) {
        let mut command = Command::new(repository().join("examples/08-compose-app/demo"));
        let site = self.sandbox.path("site");
        drop(
            self.daemon
                .environment(&mut command)
                .arg("down")
                .arg(site)
                .arg(self.name)
                .status(),
        );
    }
}

#[test]
fn compose_app_goes_forward_and_turns_back() {
    let Some(daemon) = Daemon::with_compose("compose_app_goes_forward_and_turns_back") else {
        return;
    };
    let app = |name| ComposeApp {
        sandbox: Sandbox::new(),
        daemon,
        name,
    };
    let forward = app("backstay-test-compose-forward");
    assert_eq!(forward.run("2.0.0").exits(0).json()["end"], "completed");
    assert_eq!(forward.said(), "release 2.0.0 knows 3 guests");
    let pinned = |app: &ComposeApp, release: &str| {
        app.settings()
            .contains(&format!("APP_IMAGE=\"{}\"", app.image(release)))
    };
    assert!(pinned(&forward, "2.0.0"), "{}", forward.settings());

    let back = app("backstay-test-compose-back");
    let json = back.run("2.0.0-broken").exits(5).json();
    assert_eq!(json["end"], "rolled_back");
    assert_eq!(json["failed_at"]["step"], "validate", "{json}");
    assert_eq!(back.said(), "release 1.0.0 knows 3 guests");
    assert!(pinned(&back, "1.0.0"), "{}", back.settings());
}
