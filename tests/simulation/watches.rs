//! What must hold all the while, in a world in which it stops to hold at each moment.

use backstay::event::{End, EvaluationResult, Event, StepState, WorkKey};
use backstay::rehearse::{Case, Fault, FaultKind, Kill, Resumption, single_faults};

use crate::simulation::rig::{Report, Rig};
use crate::simulation::small::{just, look, make, rig, run, run_case, slow_row, step};

const KEY: &str = "watch:room";

fn line(text: &str) -> String {
    format!("  {text}\n")
}

fn wait() -> String {
    line("wait 2m because \"time\"")
}

fn watch(from: &str, until: &str, misses: &str) -> String {
    format!("watch room \"Room\" from {from} until {until} {{ check fs.exists(\"/sim/room\") every 20s {misses} }}\n")
}

/// Four steps of which the two in the middle are watched.
pub(crate) fn watched() -> Rig {
    rig(
        "",
        &[
            step("before", "", &[make("a"), wait()]),
            step("first", "", &[look("b"), make("b"), wait()]),
            step("second", "", &[wait(), make("c"), look("c")]),
            step("behind", "", &[wait(), make("d")]),
            watch("first", "second", "at most 1 misses"),
        ],
    )
}

/// It stops to hold, or to be answered, once this was done.
pub(crate) fn since(key: &str, kind: FaultKind) -> Fault {
    Fault {
        since: Some(key.to_owned()),
        ..Fault::always(KEY, kind)
    }
}

/// What the watch said, in order.
fn said(report: &Report) -> Vec<(EvaluationResult, u32)> {
    let events = report.events.iter();
    let said = events.filter_map(|stamped| match &stamped.event {
        Event::Evaluated {
            key: WorkKey::Watch(_),
            result,
            polls,
            ..
        } => Some((*result, *polls)),
        _ => None,
    });
    said.collect()
}

#[test]
fn it_is_asked_from_the_first_intent_to_the_end_of_its_last_step_and_says_what_it_saw() {
    let rig = watched();
    let report = run(&rig, &[]);
    report.expect(&["before/1", "first/2", "second/2", "behind/2"], End::Completed);
    let [(EvaluationResult::Holds, polls)] = said(&report)[..] else {
        panic!("{}", report.told());
    };
    // Four minutes and what the actions take.
    assert!((12..=14).contains(&polls), "{}", report.told());
    let said = report.place(|event| {
        matches!(
            event,
            Event::Evaluated {
                key: WorkKey::Watch(_),
                ..
            }
        )
    });
    let done = report.place(|event| matches!(event, Event::Step { id, state: StepState::Done, .. } if id == "second"));
    assert!(said > done, "{}", report.told());
}

#[test]
fn what_does_not_hold_fails_the_step_that_runs_and_the_watch_is_the_cause() {
    let rig = watched();
    for kind in FaultKind::OF_QUESTION {
        for (since_key, step) in [
            (None, "first"),
            (Some("first/2"), "first"),
            (Some("second/2"), "second"),
        ] {
            let fault = since_key.map_or(Fault::always(KEY, kind), |key| since(key, kind));
            let report = run(&rig, &[fault]);
            // Nothing is asked any more where the last step was over before the second miss.
            if report.end().end == End::Completed {
                assert_eq!(step, "second", "{}", report.told());
                continue;
            }
            assert_eq!(report.end().end, End::RolledBack, "{}", report.told());
            let failed = report.end().failed_at.clone().unwrap();
            assert_eq!((&*failed.step, &*failed.statement), (step, KEY), "{}", report.told());
            assert!(failed.reason.starts_with("Room: 2 times in a row"), "{failed:?}");
        }
    }
}

#[test]
fn before_and_behind_its_stretch_nothing_is_asked() {
    let rig = watched();
    let report = run(&rig, &[since("second/2", FaultKind::Untrue)]);
    // One miss at most is met between the last action and the end of the step.
    report.expect(&["before/1", "first/2", "second/2", "behind/2"], End::Completed);
    let gone = Fault::always(KEY, FaultKind::Untrue).until("before/1");
    run(&rig, &[gone]).expect(&["before/1", "first/2", "second/2", "behind/2"], End::Completed);
}

#[test]
fn no_symptom_table_is_tried() {
    let rig = rig(
        "",
        &[
            step("a", "", &[make("a"), wait()]),
            slow_row("do fs.link(\"/sim/heal\", to: \"/sim/x\") within 4m no undo because \"it stays\""),
            watch("a", "a", ""),
        ],
    );
    let report = run(&rig, &[Fault::always(KEY, FaultKind::Untrue)]);
    report.expect(&["a/1", "undo:a/1/1"], End::RolledBack);
    assert!(
        !report.has(|event| matches!(event, Event::Symptom { .. })),
        "{}",
        report.told()
    );
}

