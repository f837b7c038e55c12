//! Ways back.

use std::collections::BTreeMap;

use backstay::event::{End, Event, HoldState, Way};
use backstay::rehearse::{Case, Fault, FaultKind};
use backstay::value::Value;

use crate::simulation::forward::hold;
use crate::simulation::rig::Rig;
use crate::simulation::small::{just, look, make, rig, run, run_case, run_with, step};

#[test]
fn undos_of_what_was_started_run_last_first() {
    let rig = rig(
        "",
        &[
            step("a", "", &[make("a1"), make("a2")]),
            step("b", "", &[make("b1"), make("b2")]),
        ],
    );
    let report = run_with(&rig, "b/1", FaultKind::FailsBefore);
    let expected = ["a/1", "a/2", "b/1", "undo:b/1/1", "undo:a/2/1", "undo:a/1/1"];
    report.expect(&expected, End::RolledBack);
    assert_eq!(report.end().way_back.as_deref(), Some("unwind"));
}

#[test]
fn what_a_person_says_was_not_done_is_not_undone() {
    let program = "  do \"Run it\": exec.run([\"make\"], effects: { adds file(\"/sim/a2\")  repeat once }) undo { do \
                   fs.remove(\"/sim/a2\") } within 1m\n";
    let rig = rig("", &[step("a", "", &[make("a1"), program.to_owned(), look("a3")])]);
    let case = |was_done| Case {
        answers: BTreeMap::from([("a/2".to_owned(), Some(Value::Bool(was_done)))]),
        ..Case::default()
    };
    let not_done = [Fault::always("a/2", FaultKind::LostNotDone)];
    let report = run_case(&rig, &not_done, case(false));
    report.expect(&["a/1", "a/2", "undo:a/1/1"], End::RolledBack);
    let done = [
        Fault::always("a/2", FaultKind::LostDone),
        Fault::always("a/3", FaultKind::Untrue),
    ];
    let report = run_case(&rig, &done, case(true));
    report.expect(&["a/1", "a/2", "undo:a/2/1", "undo:a/1/1"], End::RolledBack);
    // A file was added, and a tree of this name removed: one thing.
    assert!(report.leftovers().is_empty(), "{}", report.told());
}

#[test]
fn a_written_undo_runs_where_everything_so_far_only_adds() {
    let folder = "  do fs.mkdir(\"/sim/a1\") undo { do fs.remove(\"/sim/a1\") } within 1m\n";
    let ticket = |undo: &str| {
        let effects = "{ adds external(\"ticket\")  repeat once }";
        format!("  do \"Book\": exec.run([\"book\"], effects: {effects}) within 1m {undo}\n")
    };
    let back = "do \"Give back\": exec.run([\"back\"], effects: { removes external(\"ticket\")  repeat convergent })";
    let give_back = ticket(&format!("undo {{ {back} }} within 1m"));
    for action in [folder.to_owned(), give_back] {
        let rig = rig("", &[step("a", "", &[action, look("a2")])]);
        let report = run_with(&rig, "a/2", FaultKind::Untrue);
        report.expect(&["a/1", "undo:a/1/1"], End::RolledBack);
        assert!(report.leftovers().is_empty(), "{}", report.told());
        // A try that failed may have done it.
        run_with(&rig, "a/1", FaultKind::FailsBefore).expect(&["a/1", "undo:a/1/1"], End::RolledBack);
    }
    let rig = rig(
        "",
        &[step("a", "", &[ticket("no undo because \"it may stay\""), look("a2")])],
    );
    let report = run_with(&rig, "a/2", FaultKind::Untrue);
    report.expect(&["a/1"], End::RolledBack);
    assert_eq!(report.leftovers(), ["external(ticket)"]);
    run_with(&rig, "a/1", FaultKind::FailsBefore).expect(&["a/1"], End::Refused);
}

#[test]
fn what_nobody_can_tell_is_undone_too() {
    let rig = rig("", &[step("a", "", &[make("a1")])]);
    // It may be repeated, so it is begun again once.
    let report = run_with(&rig, "a/1", FaultKind::LostForGood);
    report.expect(&["a/1", "a/1", "undo:a/1/1"], End::RolledBack);
}

#[test]
fn a_statement_of_a_way_back_gets_one_more_try_and_then_it_is_stuck() {
    let rig = rig(
        "",
        &[step("a", "", &[make("a1"), make("a2")]), step("b", "", &[look("b1")])],
    );
    let check = || Fault::always("b/1", FaultKind::Untrue);
    let report = run(&rig, &[check(), Fault::once("undo:a/2/1", FaultKind::FailsBefore)]);
    assert_eq!(report.end().end, End::RolledBack);
    let report = run(&rig, &[check(), Fault::always("undo:a/2/1", FaultKind::FailsBefore)]);
    report.expect(&["a/1", "a/2", "undo:a/2/1", "undo:a/2/1"], End::Stuck);
    let left = report.end().commands_left.iter().map(|left| left.text.as_str());
    assert_eq!(
        left.collect::<Vec<_>>(),
        ["fs.remove(\"/sim/a2\")", "fs.remove(\"/sim/a1\")"]
    );
}

