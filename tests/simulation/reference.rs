//! The reference runbook: every one of its failure points ends as the contract says.

use std::collections::BTreeMap;
use std::sync::Arc;

use backstay::event::{End, Event, Verdict};
use backstay::rehearse::{Case, Fault, FaultKind, Production};
use backstay::run::driver::{Control, Rest};
use backstay::value::{Secret, Value};
use backstay_dsl::effect::{Resource, ResourceKind};
use backstay_dsl::model::StatementKind;
use backstay_dsl::state::Release;

use crate::simulation::laws;
use crate::simulation::rig::{Report, Rig};
use crate::support::texts::Beside;

const MINUTE_MS: u64 = 60_000;

fn image(digit: char) -> String {
    format!("registry.example/gateway@sha256:{}", digit.to_string().repeat(64))
}

/// The runbook with inputs, in a production that runs the old image.
pub(crate) fn rig() -> Rig {
    let folder = Beside::of_tests("reference/gateway");
    let path = |text: &str| Value::Path(text.to_owned());
    let inputs = BTreeMap::from([
        ("new_image".to_owned(), Value::Image(image('b'))),
        ("project".to_owned(), path("/srv/gateway")),
        ("state_dir".to_owned(), path("/var/lib/openclaw")),
        ("backup_dir".to_owned(), path("/var/backups")),
        ("url".to_owned(), Value::Url("http://127.0.0.1:18789".to_owned())),
        (
            "ui_token".to_owned(),
            Value::Secret(Secret::new("ui_token", "not-a-real-token")),
        ),
    ]);
    let pin = Resource::keyed(
        ResourceKind::Key,
        vec!["/srv/gateway/.env".to_owned(), "OPENCLAW_IMAGE".to_owned()],
    );
    Rig::new("upgrade.runbook", &folder.text("upgrade.runbook"), &folder, inputs)
        .scripted(Arc::new(answer))
        .seeded(pin, &image('a'))
}

/// What the programs of the test modules print.
fn answer(call: &backstay::action::GroundCall, production: &Production) -> Option<Value> {
    let words = call.arguments.words("argv")?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let member = production.member("gateway").expect("a member");
    let (ok, stdout) = match words.as_slice() {
        ["openclaw", "errors", ..] => (true, "0".to_owned()),
        ["openclaw", "chat", ..] => (true, "pong".to_owned()),
        ["openclaw", "log"] => (true, "all is well".to_owned()),
        ["site", "drained", _] => {
            let is_drained = member.traffic == Some(backstay_dsl::state::Traffic::Drained);
            (is_drained, String::new())
        }
        ["openclaw", ..] => (member.run.is_some(), String::new()),
        _ => return None,
    };
    Some(Value::Record(BTreeMap::from([
        ("ok".to_owned(), Value::Bool(ok)),
        ("status".to_owned(), Value::Int(i64::from(!ok))),
        ("stdout".to_owned(), Value::Text(stdout)),
        ("stderr".to_owned(), Value::Text(String::new())),
    ])))
}

/// The keys of a step's statements (of its holds too) that may fail, with what may happen to each.
pub(crate) fn faults_of(rig: &Rig, step: &str) -> Vec<(String, FaultKind)> {
    let runbook = &rig.plan.runbook;
    let mut found = Vec::new();
    for statement in &runbook
        .steps
        .iter()
        .find(|known| known.name == step)
        .expect("a step")
        .body
        .statements
    {
        let of_hold = |name: &str, take: bool| {
            let hold = runbook.holds.iter().find(|hold| hold.name == name).expect("a hold");
            let block = if take { &hold.take } else { &hold.release };
            block.statements.clone()
        };
        let statements = match &statement.kind {
            StatementKind::Take(name) => of_hold(name, true),
            StatementKind::Release(name) => of_hold(name, false),
            // What cannot be written down fails nothing.
            StatementKind::Record(_) => Vec::new(),
            _ => vec![statement.clone()],
        };
        for statement in statements {
            let faults = backstay::rehearse::faults_of(&statement).into_iter();
            found.extend(faults.map(|fault| (fault.key, fault.kind)));
        }
    }
    assert!(!found.is_empty(), "nothing can fail in {step}");
    found
}

/// Runs with a fault that stays (so that no second try or row heals it), and gives the report.
fn with_fault(rig: &Rig, key: &str, kind: FaultKind) -> Report {
    let report = rig.run(vec![Fault::always(key, kind)], Case::default());
    laws::hold(&rig.plan, &report, 2);
    report
}

/// What a lost reply of something that was done leads to: the run goes on.
pub(crate) fn is_no_failure(kind: FaultKind) -> bool {
    matches!(kind, FaultKind::LostDone | FaultKind::LostForGood)
}

