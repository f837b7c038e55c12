//! A service with several members: each is asked, stopped and started by its own name.

use super::desk::Desk;

/// A runbook about two members; how they begin, and steps as they are written.
fn about(desk: &Desk, begins: &str, steps: &str) -> String {
    let name = desk.name();
    format!(
        "runbook about \"About two\"\n\nservice r \"The service\" {{\n  members {{\n    a: process(\"{name}/a\")\n    \
         b: process(\"{name}/b\")\n  }}\n  begins {begins}\n}}\n\n{steps}\n"
    )
}

const UP: &str = "step up \"Start\" {\n  do process.start(r.a, [\"sleep\", \"600\"]) undo process.stop(r.a, grace: 5s) within 20s\n  \
                  do process.start(r.b, [\"sleep\", \"600\"]) undo process.stop(r.b, grace: 5s) within 20s\n  \
                  check \"both run\": process.alive(r.a) and process.alive(r.b)\n}\n";

#[test]
fn members_are_started_asked_and_stopped_one_by_one() {
    let desk = Desk::new();
    let plan = desk.call("plan", &about(&desk, "stopped", UP)).exits(0).stdout;
    assert!(plan.contains("a: process(") && plan.contains("b: process("), "{plan}");
    let answer = desk.call("run", &about(&desk, "stopped", UP)).exits(0).json();
    assert_eq!(answer["exceptions"], serde_json::json!([]), "{answer}");

    // One of them is not as it begins: the run is refused, and says which.
    let only_b = "step down \"Stop b\" { do process.stop(r.b, grace: 5s) no undo because \"a test\" }\n";
    desk.call("run", &about(&desk, "running\n  ends running", only_b))
        .exits(0);
    let refused = desk.call("run", &about(&desk, "running", only_b)).exits(4);
    let said = format!("{}{}", refused.stdout, refused.stderr);
    assert!(said.contains("`r.b`"), "{said}");

    // At the end each is asked; a way back gives back what was.
    let fails = "step down \"Stop a\" {\n  do process.stop(r.a, grace: 5s) undo process.start(r.a, [\"sleep\", \"600\"]) within 20s\n  \
                 check \"never\": fs.exists(\"/none/of/it\") within 500ms\n}\n";
    let begins = "running";
    let up_b = "step up \"Start b\" { do process.start(r.b, [\"sleep\", \"600\"]) no undo because \"a test\" }\n";
    desk.call(
        "run",
        &about(&desk, "running", up_b).replace("/b\")", "/b\") begins stopped"),
    )
    .exits(0);
    desk.call("run", &about(&desk, begins, fails)).exits(5);
    let down = "step down \"Stop both\" {\n  do process.stop(r.a, grace: 5s) no undo because \"a test\"\n  \
                do process.stop(r.b, grace: 5s) no undo because \"a test\"\n}\n";
    desk.call(
        "run",
        &about(&desk, begins, down).replace("begins running", "begins running\n  ends stopped"),
    )
    .exits(0);
}
