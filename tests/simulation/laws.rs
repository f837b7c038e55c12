//! What holds for every run, whatever went wrong: the laws of an end, and the law of the machine.

use backstay::event::Event;
use backstay::plan::Plan;
use backstay::rehearse::oracle;
use backstay::run::machine::{State, decide, fold};

use crate::simulation::rig::Report;

/// Holds every law for a run; `tries` is how often an undo may be begun.
pub(crate) fn hold(plan: &Plan, report: &Report, tries: usize) {
    let broken = oracle::broken(plan, report, tries);
    assert!(broken.is_empty(), "{broken:#?}\n{}", report.told());
    every_derived_record_was_due(plan, report);
}

/// The law of the machine, seen from the history: each derived record was the one that was due.
fn every_derived_record_was_due(plan: &Plan, report: &Report) {
    let mut state = State::new(plan);
    for stamped in &report.events {
        let is_derived = matches!(
            stamped.event,
            Event::Step { .. }
                | Event::Symptom { .. }
                | Event::Hold { .. }
                | Event::Commit { .. }
                | Event::Turn { .. }
                | Event::RunEnd(_)
        );
        if is_derived {
            let due = decide(plan, &state).due;
            assert_eq!(due.as_ref(), Some(&stamped.event), "{}", report.told());
        }
        fold(plan, &mut state, stamped);
    }
}
