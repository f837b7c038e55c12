//! Going through a run step by step, and what programs say meanwhile.

use crate::support::sandbox::Sandbox;

const THREE: &str = r#"runbook three "Three" { on failure rollback home }
step one "One" { do fs.write("ROOT/one", content: "1") undo fs.remove("ROOT/one") within 5s }
step two "Two" { do fs.write("ROOT/two", content: "2") undo fs.remove("ROOT/two") within 5s }
step three "Three" { do fs.write("ROOT/three", content: "3") undo fs.remove("ROOT/three") within 5s }
rollback home "Home" {
  applies from one until three
  budget 1m
  unwind
}
"#;

fn desk() -> Sandbox {
    let desk = Sandbox::desk();
    desk.write_runbook("three.runbook", THREE);
    desk
}

#[test]
fn a_run_pauses_once_a_step_is_done() {
    let desk = desk();
    let paused = desk
        .call(&["run", "three.runbook", "--no-input", "--until", "one"])
        .exits(7);
    assert!(
        paused.stderr.contains("pauses once step one is done, as ada wants it"),
        "{paused:?}"
    );
    assert!(
        paused
            .stdout
            .contains("step one is over, until which the run was to go"),
        "{paused:?}"
    );
    assert!(desk.path("one").exists() && !desk.path("two").exists());
    let run = desk.run_name();
    let over = desk.call(&["resume", &run, "--no-input", "--until", "one"]).exits(2);
    assert!(over.stderr.contains("step one is over already"), "{over:?}");
    desk.call(&["resume", &run, "--no-input", "--until", "two"]).exits(7);
    assert!(desk.path("two").exists() && !desk.path("three").exists());
    desk.call(&["resume", &run, "--no-input"]).exits(0);
    let stops = desk.records_of("stops");
    assert_eq!(
        (stops.len(), &stops[1]["until"], &stops[1]["who"]),
        (2, &"two".into(), &"ada".into())
    );
}

#[test]
fn a_step_that_is_not_there_is_a_usage_error_that_names_a_near_one() {
    let desk = desk();
    for (step, words) in [
        ("tow", "did you mean two?"),
        ("home", "it is a way back"),
        ("nowhere", "the steps are: one, two, three"),
    ] {
        let refused = desk
            .call(&["run", "three.runbook", "--no-input", "--until", step])
            .exits(2);
        assert!(refused.stderr.contains(words), "{words}: {refused:?}");
    }
    let refused = desk.call(&["run", "three.runbook", "--confirm-each-step"]).exits(2);
    assert!(refused.stderr.contains("there is none"), "{refused:?}");
    assert!(!desk.path("one").exists());
}

#[test]
fn what_programs_say_is_shown_as_they_say_it_and_after_a_failure() {
    let desk = Sandbox::desk();
    desk.write_runbook(
        "says.runbook",
        "runbook says \"Says\"\ninputs { token : secret from env SERVICE_TOKEN }\n\
         step talk \"Talk\" {\n  do \"Talk\": exec.run([\"sh\", \"-c\", \"for n in 1 2 3 4 5 6 7 8 9 10 11 12; do echo out $n; done; \
         echo $TOKEN; echo wrong >&2; exit 3\"], env: { \"TOKEN\": token }, effects: { adds external(\"x\")  repeat once }) within 1m no undo because \"it stays\"\n}\n",
    );
    let call = |words: &[&str]| {
        let mut command = desk.command(&[&["run", "says.runbook", "--no-input"], words].concat());
        crate::support::sandbox::Finished::of(command.env("SERVICE_TOKEN", "canary-in-a-coal-mine"))
    };
    let quiet = call(&[]);
    assert!(
        !quiet.stderr.contains("| out 2\n") && quiet.stderr.contains("stdout | out 12"),
        "{quiet:?}"
    );
    assert!(quiet.stderr.contains("stderr | wrong"), "{quiet:?}");
    assert!(
        quiet.stdout.contains("talk/1 said last:") && quiet.stdout.contains("    stderr | wrong"),
        "{quiet:?}"
    );
    let shown = desk.call(&["transcript", "show", &desk.run_name()]).exits(0).stdout;
    assert!(shown.contains("stderr | wrong"), "{shown}");
    let verbose = call(&["--verbose"]);
    assert!(verbose.stderr.contains("talk            | out 2\n"), "{verbose:?}");
    for call in [&quiet, &verbose] {
        assert!(
            !call.stderr.contains("canary") && !call.stdout.contains("canary"),
            "{call:?}"
        );
    }
}
