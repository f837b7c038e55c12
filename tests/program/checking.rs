//! `check`: its text, its JSON, its exit code.

use crate::program::SMALL;
use crate::support::sandbox::Sandbox;

#[test]
fn a_good_runbook_exits_0() {
    let desk = Sandbox::desk();
    desk.write("small.runbook", SMALL);
    let text = desk.call(&["check", "small.runbook"]).exits(0);
    assert!(
        text.stdout.contains("small.runbook: no errors, 1 step"),
        "{}",
        text.stdout
    );
    let json = desk
        .call(&["check", "small.runbook", "--format", "json"])
        .exits(0)
        .json();
    assert_eq!(json["ok"], true);
    assert_eq!(json["diagnostics"], serde_json::json!([]));
    assert!(json.get("error").is_none());
}

#[test]
fn a_bad_one_exits_3_with_every_finding_at_its_place() {
    let desk = Sandbox::desk();
    desk.write("small.runbook", SMALL);
    desk.write("bad.runbook", SMALL.replace("content: \"hello\"", "content: missing"));
    let text = desk.call(&["check", "bad.runbook"]).exits(3);
    assert!(text.stdout.contains("bad.runbook:14:"), "{}", text.stdout);
    let json = desk
        .call(&["check", "small.runbook", "bad.runbook", "--format", "json"])
        .exits(3)
        .json();
    assert_eq!(json["ok"], false);
    assert_eq!(json["error"]["exit"], 3);
    let finding = &json["diagnostics"][0];
    assert_eq!(finding["severity"], "error");
    assert_eq!(finding["file"], "bad.runbook");
    assert_eq!(finding["line"], 14);
    for field in ["slug", "message"] {
        assert!(
            finding[field].as_str().is_some_and(|text| !text.is_empty()),
            "{field}: {finding}"
        );
    }
    for field in ["column", "end_line", "end_column"] {
        assert!(
            finding[field].as_u64().is_some_and(|number| number > 0),
            "{field}: {finding}"
        );
    }
    assert!(finding["help"].is_array());
}

#[test]
fn what_never_ends_and_wrong_quotation_marks_are_told_once() {
    let desk = Sandbox::desk();
    let step = |body: &str| format!("runbook t \"T\"\nstep a \"A\" {{\n{body}\n}}\n");
    for (text, findings) in [
        (
            step("  do fs.write(\"/a\", content: \"\"\"abc) no undo because \"z\""),
            vec![(3, "never closed")],
        ),
        (
            step("  check \"it is there: fs.exists(\"/a\")"),
            vec![(3, "not closed before the end")],
        ),
        (
            "runbook t 'T'\nstep a “A” { check \"x\": fs.exists(\"/a\") }\n".to_owned(),
            vec![(1, "not written in `'`"), (2, "typographic")],
        ),
    ] {
        desk.write("t.runbook", &text);
        let json = desk.call(&["check", "t.runbook", "--format", "json"]).exits(3).json();
        let told: Vec<(u64, String)> = json["diagnostics"]
            .as_array()
            .unwrap()
            .iter()
            .map(|found| {
                (
                    found["line"].as_u64().unwrap(),
                    found["message"].as_str().unwrap().to_owned(),
                )
            })
            .collect();
        assert_eq!(told.len(), findings.len(), "{text}: {told:?}");
        for ((line, message), (wanted, words)) in told.iter().zip(findings) {
            assert!(*line == wanted && message.contains(words), "{text}: {told:?}");
        }
    }
}

#[test]
fn a_line_of_windows_is_shown_without_its_end() {
    let desk = Sandbox::desk();
    desk.write(
        "t.runbook",
        "runbook t \"T\"\r\nstep a \"A\" {\r\n  check \"x\": fs.exsts(\"/a\")\r\n}\r\n",
    );
    let shown = desk.call(&["check", "t.runbook"]).exits(3).stdout;
    assert!(shown.contains("fs.exsts(\"/a\")\n") && !shown.contains('␍'), "{shown}");
}

/// What a proof found has its story as data: what was changed, where the run turns, what stays.
#[test]
fn a_proof_tells_its_story_as_data() {
    let desk = Sandbox::desk();
    // As it is: no rule is set aside.
    std::fs::write(
        desk.path("forgets.runbook"),
        "runbook forgets \"Forgets\"\n\
         step switch \"Switch\" {\n\
         \x20 do \"Switch\": fs.link(\"/srv/current\", to: \"/srv/2\")\n\
         \x20 check \"it leads there\": fs.exists(\"/srv/current/new\")\n\
         }\n",
    )
    .unwrap();
    let json = desk
        .call(&["check", "forgets.runbook", "--format", "json"])
        .exits(3)
        .json();
    let finding = &json["diagnostics"][0];
    assert_eq!(finding["slug"], "no-way-back");
    let scenes: Vec<_> = finding["trace"].as_array().unwrap().iter().collect();
    let told: Vec<(&str, u64)> = scenes
        .iter()
        .map(|scene| (scene["at"].as_str().unwrap(), scene["line"].as_u64().unwrap()))
        .collect();
    assert_eq!(told, [("switch/1", 3), ("switch/1", 3), ("switch/1", 3)], "{finding}");
    assert!(
        scenes[2]["what"].as_str().unwrap().contains("stays changed"),
        "{finding}"
    );
    assert_eq!(scenes[0]["file"], "forgets.runbook");
}
