//! Time: budgets, `T_back`, starting too late.

use super::author::{MINUTE, act, check, commits, plan, runbook, statement, step, undoable, window};
use super::driver::{Driver, React, resumed};
use crate::event::{End, Event, TimerId};
use crate::plan::Plan;
use backstay_dsl::model::StatementKind;

fn wait(key: &str, minutes: u64) -> backstay_dsl::model::Statement {
    let because = "time".to_owned();
    statement(
        key,
        StatementKind::Wait {
            duration_ms: minutes * MINUTE,
            because,
        },
    )
}

fn sample(window_minutes: u64) -> Plan {
    let mut model = runbook(vec![
        step("a", &[], vec![undoable("a/1"), wait("a/2", 9)]),
        step("b", &[0], vec![undoable("b/1"), check("b/2")]),
    ]);
    model.window = Some(window(window_minutes, 20));
    plan(model)
}

#[test]
fn a_step_that_overruns_is_cancelled_and_the_run_turns_back() {
    let plan = sample(60);
    let run = Driver::new(&plan).on("b/1", &[React::Hang]).run();
    assert!(run.has(|event| matches!(event, Event::Timer(TimerId::Step(step)) if step == "b")));
    assert_eq!(run.performed(), ["a/1", "b/1", "undo:b/1/1", "undo:a/1/1"]);
    assert_eq!(run.end().end, End::RolledBack);
    assert_eq!(run.end().failed_at.as_ref().unwrap().statement, "b/1");
}

#[test]
fn a_step_does_not_begin_without_the_time_for_it() {
    let plan = sample(35);
    let run = Driver::new(&plan).run();
    assert!(run.performed().is_empty(), "both steps need 20 of 15 minutes");
    assert_eq!(run.end().end, End::Refused);
    let plan = sample(41);
    let mut late = Driver::new(&plan);
    while late.performed().is_empty() {
        let desired = crate::run::machine::decide(&plan, &late.state);
        late = late.step_once(desired);
    }
    late.now_ms += 12 * MINUTE;
    let run = late.run();
    assert_eq!(run.end().end, End::RolledBack);
    assert!(!run.performed().contains(&"b/1"));
}

#[test]
fn the_moment_to_turn_back_ends_a_step_inside() {
    let mut model = runbook(vec![
        step("a", &[], vec![undoable("a/1")]),
        step("b", &[0], vec![check("b/1")]),
    ]);
    model.window = Some(window(40, 20));
    model.steps[1].budget_ms = None;
    let plan = plan(model);
    let run = Driver::new(&plan).on("b/1", &[React::Hang]).run();
    assert!(run.has(|event| matches!(event, Event::Timer(TimerId::TBack))));
    assert_eq!(run.end().end, End::RolledBack);
}

#[test]
fn past_the_point_of_no_return_time_alone_does_nothing() {
    let mut model = runbook(vec![step(
        "a",
        &[],
        vec![act("a/1"), commits("a/2"), act("a/3"), wait("a/4", 60)],
    )]);
    model.window = Some(window(40, 20));
    model.steps[0].budget_ms = None;
    let plan = plan(model);
    let run = Driver::new(&plan).run();
    assert_eq!(run.end().end, End::Completed);
}

#[test]
fn a_run_resumed_past_the_moment_only_turns_back_unless_it_is_extended() {
    let plan = sample(60);
    let interrupted = || {
        let mut run = Driver::new(&plan);
        while run.performed().is_empty() {
            let desired = crate::run::machine::decide(&plan, &run.state);
            run = run.step_once(desired);
        }
        run.now_ms += 50 * MINUTE;
        run
    };
    for boot in ["boot", "another boot"] {
        let mut run = interrupted();
        run.append(resumed(boot, false));
        let run = run.run();
        assert_eq!(run.end().end, End::RolledBack, "{boot}");
        assert!(!run.performed().contains(&"b/1"));
        let mut run = interrupted();
        run.append(resumed(boot, false));
        run.append(Event::Decision {
            what: "extend".to_owned(),
            because: "agreed".to_owned(),
            who: "tester".to_owned(),
            extend_ms: 60 * MINUTE,
        });
        assert_eq!(run.run().end().end, End::Completed, "{boot}");
    }
}

#[test]
fn a_wall_clock_that_went_back_counts_as_the_moment_to_turn_back() {
    let plan = sample(60);
    for (wall_went_back, end) in [(false, End::Completed), (true, End::RolledBack)] {
        let mut run = Driver::new(&plan);
        while run.performed().is_empty() {
            let desired = crate::run::machine::decide(&plan, &run.state);
            run = run.step_once(desired);
        }
        run.append(Event::ClockGap {
            gap_ms: 6_000,
            uncertain: wall_went_back,
            wall_went_back,
        });
        assert_eq!(run.run().end().end, end);
    }
}