#[test]
fn a_step_that_goes_on_goes_on_and_the_watch_counts_anew() {
    let on = line("on failure continue because \"nice to have\"");
    let rig = rig(
        "",
        &[
            step("a", "", &[make("a"), wait(), on]),
            step("b", "", &[wait(), make("b"), wait()]),
            watch("a", "b", ""),
        ],
    );
    let report = run(&rig, &[Fault::always(KEY, FaultKind::Untrue).until("b/2")]);
    report.expect(&["a/1", "b/2"], End::Completed);
    let results: Vec<EvaluationResult> = said(&report).into_iter().map(|(result, _)| result).collect();
    assert_eq!(
        results,
        [
            EvaluationResult::DoesNotHold,
            EvaluationResult::Holds,
            EvaluationResult::Holds
        ],
        "{}",
        report.told()
    );
    let [exception] = &report.end().exceptions[..] else {
        panic!("{}", report.told());
    };
    assert_eq!(exception.step, "a");
}

pub(crate) fn committed() -> Rig {
    let commits = line("commits \"users write from here\"");
    rig(
        "",
        &[
            step(
                "a",
                "",
                &[make("a"), wait(), commits, just("b"), wait(), just("c"), wait()],
            ),
            watch("a", "a", ""),
        ],
    )
}

/// What was missed holds again, or does not.
pub(crate) fn told_cases() -> Vec<Case> {
    let missed = || since("a/4", FaultKind::Untrue);
    vec![Case::of(vec![missed()]), Case::of(vec![missed().until("a/6")])]
}

/// The first step does nothing.
pub(crate) fn looking() -> Rig {
    rig(
        "",
        &[
            step("a", "", &[look("a")]),
            step("b", "", &[wait(), make("b")]),
            watch("a", "b", ""),
        ],
    )
}

#[test]
fn past_the_point_of_no_return_it_is_told_and_turns_nothing() {
    let rig = committed();
    let report = run(&rig, &[since("a/4", FaultKind::Untrue).until("a/6")]);
    report.expect(&["a/1", "a/4", "a/6"], End::Completed);
    assert_eq!(said(&report).len(), 3, "{}", report.told());
    let [exception] = &report.end().exceptions[..] else {
        panic!("{}", report.told());
    };
    assert_eq!((&*exception.title, &*exception.step), ("Room", ""));
    run(&rig, &[since("a/1", FaultKind::Untrue)]).expect(&["a/1", "undo:a/1/1"], End::RolledBack);
}

#[test]
fn on_a_way_back_it_is_told_and_turns_nothing() {
    let rig = rig(
        "on failure rollback slow",
        &[
            step("a", "", &[make("a"), look("x")]),
            watch("a", "a", ""),
            "rollback slow \"Slow\" {\n  applies from a until a\n  budget 30m\n  do fs.remove(\"/sim/a\")\n  wait 5m \
             because \"time\"\n}\n"
                .to_owned(),
        ],
    );
    let fails = Fault::always("a/2", FaultKind::Untrue);
    let report = run(&rig, &[fails.clone(), since("rollback:slow/1", FaultKind::Untrue)]);
    report.expect(&["a/1", "rollback:slow/1"], End::RolledBack);
    // It does not hold, and does not hold again before the end.
    assert_eq!(said(&report).len(), 2, "{}", report.told());
    assert_eq!(report.end().failed_at.clone().unwrap().statement, "a/2");
    assert_eq!(said(&run(&rig, &[fails])).len(), 1);
}

#[test]
fn a_run_that_is_paused_asks_nothing_and_asks_again_when_it_is_resumed() {
    let rig = watched();
    let length = run(&rig, &[]).events.len();
    for record in 1..length {
        for kill in [Kill::Before(record), Kill::After(record)] {
            let case = Case {
                kill: Some(kill),
                ..Case::default()
            };
            let mut walk = rig.rehearsal.walk(case);
            walk.run().unwrap();
            walk.resume(Resumption {
                after_ms: 3_600_000,
                ..Resumption::default()
            });
            let rest = walk.run().unwrap();
            let report = Report(walk.report(rest));
            let begun = report.has(|event| matches!(event, Event::Intent(intent) if intent.key == "first/2"));
            assert_eq!(!said(&report).is_empty(), begun, "{}", report.told());
        }
    }
    let case = Case {
        faults: vec![Fault::always(KEY, FaultKind::Untrue)],
        ..Case::default()
    };
    let killed = run_case(&rig, &case.faults.clone(), case);
    assert_eq!(killed.end().failed_at.clone().unwrap().statement, KEY);
}

#[test]
fn every_single_fault_of_a_watch_ends_as_a_failure_there_would() {
    for rig in [watched(), committed()] {
        let faults: Vec<Fault> = single_faults(&rig.plan)
            .into_iter()
            .filter(|fault| fault.key == KEY)
            .collect();
        assert!(faults.len() >= 9, "{faults:?}");
        for fault in faults {
            let end = run(&rig, std::slice::from_ref(&fault)).end().end;
            assert!(matches!(end, End::RolledBack | End::Completed), "{fault:?} {end:?}");
        }
    }
}
