//! `transcript verify` and `transcript show` on transcripts of real runs, good and altered.

use std::fs;

use crate::program::SMALL;
use crate::support::sandbox::Sandbox;

fn finished() -> (Sandbox, String) {
    let desk = Sandbox::desk();
    let check = "fs.exists(place) within 5s";
    desk.write(
        "small.runbook",
        SMALL.replace(check, &format!("{check}\n  record place")),
    );
    let place = format!("place={}", desk.path("out").display());
    desk.call(&["run", "small.runbook", "--input", &place, "--no-input"])
        .exits(0);
    let run = desk.run_name();
    (desk, run)
}

#[test]
fn a_finished_run_is_verified_by_name_and_by_directory() {
    let (desk, run) = finished();
    let json = desk
        .call(&["transcript", "verify", &run, "--format", "json"])
        .exits(0)
        .json();
    assert_eq!(json["verdict"], "unsigned");
    assert!(json["records"].as_u64().unwrap() > 5);
    assert_eq!(json["head"].as_str().unwrap().len(), 64);
    let directory = format!("state/runs/{run}");
    assert!(
        desk.call(&["transcript", "verify", &directory])
            .exits(0)
            .stdout
            .starts_with("unsigned")
    );
    desk.call(&["transcript", "verify", &run, "--require-signature"])
        .exits(1);
}

#[test]
fn an_altered_run_exits_1() {
    let (desk, run) = finished();
    let path = desk.path(&format!("state/runs/{run}/transcript.jsonl"));
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen("\"operator\":\"ada\"", "\"operator\":\"eve\"", 1)).unwrap();
    let json = desk
        .call(&["transcript", "verify", &run, "--format", "json"])
        .exits(1)
        .json();
    assert_eq!(json["verdict"], "altered");
    desk.call(&["transcript", "show", &run]).exits(1);
}

