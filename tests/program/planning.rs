//! What a plan says: what would run, what it would change, what two names hide.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::symlink;

use serde_json::{Value, json};

use crate::support::sandbox::{Finished, Sandbox};

const CHANGES: &str = r#"runbook steps "Steps that would run, would not, or cannot be known"

inputs {
  /// Where all of it is.
  root : path
}

protect records "Records" { path root / "records" }

step keep "Keep a copy" {
  do backup.create(records, to: root / "backups")
}

step done "Already done" {
  skip when fs.exists(root / "records") because "it is there"
  do fs.write(root / "records", content: "") no undo because "never needed"
}

step write "Write the mark" {
  do fs.write(root / "mark", content: "1") undo { do fs.remove(root / "mark") } within 5s
}

step known "Depends on the mark that was written" {
  only when fs.read(root / "mark") == "2" because "the mark says so"
  record root
}

step stamp "A program writes the stamp" {
  do "Stamp it": exec.run(["/bin/cp", root / "mark", root / "stamp"], effects: {
    sets file(root / "stamp")
    repeat convergent
  }) undo { do fs.remove(root / "stamp") } within 5s
}

step later "Depends on what the program wrote" {
  skip when fs.read(root / "stamp") == "2" because "the stamp says so"
  record root
}
"#;

fn desk() -> (Sandbox, String) {
    let desk = Sandbox::desk();
    fs::create_dir_all(desk.path("root/records")).unwrap();
    let root = format!("root={}", desk.path("root").display());
    (desk, root)
}

fn plan(desk: &Sandbox, root: &str) -> Value {
    desk.write("steps.runbook", CHANGES);
    let call = desk.call(&["plan", "steps.runbook", "--input", root, "--format", "json"]);
    call.exits(0).json()
}

#[test]
fn a_step_runs_is_skipped_or_is_decided_later() {
    let (desk, root) = desk();
    let steps = plan(&desk, &root)["steps"].clone();
    let would: Vec<_> = steps.as_array().unwrap().iter().map(|step| &step["would"]).collect();
    assert_eq!(would, ["run", "skip", "run", "skip", "run", "unknown"]);
    let reason = steps[5]["reason"].as_str().unwrap();
    assert!(reason.contains("unknown until step stamp"), "{reason}");
}

const ADDRESSES: &str = r#"runbook addresses "Two addresses" { window 10m keep 3m for the way back }

step before "Before" {
  budget 1m
  check "it answers": http.get("ROOT/health").status == 200
}

step change "Change what answers" {
  budget 1m
  do "Run it": exec.run(["/bin/true"], effects: { edits endpoint("ROOT/") repeat convergent }) no undo because "a test"
}

step after "After" {
  budget 1m
  check "it answers": http.get("ROOT/health").status == 200
  check "its root": http.get("ROOT/").status == 200
}
"#;

/// Answers every request with 200, and ends with the test program.
fn served() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        }
    });
    format!("http://{address}")
}

/// After an address is changed on paper, what lies below it is no fact any more.
#[test]
fn what_lies_below_a_changed_address_is_unknown() {
    let desk = Sandbox::desk();
    desk.write("addresses.runbook", ADDRESSES.replace("ROOT", &served()));
    let said = desk.call(&["plan", "addresses.runbook"]).exits(0).in_one_line();
    assert_eq!(said.matches("status == 200: 200").count(), 1, "{said}");
    assert_eq!(said.matches("unknown until step change").count(), 2, "{said}");
}

#[test]
fn what_a_result_will_name_is_among_the_changes() {
    let (desk, root) = desk();
    let json = plan(&desk, &root);
    assert_eq!(
        json["steps"][0]["changes"][0]["effects"],
        json!([
            "reads state(records)",
            "captures state(records) as backup(‹result›)",
            "adds file(‹result›)"
        ])
    );
}

#[test]
fn a_backup_that_nobody_named_is_left_behind_by_name() {
    let (desk, root) = desk();
    desk.write("steps.runbook", CHANGES);
    let call = desk.call(&[
        "run",
        "steps.runbook",
        "--input",
        &root,
        "--format",
        "json",
        "--no-input",
    ]);
    let left = call.exits(0).json()["leftovers"].clone();
    let archives: Vec<_> = fs::read_dir(desk.path("root/backups"))
        .unwrap()
        .map(|entry| format!("file({})", entry.unwrap().path().display()))
        .collect();
    assert_eq!(left, json!(archives));
}

#[test]
fn what_was_there_before_is_not_left_behind() {
    let (desk, root) = desk();
    desk.write(
        "made.runbook",
        r#"runbook made "Two folders"
inputs { /// Where.
  root : path }
step make "Make them" {
  do fs.mkdir(root) no undo because "it was there"
  do fs.mkdir(root / "new") no undo because "it is empty"
}
"#,
    );
    let call = desk.call(&[
        "run",
        "made.runbook",
        "--input",
        &root,
        "--format",
        "json",
        "--no-input",
    ]);
    let left = call.exits(0).json()["leftovers"].clone();
    assert_eq!(left, json!([format!("tree({})", desk.path("root/new").display())]));
}

