//! What the end of a run says, for people and for scripts: what stood out in a run that completed, how one stands that
//! is paused.

use serde_json::json;

use crate::support::sandbox::{Sandbox, finish, signal, wait_for, wait_until};

const STOOD_OUT: &str = r#"runbook odd "Odd"
step there "There already" {
  skip when fs.exists("ROOT") because "the folder is there"
  do fs.mkdir("ROOT/never") undo fs.remove("ROOT/never") within 5s
}
step elsewhere "Only elsewhere" {
  only when fs.exists("ROOT/elsewhere") because "this is not elsewhere"
  do fs.mkdir("ROOT/never") undo fs.remove("ROOT/never") within 5s
}
step heal "Heal" { check "healed": fs.exists("ROOT/healed") }
step again "Again" {
  retry 2 every 1s
  do "Try": exec.run(["sh", "-c", "test -e ROOT/once || { touch ROOT/once; exit 1; }"], effects: { adds external("x")  repeat convergent }) no undo because "it stays"
}
symptoms usual "Usual" for heal {
  symptom "Not healed" {
    seen when not fs.exists("ROOT/healed")
    suspect "a fault"
    budget 1m
    first { do fs.write("ROOT/healed", content: "x") undo fs.remove("ROOT/healed") within 5s }
    otherwise unwind
  }
  symptom anything else { suspect "more" otherwise unwind }
}
"#;

#[test]
fn a_completed_run_says_what_stood_out() {
    let desk = Sandbox::desk();
    desk.write_runbook("odd.runbook", STOOD_OUT);
    let call = desk
        .call(&["run", "odd.runbook", "--no-input", "--format", "json"])
        .exits(0);
    let told = call.json();
    assert_eq!(told["is_changed"], true, "{told}");
    assert_eq!(
        told["healed"],
        json!([{"step": "heal", "table": "usual", "row": "Not healed"}])
    );
    assert_eq!(
        told["skipped"],
        json!([
            {"step": "there", "because": "the folder is there"},
            {"step": "elsewhere", "because": "this is not elsewhere"},
        ])
    );
    assert_eq!(
        told["retried"],
        json!([{"statement": "again/1", "title": "Try", "tries": 2}])
    );
    for line in [
        "  healed:      heal, by “Not healed” of usual",
        "  skipped:     there: the folder is there",
        "               elsewhere: this is not elsewhere",
        "  retried:     Try (again/1): 2 tries",
    ] {
        assert!(
            call.stderr.lines().any(|shown| shown == line),
            "{line}: {}",
            call.stderr
        );
    }
    assert!(!call.stderr.contains("changed:     nothing"), "{}", call.stderr);
}

#[test]
fn a_completed_run_that_changed_nothing_says_so() {
    let desk = Sandbox::desk();
    desk.write_runbook(
        "idle.runbook",
        "runbook idle \"Idle\"\nstep made \"Made\" { do fs.mkdir(\"ROOT/home\") no undo because \"it was there\" }\n",
    );
    let told = desk.call(&["run", "idle.runbook", "--no-input"]).exits(0).stdout;
    assert!(
        told.contains("COMPLETED") && told.contains("changed:     nothing"),
        "{told}"
    );
}

#[test]
fn a_paused_run_says_how_it_stands() {
    let desk = Sandbox::desk();
    desk.write_runbook(
        "stands.runbook",
        "runbook stands \"Stands\" {\n  window 40m keep 10m for the way back\n  on interrupt pause\n}\n\
         step one \"One\" {\n  budget 1m\n  do fs.write(\"ROOT/one\", content: \"1\") undo fs.remove(\"ROOT/one\") within 5s\n}\n\
         step two \"Two\" {\n  budget 10m\n  check \"go\": fs.exists(\"ROOT/go\") within 9m every 100ms\n}\n",
    );
    let child = desk.start(&["run", "stands.runbook", "--no-input"]);
    wait_for(&desk.path("one"));
    wait_until("the first step is done", || {
        let steps = desk.records_of("step");
        steps.iter().any(|step| step["id"] == "two")
    });
    signal(child.id(), "INT");
    let paused = finish(child).exits(7).stdout;
    let folder = desk.path("one").display().to_string();
    for words in [
        format!("changed now: fs.write({folder:?}, content: "),
        "resume:      goes on with two; until 20".to_owned(),
        "turn-back:   back by the undos, last first".to_owned(),
    ] {
        assert!(paused.contains(&words), "{words}: {paused}");
    }
    desk.call(&["turn-back", &desk.run_name(), "--no-input"]).exits(5);
}

const WAITS: &str = r#"runbook waits "Waits"
step again "Again" {
  retry 2 every 1s
  do "Try": exec.run(["sh", "-c", "test -e ROOT/once || { touch ROOT/once; exit 1; }"], effects: { adds external("x")  repeat convergent }) no undo because "it stays"
  wait 1s because "the caches empty"
}
"#;

#[test]
fn what_is_waited_for_is_announced_with_its_end() {
    let desk = Sandbox::desk();
    desk.write_runbook("waits.runbook", WAITS);
    let call = desk.call(&["run", "waits.runbook", "--no-input"]).exits(0);
    let told: Vec<&str> = call.stderr.lines().collect();
    let line = |part: &str| told.iter().position(|line| line.contains(part));
    let (failed, retries) = (line("FAILED: Try"), line("tries again in 1s, 1 of 2"));
    assert!(failed.is_some() && failed < retries, "{call:?}");
    let waits = line("again           waits until ");
    let over = told.iter().rposition(|line| line.contains("the wait is over"));
    assert!(retries < waits && waits < over, "{call:?}");
    assert!(told[waits.unwrap()].ends_with("Z: the caches empty"), "{call:?}");
}
