//! Signals, requests, pauses, silence, runners that are gone.

use backstay::event::{End, Event, OutcomeResult, RequestKind, SignalChoice, StepState, TimerId};
use backstay::rehearse::{Case, Fault, FaultKind, Kill, Resumption};
use backstay::run::driver::{Control, Rest};
use backstay::run::machine::{WorkKind, next};

use crate::simulation::forward::hold;
use crate::simulation::laws;
use crate::simulation::rig::{Report, Rig};
use crate::simulation::small::{just, look, make, once, rig, run, run_case, run_with, silent, step};

fn sample() -> Rig {
    let commits = "  commits \"users write from here\"\n".to_owned();
    rig(
        "",
        &[
            step("a", "", &[make("a1"), once("a2")]),
            step("b", "", &[make("b1"), look("b2")]),
            step("c", "", &[commits, just("c2")]),
        ],
    )
}

fn at(record: usize, control: Control) -> Case {
    Case {
        control_at: Some((record, control)),
        ..Case::default()
    }
}

fn signal(record: usize, choice: Option<SignalChoice>) -> Case {
    Case {
        choice,
        ..at(record, Control::Signal("INT".to_owned()))
    }
}

fn request(record: usize, what: RequestKind) -> Case {
    let who = "somebody".to_owned();
    at(record, Control::Request { what, who })
}

fn is_commit(event: &Event) -> bool {
    matches!(event, Event::Commit { .. })
}

#[test]
fn what_asks_to_turn_back_turns_back_wherever_it_comes_before_commits() {
    let rig = sample();
    let all = run(&rig, &[]);
    for record in 1..all.events.len() - 1 {
        let turn_back = request(record, RequestKind::TurnBack);
        for case in [
            signal(record, None),
            signal(record, Some(SignalChoice::TurnBack)),
            turn_back,
        ] {
            let report = run_case(&rig, &[], case);
            if report.has(is_commit) {
                let is_past = matches!(&report.rest, Rest::Paused(_)) || report.end().end == End::Completed;
                assert!(is_past, "{record}\n{}", report.told());
                continue;
            }
            let end = report.end();
            assert!(matches!(end.end, End::Refused | End::RolledBack), "{record}: {end:?}");
            assert!(end.failed_at.is_none());
        }
    }
}

/// Runs until it is paused, and goes on with it.
fn paused_and_resumed(rig: &Rig, case: Case) -> Report {
    let scene = rig.scene(Vec::new(), case);
    let paused = scene.drive(None).unwrap();
    assert!(matches!(paused.rest, Rest::Paused(_)), "{}", paused.told());
    scene.recover(Resumption::default());
    let report = scene.drive(None).unwrap();
    laws::hold(&rig.plan, &report, 2);
    report
}

#[test]
fn a_run_pauses_where_it_is_told_to_and_goes_on() {
    let rig = sample();
    let lost = Control::LockLost("service app".to_owned());
    for case in [
        signal(6, Some(SignalChoice::Pause)),
        request(6, RequestKind::Pause),
        at(6, lost),
    ] {
        assert_eq!(paused_and_resumed(&rig, case).end().end, End::Completed);
    }
}

/// While a person is asked what a signal means, what has begun goes on, nothing more begins, and no point of no
/// return is passed; a run that goes on then does what it would have done.
#[test]
fn while_a_person_is_asked_nothing_more_begins() {
    let rig = sample();
    let all = run(&rig, &[]);
    let mut count = 0;
    for record in 1..all.events.len() - 1 {
        let report = run_case(&rig, &[], signal(record, Some(SignalChoice::GoOn)));
        let asked = report.place(|event| matches!(event, Event::Signal { asked: true, .. }));
        let chosen = report.place(|event| matches!(event, Event::Signal { asked: false, .. }));
        let Some((asked, chosen)) = asked.zip(chosen) else {
            assert_eq!(report.end().end, End::Completed, "it ended before: {record}");
            continue;
        };
        count += 1;
        for stamped in &report.events[asked..chosen] {
            let event = &stamped.event;
            let begins = matches!(event, Event::Step { state, .. } if *state == StepState::Running);
            let passes = matches!(event, Event::Intent(_) | Event::Commit { .. });
            assert!(!begins && !passes, "{record}: {event:?}");
        }
        report.expect(&all.performed(), End::Completed);
    }
    assert!(count > 10, "{count}");
}

/// The runner is gone after each record, forward and on the way back; another goes on.
#[test]
fn a_run_that_is_interrupted_at_any_record_goes_on_and_ends() {
    let rig = sample();
    crate::simulation::crash::killed_everywhere_in(&rig, &[], End::Completed);
    let fails = [Fault::always("b/2", FaultKind::Untrue)];
    crate::simulation::crash::killed_everywhere_in(&rig, &fails, End::RolledBack);
}

