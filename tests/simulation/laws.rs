//! What holds for every run, whatever went wrong: the laws of an end, and the law of the machine.

use std::collections::BTreeSet;

use backstay::event::Event;
use backstay::plan::Plan;
use backstay::rehearse::oracle;
use backstay::run::machine::{State, first_undue, fold};

use crate::simulation::rig::Report;
use crate::simulation::tables;

/// Holds every law for a run; `tries` is how often an undo may be begun.
pub(crate) fn hold(plan: &Plan, report: &Report, tries: usize) {
    let broken = oracle::broken(plan, report, tries);
    assert!(broken.is_empty(), "{broken:#?}\n{}", report.told());
    every_derived_record_was_due(plan, report);
    nothing_turns_while_something_is_performed(report);
    derived_records_may_come_twice(plan, report);
    let transitions = tables::transitions(plan, report);
    let unknown: Vec<_> = transitions.iter().filter(|(_, row)| row.is_none()).collect();
    assert!(
        unknown.is_empty(),
        "in no row of docs/machine.md: {unknown:#?}\n{}",
        report.told()
    );
}

/// The law of the machine, seen from the history: each derived record was the one that was due.
fn every_derived_record_was_due(plan: &Plan, report: &Report) {
    assert_eq!(
        first_undue(plan, report.events.iter().map(|stamped| &**stamped)),
        None,
        "{}",
        report.told()
    );
}

/// A run takes its way back only once each attempt has come to its end.
fn nothing_turns_while_something_is_performed(report: &Report) {
    let mut open = BTreeSet::new();
    for stamped in &report.events {
        match &stamped.event {
            Event::Intent(intent) => drop(open.insert(&intent.key)),
            Event::Outcome(outcome) => drop(open.remove(&outcome.key)),
            Event::Settled { key, .. } => drop(open.remove(key)),
            Event::Turn { .. } => assert!(open.is_empty(), "it turns during {open:?}\n{}", report.told()),
            _ => {}
        }
    }
}

/// A crash between two derived records loses nothing: one that is folded again changes nothing.
fn derived_records_may_come_twice(plan: &Plan, report: &Report) {
    let mut state = State::new(plan);
    for stamped in &report.events {
        fold(plan, &mut state, stamped);
        if stamped.event.is_derived() {
            let once = state.clone();
            fold(plan, &mut state, stamped);
            assert_eq!(state, once, "folded twice: {stamped:?}");
        }
    }
}
