#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use super::*;
use crate::event::{
    EffectKey, Intent, IntentWay, OutcomeRecord, OutcomeResult, Outline, RequestKind, RunStart, StepOutline, Way,
};
use backstay_dsl::effect::{Repeat, Resource, ResourceKind};

fn outline() -> Outline {
    let step = |id: &str, title: &str, minutes: u64, before_window| StepOutline {
        id: id.to_owned(),
        title: title.to_owned(),
        after: Vec::new(),
        budget_ms: Some(minutes * 60_000),
        before_window,
    };
    Outline {
        title: "Upgrade".to_owned(),
        steps: vec![
            step("notes", "Read the notes", 10, true),
            step("cutover", "Start the new one", 6, false),
        ],
        ..Outline::default()
    }
}

fn start() -> Event {
    Event::RunStart(Box::new(RunStart {
        format: 1,
        minor: 0,
        run: "up-1".to_owned(),
        plan: "sha256:aa".to_owned(),
        approved: None,
        runbook: "up".to_owned(),
        label: None,
        outline: outline(),
        sources: Vec::new(),
        inputs: Vec::new(),
        window_start_ms: None,
        window_ms: Some(60 * 60_000),
        keep_ms: Some(20 * 60_000),
        boot_id: "boot".to_owned(),
        host: "host".to_owned(),
        operator: "ada".to_owned(),
        ticket: None,
        program: "backstay".to_owned(),
    }))
}

fn step(id: &str, state: StepState) -> Event {
    Event::Step {
        id: id.to_owned(),
        state,
        reason: None,
    }
}

/// 22:13:20Z and so many seconds.
fn at(seconds: i64) -> i64 {
    1_700_000_000_000 + seconds * 1000
}

fn show(timeline: &mut Timeline, seconds: i64, event: Event) -> String {
    let stamped = Stamped {
        at_ms: at(seconds),
        boot_ns: 0,
        event,
    };
    timeline.line(&stamped).to_string()
}

#[test]
fn a_run_is_told_line_by_line_and_the_window_starts_with_the_first_step_in_it() {
    let mut timeline = Timeline::default();
    assert_eq!(
        show(&mut timeline, 0, start()),
        "22:13:20Z      +0s  run             up-1 begins: Upgrade (ada on host), window 1h with 20m kept for the way back"
    );
    show(&mut timeline, 10, step("notes", StepState::Running));
    assert_eq!(timeline.status(at(20)).unwrap().to_string(), "notes 10s of 10m");
    assert!(show(&mut timeline, 60, step("notes", StepState::Done)).ends_with("notes           done after 50s"));
    let begins = show(&mut timeline, 100, step("cutover", StepState::Running));
    assert!(begins.ends_with("begins: Start the new one (budget 6m)"), "{begins}");
    assert_eq!(
        timeline.status(at(160)).unwrap().to_string(),
        "cutover 1m of 6m · turns back at 22:55:00Z (in 39m) · window 59m left"
    );
    let extended = Event::Decision {
        what: "extend 30m".to_owned(),
        because: "agreed".to_owned(),
        who: "ada".to_owned(),
        extend_ms: 30 * 60_000,
    };
    show(&mut timeline, 161, extended);
    assert!(
        timeline
            .status(at(160))
            .unwrap()
            .to_string()
            .contains("turns back at 23:25:00Z (in 1h9m)")
    );
    let turn = Event::Turn {
        cause: "a check".to_owned(),
        way: Way::Rollback("previous".to_owned()),
    };
    assert!(show(&mut timeline, 170, turn).ends_with("turns: back by rollback previous (because: a check)"));
    assert_eq!(
        timeline.status(at(180)).unwrap().to_string(),
        "cutover 1m20s of 6m, back by rollback previous · window 1h28m40s left"
    );
}

#[test]
fn the_status_says_that_it_pauses() {
    let mut timeline = Timeline::default();
    show(&mut timeline, 0, start());
    show(&mut timeline, 10, step("notes", StepState::Running));
    let pause = Event::Request {
        what: RequestKind::Pause,
        who: "ada".to_owned(),
    };
    show(&mut timeline, 12, pause);
    let status = timeline.status(at(20)).unwrap().to_string();
    assert_eq!(status, "pauses once this has come to its end, notes 10s of 10m");
}

#[test]
fn the_status_says_what_a_step_is_at() {
    let mut timeline = Timeline::default();
    show(&mut timeline, 0, start());
    show(&mut timeline, 10, step("notes", StepState::Running));
    let at_seconds = |key: &str, what, seconds: Option<i64>| Pending {
        key: key.to_owned(),
        what,
        until_ms: seconds.map(at),
    };
    let status = |timeline: &Timeline| timeline.status(at(20)).unwrap().to_string();
    let mut told = |pending, status_says: &str| {
        let lines = timeline.pending(vec![pending], at(20));
        assert_eq!(status(&timeline), status_says);
        lines.iter().map(|line| line.text.clone()).collect::<Vec<_>>()
    };
    let person = at_seconds("notes/1", Awaited::Person, Some(30));
    let none: Vec<String> = Vec::new();
    assert_eq!(
        told(person, "notes 10s of 10m: waits for an answer until 22:13:50Z"),
        none
    );
    let retry = at_seconds("notes/2", Awaited::Retry { number: 1, times: 3 }, Some(22));
    let words = "tries again in 2s, 1 of 3";
    assert_eq!(told(retry.clone(), &format!("notes 10s of 10m: {words}")), [words]);
    assert_eq!(
        told(retry, &format!("notes 10s of 10m: {words}")),
        none,
        "it is told once"
    );
    let well = at_seconds("well:app:start", Awaited::Well("app".to_owned()), None);
    assert_eq!(told(well, "notes 10s of 10m, asks whether app is well"), none);
}

