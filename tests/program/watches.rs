//! What must hold all the while, on real files.

use std::fs;

use crate::support::sandbox::Sandbox;

/// Where something is up, and a runbook that watches it.
fn desk(runbook: &str) -> Sandbox {
    let desk = Sandbox::desk();
    desk.write("up", "");
    desk.write_runbook("roll.runbook", runbook);
    desk
}

#[test]
fn what_does_not_hold_any_more_turns_the_run_while_an_action_runs() {
    // A step that takes away what is watched, and then works on.
    let desk = desk(
        "runbook roll \"Roll\"\n\
         step change \"Change\" {\n\
         \x20 do fs.write(\"ROOT/new\", content: \"x\") undo { do fs.remove(\"ROOT/new\") } within 10s\n\
         \x20 do \"Break it\": exec.run([\"rm\", \"ROOT/up\"], effects: { removes file(\"ROOT/up\")  repeat convergent }) no undo because \"it is watched\"\n\
         \x20 do \"Work\": exec.run([\"sleep\", \"100\"], effects: { opaque external(\"work\")  repeat convergent }) within 2m no undo because \"it leaves nothing\"\n\
         }\n\
         watch up \"The shop is up\" from change until change {\n\
         \x20 check \"it is there\": fs.exists(\"ROOT/up\") every 100ms at most 1 misses\n}\n",
    );
    let plan = desk.call(&["plan", "roll.runbook"]).exits(0).stdout;
    assert!(plan.contains("up – The shop is up: from change until change"), "{plan}");
    assert!(plan.contains("every 100ms at most 1 misses"), "{plan}");
    let json = desk.call(&["plan", "roll.runbook", "--format", "json"]).exits(0).json();
    assert_eq!(json["watches"][0]["id"], "up");
    let run = desk.call(&["run", "roll.runbook", "--no-input"]).exits(5);
    assert!(run.stdout.contains("(watch:up)"), "{}", run.stdout);
    assert!(
        run.stderr
            .contains("watch “it is there” DOES NOT HOLD: 2 times in a row"),
        "{}",
        run.stderr
    );
    assert!(!desk.path("new").exists());
    let seen = desk.records_of("evaluated");
    let said: Vec<&str> = seen
        .iter()
        .filter(|record| record["key"] == "watch:up")
        .map(|record| record["result"].as_str().unwrap())
        .collect();
    assert_eq!(said, ["does_not_hold", "does_not_hold"]);
    desk.call(&["transcript", "verify", &desk.run_name()]).exits(0);
    let shown = desk.call(&["transcript", "show", &desk.run_name()]).exits(0).stdout;
    assert!(shown.contains("The shop is up: 2 times in a row"), "{shown}");
}

#[test]
fn what_holds_all_the_while_says_how_often_it_was_asked() {
    let desk = desk(
        "runbook roll \"Roll\"\n\
         step change \"Change\" {\n  do fs.mkdir(\"ROOT/new\")\n  wait 1s because \"time\"\n}\n\
         watch up \"The shop is up\" from change until change { check fs.exists(\"ROOT/up\") every 100ms }\n",
    );
    desk.call(&["run", "roll.runbook", "--no-input"]).exits(0);
    let seen = desk.records_of("evaluated");
    let [said] = &seen
        .iter()
        .filter(|record| record["key"] == "watch:up")
        .collect::<Vec<_>>()[..]
    else {
        panic!("{seen:?}");
    };
    assert_eq!(
        (&said["result"], &said["label"]),
        (&"holds".into(), &"The shop is up".into())
    );
    assert!(said["polls"].as_u64().unwrap() >= 2, "{said}");
    assert!(
        said["evidence"].as_str().unwrap().contains("it held each time"),
        "{said}"
    );
}

#[test]
fn past_the_point_of_no_return_the_end_tells_what_did_not_hold() {
    let desk = desk(
        "runbook roll \"Roll\"\n\
         step change \"Change\" {\n  commits \"users write\"\n\
         \x20 do fs.remove(\"ROOT/up\")\n\
         \x20 wait 1s because \"time\"\n\
         \x20 do fs.write(\"ROOT/up\", content: \"\")\n\
         \x20 wait 1s because \"time\"\n}\n\
         watch up \"The shop is up\" from change until change { check fs.exists(\"ROOT/up\") every 100ms }\n",
    );
    let run = desk.call(&["run", "roll.runbook", "--no-input"]).exits(0);
    assert!(run.stdout.contains("otherwise:   The shop is up:"), "{}", run.stdout);
    assert!(fs::metadata(desk.path("up")).is_ok());
    let ends = desk.records_of("run.end");
    assert_eq!(ends[0]["exceptions"][0]["title"], "The shop is up");
}
