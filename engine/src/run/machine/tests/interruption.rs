//! Signals, requests, pauses, crashes.

use super::author::{act, check, commits, confirm, plan, runbook, step, undoable};
use super::driver::{Driver, React, resumed};
use crate::event::{End, Event, OutcomeResult, RequestKind, SignalChoice};
use crate::plan::Plan;
use backstay_dsl::model::Disposition;

fn signal(choice: Option<SignalChoice>) -> Event {
    Event::Signal {
        name: "INT".to_owned(),
        choice,
    }
}

fn sample() -> Plan {
    plan(runbook(vec![
        step("a", &[], vec![undoable("a/1"), undoable("a/2@once")]),
        step("b", &[0], vec![undoable("b/1"), check("b/2")]),
        step("c", &[1], vec![commits("c/1"), act("c/2")]),
    ]))
}

#[test]
fn a_signal_turns_the_run_back_wherever_it_comes_before_commits() {
    let plan = sample();
    let all = Driver::new(&plan).run();
    let committed = all
        .history
        .iter()
        .position(|stamped| matches!(stamped.event, Event::Commit { .. }))
        .unwrap();
    for record in 1..all.history.len() - 1 {
        let run = Driver::new(&plan).at(record, signal(None)).run();
        let end = &run.history.last().unwrap().event;
        if record <= committed {
            let Event::RunEnd(end) = end else {
                panic!("{record}: {end:?}")
            };
            assert!(matches!(end.end, End::Refused | End::RolledBack), "{record}: {end:?}");
            assert!(end.failed_at.is_none());
        } else {
            assert!(run.state.is_paused() || run.end().end == End::Completed, "{record}");
        }
    }
}

#[test]
fn a_person_may_go_on_or_pause() {
    let plan = sample();
    let run = Driver::new(&plan).at(6, signal(Some(SignalChoice::GoOn))).run();
    assert_eq!(run.end().end, End::Completed);
    let run = Driver::new(&plan).at(6, signal(Some(SignalChoice::Pause))).run();
    assert!(run.state.is_paused());
    let mut run = run;
    run.append(resumed("boot", false));
    assert_eq!(run.run().end().end, End::Completed);
}

/// The runner is gone after each record; another goes on. Whatever was unknown, nothing runs twice that must not.
#[test]
fn a_run_that_is_interrupted_at_any_record_goes_on_and_ends() {
    let plan = sample();
    for script in [vec![], vec![("b/2", React::Badly)]] {
        let begin = || {
            script
                .iter()
                .fold(Driver::new(&plan), |run, (key, react)| run.on(key, &[*react]))
        };
        let all = begin().run();
        for record in 1..all.history.len() {
            let run = begin().at(record, resumed("boot", false)).run();
            assert_eq!(run.end().end, all.end().end, "{record}");
            let once = run.performed().iter().filter(|key| **key == "a/2@once").count();
            assert_eq!(once, 1, "{record}");
        }
    }
}

#[test]
fn an_attempt_whose_runner_was_gone_is_settled_before_anything_else() {
    let plan = sample();
    let mut run = Driver::new(&plan).on("b/1", &[React::Hang]).at(
        14,
        Event::Request {
            what: RequestKind::Pause,
            who: "x".to_owned(),
        },
    );
    while !run.performed().contains(&"b/1") {
        let mut desired = crate::run::machine::decide(&plan, &run.state);
        assert!(!desired.at_rest);
        desired.timers.clear();
        run = run.step_once(desired);
    }
    run.append(resumed("boot", false));
    let desired = crate::run::machine::decide(&plan, &run.state);
    let kinds: Vec<_> = desired.work.values().map(|work| &work.kind).collect();
    assert_eq!(kinds, [&crate::run::machine::WorkKind::Settle]);
    assert!(!run.has(
        |event| matches!(event, Event::Outcome(outcome) if outcome.key == "b/1" && outcome.result == OutcomeResult::Ok)
    ));
}

#[test]
fn a_resume_that_turns_back_turns_back() {
    let plan = sample();
    let all = Driver::new(&plan).run();
    let committed = all
        .history
        .iter()
        .position(|stamped| matches!(stamped.event, Event::Commit { .. }))
        .unwrap();
    for record in 1..=committed {
        let run = Driver::new(&plan).at(record, resumed("boot", true)).run();
        assert!(matches!(run.end().end, End::Refused | End::RolledBack), "{record}");
    }
}

#[test]
fn a_prompt_without_an_answer_turns_back_or_pauses() {
    let mut model = runbook(vec![step("a", &[], vec![undoable("a/1"), confirm("a/2")])]);
    let silent = plan(model.clone());
    let run = Driver::new(&silent).on("a/2", &[React::Hang]).run();
    assert_eq!(run.end().end, End::RolledBack);
    assert!(run.has(|event| matches!(event, Event::Timer { id } if id == "silence:a/2")));
    let run = Driver::new(&silent).on("a/2", &[React::Badly]).run();
    assert_eq!(run.end().end, End::RolledBack);
    if let backstay_dsl::model::StatementKind::Ask(ask) = &mut model.steps[0].body.statements[1].kind {
        ask.on_silence = Some(Disposition::Pause);
    }
    let pauses = plan(model);
    let mut run = Driver::new(&pauses).on("a/2", &[React::Hang]).run();
    assert!(run.state.is_paused());
    run.append(resumed("boot", false));
    assert_eq!(run.run().end().end, End::Completed);
}