#[test]
fn two_names_for_one_thing_are_refused() {
    let (desk, root) = desk();
    desk.write(
        "two.runbook",
        r#"runbook two "Two states"

inputs {
  /// Where all of it is.
  root : path
}

protect one "One" { path root / "records" }
protect two "Two" { path root / "other" }

step keep "Keep a copy, then write" {
  do backup.create(one, to: root / "backups") as first
  check "it restores": backup.verify(first) is ok
  do fs.write(root / "other" / "mark", content: "1") undo { do fs.remove(root / "other" / "mark") } within 5s
}
"#,
    );
    symlink(desk.path("root/records"), desk.path("root/other")).unwrap();
    for (verb, code) in [("plan", 1), ("run", 4)] {
        let call = desk.call(&[verb, "two.runbook", "--input", &root, "--format", "json", "--no-input"]);
        let said = call.exits(code).stdout;
        assert!(said.contains("not-apart"), "{verb}: {said}");
    }
    assert!(!desk.path("root/backups").exists());
}

#[test]
fn a_backup_within_its_own_state_and_one_thing_as_two_services_are_refused() {
    let (desk, root) = desk();
    desk.write(
        "within.runbook",
        r#"runbook within "A backup within its own state"

inputs { root : path  to : path }

protect records "Records" { path root }

step keep "Keep a copy" {
  do backup.create(records, to: to) as kept
  check "it restores": backup.verify(kept) is ok
}
"#,
    );
    desk.write(
        "twice.runbook",
        r#"runbook twice "One thing as two services"

inputs { root : path  to : path }

service a "A" { runs process("backstay-nobody-runs-this")  begins stopped }
service b "B" { runs process("backstay-nobody-runs-this")  begins stopped }

step look "Look" { record root, to }
"#,
    );
    symlink(desk.path("root"), desk.path("link")).unwrap();
    let link = format!("to={}", desk.path("link/backups").display());
    for (verb, code) in [("plan", 1), ("run", 4)] {
        for file in ["within.runbook", "twice.runbook"] {
            let call = desk.call(&[
                verb,
                file,
                "--input",
                &root,
                "--input",
                &link,
                "--format",
                "json",
                "--no-input",
            ]);
            let said = call.exits(code).stdout;
            assert!(said.contains("not-apart"), "{verb} {file}: {said}");
        }
    }
    assert!(!desk.path("root/backups").exists());
}

/// Plan and run discharge one list of obligations.
#[test]
fn a_process_that_does_not_run_is_found_by_the_plan_too() {
    let desk = Sandbox::desk();
    desk.write(
        "idle.runbook",
        "runbook idle \"Idle\"\n\
         service idle \"Nothing\" { runs process(\"backstay-nobody-runs-this\") }\n\
         step look \"Look\" { require true else \"never\" }\n",
    );
    for (verb, code) in [("plan", 1), ("run", 4)] {
        let call = desk.call(&[verb, "idle.runbook", "--format", "json", "--no-input"]);
        let said = call.exits(code).json().to_string();
        assert!(
            said.contains("service `idle` should run, and no process was started here as `backstay-nobody-runs-this`"),
            "{verb}: {said}"
        );
    }
}

#[test]
fn what_no_service_can_be_here_is_refused_by_name_and_with_what_to_do() {
    let desk = Sandbox::desk();
    let nowhere = format!("unix://{}", desk.path("no.sock").display());
    for (runs, said) in [
        ("unit(\"worker\")", "service `worker` is a unit of the service manager"),
        (
            "compose(\"/srv\", name: \"worker\")",
            "start Docker, or name its socket with DOCKER_HOST",
        ),
        (
            "container(\"worker\")",
            "start Docker, or name its socket with DOCKER_HOST",
        ),
    ] {
        desk.write(
            "kinds.runbook",
            format!(
                "runbook kinds \"Kinds\"\n\
                 service worker \"The worker\" {{ runs {runs} }}\n\
                 step restart \"Restart\" {{\n\
                 \u{20}\u{20}do \"Run it\": exec.run([\"true\"], effects: {{ stops worker  repeat convergent }}) no undo because \"test\"\n\
                 }}\n"
            ),
        );
        let call = |verb: &str| {
            let words = [verb, "kinds.runbook", "--format", "json", "--no-input"];
            Finished::of(
                desk.command(&words[..if verb == "plan" { 4 } else { 5 }])
                    .env("DOCKER_HOST", &nowhere),
            )
        };
        let obstacles = call("plan").exits(1).json()["obstacles"].clone();
        assert!(obstacles[0].as_str().unwrap().contains(said), "{obstacles}");
        let refused = call("run").exits(4).json();
        assert!(refused.to_string().contains(said), "{refused}");
    }
}

#[test]
fn a_state_that_holds_the_record_of_the_run_is_refused_before_anything() {
    let desk = Sandbox::desk();
    let home = desk.path("");
    desk.write(
        "home.runbook",
        format!(
            "runbook home \"Keep a home\"\n\nprotect home \"Everything\" {{ path \"{0}\" }}\n\n\
             step one \"Write\" {{ do fs.write(\"{0}/one\", content: \"1\") undo fs.remove(\"{0}/one\") within 5s }}\n",
            home.display().to_string().trim_end_matches('/')
        ),
    );
    for (command, exit) in [("plan", 1), ("run", 4)] {
        let refused = desk.call(&[command, "home.runbook"]).exits(exit);
        let said = format!("{}{}", refused.stdout, refused.stderr);
        assert!(
            said.contains("holds the record of the run") && said.contains("--state-dir"),
            "{said}"
        );
    }
    assert!(!desk.path("one").exists());
    let other = tempfile::tempdir().unwrap();
    let elsewhere = other.path().display().to_string();
    desk.call(&["plan", "home.runbook", "--state-dir", &elsewhere]).exits(0);
}
