//! `backstay anchors`: how production is, beside what the last run recorded.

use std::fs;

use crate::support::sandbox::Sandbox;

#[test]
fn an_anchor_that_has_no_answer_any_more_differs() {
    let desk = Sandbox::desk();
    let file = desk.path("settings");
    desk.write(
        "look.runbook",
        format!(
            "runbook look \"Look\"\n\
             anchor settings = fs.read(\"{}\")\n\
             step look \"Look\" {{ check \"there is a root\": fs.exists(\"/\") }}\n",
            file.display()
        ),
    );
    let anchors = |exit| {
        desk.call(&["anchors", "look.runbook", "--format", "json"])
            .exits(exit)
            .json()
    };
    // Nobody has recorded an answer that this could differ from.
    assert_eq!(anchors(0)["anchors"][0]["same"], serde_json::Value::Null);
    fs::write(&file, "1").unwrap();
    desk.call(&["run", "look.runbook", "--no-input"]).exits(0);
    assert_eq!(anchors(0)["anchors"][0]["same"], true);
    fs::write(&file, "2").unwrap();
    assert_eq!(anchors(1)["anchors"][0]["same"], false);
    fs::remove_file(&file).unwrap();
    assert_eq!(anchors(1)["anchors"][0]["same"], false);
    let said = desk.call(&["anchors", "look.runbook"]).exits(1).stdout;
    assert!(
        said.contains("settings: no answer: ") && said.contains("(CHANGED: 1 in run "),
        "{said}"
    );
}