#[test]
fn without_faults_it_is_completed() {
    let rig = rig();
    let report = rig.run(Vec::new(), Case::default());
    laws::hold(&rig.plan, &report, 0);
    assert_eq!(report.end().end, End::Completed, "{}", report.told());
    assert_eq!(
        report.production.member("gateway").and_then(|member| member.run),
        Some(Release::New)
    );
}

#[test]
fn every_failure_point_ends_as_the_contract_says() {
    let rig = rig();
    let expected = [
        ("freeze", End::Refused, None),
        ("stop", End::RolledBack, Some("unwind")),
        ("backup", End::RolledBack, Some("unwind")),
        ("cutover", End::RolledBack, Some("previous_release")),
        ("validate", End::RolledBack, Some("previous_release")),
        ("close", End::Parked, None),
    ];
    for (step, end, way) in expected {
        for (key, kind) in faults_of(&rig, step) {
            let report = with_fault(&rig, &key, kind);
            // What nobody can tell may have been made: that is no refusal.
            let is_open =
                |event: &Event| matches!(event, Event::Settled { verdict, .. } if *verdict == Verdict::Undecidable);
            let is_made = end == End::Refused && report.has(is_open);
            let (end, way) = if is_made {
                (End::RolledBack, Some("unwind"))
            } else {
                (end, way)
            };
            if is_no_failure(kind) {
                let ended = report.end().end;
                assert!(
                    ended == End::Completed || ended == end,
                    "{key} {kind:?}\n{}",
                    report.told()
                );
                continue;
            }
            assert_eq!(report.end().end, end, "{key} {kind:?}\n{}", report.told());
            assert_eq!(
                report.end().way_back.as_deref(),
                way,
                "{key} {kind:?}\n{}",
                report.told()
            );
            let failed_at = report.end().failed_at.as_ref().expect("a failure");
            assert_eq!(failed_at.step, step, "{key} {kind:?}");
        }
    }
}

#[test]
fn a_case_from_a_copy_is_the_case_from_its_beginning() {
    let rig = rig();
    let mut seen = 0;
    let mut see = |fault: &Fault, report: backstay::rehearse::Report| {
        let whole = rig.rehearsal.run(Case::of(vec![fault.clone()])).expect("it ends");
        assert_eq!((report.events, report.rest), (whole.events, whole.rest), "{fault:?}");
        seen += 1;
    };
    let faults = backstay::rehearse::single_faults(&rig.plan);
    rig.rehearsal.every_single(&faults, &mut see).expect("each ends");
    assert!(seen > 50, "{seen}");
}

#[test]
fn before_and_after_the_point_of_no_return() {
    let rig = rig();
    let reopen = faults_of(&rig, "reopen");
    for (key, kind) in reopen {
        let report = with_fault(&rig, &key, kind);
        let ended = report.end().end;
        // The release fails for good: it cannot be given back on the way out either.
        assert!(
            matches!(ended, End::Stuck | End::Completed),
            "{key} {kind:?} {ended:?}\n{}",
            report.told()
        );
        let once = rig.run(vec![Fault::once(&*key, kind)], Case::default());
        laws::hold(&rig.plan, &once, 2);
        let ended = once.end().end;
        assert!(
            matches!(ended, End::Parked | End::Completed),
            "{key} {kind:?}\n{}",
            once.told()
        );
    }
}

#[test]
fn answers_of_people() {
    let rig = rig();
    for answer in [Some(Value::Bool(false)), None] {
        let outside = Case {
            answers: BTreeMap::from([("notes/1".to_owned(), answer)]),
            ..Case::default()
        };
        let report = rig.run(Vec::new(), outside);
        laws::hold(&rig.plan, &report, 0);
        assert_eq!(report.end().end, End::Refused, "{}", report.told());
        assert!(report.intents().is_empty());
    }
}

#[test]
fn a_way_back_of_which_a_statement_fails_is_stuck_and_says_what_is_left() {
    let rig = rig();
    for place in 1..=3 {
        let faults = vec![
            Fault::always("validate/1", FaultKind::Untrue),
            Fault::always(format!("rollback:previous_release/{place}"), FaultKind::FailsBefore),
        ];
        let report = rig.run(faults, Case::default());
        laws::hold(&rig.plan, &report, 2);
        let end = report.end();
        assert_eq!(end.end, End::Stuck, "{}", report.told());
        assert_eq!(end.held, ["drained"]);
        assert_eq!(end.commands_left.len(), 5 - place, "{:#?}", end.commands_left);
    }
}

#[test]
fn a_row_heals_or_leads_back() {
    let rig = rig();
    let row = |kind| {
        let faults = vec![
            Fault::always("cutover/2", FaultKind::Untrue).until("symptom:upgrade_window/2/1"),
            Fault::always("symptom:upgrade_window/2", kind),
        ];
        let report = rig.run(faults, Case::default());
        laws::hold(&rig.plan, &report, 2);
        report
    };
    let healed = row(FaultKind::Untrue);
    assert_eq!(healed.end().end, End::Completed, "{}", healed.told());
    let not_seen = row(FaultKind::Unanswered);
    assert_eq!(not_seen.end().end, End::RolledBack, "{}", not_seen.told());
}

