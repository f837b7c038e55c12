//! Signals, requests, pauses, crashes.

use super::author::{act, check, commits, confirm, plan, runbook, step, undoable};
use super::driver::{Driver, React, resumed};
use crate::event::{End, Event, OutcomeResult, RequestKind, SignalChoice, StepState, TimerId, WorkKey};
use crate::plan::Plan;
use crate::run::machine::decide;
use backstay_dsl::model::Disposition;

fn signal(choice: Option<SignalChoice>) -> Event {
    Event::Signal {
        name: "INT".to_owned(),
        asked: false,
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

/// While a person is asked what a signal means, what has begun goes on, nothing more begins, and no point of no
/// return is passed; a run that goes on then is as if nobody had asked.
#[test]
fn while_a_person_is_asked_nothing_more_begins() {
    let plan = sample();
    let all = Driver::new(&plan).run();
    for record in 1..all.history.len() - 1 {
        let mut run = Driver::new(&plan);
        while run.history.len() < record {
            let desired = decide(&plan, &run.state);
            run = run.step_once(desired);
        }
        run.append(Event::Signal {
            name: "INT".to_owned(),
            asked: true,
            choice: None,
        });
        let before = run.history.len();
        loop {
            let mut desired = decide(&plan, &run.state);
            let asking = desired.work.remove(&WorkKey::Signal);
            assert_eq!(asking.is_some(), !desired.at_rest, "{record}");
            if desired.at_rest || (desired.due.is_none() && desired.work.is_empty()) {
                break;
            }
            run = run.step_once(desired);
        }
        for stamped in &run.history[before..] {
            let event = &stamped.event;
            let begins = matches!(event, Event::Step { state, .. } if *state == StepState::Running);
            let passes = matches!(event, Event::Intent(_) | Event::Commit { .. });
            assert!(!begins && !passes, "{record}: {event:?}");
        }
        if run.state.ended().is_none() {
            run.append(signal(Some(SignalChoice::GoOn)));
            run = run.run();
        }
        assert_eq!(run.performed(), all.performed(), "{record}");
    }
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
        let mut desired = decide(&plan, &run.state);
        assert!(!desired.at_rest);
        desired.timers.clear();
        run = run.step_once(desired);
    }
    run.append(resumed("boot", false));
    let desired = decide(&plan, &run.state);
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
    assert!(run.has(|event| matches!(event, Event::Timer(TimerId::Silence(key)) if key == "a/2")));
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
