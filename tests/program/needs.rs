//! Actions that are known by their effects alone: proved and shown, and not carried out.

use crate::support::sandbox::Sandbox;

const UPGRADE: &str = r#"runbook upgrade "A new package"

inputs { release : pinned package = "worker=2.0-1" }

service worker "The worker" {
  runs      unit("worker")
  pinned by package("worker")
  well      "it is active": unit.state(worker) is ok within 10s
}

anchor installed = package.installed("worker")

step change "Change it" {
  let old = installed
  require unit.state(worker).status == "active" else "It has to run"
  do fs.mkdir("ROOT/made") undo fs.remove("ROOT/made") within 1s
  do unit.stop(worker) undo unit.start(worker) within 2m
  do package.install("worker", release: release) undo {
    do unit.stop(worker)
    do package.install("worker", release: old)
  } within 5m
  do unit.start(worker) undo unit.stop(worker) within 2m
  check worker is well
}
"#;

#[test]
fn a_plan_shows_them_with_their_places_and_a_run_is_refused_before_anything() {
    let desk = Sandbox::desk();
    desk.write_runbook("upgrade.runbook", UPGRADE);
    desk.call(&["check", "upgrade.runbook"]).exits(0);
    let said = desk.call(&["plan", "upgrade.runbook"]).exits(1).in_one_line();
    for words in [
        "stops service(worker)",
        "sets package(worker) to worker=2.0-1",
        "unit.state cannot be asked yet",
        "`package.install` at `undo:change/5/2`, `change/5`",
        "`unit.stop` at ",
        "say how you do it",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(!said.contains("It has to run"), "{said}");
    let run = desk.call(&["run", "upgrade.runbook", "--no-input"]).exits(4);
    assert!(run.stderr.contains("`unit.start` at"), "{}", run.stderr);
    assert!(!desk.path("made").exists());
    assert!(desk.call(&["status"]).exits(0).stdout.find("upgrade").is_none());
}

#[test]
fn the_catalogue_says_which_they_are() {
    let desk = Sandbox::desk();
    let page = desk.call(&["actions", "unit.stop"]).exits(0).stdout;
    assert!(page.contains("Not carried out yet"), "{page}");
    assert!(page.contains("stops service(service)"), "{page}");
    let list = desk.call(&["actions"]).exits(0).stdout;
    let is_marked = |name: &str| {
        let line = list.lines().find(|line| line.split(' ').next() == Some(name)).unwrap();
        line.ends_with("(Not carried out yet.)")
    };
    assert!(is_marked("package.install"), "{list}");
    assert!(!is_marked("fs.read"), "{list}");
}