fn resource(kind: ResourceKind, key: &str) -> Resource<EffectKey> {
    Resource::new(kind, EffectKey::Known(key.to_owned()))
}

fn intent(key: &str, action: &str, title: &str, effects: &[Effect<EffectKey>]) -> Event {
    Event::Intent(Box::new(Intent {
        key: key.to_owned(),
        n: 1,
        action: action.to_owned(),
        title: title.to_owned(),
        effects: effects.to_vec(),
        argv: Vec::new(),
        changing: false,
        repeat: Repeat::Keyed,
        mac: String::new(),
        limit_ms: 1000,
        way: IntentWay::Forward,
    }))
}

#[test]
fn how_far_a_long_action_is_stands_in_the_status_until_it_has_ended() {
    let mut timeline = Timeline::default();
    show(&mut timeline, 0, start());
    show(&mut timeline, 0, step("cutover", StepState::Running));
    timeline.progress("cutover/1", "4 MiB of 40 MiB\u{1b}[2J");
    timeline.progress("cutover/1", "8 MiB of 40 MiB\u{1b}[2J");
    let status = timeline.status(at(1)).unwrap().to_string();
    assert!(
        status.starts_with("cutover 1s of 6m · 8 MiB of 40 MiB\\x1b[2J · turns back"),
        "{status}"
    );
    let outcome = Event::Outcome(Box::new(OutcomeRecord {
        key: "cutover/1".to_owned(),
        n: 1,
        result: OutcomeResult::Ok,
        value: None,
        evidence: String::new(),
        blobs: Vec::new(),
        said: Vec::new(),
        ms: 0,
        exit: None,
        was_there: false,
    }));
    show(&mut timeline, 2, outcome);
    let status = timeline.status(at(2)).unwrap().to_string();
    assert!(!status.contains("MiB"), "{status}");
}

#[test]
fn an_action_of_a_container_without_a_title_is_told_by_what_it_does() {
    let mut timeline = Timeline::default();
    let release = format!("h:5000/app@sha256:{}", "0a".repeat(32));
    let effects = [Effect::Starts {
        member: resource(ResourceKind::Service, "app"),
        with: Some(EffectKey::Known(release)),
    }];
    let line = show(
        &mut timeline,
        0,
        intent("cutover/1", "docker.run", "docker.run", &effects),
    );
    assert!(
        line.ends_with("docker.run: starts service(app) with h:5000/app@sha256:0a0a0a0a0a0a… …"),
        "{line}"
    );
    let line = show(
        &mut timeline,
        0,
        intent("cutover/2", "docker.run", "Start the new one", &effects),
    );
    assert!(line.ends_with("Start the new one …"), "{line}");
}

#[test]
fn a_message_that_was_not_sent_fails_no_step() {
    let mut timeline = Timeline::default();
    let tells = Effect::Tells(EffectKey::Known("ops".to_owned()));
    let edits = Effect::Edits(resource(ResourceKind::File, "/a"));
    for (effects, words) in [
        (
            vec![tells.clone()],
            "failed, the step goes on: Tell them: no such folder",
        ),
        (vec![tells, edits], "FAILED: Tell them: no such folder"),
    ] {
        let key = format!("cutover/{}", effects.len());
        let intent = intent(&key, "notify.file", "Tell them", &effects);
        show(&mut timeline, 0, intent);
        let outcome = Event::Outcome(Box::new(OutcomeRecord {
            key,
            n: 1,
            result: OutcomeResult::Failed,
            value: None,
            evidence: "no such folder".to_owned(),
            blobs: Vec::new(),
            said: Vec::new(),
            ms: 0,
            exit: None,
            was_there: false,
        }));
        let line = show(&mut timeline, 1, outcome);
        assert!(line.ends_with(words), "{line}");
    }
}

#[test]
fn what_commands_print_steers_nothing() {
    let mut timeline = Timeline::default();
    let outcome = Event::Outcome(Box::new(OutcomeRecord {
        key: "cutover/1\u{1b}c".to_owned(),
        n: 1,
        result: OutcomeResult::Failed,
        value: None,
        evidence: format!("\u{1b}]0;owned\u{7}\nrm -rf\u{202e} {}", "x".repeat(5000)),
        blobs: Vec::new(),
        said: Vec::new(),
        ms: 1500,
        exit: Some(1),
        was_there: false,
    }));
    let line = show(&mut timeline, 0, outcome);
    assert!(
        !line
            .chars()
            .any(|character| character.is_control() || character == '\u{202e}'),
        "{line:?}"
    );
    assert!(
        line.len() < 1000 && line.contains("FAILED: cutover/1") && line.contains("(1s500ms)"),
        "{line}"
    );
}
