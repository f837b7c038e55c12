//! The nine cases: a real directory, a real `.env`, a real validate command, real child processes.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::support::left_out::leave_out;
use crate::support::sandbox::{
    Finished, Sandbox, files_with, find, fingerprint, finish, repository, signal, wait_for, wait_until,
};

const OLD: &str = "registry.example/app@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const NEW: &str = "registry.example/app@sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

/// Leaves a grandchild in a session of its own behind, which ends at no signal that can be ignored.
const FORK: &str = "setsid sh -c 'trap \"\" TERM HUP INT; while :; do sleep 1; done' \"$1\" > /dev/null 2>&1 &\necho forked > \"$1/forked\"\nsleep 300";

/// A system to upgrade, with a migration that takes `seconds` and a validation that ends with `status`.
struct System {
    sandbox: Sandbox,
}

impl System {
    fn new(seconds: &str, status: u8) -> Self {
        let sandbox = Sandbox::new();
        let system = Self { sandbox };
        fs::create_dir_all(system.root().join("state")).unwrap();
        fs::write(
            system.root().join(".env"),
            format!("# The pin.\nIMAGE={OLD}\nMODE=plain\n"),
        )
        .unwrap();
        fs::write(system.root().join("state/records"), "one\ntwo\n").unwrap();
        system.script(
            "migrate",
            &format!(
                "echo migrated >> \"$1/state/records\"\necho begun >> \"$1/migrations\"\nsleep {seconds}\necho 2 > \"$1/state/schema\""
            ),
        );
        system.script("validate", &format!("test -e \"$1/state/schema\"\nexit {status}"));
        system
    }

    fn root(&self) -> PathBuf {
        self.sandbox.path("system")
    }