/// A hold that is taken, and released by the end of the way forward.
pub(crate) fn released() -> Rig {
    rig("", &[hold(), step("a", "", &["  take quiet\n".to_owned(), make("a2")])])
}

/// A signal while the end of the way forward releases a hold: the release comes to its end before the run turns.
#[test]
fn a_release_is_waited_for_before_the_run_turns() {
    let rig = released();
    let all = run(&rig, &[]);
    let is_done = |event: &Event| matches!(event, Event::Outcome(outcome) if outcome.key == "hold:quiet/release/1" && outcome.result == OutcomeResult::Ok);
    let released = all.events.iter().filter(|stamped| is_done(&stamped.event));
    assert_eq!(released.count(), 1, "{}", all.told());
    for record in 1..all.events.len() - 1 {
        for choice in [None, Some(SignalChoice::TurnBack)] {
            let report = run_case(&rig, &[], signal(record, choice));
            let done = report.events.iter().filter(|stamped| is_done(&stamped.event));
            assert!(
                done.count() <= 1,
                "{record}: what was released is released again\n{}",
                report.told()
            );
        }
    }
}

/// What a signal means is asked only where it can be obeyed.
#[test]
fn nobody_is_asked_what_a_signal_means_on_the_way_back() {
    let rig = sample();
    let failed = run_with(&rig, "b/1", FaultKind::FailsBefore);
    let turn = failed.place(|event| matches!(event, Event::Turn { .. })).unwrap();
    for record in turn + 1..failed.events.len() - 1 {
        let report = run_case(
            &rig,
            &[Fault::always("b/1", FaultKind::FailsBefore)],
            signal(record, None),
        );
        let signals = report.events.iter().filter_map(|stamped| match stamped.event {
            Event::Signal { asked, .. } => Some(asked),
            _ => None,
        });
        assert_eq!(signals.collect::<Vec<_>>(), [false], "{record}\n{}", report.told());
        assert_eq!(report.end().end, End::RolledBack);
    }
}

#[test]
fn an_attempt_whose_runner_was_gone_is_settled_before_anything_else() {
    let rig = sample();
    let all = run(&rig, &[]);
    let begun = all.place(|event| matches!(event, Event::Intent(intent) if intent.key == "b/1"));
    let scene = rig.scene(Vec::new(), Case::default());
    assert!(scene.drive(Some(Kill::After(begun.unwrap() + 1))).is_none());
    scene.recover(Resumption::default());
    let report = scene.drive(None).unwrap();
    let resumed = report.place(|event| matches!(event, Event::RunResumed(_))).unwrap();
    let history = report.events[..=resumed].iter().map(|stamped| &**stamped);
    let desired = next(&rig.plan, history);
    let kinds: Vec<_> = desired.work.iter().map(|(_, work)| &work.kind).collect();
    assert_eq!(kinds, [&WorkKind::Settle { may_wait: true }]);
}

#[test]
fn a_resume_that_turns_back_turns_back() {
    let rig = sample();
    let all = run(&rig, &[]);
    for record in 1..=all.place(is_commit).unwrap() {
        let scene = rig.scene(Vec::new(), Case::default());
        assert!(scene.drive(Some(Kill::After(record))).is_none());
        scene.recover(Resumption {
            turn_back: true,
            ..Resumption::default()
        });
        let report = scene.drive(None).unwrap();
        laws::hold(&rig.plan, &report, 2);
        assert!(matches!(report.end().end, End::Refused | End::RolledBack), "{record}");
    }
}

#[test]
fn a_prompt_without_an_answer_turns_back_or_pauses() {
    let asking = |silence: &str| {
        let ask = format!("  ask \"Ready?\" confirm{silence}\n");
        rig("", &[step("a", "", &[make("a1"), ask])])
    };
    let turns = asking("");
    let silence = run_case(&turns, &[], silent("a/2"));
    assert_eq!(silence.end().end, End::RolledBack);
    assert!(silence.has(|event| matches!(event, Event::Timer(TimerId::Silence(key)) if **key == *"a/2")));
    let no = Case {
        answers: [("a/2".to_owned(), Some(backstay::value::Value::Bool(false)))].into(),
        ..Case::default()
    };
    assert_eq!(run_case(&turns, &[], no).end().end, End::RolledBack);
    let pauses = asking(" on silence pause");
    let report = run_case(&pauses, &[], silent("a/2"));
    assert!(matches!(report.rest, Rest::Paused(_)), "{}", report.told());
}
