//! Whole runs: what is kept and shown of a secret that a program prints.

use std::process::{Command, Stdio};

use crate::support::sandbox::{Finished, Sandbox, files_with, signal, wait_for};

const SECRET: &str = "s3cret/W0rd&of-the'run+";

fn with_secret(desk: &Sandbox, arguments: &[&str]) -> Finished {
    Finished::of(desk.command(arguments).env("TOK", SECRET))
}

/// Nothing of the secret is on the screen or in the state directory.
fn nowhere(desk: &Sandbox, finished: &Finished, forms: &[&str]) {
    for form in forms {
        assert!(
            !finished.stdout.contains(form),
            "{form} is on the screen: {}",
            finished.stdout
        );
        assert!(
            !finished.stderr.contains(form),
            "{form} is on the screen: {}",
            finished.stderr
        );
        let files = files_with(&desk.state_directory(), form);
        assert!(files.is_empty(), "{form} is on disk: {files:?}");
    }
}

#[test]
fn a_secret_at_the_cut_of_evidence_is_not_shown_in_part() {
    let desk = Sandbox::desk();
    desk.write(
        "cut.runbook",
        r#"runbook cut "Evidence that is cut"
inputs { tok : secret from env TOK }
step look "Look" {
  check "it is x": exec.read(["sh", "-c", "head -c 140 /dev/zero | tr '\\0' a; printf %s \"$T\""], env: {T: tok}, effects: nothing).stdout == "x"
}
"#,
    );
    let finished = with_secret(&desk, &["run", "cut.runbook", "--no-input"]);
    assert!(finished.exit != 0 && finished.exit != 2, "{finished:?}");
    assert!(
        !files_with(&desk.state_directory(), "aaa***").is_empty(),
        "{finished:?}"
    );
    nowhere(&desk, &finished, &["s3cr"]);
}

#[test]
fn a_plain_input_that_holds_the_secret_is_refused() {
    let desk = Sandbox::desk();
    desk.write(
        "plain.runbook",
        r#"runbook plain "A secret in a plain input"
inputs {
  tok : secret from env TOK
  note : text
}
step look "Look" { record note }
"#,
    );
    let note = format!("note=before {SECRET} after");
    let finished = with_secret(&desk, &["run", "plain.runbook", "--no-input", "--input", &note]).exits(2);
    assert!(finished.stderr.contains("`note` holds a secret"), "{finished:?}");
    assert!(!format!("{finished:?}").contains("s3cret/W0"), "{finished:?}");
    with_secret(
        &desk,
        &[
            "run",
            "plain.runbook",
            "--no-input",
            "--input",
            "note=harmless",
            "--ticket",
            SECRET,
        ],
    )
    .exits(0);
    assert!(files_with(&desk.state_directory(), SECRET).is_empty());
}

#[test]
fn a_mark_of_the_byte_order_is_no_part_of_a_secret() {
    let desk = Sandbox::desk();
    desk.write("token", format!("\u{feff}{SECRET}\r\n"));
    desk.write(
        "mark.runbook",
        r#"runbook mark "A secret from a file"
inputs { tok : secret from file "token" }
step look "Look" {
  check "it is as long as it looks": exec.read(["sh", "-c", "printf %s \"$T\" | wc -c"], env: {T: tok}, effects: nothing).stdout == "23"
}
"#,
    );
    with_secret(&desk, &["run", "mark.runbook", "--no-input"]).exits(0);
}

/// The program that waits says so once it may dump core as its operator may.
const WAITS: &str = r#"runbook waits "Waits" {
  window 10m keep 5m for the way back
}
inputs { tok : secret from env TOK  place : path }
step begin "Begin" {
  budget 1m
  do fs.write(place / "made", content: "x") undo { do fs.remove(place / "made") } within 10s
}
step wait "Wait" after begin {
  budget 3m
  do "Wait": exec.run(["sh", "-c", "until [ \"$(ulimit -c)\" = \"$(cat allowed)\" ]; do sleep 0.1; done; touch begun; sleep 4"], cwd: place, effects: { opaque external("test") repeat once }) no undo because "test"
}
"#;

#[test]
fn no_signal_ends_the_runner_without_a_way_back_and_no_core_is_dumped() {
    for (name, exit) in [("XFSZ", None), ("QUIT", Some(5))] {
        let desk = Sandbox::desk();
        desk.write("waits.runbook", WAITS);
        let place = format!("place={}", desk.path("").display());
        let program = desk.command(&["run", "waits.runbook", "--no-input", "--input", &place]);
        let mut command = Command::new("sh");
        command.args([
            "-c",
            "ulimit -c unlimited 2>/dev/null; ulimit -c > allowed; exec \"$0\" \"$@\"",
        ]);
        command.arg(program.get_program()).args(program.get_args());
        if let Some(folder) = program.get_current_dir() {
            command.current_dir(folder);
        }
        command.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.env("TOK", SECRET).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        wait_for(&desk.path("begun"));
        let limits = std::fs::read_to_string(format!("/proc/{}/limits", child.id())).unwrap();
        let core = limits
            .lines()
            .find(|line| line.starts_with("Max core file size"))
            .unwrap();
        assert_eq!(core.split_whitespace().nth(4), Some("1"), "{core}");
        signal(child.id(), name);
        if exit.is_none() {
            std::thread::sleep(std::time::Duration::from_millis(300));
            assert!(child.try_wait().unwrap().is_none(), "{name} ended the runner");
            signal(child.id(), "TERM");
        }
        let status = child.wait().unwrap();
        assert!(status.code().is_some(), "{name}: {status}");
        assert!(
            !desk.path("made").exists(),
            "{name}: the way back was not taken ({status})"
        );
    }
}

#[test]
fn the_content_of_one_secret_may_stand_in_the_name_of_another() {
    let desk = Sandbox::desk();
    desk.write(
        "names.runbook",
        r#"runbook names "Names of secrets"
inputs {
  tok : secret from env TOK
  app_password : secret from env OTHER
}
step look "Look" { check "it is given": exec.read(["true"], env: {A: tok, B: app_password}, effects: nothing) is ok }
"#,
    );
    let mut command = desk.command(&["run", "names.runbook", "--no-input"]);
    command.env("TOK", "password").env("OTHER", "qwertz-1");
    Finished::of(&mut command).exits(0);
}

/// Text that may be read in very many ways costs time: limits must hold all the same.
#[test]
fn a_limit_holds_while_output_is_searched() {
    let desk = Sandbox::desk();
    desk.write(
        "limit.runbook",
        r#"runbook limit "A limit"
inputs { tok : secret from env TOK }
step print "Print" {
  do "Print": exec.run(["sh", "-c", "yes '%25%25%25%25%25%25' | tr -d '\\n'"], env: {T: tok}, effects: { opaque external("test") repeat once }) within 2s no undo because "test"
}
"#,
    );
    let begun = std::time::Instant::now();
    let finished = with_secret(&desk, &["run", "limit.runbook", "--no-input"]);
    assert_ne!(finished.exit, 0);
    assert!(format!("{finished:?}").contains("not done within 2s"), "{finished:?}");
    assert!(begun.elapsed().as_secs() < 40, "{:?}", begun.elapsed());
}
