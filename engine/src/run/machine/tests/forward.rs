//! The way forward.

use super::author::{act, check, commits, hold, plan, require, runbook, statement, step, undoable};
use super::driver::{Driver, React};
use crate::event::{End, Event, StepState};
use backstay_dsl::model::{Disposition, StatementKind};

#[test]
fn steps_run_in_order_and_the_run_is_completed() {
    let plan = plan(runbook(vec![
        step("a", &[], vec![act("a/1"), check("a/2")]),
        step("b", &[0], vec![act("b/1")]),
        step("c", &[0], vec![act("c/1")]),
        step("d", &[1, 2], vec![act("d/1@adds")]),
    ]));
    let run = Driver::new(&plan).run();
    assert_eq!(run.performed(), ["a/1", "b/1", "c/1", "d/1@adds"]);
    assert_eq!(run.end().end, End::Completed);
    assert_eq!(run.leftovers(), ["file(d/1@adds)"]);
}

#[test]
fn a_guard_that_does_not_hold_refuses_before_any_change() {
    let plan = plan(runbook(vec![step("a", &[], vec![require("a/1"), act("a/2")])]));
    let run = Driver::new(&plan).on("a/1", &[React::Badly]).run();
    assert_eq!(run.end().end, End::Refused);
    let failed_at = run.end().failed_at.as_ref().unwrap();
    assert_eq!((failed_at.step.as_str(), failed_at.statement.as_str()), ("a", "a/1"));
    assert_eq!(failed_at.reason, "see to it: seen");
}

#[test]
fn a_message_that_cannot_be_sent_fails_nothing() {
    let plan = plan(runbook(vec![step("a", &[], vec![act("a/1@tells"), act("a/2")])]));
    let run = Driver::new(&plan).on("a/1@tells", &[React::Badly]).run();
    assert_eq!(run.end().end, End::Completed);
    let run = Driver::new(&plan).on("a/1@tells", &[React::Lost]).run();
    assert_eq!(run.end().end, End::Completed);
}

#[test]
fn a_failure_that_is_excepted_is_passed_over_and_named() {
    let because = "nice to have".to_owned();
    let mut first = step("a", &[], vec![act("a/1"), act("a/2")]);
    first.on_failure = Disposition::Continue(because);
    let plan = plan(runbook(vec![first, step("b", &[0], vec![act("b/1")])]));
    let run = Driver::new(&plan).on("a/1", &[React::Badly]).run();
    assert_eq!(run.performed(), ["a/1", "b/1"]);
    assert_eq!(run.end().end, End::Completed);
    assert_eq!(run.end().exceptions.len(), 1, "{:?}", run.end());
}

#[test]
fn holds_are_taken_once_and_released_on_the_way_forward() {
    let take = |key: &str| statement(key, StatementKind::Take("drained".to_owned()));
    let release = statement("b/1", StatementKind::Release("drained".to_owned()));
    let mut model = runbook(vec![
        step("a", &[], vec![take("a/1"), take("a/2")]),
        step("b", &[0], vec![release]),
    ]);
    model.holds = vec![hold("drained")];
    let plan = plan(model);
    let run = Driver::new(&plan).run();
    assert_eq!(run.performed(), ["hold:drained/take", "hold:drained/release"]);
    assert_eq!(run.end().end, End::Completed);
    assert!(run.end().held.is_empty());
}

#[test]
fn past_the_point_of_no_return_a_failure_parks() {
    let plan = plan(runbook(vec![step(
        "a",
        &[],
        vec![undoable("a/1"), commits("a/2"), act("a/3")],
    )]));
    let run = Driver::new(&plan).on("a/3", &[React::Badly]).run();
    assert_eq!(run.performed(), ["a/1", "a/3"]);
    assert_eq!(run.end().end, End::Parked);
}

#[test]
fn a_step_that_is_already_done_counts_as_done() {
    let skip = StatementKind::SkipWhen {
        condition: super::author::yes(),
        because: "it is there".to_owned(),
    };
    let steps = vec![
        step("a", &[], vec![statement("a/1", skip), act("a/2")]),
        step("b", &[0], vec![act("b/1")]),
    ];
    let plan = plan(runbook(steps));
    let run = Driver::new(&plan).run();
    assert_eq!(run.performed(), ["b/1"]);
    assert!(run.has(|event| matches!(event, Event::Step { id, state: StepState::Skipped, .. } if id == "a")));
}

/// Ten times the steps take about ten times as long: nothing looks at all steps for each record.
#[test]
#[expect(clippy::disallowed_methods, reason = "what is measured here is real time")]
fn ten_thousand_steps_that_do_nothing_run_in_linear_time() {
    let chain = |count: usize| {
        let steps = (0..count).map(|place| {
            let after: Vec<usize> = place.checked_sub(1).into_iter().collect();
            step(&format!("s{place}"), &after, Vec::new())
        });
        plan(runbook(steps.collect()))
    };
    let time = |count: usize| {
        let plan = chain(count);
        let begin = std::time::Instant::now();
        let run = Driver::fast(&plan).run();
        assert_eq!(run.end().end, End::Completed);
        begin.elapsed()
    };
    let (small, large) = (time(1_000), time(10_000));
    assert!(
        large < small.max(std::time::Duration::from_millis(20)) * 40,
        "1,000 steps: {small:?}; 10,000 steps: {large:?}"
    );
}

#[test]
fn an_action_that_failed_whole_has_left_nothing_behind() {
    let plan = plan(runbook(vec![step("a", &[], vec![act("a/1@adds"), act("a/2@adds")])]));
    let run = Driver::new(&plan).on("a/2@adds", &[React::Badly]).run();
    assert_eq!(run.leftovers(), ["file(a/1@adds)"]);
    // What an attempt did whose outcome was lost may be there.
    let run = Driver::new(&plan).on("a/2@adds", &[React::Lost, React::Badly]).run();
    assert_eq!(run.leftovers(), ["file(a/1@adds)", "file(a/2@adds)"]);
}
