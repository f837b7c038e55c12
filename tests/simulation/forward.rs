//! The way forward.

use std::time::{Duration, Instant};

use backstay::event::{End, Event, SettledBy, StepState};
use backstay::rehearse::{Case, Fault, FaultKind};
use backstay::value::Value;

use crate::simulation::small::{just, look, make, rig, run, run_with, step};

#[test]
fn steps_run_in_order_and_the_run_is_completed() {
    let rig = rig(
        "",
        &[
            step("a", "", &[just("a"), look("a")]),
            step("b", "after a", &[just("b")]),
            step("c", "after a", &[just("c")]),
            step("d", "after b, c", &["  do fs.mkdir(\"/sim/d\")\n".to_owned()]),
        ],
    );
    let report = run(&rig, &[]);
    report.expect(&["a/1", "b/1", "c/1", "d/1"], End::Completed);
}

#[test]
fn a_guard_that_does_not_hold_refuses_before_any_change() {
    let guard = "  require fs.exists(\"/sim/room\") else \"make room\"\n".to_owned();
    let rig = rig("", &[step("a", "", &[guard, just("a")])]);
    let report = run_with(&rig, "a/1", FaultKind::Untrue);
    report.expect(&[], End::Refused);
    let failed_at = report.end().failed_at.as_ref().unwrap();
    assert_eq!((failed_at.step.as_str(), failed_at.statement.as_str()), ("a", "a/1"));
    assert!(failed_at.reason.starts_with("make room: "), "{failed_at:?}");
}

#[test]
fn a_message_that_cannot_be_sent_fails_nothing() {
    let tell = "  do \"Run it\": exec.run([\"tell\"], effects: { tells \"ops\"  repeat once })\n".to_owned();
    let rig = rig("", &[step("a", "", &[tell, just("a")])]);
    for kind in [FaultKind::FailsBefore, FaultKind::LostNotDone, FaultKind::LostForGood] {
        run_with(&rig, "a/1", kind).expect(&["a/1", "a/2"], End::Completed);
    }
}

#[test]
fn a_failure_that_is_excepted_is_passed_over_and_named() {
    let goes_on = "  on failure continue because \"nice to have\"\n".to_owned();
    let rig = rig(
        "",
        &[
            step("a", "", &[make("a1"), make("a2"), goes_on]),
            step("b", "", &[just("b")]),
        ],
    );
    let report = run_with(&rig, "a/1", FaultKind::FailsBefore);
    report.expect(&["a/1", "b/1"], End::Completed);
    assert_eq!(report.end().exceptions.len(), 1, "{:?}", report.end());
}

/// A temporary state of one link.
pub(crate) fn hold() -> String {
    "hold quiet \"Quiet\" {\n  take    fs.link(\"/sim/quiet\", to: \"/sim/on\") within 1m\n  release \
     fs.link(\"/sim/quiet\", to: \"/sim/off\") within 1m\n}\n\n"
        .to_owned()
}

#[test]
fn holds_are_taken_once_and_released_on_the_way_forward() {
    let take = "  take quiet\n".to_owned();
    let rig = rig(
        "",
        &[
            hold(),
            step("a", "", &[take.clone(), take]),
            step("b", "", &["  release quiet\n".to_owned()]),
        ],
    );
    let report = run(&rig, &[]);
    report.expect(&["hold:quiet/take/1", "hold:quiet/release/1"], End::Completed);
    assert!(report.end().held.is_empty());
}

#[test]
fn past_the_point_of_no_return_a_failure_parks() {
    let commits = "  commits \"users write from here\"\n".to_owned();
    let rig = rig("", &[step("a", "", &[make("a1"), commits, just("a3")])]);
    let report = run_with(&rig, "a/3", FaultKind::FailsBefore);
    report.expect(&["a/1", "a/3"], End::Parked);
}

#[test]
fn a_step_that_is_already_done_counts_as_done() {
    let skip = "  skip when fs.exists(\"/sim/a\") because \"it is there\"\n".to_owned();
    let rig = rig(
        "",
        &[step("a", "", &[skip, just("a")]), step("b", "after a", &[just("b")])],
    );
    let report = run(&rig, &[]);
    report.expect(&["b/1"], End::Completed);
    assert!(report.has(|event| matches!(event, Event::Step { id, state: StepState::Skipped, .. } if id == "a")));
}

#[test]
fn an_action_that_failed_whole_has_left_nothing_behind() {
    let add = |name: &str| {
        format!(
            "  do \"Run it\": exec.run([\"make\", \"{name}\"], effects: {{ adds file(\"/sim/{name}\")  repeat convergent }}) no \
             undo because \"it may stay\"\n"
        )
    };
    let adds = rig("", &[step("a", "", &[add("a1"), add("a2")])]);
    // A program may have done a part of it: it is named.
    let report = run_with(&adds, "a/2", FaultKind::FailsBefore);
    assert_eq!(report.leftovers(), ["file(/sim/a1)", "file(/sim/a2)"]);
    let pull = |name: &str| {
        format!("  do fs.copy(\"/sim/old\", to: \"/sim/{name}\") undo {{ do fs.remove(\"/sim/{name}\") }} within 1m\n")
    };
    let whole = rig("", &[step("a", "", &[pull("a1"), pull("a2")])]);
    let report = run_with(&whole, "a/2", FaultKind::FailsBefore);
    assert_eq!(report.leftovers(), Vec::<String>::new(), "{}", report.told());
}

/// Ten times the steps take about ten times as long: nothing looks at all steps for each record.
#[test]
fn steps_run_in_linear_time() {
    let time = |count: usize| {
        let steps: Vec<String> = (0..count)
            .map(|place| step(&format!("s{place}"), "", &["  wait 1ms because \"time\"\n".to_owned()]))
            .collect();
        let rig = rig("", &steps);
        let begin = Instant::now();
        let report = rig.rehearsal.run(Case::of(Vec::<Fault>::new())).unwrap();
        assert!(report.events.len() > 2 * count);
        begin.elapsed()
    };
    let (small, large) = (time(200), time(2_000));
    assert!(
        large < small.max(Duration::from_millis(20)) * 40,
        "200 steps: {small:?}; 2,000 steps: {large:?}"
    );
}

/// Of what may be done again no person is asked, and nothing says that only a person can tell.
#[test]
fn what_may_be_done_again_waits_for_no_person() {
    for repeat in ["convergent", "once"] {
        let does = format!(
            "  do \"Do it\": exec.run([\"make\"], effects: {{ adds file(\"/sim/it\")  repeat {repeat} }}) within 1m \
             no undo because \"it may stay\"\n"
        );
        let rig = rig("", &[step("a", "", &[does])]);
        let case = Case {
            faults: vec![Fault::once("a/1", FaultKind::LostForGood)],
            answers: [("a/1".to_owned(), Some(Value::Bool(true)))].into(),
            ..Case::default()
        };
        let report = rig.run(case.faults.clone(), case);
        assert_eq!(report.end().end, End::Completed, "{}", report.told());
        let by_person = report.events.iter().any(|stamped| match &stamped.event {
            Event::Settled { by, .. } => matches!(by, SettledBy::Person(_)),
            _ => false,
        });
        assert_eq!(by_person, repeat == "once", "{}", report.told());
        assert!(
            repeat == "once" || !report.told().contains("only a person can tell"),
            "{}",
            report.told()
        );
    }
}
