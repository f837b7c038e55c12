//! Histories that were written once and are kept: they verify, and this program decides what they record.
//!
//! `BACKSTAY_GOLDEN=write cargo test -p backstay --test all golden` writes those of the list that are missing,
//! from a walk through the simulated world. One that is there is never written again: where a change of the
//! machine makes it fail, a run that is under way would fail too, and the format of plans has to rise.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use async_trait::async_trait;
use backstay::event::{End, Event, Stamped};
use backstay::rehearse::{Case, Fault, FaultKind, Kill, Resumption, single_faults};
use backstay::run::driver::{Control, Rest};
use backstay::run::machine::{State, first_undue, fold};
use backstay::transcript::{DiskJournal, Reader, verify};
use backstay::value::Value;
use backstay::world::{Clock, Journal as _};
use tempfile::TempDir;

use super::rig::Rig;
use crate::support::texts::{Beside, root};

fn folder() -> PathBuf {
    root().join("tests/golden")
}

pub(crate) fn rig() -> Rig {
    let text = fs::read_to_string(folder().join("switch.runbook")).unwrap();
    Rig::new("switch.runbook", &text, &Beside::default(), BTreeMap::new())
}

/// What happens in each history: its name, the case, and whether a runner that was killed goes on after a
/// restart of the machine.
fn cases(rig: &Rig) -> Vec<(String, Case, Option<bool>)> {
    let mut cases = vec![("nothing".to_owned(), Case::default(), None)];
    let silence = BTreeMap::from([("notes/1".to_owned(), None)]);
    let no = BTreeMap::from([("notes/1".to_owned(), Some(Value::Bool(false)))]);
    for (name, answers) in [("silence", silence), ("no", no)] {
        cases.push((
            name.to_owned(),
            Case {
                answers,
                ..Case::default()
            },
            None,
        ));
    }
    for fault in single_faults(&rig.plan) {
        let name = format!("{}-{:?}", fault.key.replace(['/', ':'], "_"), fault.kind);
        cases.push((name, Case::of(vec![fault]), None));
    }
    let check = || Fault::always("link/5", FaultKind::Untrue);
    let unmounted = Fault::always("symptom:usual/1", FaultKind::Untrue);
    let heals = vec![check().until("symptom:usual/1/1")];
    cases.push(("heals".to_owned(), Case::of(heals), None));
    cases.push(("not-in-the-table".to_owned(), Case::of(vec![check(), unmounted]), None));
    let undo = Fault::always("undo:link/4/1", FaultKind::FailsBefore);
    cases.push(("undo-fails".to_owned(), Case::of(vec![check(), undo]), None));
    for record in [6, 12, 20, 26, 30, 33] {
        let control_at = Some((record, Control::Signal("INT".to_owned())));
        cases.push((
            format!("signal-{record}"),
            Case {
                control_at,
                ..Case::default()
            },
            None,
        ));
        let passes_at = Some((record, 61 * 60_000));
        cases.push((
            format!("late-{record}"),
            Case {
                passes_at,
                ..Case::default()
            },
            None,
        ));
    }
    let kills = [
        Kill::Before(12),
        Kill::After(12),
        Kill::After(26),
        Kill::Before(30),
        Kill::After(33),
    ];
    for (place, kill) in kills.into_iter().enumerate() {
        let name = format!("killed-{kill:?}").replace(['(', ')'], "");
        let kill = Some(kill);
        cases.push((
            name,
            Case {
                kill,
                ..Case::default()
            },
            Some(place % 2 == 0),
        ));
    }
    cases
}

/// The first of each sequence of records, by what they are about.
fn histories(rig: &Rig) -> Vec<(String, Vec<Arc<Stamped>>)> {
    let mut seen = BTreeSet::new();
    let mut histories = Vec::new();
    for (name, case, reboot) in cases(rig) {
        let mut walk = rig.rehearsal.walk(case);
        let mut rest = walk.run().unwrap();
        if let (Rest::Killed, Some(reboot)) = (&rest, reboot) {
            walk.kill(None);
            walk.resume(Resumption {
                reboot,
                ..Resumption::default()
            });
            rest = walk.run().unwrap();
        }
        let events = walk.report(rest).events;
        let shape: Vec<String> = events.iter().map(|stamped| shape(&stamped.event)).collect();
        if seen.insert(shape) {
            histories.push((name, events));
        }
    }
    histories
}

