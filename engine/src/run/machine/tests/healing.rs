//! Symptom tables.

use super::author::{act, check, excused, plan, row, runbook, step, table, undoable};
use super::driver::{Driver, React};
use crate::event::{End, Event, TimerId};
use crate::plan::Plan;
use backstay_dsl::model::Disposition;

fn sample() -> Plan {
    let mut model = runbook(vec![step(
        "a",
        &[],
        vec![undoable("a/1"), check("a/2"), act("a/3@once")],
    )]);
    let heals = |key: &str| Some(vec![excused(&format!("{key}/1"))]);
    model.tables = vec![table(
        &[0],
        vec![
            row("symptom:t/1", true, heals("symptom:t/1"), Disposition::Unwind),
            row("symptom:t/2", true, heals("symptom:t/2"), Disposition::Unwind),
            row("symptom:t/3", false, None, Disposition::Unwind),
        ],
    )];
    plan(model)
}

#[test]
fn the_first_row_that_holds_heals_and_the_statement_is_tried_once_more() {
    let plan = sample();
    let run = Driver::new(&plan)
        .on("a/2", &[React::Badly])
        .on("symptom:t/1", &[React::Badly])
        .run();
    assert_eq!(run.performed(), ["a/1", "symptom:t/2/1", "a/3@once"]);
    assert_eq!(run.end().end, End::Completed);
    let chosen: Vec<bool> = run
        .history
        .iter()
        .filter_map(|stamped| match stamped.event {
            Event::Symptom { chosen, .. } => Some(chosen),
            _ => None,
        })
        .collect();
    assert_eq!(chosen, [false, true]);
}

#[test]
fn a_second_failure_after_healing_goes_the_rows_way() {
    let plan = sample();
    let run = Driver::new(&plan).on("a/2", &[React::Badly, React::Badly]).run();
    assert_eq!(run.performed(), ["a/1", "symptom:t/1/1", "undo:a/1/1"]);
    assert_eq!(run.end().end, End::RolledBack);
}

#[test]
fn what_must_not_be_repeated_is_not_tried_again() {
    let plan = sample();
    let run = Driver::new(&plan).on("a/3@once", &[React::Badly]).run();
    assert_eq!(run.performed(), ["a/1", "a/3@once", "undo:a/1/1"]);
}

#[test]
fn no_row_holds_and_the_last_says_otherwise() {
    let plan = sample();
    let bad = [React::Badly];
    let run = Driver::new(&plan)
        .on("a/1", &bad)
        .on("symptom:t/1", &bad)
        .on("symptom:t/2", &bad)
        .run();
    assert_eq!(run.performed(), ["a/1", "undo:a/1/1"]);
    assert_eq!(run.end().end, End::RolledBack);
}

#[test]
fn a_row_that_hangs_is_bounded_by_its_budget() {
    let plan = sample();
    let run = Driver::new(&plan)
        .on("a/2", &[React::Badly])
        .on("symptom:t/1/1", &[React::Hang])
        .run();
    assert!(run.has(|event| matches!(event, Event::Timer(TimerId::Row(key)) if key == "symptom:t/1")));
    assert_eq!(run.end().end, End::RolledBack);
}
