//! Ways back.

use super::author::{act, check, hold, plan, rollback, runbook, statement, step, undoable};
use super::driver::{Driver, React};
use crate::event::{End, Event, Verdict};
use backstay_dsl::model::{Disposition, StatementKind};

#[test]
fn undos_of_what_was_started_run_last_first() {
    let plan = plan(runbook(vec![
        step("a", &[], vec![undoable("a/1"), undoable("a/2")]),
        step("b", &[0], vec![undoable("b/1"), undoable("b/2")]),
    ]));
    let run = Driver::new(&plan).on("b/1", &[React::Badly]).run();
    let expected = ["a/1", "a/2", "b/1", "undo:b/1/1", "undo:a/2/1", "undo:a/1/1"];
    assert_eq!(run.performed(), expected);
    assert_eq!(run.end().end, End::RolledBack);
    assert_eq!(run.end().way_back.as_deref(), Some("unwind"));
}

#[test]
fn what_was_settled_as_not_done_is_not_undone() {
    let plan = plan(runbook(vec![step(
        "a",
        &[],
        vec![undoable("a/1"), undoable("a/2@once")],
    )]));
    let not_done = React::Settled(Verdict::NotDone);
    let run = Driver::new(&plan).on("a/2@once", &[React::Lost, not_done]).run();
    assert_eq!(run.performed(), ["a/1", "a/2@once", "undo:a/1/1"]);
    assert_eq!(run.end().end, End::RolledBack);
}

#[test]
fn what_cannot_be_told_is_undone_too() {
    let plan = plan(runbook(vec![step("a", &[], vec![undoable("a/1@once")])]));
    let undecidable = React::Settled(Verdict::Undecidable);
    let run = Driver::new(&plan).on("a/1@once", &[React::Lost, undecidable]).run();
    assert_eq!(run.performed(), ["a/1@once", "undo:a/1@once/1"]);
    assert_eq!(run.end().end, End::RolledBack);
}

#[test]
fn a_statement_of_a_way_back_gets_one_more_try_and_then_it_is_stuck() {
    let plan = plan(runbook(vec![
        step("a", &[], vec![undoable("a/1"), undoable("a/2")]),
        step("b", &[0], vec![check("b/1")]),
    ]));
    let run = Driver::new(&plan)
        .on("b/1", &[React::Badly])
        .on("undo:a/2/1", &[React::Badly])
        .run();
    assert_eq!(run.end().end, End::RolledBack);
    let run = Driver::new(&plan)
        .on("b/1", &[React::Badly])
        .on("undo:a/2/1", &[React::Badly, React::Badly])
        .run();
    assert_eq!(run.performed(), ["a/1", "a/2", "undo:a/2/1", "undo:a/2/1"]);
    assert_eq!(run.end().end, End::Stuck);
    assert_eq!(
        run.end()
            .commands_left
            .iter()
            .map(|left| left.text.as_str())
            .collect::<Vec<_>>(),
        ["toy.set(\"undo:a/2/1\")", "toy.set(\"undo:a/1/1\")"]
    );
}

#[test]
fn a_branch_is_for_its_stretch_and_unwinding_for_the_rest() {
    let branch = || {
        let unwind = statement("rollback:back/2", StatementKind::Unwind);
        rollback("back", 1, 2, vec![act("rollback:back/1"), unwind])
    };
    let mut model = runbook(vec![
        step("a", &[], vec![undoable("a/1")]),
        step("b", &[0], vec![undoable("b/1"), check("b/2")]),
        step("c", &[1], vec![check("c/1")]),
    ]);
    model.rollbacks = vec![branch()];
    for step in &mut model.steps {
        step.on_failure = Disposition::Rollback("back".to_owned());
    }
    let plan = plan(model);
    let run = Driver::new(&plan).on("a/1", &[React::Badly]).run();
    assert_eq!(run.performed(), ["a/1", "undo:a/1/1"]);
    let run = Driver::new(&plan).on("b/2", &[React::Badly]).run();
    assert_eq!(run.performed(), ["a/1", "b/1", "rollback:back/1", "undo:a/1/1"]);
    assert_eq!(run.end().way_back.as_deref(), Some("back"));
    let run = Driver::new(&plan).on("c/1", &[React::Badly]).run();
    assert_eq!(run.end().way_back.as_deref(), Some("unwind"), "past its stretch");
}

#[test]
fn holds_are_released_after_a_way_back_and_stay_held_where_it_is_stuck() {
    let take = statement("a/1", StatementKind::Take("drained".to_owned()));
    let mut model = runbook(vec![step("a", &[], vec![take, undoable("a/2"), check("a/3")])]);
    model.holds = vec![hold("drained")];
    let plan = plan(model);
    let run = Driver::new(&plan).on("a/3", &[React::Badly]).run();
    assert_eq!(
        run.performed(),
        ["hold:drained/take", "a/2", "undo:a/2/1", "hold:drained/release"]
    );
    assert_eq!(run.end().end, End::RolledBack);
    let bad = [React::Badly, React::Badly];
    let run = Driver::new(&plan).on("a/3", &bad).on("undo:a/2/1", &bad).run();
    assert_eq!(
        (run.end().end, run.end().held.clone()),
        (End::Stuck, vec!["drained".to_owned()])
    );
    let run = Driver::new(&plan).on("hold:drained/take", &[React::Badly]).run();
    assert_eq!(
        run.performed(),
        ["hold:drained/take", "hold:drained/release"],
        "owed from the intent"
    );
    let run = Driver::new(&plan)
        .on("a/3", &bad)
        .on("hold:drained/release", &bad)
        .run();
    assert_eq!(run.end().end, End::Stuck);
    assert!(run.has(|event| matches!(
        event,
        Event::Hold {
            state: crate::event::HoldState::Stuck,
            ..
        }
    )));
}

#[test]
fn steps_at_once_are_waited_for_and_unwound_in_reverse_order_of_the_plan() {
    let plan = plan(runbook(vec![
        step("a", &[], vec![undoable("a/1")]),
        step("b", &[], vec![undoable("b/1")]),
        step("c", &[], vec![check("c/1")]),
        step("d", &[2], vec![undoable("d/1")]),
    ]));
    let run = Driver::new(&plan)
        .on("b/1", &[React::Hang])
        .on("c/1", &[React::Badly])
        .run();
    assert_eq!(
        run.performed(),
        ["a/1", "b/1", "undo:b/1/1", "undo:a/1/1"],
        "d never began"
    );
    assert_eq!(run.end().end, End::RolledBack);
}
