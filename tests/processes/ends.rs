//! When a run ends, each service is asked whether it is as it should be, also one that does not say what being well
//! means.

use std::fs;

use super::desk::{Desk, Stranger, runbook};
use crate::support::sandbox::Finished;

/// A service of a stranger, known by the pid file that is written for it.
fn known(desk: &Desk) -> (Stranger, String) {
    let stranger = Stranger::start(&["sleep", "600"]);
    fs::write(desk.path("pid"), stranger.0.id().to_string()).unwrap();
    (stranger, format!("process(\"it\", pid_file: \"{}\")", desk.path("pid")))
}

/// Ends the service as somebody else would, and waits until it has ended.
fn killed(desk: &Desk) -> String {
    let pid = desk.path("pid");
    let script = format!(
        "p=$(cat {pid}); kill -9 $p; while test -e /proc/$p && ! grep -q ^State:.Z /proc/$p/status; do sleep 0.01; done"
    );
    format!(
        "do \"Work\": exec.run([\"sh\", \"-c\", \"{script}\"], effects: {{ opaque external(\"x\")  repeat convergent }}) no undo \
         because \"a test\""
    )
}

fn told(finished: &Finished) -> String {
    finished.stderr.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_service_that_died_meanwhile_is_an_exception_of_the_end() {
    let desk = Desk::new();
    let (_stranger, runs) = known(&desk);
    let call = desk
        .call(
            "run",
            &runbook(&runs, "", &format!("step a \"A\" {{ {} }}", killed(&desk))),
        )
        .exits(0);
    let exceptions = call.json()["exceptions"].clone();
    assert_eq!(
        exceptions[0],
        "The service: it should run, and does not run (it ran at the start)"
    );
    let said = told(&call);
    assert!(
        said.contains("COMPLETED, but not all is as it should be.")
            && said.contains("otherwise: The service: it should run"),
        "{said}"
    );
}

#[test]
fn a_service_that_should_have_been_stopped_and_runs_is_an_exception_of_the_end() {
    let desk = Desk::new();
    let (_stranger, runs) = known(&desk);
    let call = desk
        .call(
            "run",
            &runbook(
                &runs,
                "ends stopped",
                "step a \"A\" { check \"all is there\": fs.exists(\"/\") }",
            ),
        )
        .exits(0);
    let exceptions = call.json()["exceptions"].clone();
    assert_eq!(
        exceptions[0],
        "The service: it should not run, and runs (`ends stopped`)"
    );
}

#[test]
fn a_way_back_after_which_a_service_does_not_run_is_stuck_until_it_does() {
    let desk = Desk::new();
    let (_stranger, runs) = known(&desk);
    let steps = format!(
        "step a \"A\" {{ {} check \"it is there\": fs.exists(\"/none/of/it\") within 500ms }}",
        killed(&desk)
    );
    let call = desk.call("run", &runbook(&runs, "", &steps)).exits(6);
    let answer = call.json();
    assert!(
        answer["commands_left"][0]
            .as_str()
            .unwrap()
            .starts_with("bring The service back to how it was"),
        "{answer}"
    );
    let (_again, _) = known(&desk);
    let run = desk.sandbox.run_name();
    let resumed = desk.sandbox.call(&["resume", &run, "--no-input"]).exits(5);
    assert!(
        resumed.stdout.contains("ROLLED BACK") || resumed.stderr.contains("ROLLED BACK"),
        "{resumed:?}"
    );
}