    fn script(&self, name: &str, body: &str) {
        let path = self.root().join(name);
        fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn env_file(&self) -> String {
        fs::read_to_string(self.root().join(".env")).unwrap()
    }

    fn arguments(&self, verb: &str, runbook: &str) -> Vec<String> {
        let file = repository().join("tests/cases/runbooks").join(runbook);
        let root = format!("root={}", self.root().display());
        [
            verb,
            &file.display().to_string(),
            "--input",
            &root,
            "--format",
            "json",
            "--no-input",
        ]
        .map(str::to_owned)
        .to_vec()
    }

    fn call(&self, verb: &str, runbook: &str) -> Finished {
        let arguments = self.arguments(verb, runbook);
        self.sandbox
            .call(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn start(&self, runbook: &str) -> std::process::Child {
        let arguments = self.arguments("run", runbook);
        self.sandbox
            .start(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Pin and state are as they were; nothing of the run is alive.
    fn assert_back(&self, state_before: &std::collections::BTreeMap<String, String>) {
        assert!(
            self.env_file().contains(OLD),
            "the pin did not return: {}",
            self.env_file()
        );
        assert!(
            self.env_file().starts_with("# The pin.\n"),
            "the rest of the file changed: {}",
            self.env_file()
        );
        assert_eq!(
            &fingerprint(&self.root().join("state")),
            state_before,
            "the state did not return"
        );
        assert!(
            self.sandbox.processes().is_empty(),
            "something is alive: {:?}",
            self.sandbox.processes()
        );
    }

    fn state(&self) -> std::collections::BTreeMap<String, String> {
        fingerprint(&self.root().join("state"))
    }
}

#[test]
fn happy_path_ends_completed_and_plays_no_way_back() {
    let system = System::new("0", 0);
    let json = system.call("run", "nine.runbook").exits(0).json();
    assert_eq!(json["end"], "completed");
    assert!(json["way_back"].is_null(), "{json}");
    assert!(system.sandbox.records_of("turn").is_empty());
    assert!(system.env_file().contains(NEW));
    assert_eq!(
        fs::read_to_string(system.root().join("state/records")).unwrap(),
        "one\ntwo\nmigrated\n"
    );
}

#[test]
fn plan_of_a_healthy_system_changes_nothing() {
    let system = System::new("0", 0);
    let before = fingerprint(&system.root());
    let json = system.call("plan", "nine.runbook").exits(0).json();
    assert_eq!(fingerprint(&system.root()), before);
    assert!(find(&system.sandbox.state_directory(), "transcript.jsonl").is_empty());
    assert_eq!(json["window_ms"], 600_000);
    let cutover = json["steps"]
        .as_array()
        .unwrap()
        .iter()
        .find(|step| step["id"] == "cutover")
        .unwrap();
    assert_eq!(cutover["would"], "run", "{json}");
    assert!(cutover["changes"].to_string().contains(".env"), "{cutover}");
}

#[test]
fn validation_fails_and_state_and_pin_return() {
    let system = System::new("0", 1);
    let before = system.state();
    let json = system.call("run", "nine.runbook").exits(5).json();
    assert_eq!(json["end"], "rolled_back");
    assert_eq!(json["way_back"], "previous");
    assert_eq!(json["failed_at"]["step"], "validate");
    assert_eq!(system.sandbox.records_of("turn").len(), 1);
    system.assert_back(&before);
}

fn signal_mid_step(name: &str) {
    let system = System::new("60", 0);
    let before = system.state();
    let child = system.start("nine.runbook");
    wait_for(&system.root().join("migrations"));
    signal(child.id(), name);
    let json = finish(child).exits(5).json();
    assert_eq!(json["end"], "rolled_back");
    let signals = system.sandbox.records_of("signal");
    let asked: Vec<bool> = signals.iter().map(|signal| signal["asked"] == true).collect();
    assert_eq!(asked, [true, false], "{signals:?}");
    system.assert_back(&before);
}

#[test]
fn interrupt_mid_step_runs_the_way_back() {
    signal_mid_step("INT");
}

#[test]
fn terminate_mid_step_runs_the_way_back() {
    signal_mid_step("TERM");
}

/// Kills the runner in the middle of the migration; the first anchor must stay what it was.
fn killed_mid_step() -> System {
    let system = System::new("1", 0);
    let mut child = system.start("nine.runbook");
    wait_for(&system.root().join("migrations"));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(
        system.env_file().contains(NEW),
        "the pin was changed before the migration"
    );
    system
}

fn first_anchor_is_kept(system: &System) {
    let anchors = system.sandbox.records_of("anchor");
    let starts: Vec<_> = anchors.iter().filter(|anchor| anchor["when"] == "start").collect();
    assert_eq!(starts.len(), 1, "{anchors:?}");
    assert!(starts[0]["value"].to_string().contains(OLD), "{starts:?}");
}

#[test]
fn killed_then_turned_back_by_the_operator() {
    let system = killed_mid_step();
    let run = system.sandbox.run_name();
    let json = system
        .sandbox
        .call(&["turn-back", &run, "--format", "json", "--no-input"])
        .exits(5)
        .json();
    assert_eq!(json["end"], "rolled_back");
    first_anchor_is_kept(&system);
    assert!(system.env_file().contains(OLD));
    assert_eq!(
        fs::read_to_string(system.root().join("state/records")).unwrap(),
        "one\ntwo\n"
    );
    assert!(system.sandbox.processes().is_empty());
}

#[test]
fn killed_then_completed_by_the_operator() {
    let system = killed_mid_step();
    // The migration was left to itself and ends: a person looks, and says that it was done.
    wait_until("the migration has ended", || system.sandbox.processes().is_empty());
    fs::write(system.root().join("state/schema"), "2\n").unwrap();
    let answers = system.sandbox.path("answers.toml");
    fs::write(&answers, "\"cutover/2\" = true\n").unwrap();
    let run = system.sandbox.run_name();
    let answers = answers.display().to_string();
    let json = system
        .sandbox
        .call(&["resume", &run, "--answers", &answers, "--format", "json"])
        .exits(0)
        .json();
    assert_eq!(json["end"], "completed");
    first_anchor_is_kept(&system);
    assert!(system.env_file().contains(NEW));
    assert_eq!(
        fs::read_to_string(system.root().join("migrations")).unwrap(),
        "begun\n",
        "a once action ran twice"
    );
    assert_eq!(system.sandbox.records_of("settled")[0]["verdict"], "done");
}

#[test]
fn overrun_leaves_no_survivor() {
    let system = System::new("0", 0);
    system.script("fork", FORK);
    let finished = system.call("run", "overrun.runbook");
    expect_no_survivor(&system, finished);
}

/// The same where the session's leader is outside our process namespace, as in many a container: its number is 0.
#[test]
fn overrun_leaves_no_survivor_in_a_process_namespace() {
    let system = System::new("0", 0);
    system.script("fork", FORK);
    let arguments = system.arguments("run", "overrun.runbook");
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--pid", "--fork", "--mount-proc"]);
    if !command.arg("true").output().is_ok_and(|output| output.status.success()) {
        return leave_out(
            "overrun_leaves_no_survivor_in_a_process_namespace",
            "this machine gives no process namespaces",
        );
    }
    let program = system.sandbox.command(&arguments);
    let mut command = Command::new("unshare");
    command
        .args(["--map-root-user", "--pid", "--fork", "--mount-proc"])
        .arg(program.get_program())
        .args(program.get_args())
        .current_dir(repository())
        .env_clear()
        .envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .stdin(Stdio::null());
    expect_no_survivor(&system, Finished::from(command.output().unwrap()));
}

fn expect_no_survivor(system: &System, finished: Finished) {
    let json = finished.exits(5).json();
    assert!(system.root().join("forked").exists(), "the grandchild never ran");
    assert!(system.root().join("undone").exists(), "the way back did not run");
    assert!(json["failed_at"]["reason"].to_string().contains("budget"), "{json}");
    assert!(
        system.sandbox.processes().is_empty(),
        "survivors: {:?}",
        system.sandbox.processes()
    );
}

#[test]
fn secret_of_a_failing_command_is_nowhere() {
    let secret = "tr0ub4dor&3-canary";
    let system = System::new("0", 0);
    system.script(
        "login",
        "echo \"token is $TOKEN\"\necho \"token was $TOKEN\" >&2\nprintf %s \"$TOKEN\" | base64\nprintf %s \"$TOKEN\" | od -An -tx1 | tr -d ' \\n'\necho\nexit 3",
    );
    let arguments = system.arguments("run", "secret.runbook");
    let arguments: Vec<&str> = arguments
        .iter()
        .map(String::as_str)
        .filter(|word| !["--format", "json"].contains(word))
        .collect();
    let output = system
        .sandbox
        .command(&arguments)
        .env("APP_TOKEN", secret)
        .output()
        .unwrap();
    let finished = Finished::from(output);
    assert_eq!(finished.exit, 5, "{finished:?}");
    let encoded = [
        "tr0ub4dor&3-canary",
        "dHIwdWI0ZG9yJjMtY2FuYXJ5",
        "747230756234646f7226332d63616e617279",
    ];
    for form in encoded {
        assert!(
            !finished.stdout.contains(form) && !finished.stderr.contains(form),
            "on the screen: {finished:?}"
        );
        let files = files_with(&system.sandbox.state_directory(), form);
        assert!(files.is_empty(), "{form} is on disk: {files:?}");
    }
    assert!(finished.stderr.contains("***") || !files_with(&system.sandbox.state_directory(), "***").is_empty());
}

#[test]
fn a_way_back_that_fails_ends_stuck_with_the_commands_left() {
    let system = System::new("0", 0);
    system.script("put-back", "echo \"cannot put back $1\" >&2\nexit 1");
    let finished = system.call("run", "stuck.runbook").exits(6);
    assert_eq!(finished.json()["end"], "stuck");
    assert!(
        !system.root().join("state/second").exists(),
        "the later undo did not run first"
    );
    let end = &system.sandbox.records_of("run.end")[0];
    let commands = end["commands_left"].to_string();
    assert!(commands.contains("put-back") && commands.contains("the first"), "{end}");
    assert!(
        finished.stderr.contains("put-back"),
        "the commands left are not on the screen: {}",
        finished.stderr
    );
}
