//! What a runbook does not name as changing is the same at the end, or it is said.

use crate::support::sandbox::Sandbox;

/// A program that changes a file, and says so or something else.
fn told(effects: &str) -> (serde_json::Value, String) {
    let desk = Sandbox::desk();
    desk.write("limits", "10\n");
    desk.write_runbook(
        "note.runbook",
        &format!(
            "runbook note \"Note\"\n\
             anchor limits = fs.read(\"ROOT/limits\")\n\
             anchor notes = fs.exists(\"ROOT/notes\")\n\
             step note \"Note it\" {{\n  do \"Note\": exec.run([\"sh\", \"-c\", \"echo 20 > ROOT/limits; touch ROOT/notes\"], \
             effects: {{ {effects}  repeat convergent }}) no undo because \"a note\"\n}}\n"
        ),
    );
    let json = desk
        .call(&["run", "note.runbook", "--no-input", "--format", "json"])
        .exits(0)
        .json();
    let shown = desk.call(&["transcript", "show", &desk.run_name()]).exits(0).stdout;
    (json, shown)
}

#[test]
fn what_changed_and_nothing_names_is_an_exception() {
    let (json, shown) = told("adds file(\"ROOT/notes\")");
    let exceptions = json["exceptions"].as_array().unwrap();
    assert_eq!(exceptions.len(), 1, "{json}");
    let said = exceptions[0].as_str().unwrap();
    for words in [
        "limits",
        "it answers 20",
        "at the start 10",
        "nothing that was done touches what it reads",
    ] {
        assert!(said.contains(words), "{words}: {said}");
        assert!(shown.contains(words), "{words}: {shown}");
    }
}

#[test]
fn what_was_named_is_none() {
    for effects in [
        "edits tree(\"ROOT\")",
        "adds file(\"ROOT/notes\")  edits file(\"ROOT/limits\")",
    ] {
        let (json, _) = told(effects);
        assert_eq!(json["exceptions"], serde_json::json!([]), "{effects}");
    }
}