fn shape(event: &Event) -> String {
    match event {
        Event::Outcome(outcome) => format!("{:?}", outcome.result),
        Event::Evaluated { what, result, .. } => format!("{what:?} {result:?}"),
        Event::Settled { verdict, .. } => format!("{verdict:?}"),
        Event::Step { state, .. } => format!("{state:?}"),
        Event::RunEnd(end) => format!("{:?}", end.end),
        other => format!("{:?}", std::mem::discriminant(other)),
    }
}

/// A clock that says what stands in the record to be written.
#[derive(Default)]
struct Replayed(AtomicU64, AtomicI64);

#[async_trait]
impl Clock for Replayed {
    fn boot_ns(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    fn wall_ms(&self) -> i64 {
        self.1.load(Ordering::SeqCst)
    }

    fn boot_id(&self) -> String {
        "simulated".to_owned()
    }

    async fn sleep_until(&self, _boot_ns: u64) {}
}

fn write(name: &str, events: &[Arc<Stamped>]) {
    let directory = folder().join(name);
    if directory.exists() {
        return;
    }
    let scratch = TempDir::new().unwrap();
    let clock = Arc::new(Replayed::default());
    let journal = DiskJournal::create(scratch.path(), clock.clone()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for stamped in events {
        clock.0.store(stamped.boot_ns, Ordering::SeqCst);
        clock.1.store(stamped.at_ms, Ordering::SeqCst);
        runtime.block_on(journal.append(stamped.event.clone())).unwrap();
    }
    drop(journal);
    fs::create_dir_all(&directory).unwrap();
    for file in ["transcript.jsonl", "seal.json"] {
        let from = scratch.path().join(file);
        if from.exists() {
            fs::copy(from, directory.join(file)).unwrap();
        }
    }
}

#[test]
fn every_history_verifies_and_is_decided_as_it_was() {
    let rig = rig();
    if std::env::var_os("BACKSTAY_GOLDEN").is_some() {
        for (name, events) in histories(&rig) {
            write(&name, &events);
        }
    }
    let (mut ends, mut count) = (BTreeSet::new(), 0);
    for entry in fs::read_dir(folder()).unwrap() {
        let directory = entry.unwrap().path();
        if !directory.is_dir() {
            continue;
        }
        count += 1;
        let name = directory.display();
        let history: Vec<Stamped> = Reader::open(&directory)
            .unwrap()
            .map(|record| record.unwrap().stamped)
            .collect();
        assert_eq!(first_undue(&rig.plan, &history), None, "{name}");
        let mut state = State::new(&rig.plan);
        for stamped in &history {
            fold(&rig.plan, &mut state, stamped);
        }
        let (end, verdict) = match &history.last().unwrap().event {
            Event::RunEnd(end) => (end.end, "unsigned"),
            Event::RunInterrupted { .. } => (End::Paused, "unsealed"),
            other => panic!("{name} ends with {other:?}"),
        };
        assert_eq!(
            verify(&directory, None, None).unwrap().verdict.word(),
            verdict,
            "{name}"
        );
        assert_eq!(
            (state.ended().unwrap_or(End::Paused), state.is_paused()),
            (end, end == End::Paused),
            "{name}"
        );
        ends.insert(end.word());
    }
    let all = ["completed", "parked", "paused", "refused", "rolled_back", "stuck"];
    assert_eq!(ends.into_iter().collect::<Vec<_>>(), all);
    assert!(count >= 24, "{count}");
}

#[test]
fn other_words_decide_the_same_and_another_end_does_not() {
    let rig = rig();
    let read = |name: &str| -> Vec<Stamped> {
        let reader = Reader::open(&folder().join(name)).unwrap();
        reader.map(|record| record.unwrap().stamped).collect()
    };
    let mut history = read("undo-fails");
    for stamped in &mut history {
        match &mut stamped.event {
            Event::Step { reason, .. } => *reason = Some("said better".to_owned()),
            Event::Turn { cause, .. } => "said better".clone_into(cause),
            Event::RunEnd(end) => {
                "said better".clone_into(&mut end.reason);
                for left in &mut end.commands_left {
                    left.text.push_str(", please");
                }
            }
            _ => {}
        }
    }
    assert_eq!(first_undue(&rig.plan, &history), None);
    let last = history.last_mut().unwrap();
    let Event::RunEnd(end) = &mut last.event else {
        panic!("the run ended");
    };
    end.end = End::RolledBack;
    let undue = first_undue(&rig.plan, &history).map(|stamped| &stamped.event);
    assert!(matches!(undue, Some(Event::RunEnd(_))), "{undue:?}");
}
