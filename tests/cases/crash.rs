//! The runner is killed (SIGKILL) at every record boundary of example 01, forward and in the way back; `resume` ends
//! each run completed or rolled back, and the migration, which must not be repeated, never runs twice.
//!
//! `BACKSTAY_FAILPOINT=before:N` kills the runner when it is about to write record N: what the record tells of has
//! happened, and nobody wrote it down. `after:N` kills it once record N is durable: an intent, and no action yet.

use std::fs;
use std::process::Command;

use crate::support::at_each::{at_each, every_record};
use crate::support::sandbox::{Sandbox, repository};

const EXAMPLE: &str = "examples/01-release-switch";
const WORKERS: usize = 6;

/// One run of the example in a sandbox of its own.
struct Attempt {
    sandbox: Sandbox,
    release: &'static str,
}

impl Attempt {
    fn new(release: &'static str) -> Self {
        Self {
            sandbox: Sandbox::new(),
            release,
        }
    }

    fn command(&self) -> Command {
        let file = format!("{EXAMPLE}/upgrade.runbook");
        let mut command = self.sandbox.command(&["run", &file, "--format", "json", "--no-input"]);
        for (name, value) in [
            ("site", self.sandbox.path("site").display().to_string()),
            ("mark", self.sandbox.path("mark").display().to_string()),
            ("release", self.release.to_owned()),
        ] {
            command.args(["--input", &format!("{name}={value}")]);
        }
        command
    }

    fn ask(&self, question: &str) -> String {
        let tool = repository().join(EXAMPLE).join("ask");
        let output = Command::new(tool)
            .arg(self.sandbox.path("site"))
            .arg(question)
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Kills the runner at this boundary and resumes it; the answer says what is wrong with the end.
    fn killed_at(&self, failpoint: &str) -> Result<(), String> {
        let output = self.command().env("BACKSTAY_FAILPOINT", failpoint).output().unwrap();
        if output.status.code().is_some() {
            return Err(format!(
                "the runner was not killed: {}",
                String::from_utf8_lossy(&output.stderr)
            ));
        }
        if crate::support::sandbox::find(&self.sandbox.state_directory(), "transcript.jsonl").is_empty() {
            return if failpoint == "before:1" {
                Ok(())
            } else {
                Err("no transcript".to_owned())
            };
        }
        if fs::read_to_string(self.sandbox.run_directory().join("transcript.jsonl"))
            .unwrap()
            .is_empty()
        {
            return if failpoint == "before:1" {
                Ok(())
            } else {
                Err("an empty transcript".to_owned())
            };
        }
        let ended_before = self
            .sandbox
            .records()
            .last()
            .is_some_and(|record| record["kind"] == "run.end");
        let run = self.sandbox.run_name();
        let resumed = self.sandbox.call(&["resume", &run, "--format", "json", "--no-input"]);
        if ended_before {
            return if resumed.exit == 4 || resumed.exit == 2 {
                Ok(())
            } else {
                Err(format!("resumed after the end: {resumed:?}"))
            };
        }
        self.judge(resumed.exit)
            .map_err(|reason| format!("{reason}\nresume: {resumed:?}"))
    }

    fn judge(&self, exit: i32) -> Result<(), String> {
        let expect = match (exit, self.release) {
            (0, "2.0.0") => ("2.0.0", "2\n"),
            (5, _) => ("1.0.0", "1\n"),
            _ => return Err(format!("exit {exit}")),
        };
        let found = (
            self.ask("release"),
            fs::read_to_string(self.sandbox.path("site/state/schema")).unwrap(),
        );
        if (found.0.as_str(), found.1.as_str()) != expect {
            return Err(format!("exit {exit}, but the site has {found:?}"));
        }
        if self.ask("records") != "3" {
            return Err("a record was lost".to_owned());
        }
        let log = fs::read_to_string(self.sandbox.path("site/service.log")).unwrap();
        if log.matches("migrated to schema 2").count() > 1 {
            return Err("the migration ran twice".to_owned());
        }
        let verdict = self
            .sandbox
            .call(&["transcript", "verify", &self.sandbox.run_name(), "--format", "json"])
            .json();
        if verdict["verdict"] == "unsigned" {
            Ok(())
        } else {
            Err(format!("the transcript is {verdict}"))
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        let tool = repository().join(EXAMPLE).join("demo");
        drop(Command::new(tool).arg("down").arg(self.sandbox.path("site")).status());
    }
}

fn at_every_record_boundary(release: &'static str, exit: i32) {
    let whole = Attempt::new(release);
    let output = whole.command().output().unwrap();
    assert_eq!(
        output.status.code(),
        Some(exit),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let records = whole.sandbox.records().len();
    assert!(records > 30, "only {records} records: the example was not carried out");

    at_each(
        &every_record(records),
        WORKERS,
        || (),
        |(), failpoint| Attempt::new(release).killed_at(failpoint),
    );
}

#[test]
fn forward_killed_at_every_record() {
    at_every_record_boundary("2.0.0", 0);
}

#[test]
fn way_back_killed_at_every_record() {
    at_every_record_boundary("2.0.0-broken", 5);
}