#[test]
fn a_run_is_shown_line_by_line() {
    let (desk, run) = finished();
    let shown = desk.call(&["transcript", "show", &run]).exits(0).stdout;
    for part in [
        "Write a file (ada on ",
        "begins: Write the file (budget 1m)",
        "it is there",
        "ends completed",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let records = fs::read_to_string(desk.path(&format!("state/runs/{run}/transcript.jsonl"))).unwrap();
    let (front_page, lines) = shown.split_once("\n\n").unwrap();
    assert_eq!(lines.lines().count(), records.lines().count());
    for part in [
        "Write a file\n",
        "operator:  ada on ",
        "count = 3",
        "recorded:  place = ",
        "end:       completed",
    ] {
        assert!(front_page.contains(part), "{part}: {front_page}");
    }
}

#[test]
fn the_head_of_the_ticket_is_compared() {
    let (desk, run) = finished();
    let ran = desk
        .call(&["transcript", "verify", &run, "--format", "json"])
        .exits(0)
        .json();
    let head = ran["head"].as_str().unwrap();
    // By what scripts are told, too.
    let records = desk.path(&format!("state/runs/{run}/transcript.jsonl"));
    let records_text = records.display().to_string();
    desk.call(&["transcript", "verify", &records_text, "--head", head])
        .exits(0);
    let other = desk
        .call(&["transcript", "verify", &run, "--head", &"0a".repeat(32)])
        .exits(1);
    assert!(
        other.stdout.contains("no record has the head that was given"),
        "{}",
        other.stdout
    );
    let text = fs::read_to_string(records).unwrap();
    let second: serde_json::Value = serde_json::from_str(text.lines().nth(1).unwrap()).unwrap();
    let early = desk
        .call(&["transcript", "verify", &run, "--head", second["prev"].as_str().unwrap()])
        .exits(1);
    assert!(early.stdout.contains("is that of record 1; "), "{}", early.stdout);
    desk.call(&["transcript", "verify", &run, "--head", "8f3a"]).exits(2);
}

const TALKING: &str = r#"runbook talking "Talking"
step says "Says something" {
  do "Say it": exec.run(["sh", "-c", "echo in the open; printf 'a\\033[2Jb' >&2"], effects: { edits external("x") repeat convergent }) undo "Say it again": exec.run(["echo", "and back"], effects: { edits external("x") repeat convergent }) within 5s
}
step fails "Fails" { check "it is there": fs.exists("/no/such/place") }
"#;

#[test]
fn what_programs_said_is_shown_and_verified() {
    let desk = Sandbox::desk();
    desk.write("talking.runbook", TALKING);
    desk.call(&["run", "talking.runbook", "--no-input"]).exits(5);
    let run = desk.run_name();
    let show = |step: &str| desk.call(&["transcript", "show", &run, "--output", step]);
    let shown = show("says").exits(0).stdout;
    for part in [
        "says/1, attempt 1: Say it\n",
        "  $ sh -c 'echo in the open; ",
        "  ok: sh ended well\n",
        "  stdout:\n  | in the open\n",
        "  stderr:\n  | a\\x1b[2Jb\n",
        "undo:says/1/1, attempt 1: Say it again\n  $ echo 'and back'\n",
        "  | and back\n",
    ] {
        assert!(shown.contains(part), "{part:?}: {shown}");
    }
    assert!(!show("says/1").exits(0).stdout.contains("no such"));
    let nothing = show("fails").exits(2).stderr;
    assert!(nothing.contains("actions were begun in: says, undo:says"), "{nothing}");

    let outputs = desk.path(&format!("state/runs/{run}/blobs"));
    let first = fs::read_dir(outputs).unwrap().next().unwrap().unwrap().path();
    fs::write(first, "something else").unwrap();
    let judged = desk.call(&["transcript", "verify", &run]).exits(1).stdout;
    assert!(
        judged.starts_with("altered: record ") && judged.contains(" is not what was kept"),
        "{judged}"
    );
    assert!(show("says").exits(1).stderr.contains(" is not what was kept"));
}

#[test]
fn the_log_goes_into_a_file_that_only_its_owner_reads() {
    use std::os::unix::fs::PermissionsExt as _;
    let desk = Sandbox::desk();
    desk.write("small.runbook", SMALL);
    desk.call(&["check", "small.runbook", "--log", "log"]).exits(0);
    let log = fs::read_to_string(desk.path("log")).unwrap();
    assert!(log.contains("INFO backstay::log: begins"), "{log}");
    assert_eq!(
        fs::metadata(desk.path("log")).unwrap().permissions().mode() & 0o777,
        0o600
    );
    desk.call(&["check", "small.runbook", "--log", "/no/such/place"])
        .exits(2);
}

/// A whole record of another run is none of this one.
#[test]
fn the_record_of_another_run_is_not_accepted() {
    let desk = Sandbox::desk();
    desk.write_runbook(
        "one.runbook",
        "runbook one \"One\"\nstep a \"A\" { check \"it is there\": fs.exists(\"/\") }\n",
    );
    let ran: Vec<String> = (0..2)
        .map(|_| {
            let ran = desk
                .call(&["run", "one.runbook", "--no-input", "--format", "json"])
                .exits(0);
            ran.json()["run"].as_str().unwrap().to_owned()
        })
        .collect();
    let runs = desk.state_directory().join("runs");
    let told = desk.call(&["transcript", "verify", &ran[1]]).exits(0);
    assert!(told.stdout.contains(&format!("run:     {}", ran[1])), "{told:?}");
    for file in ["transcript.jsonl", "seal.json"] {
        fs::copy(runs.join(&ran[0]).join(file), runs.join(&ran[1]).join(file)).unwrap();
    }
    let path = runs.join(&ran[1]).display().to_string();
    for meant in [&ran[1], &path] {
        let told = desk.call(&["transcript", "verify", meant]).exits(1);
        assert!(
            told.stdout.contains(&format!("the record of another run, {}", ran[0])),
            "{told:?}"
        );
    }
    // What was copied elsewhere is called as one likes, and says which run it is of.
    fs::rename(runs.join(&ran[1]), desk.path("copy")).unwrap();
    let told = desk
        .call(&["transcript", "verify", "copy", "--format", "json"])
        .exits(0)
        .json();
    assert_eq!(told["run"], ran[0].as_str(), "{told}");
}
