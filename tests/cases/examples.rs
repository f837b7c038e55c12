//! What the examples promise, on a site of each test's own.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::support::sandbox::{Finished, Sandbox, repository};

/// An example with a site and a mark of its own.
struct Example {
    sandbox: Sandbox,
    folder: &'static str,
    runbook: &'static str,
}

impl Example {
    fn new(folder: &'static str, runbook: &'static str) -> Self {
        Self {
            sandbox: Sandbox::new(),
            folder,
            runbook,
        }
    }

    fn site(&self) -> PathBuf {
        self.sandbox.path("site")
    }

    fn mark(&self) -> String {
        self.sandbox.path("mark").display().to_string()
    }

    fn run(&self, inputs: &[&str]) -> Finished {
        let file = format!("examples/{}/{}", self.folder, self.runbook);
        let site = format!("site={}", self.site().display());
        let mark = format!("mark={}", self.mark());
        let mut arguments = vec!["run", &file, "--format", "json", "--no-input", "--input", &site];
        if self.folder != "05-parallel" {
            arguments.extend(["--input", &mark]);
        }
        for input in inputs {
            arguments.extend(["--input", input]);
        }
        self.sandbox.call(&arguments)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.site().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn ask(&self, question: &str) -> String {
        let tool = repository().join("examples").join(self.folder).join("ask");
        let output = Command::new(tool).arg(self.site()).arg(question).output().unwrap();
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        let tool = repository().join("examples").join(self.folder).join("demo");
        drop(Command::new(tool).arg("down").arg(self.site()).status());
    }
}

#[test]
fn release_switch_upgrades_again_and_again() {
    let example = Example::new("01-release-switch", "upgrade.runbook");
    for _ in 0..2 {
        let json = example.run(&[]).exits(0).json();
        assert_eq!(json["end"], "completed");
        assert_eq!(example.ask("release"), "2.0.0");
        assert_eq!(example.ask("records"), "3");
        assert_eq!(example.read("state/schema"), "2\n");
        assert!(
            fs::read_link(example.site().join("current"))
                .unwrap()
                .ends_with("releases/2.0.0")
        );
    }
}

#[test]
fn release_switch_goes_back_with_the_state_that_belongs_to_the_release() {
    let example = Example::new("01-release-switch", "upgrade.runbook");
    let json = example.run(&["release=2.0.0-broken"]).exits(5).json();
    assert_eq!(json["end"], "rolled_back");
    assert_eq!(json["failed_at"]["step"], "validate");
    assert_eq!(example.ask("release"), "1.0.0");
    assert_eq!(example.ask("records"), "3");
    assert_eq!(example.read("state/schema"), "1\n");
    let archives: Vec<_> = fs::read_dir(example.site().join("backups"))
        .unwrap()
        .map(|entry| format!("file({})", entry.unwrap().path().display()))
        .collect();
    assert_eq!(archives.len(), 1, "{archives:?}");
    let left = json["leftovers"].as_array().unwrap();
    assert!(left.iter().any(|one| *one == archives[0]), "{left:?}");
    let intents = example.sandbox.records_of("intent");
    let backup = intents.iter().find(|one| one["action"] == "backup.create").unwrap();
    assert_eq!(
        backup["effects"],
        serde_json::json!([
            {"effect": "reads", "resource": ["state", "state"]},
            {"effect": "captures", "resource": ["state", "state"], "backup": ["backup", null]},
            {"effect": "adds", "resource": ["file", null]}
        ])
    );
    assert!(
        !example.site().join("state/records.tsv").exists(),
        "the migrated file is still there"
    );
    assert!(
        fs::read_link(example.site().join("current"))
            .unwrap()
            .ends_with("releases/1.0.0")
    );
}

#[test]
fn symptom_table_heals_the_restart_loop_it_knows() {
    let example = Example::new("04-symptom-table", "restart-loop.runbook");
    let json = example.run(&[]).exits(0).json();
    assert_eq!(json["end"], "completed");
    assert!(example.read("worker.env").contains("AUTH=token"));
    assert!(example.site().join("ready").exists());
    let chosen: Vec<_> = example
        .sandbox
        .records_of("symptom")
        .into_iter()
        .filter(|row| row["chosen"] == true)
        .collect();
    assert_eq!(chosen.len(), 1);
    assert_eq!(chosen[0]["row"], "Restart loop, bind refused");
}

#[test]
fn symptom_table_turns_back_at_what_it_does_not_know() {
    let example = Example::new("04-symptom-table", "restart-loop.runbook");
    let json = example.run(&["licence=expired", "bind=loopback"]).exits(5).json();
    assert_eq!(json["end"], "rolled_back");
    assert!(example.read("worker.env").contains("BIND=loopback"));
    assert!(example.read("worker.env").contains("LICENCE=valid"));
    let chosen: Vec<_> = example
        .sandbox
        .records_of("symptom")
        .into_iter()
        .filter(|row| row["chosen"] == true)
        .collect();
    assert_eq!(chosen.len(), 1);
    assert_eq!(chosen[0]["row"], "anything else");
}

fn moment(example: &Example, name: &str) -> f64 {
    example.read(name).trim().parse().unwrap()
}

#[test]
fn parallel_changes_run_at_once_and_come_back_one_after_the_other() {
    let example = Example::new("05-parallel", "upgrade.runbook");
    example.run(&[]).exits(0);
    assert_eq!(example.read("web/loaded.env"), "POOL=32\n");
    assert_eq!(example.read("mail/loaded.env"), "POOL=32\n");
    let both_started = moment(&example, "web/load.started").max(moment(&example, "mail/load.started"));
    let first_ended = moment(&example, "web/load.ended").min(moment(&example, "mail/load.ended"));
    assert!(
        both_started < first_ended,
        "the services were changed one after the other"
    );

    let example = Example::new("05-parallel", "upgrade.runbook");
    let json = example.run(&["pool=many"]).exits(5).json();
    assert_eq!(json["end"], "rolled_back");
    assert_eq!(example.read("web/loaded.env"), "POOL=16\n");
    assert_eq!(example.read("mail/loaded.env"), "POOL=16\n");
    let apart = moment(&example, "web/load.ended") <= moment(&example, "mail/load.started")
        || moment(&example, "mail/load.ended") <= moment(&example, "web/load.started");
    assert!(apart, "the way back was not serial");
}
