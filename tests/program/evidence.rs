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