pub(crate) fn with_branch() -> Rig {
    let back = "rollback back \"Back\" {\n  applies from b until c\n  budget 10m\n  do fs.remove(\"/sim/b1\")\n  \
                unwind\n}\n";
    rig(
        "on failure rollback back",
        &[
            step("a", "", &[make("a1")]),
            step("b", "", &[make("b1"), look("b2")]),
            step("c", "", &[look("c1")]),
            step("d", "", &[look("d1")]),
            back.to_owned(),
        ],
    )
}

#[test]
fn a_branch_is_for_its_stretch_and_unwinding_for_the_rest() {
    let rig = with_branch();
    let before = run_with(&rig, "a/1", FaultKind::FailsBefore);
    before.expect(&["a/1", "undo:a/1/1"], End::RolledBack);
    let inside = run_with(&rig, "b/2", FaultKind::Untrue);
    inside.expect(&["a/1", "b/1", "rollback:back/1", "undo:a/1/1"], End::RolledBack);
    assert_eq!(inside.end().way_back.as_deref(), Some("back"));
    let past = run_with(&rig, "d/1", FaultKind::Untrue);
    assert_eq!(past.end().way_back.as_deref(), Some("unwind"), "past its stretch");
}

#[test]
fn a_branch_is_for_the_last_step_of_its_stretch_too() {
    let rig = with_branch();
    let back = ["a/1", "b/1", "rollback:back/1", "undo:a/1/1"];
    run_with(&rig, "c/1", FaultKind::Untrue).expect(&back, End::RolledBack);
}

#[test]
fn a_branch_until_the_last_step_is_for_the_closing_questions_too() {
    let rig = |last: &str| {
        let service =
            "service app \"App\" {\n  runs process(\"app\")\n  well \"it runs\": process.alive(app) within 10s\n}\n\n";
        let back = format!("rollback back \"Back\" {{\n  applies from a until {last}\n  budget 10m\n  unwind\n}}\n");
        let steps = ["a", "b", "c"].map(|name| step(name, "", &[make(name)]));
        rig(
            "on failure rollback back",
            &[&[service.to_owned(), back], steps.as_slice()].concat(),
        )
    };
    let way = |last| {
        let report = run_with(&rig(last), "well:app:end", FaultKind::Untrue);
        report.end().way_back.clone()
    };
    assert_eq!(way("c").as_deref(), Some("back"));
    assert_eq!(way("b").as_deref(), Some("unwind"));
}

#[test]
fn holds_are_released_after_a_way_back_also_where_it_is_stuck() {
    let lines = ["  take quiet\n".to_owned(), make("a2"), look("a3")];
    let last = step("last", "", &["  release quiet\n".to_owned()]);
    let rig = rig("", &[hold(), step("a", "", &lines), last]);
    let check = || Fault::always("a/3", FaultKind::Untrue);
    let all = ["hold:quiet/take/1", "a/2", "undo:a/2/1", "hold:quiet/release/1"];
    run(&rig, &[check()]).expect(&all, End::RolledBack);
    let stuck = run(&rig, &[check(), Fault::always("undo:a/2/1", FaultKind::FailsBefore)]);
    // The link has nothing to do with the file.
    assert_eq!((stuck.end().end, stuck.end().held.clone()), (End::Stuck, Vec::new()));
    let owed = run_with(&rig, "hold:quiet/take/1", FaultKind::FailsBefore);
    assert_eq!(
        owed.performed(),
        ["hold:quiet/take/1", "hold:quiet/release/1"],
        "owed from the intent"
    );
    let release = Fault::always("hold:quiet/release/1", FaultKind::FailsBefore);
    let stuck = run(&rig, &[check(), release]);
    assert_eq!(stuck.end().end, End::Stuck);
    assert!(stuck.has(|event| matches!(event, Event::Hold { state, .. } if *state == HoldState::Stuck)));
}

#[test]
fn steps_at_once_are_waited_for_and_unwound_in_reverse_order_of_the_plan() {
    let rig = rig(
        "",
        &[
            step("a", "", &[make("a1")]),
            step("b", "after nothing", &[make("b1")]),
            step("c", "after nothing", &[look("c1")]),
            step("d", "after c", &[just("d1")]),
        ],
    );
    let faults = [
        Fault::always("b/1", FaultKind::Hangs),
        Fault::always("c/1", FaultKind::Untrue),
    ];
    let report = run(&rig, &faults);
    report.expect(&["a/1", "b/1", "undo:b/1/1", "undo:a/1/1"], End::RolledBack);
    let stopped = report.place(|event| matches!(event, Event::Outcome(outcome) if outcome.key == "b/1"));
    let turned = report.place(|event| matches!(event, Event::Turn { way: Way::Unwind, .. }));
    assert!(stopped.unwrap() < turned.unwrap(), "{}", report.told());
}
