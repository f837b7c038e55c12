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
