//! Calls the program in a directory of its own.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A directory with runbooks and runs.
pub(crate) struct Desk(TempDir);

/// What a call left behind.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) exit: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_backstay"));
        command
            .args(words)
            .current_dir(self.0.path())
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.0.path())
            .env("USER", "ada")
            .env("BACKSTAY_STATE_DIR", self.path("state"))
            .stdin(Stdio::null());
        command
    }

    /// Calls the program; it must never panic.
    pub(crate) fn call(&self, words: &[&str]) -> Call {
        Call::of(&mut self.command(words))
    }

    /// The name of the only run.
    pub(crate) fn run_name(&self) -> String {
        let runs: Vec<_> = fs::read_dir(self.path("state/runs")).unwrap().flatten().collect();
        assert_eq!(runs.len(), 1, "{runs:?}");
        runs[0].file_name().into_string().unwrap()
    }
}

impl Call {
    pub(crate) fn of(command: &mut Command) -> Self {
        let output = command.output().unwrap();
        let call = Self {
            exit: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        };
        assert!(!call.stderr.contains("panicked"), "{call:?}");
        call
    }

    /// The exit code must be this one.
    pub(crate) fn exits(self, exit: i32) -> Self {
        assert_eq!(self.exit, exit, "{}\n{}", self.stdout, self.stderr);
        self
    }

    /// Standard output as one JSON object.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("no JSON ({error}): {self:?}"))
    }
}

/// A runbook that writes a file and checks it.
pub(crate) const SMALL: &str = r#"runbook small "Write a file" {
  window 10m keep 5m for the way back
}

inputs {
  /// Where.
  place : path
  /// How often.
  count : int = 3
}

step write "Write the file" {
  budget 1m
  do fs.write(place, content: "hello") undo { do fs.remove(place) } within 10s
  check "it is there": fs.exists(place) within 5s
}
"#;