#[test]
fn a_signal_at_every_record() {
    let rig = rig();
    let all = rig.run(Vec::new(), Case::default());
    let mut unseen = 0;
    for record in 1..all.events.len() {
        let outside = Case {
            control_at: Some((record, Control::Signal("INT".to_owned()))),
            ..Case::default()
        };
        let report = rig.run(Vec::new(), outside);
        laws::hold(&rig.plan, &report, 1);
        let place = |is: fn(&Event) -> bool| report.events.iter().position(|stamped| is(&stamped.event));
        let signal = place(|event| matches!(event, Event::Signal { .. }));
        let commit = place(|event| matches!(event, Event::Commit { .. }));
        unseen += usize::from(signal.is_none());
        let ends = match &report.rest {
            _ if signal.is_none() => vec![End::Completed],
            _ if commit.is_none() => vec![End::Refused, End::RolledBack],
            _ => vec![End::Completed, End::Paused],
        };
        let end = match &report.rest {
            Rest::Ended(end) => end.end,
            Rest::Paused(_) => End::Paused,
            Rest::Killed => panic!("{record}"),
        };
        assert!(ends.contains(&end), "{record} {end:?}\n{}", report.told());
    }
    // Only where the run ends before it can be seen.
    assert!(unseen <= 2, "{unseen} of {} signals were not seen", all.events.len());
}

/// The clock jumps past the moment to turn back, at every record.
#[test]
fn the_moment_to_turn_back_at_every_record() {
    let rig = rig();
    let all = rig.run(Vec::new(), Case::default());
    let is_commit = |stamped: &Arc<backstay::event::Stamped>| matches!(stamped.event, Event::Commit { .. });
    let committed = all.events.iter().position(is_commit).expect("it commits");
    let first = all
        .events
        .iter()
        .position(|stamped| matches!(&stamped.event, Event::Intent(intent) if intent.changing));
    for record in first.expect("a change") + 1..committed {
        let outside = Case {
            passes_at: Some((record, 61 * MINUTE_MS)),
            ..Case::default()
        };
        let report = rig.run(Vec::new(), outside);
        laws::hold(&rig.plan, &report, 2);
        assert_eq!(report.end().end, End::RolledBack, "{record}\n{}", report.told());
    }
}

#[test]
fn what_is_asked_before_and_after_all_steps() {
    let rig = rig();
    let well = |when: &str| Fault::always(format!("well:gateway:{when}"), FaultKind::Untrue);
    let anchors = Fault::always("anchors:end", FaultKind::Unanswered);
    let fails = Fault::always("validate/2", FaultKind::Untrue);
    let cases = [
        (vec![well("start")], End::Refused),
        (vec![well("end")], End::Parked),
        (vec![fails.clone(), well("back")], End::Stuck),
        (vec![anchors.clone()], End::Completed),
        (vec![fails, anchors], End::Stuck),
    ];
    for (faults, expected) in cases {
        let report = rig.run(faults.clone(), Case::default());
        laws::hold(&rig.plan, &report, 1);
        assert_eq!(report.end().end, expected, "{faults:?}\n{}", report.told());
    }
}

/// One more fault inside each way back: rolled back all the same, or stuck with the commands left to do.
#[test]
fn a_second_fault_on_the_way_back() {
    let rig = rig();
    let mut of_back: Vec<_> = rig.plan.program.statements().map(|(_, statement)| statement).collect();
    of_back.retain(|statement| {
        let of_back = ["undo:", "rollback:", "hold:drained/release"];
        of_back.iter().any(|prefix| statement.key.starts_with(prefix))
    });
    let mut ends = Vec::new();
    for statement in of_back {
        let key = &statement.key;
        let StatementKind::Do(action) = &statement.kind else {
            continue;
        };
        let way = if key.starts_with("undo:") {
            "backup/3"
        } else {
            "validate/2"
        };
        for kind in FaultKind::of_action(action.call.effects.is_partial) {
            for second in [Fault::once(key, kind), Fault::always(key, kind)] {
                let is_once = second.attempts == 1;
                let faults = vec![Fault::always(way, FaultKind::Untrue), second];
                let report = rig.run(faults, Case::default());
                laws::hold(&rig.plan, &report, 2);
                let end = report.end();
                let expected = if is_once {
                    vec![End::RolledBack]
                } else {
                    vec![End::RolledBack, End::Stuck]
                };
                assert!(expected.contains(&end.end), "{key} {kind:?}\n{}", report.told());
                ends.push(end.end);
            }
        }
    }
    assert!(ends.contains(&End::Stuck) && ends.contains(&End::RolledBack));
}
