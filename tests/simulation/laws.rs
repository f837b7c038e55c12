//! What holds for every run, whatever went wrong.

use std::collections::{BTreeMap, BTreeSet};

use backstay::event::{End, Event, HoldState, IntentWay, StepState, Way};
use backstay::plan::Plan;
use backstay::run::driver::Rest;
use backstay::run::machine::{State, decide, fold};
use backstay_dsl::effect::Repeat;
use backstay_dsl::model::{Statement, StatementKind};

use crate::simulation::rig::Report;

/// Holds every law for a run; `tries` is how often an undo may be begun.
pub(crate) fn hold(plan: &Plan, report: &Report, tries: usize) {
    steps_wait_for_those_before(plan, report);
    nothing_goes_forward_after_the_turn(report);
    undos_are_of_what_was_started(plan, report, tries);
    holds_are_free_unless_stuck(report);
    once_is_once(plan, report);
    the_end_is_what_it_says(plan, report);
    every_derived_record_was_due(plan, report);
    let violations = report.production.violations();
    assert!(violations.is_empty(), "{violations:#?}\n{}", report.told());
}

fn steps_wait_for_those_before(plan: &Plan, report: &Report) {
    let mut done = BTreeSet::new();
    for stamped in &report.events {
        let Event::Step { id, state, .. } = &stamped.event else {
            continue;
        };
        let steps = &plan.runbook.steps;
        match state {
            StepState::Running => {
                let step = steps
                    .iter()
                    .find(|step| step.name == *id)
                    .expect("a step of the runbook");
                for before in &step.after {
                    assert!(
                        done.contains(&steps[*before].name),
                        "{id} began too early\n{}",
                        report.told()
                    );
                }
            }
            StepState::Done | StepState::Skipped | StepState::NotTaken | StepState::Excepted => {
                done.insert(id.clone());
            }
            _ => {}
        }
    }
}

fn nothing_goes_forward_after_the_turn(report: &Report) {
    let events = report.events.iter().map(|stamped| &stamped.event);
    let after = events.skip_while(|event| !matches!(event, Event::Turn { .. })).skip(1);
    for event in after {
        let is_forward = match event {
            Event::Intent(intent) => intent.way.is_forward(),
            Event::Step { state, .. } => *state == StepState::Running,
            Event::Turn { .. } => true,
            _ => false,
        };
        assert!(!is_forward, "{event:?}\n{}", report.told());
    }
}

/// The undos that are owed: of actions with an intent that was not settled as not done.
fn owed(plan: &Plan, report: &Report) -> BTreeSet<String> {
    let mut begun: BTreeMap<&str, i32> = BTreeMap::new();
    for stamped in &report.events {
        match &stamped.event {
            Event::Intent(intent) => *begun.entry(&intent.key).or_default() += 1,
            Event::Settled {
                key,
                verdict: backstay::event::Verdict::NotDone,
                ..
            } => *begun.entry(key).or_default() -= 1,
            _ => {}
        }
    }
    let owed = begun.into_iter().filter(|(_, count)| *count > 0);
    owed.filter_map(|(key, _)| undo_of(plan, key)).collect()
}

fn statement<'plan>(plan: &'plan Plan, key: &str) -> &'plan Statement {
    plan.program
        .statement(plan.program.find(key).expect("a key of the plan"))
}

fn undo_of(plan: &Plan, key: &str) -> Option<String> {
    let undo = plan.program.undo_of(plan.program.find(key)?)?;
    Some(plan.program.undo(undo)?.key.clone())
}

fn undos_are_of_what_was_started(plan: &Plan, report: &Report, tries: usize) {
    let mut undone: BTreeMap<&str, usize> = BTreeMap::new();
    for (key, way) in report.intents() {
        if *way == IntentWay::Undo {
            *undone.entry(key).or_default() += 1;
        }
    }
    for (key, times) in &undone {
        assert!(*times <= tries, "{key} was begun {times} times\n{}", report.told());
    }
    let of_blocks: BTreeSet<String> = undone
        .keys()
        .filter_map(|key| key.rsplit_once('/').map(|(block, _)| block.to_owned()))
        .collect();
    let owed = owed(plan, report);
    assert!(
        of_blocks.is_subset(&owed),
        "{of_blocks:?} of {owed:?}\n{}",
        report.told()
    );
    let is_unwound = report
        .events
        .iter()
        .any(|stamped| matches!(&stamped.event, Event::Turn { way: Way::Unwind, .. }));
    if is_unwound && report.end().end == End::RolledBack {
        assert_eq!(of_blocks, owed, "{}", report.told());
    }
}

fn holds_are_free_unless_stuck(report: &Report) {
    let Rest::Ended(end) = &report.rest else {
        return;
    };
    let mut held = BTreeSet::new();
    for stamped in &report.events {
        match &stamped.event {
            Event::Hold { name, state } if *state == HoldState::Free => {
                held.remove(name);
            }
            Event::Hold { name, .. } => {
                held.insert(name.clone());
            }
            _ => {}
        }
    }
    if end.end == End::Stuck {
        assert!(held.iter().all(|name| end.held.contains(name)), "{}", report.told());
    } else {
        assert!(held.is_empty() && end.held.is_empty(), "{held:?}\n{}", report.told());
    }
}

fn once_is_once(plan: &Plan, report: &Report) {
    let mut begun: BTreeMap<&str, u32> = BTreeMap::new();
    for (key, _) in report.intents() {
        *begun.entry(key).or_default() += 1;
    }
    for (key, times) in begun {
        if let StatementKind::Do(action) = &statement(plan, key).kind
            && action.call.effects.repeat == Repeat::Once
        {
            assert_eq!(times, 1, "{key}\n{}", report.told());
        }
    }
}

/// What a way back need not take back: the text says so, with a reason.
fn excused(plan: &Plan, report: &Report) -> Vec<String> {
    let intents = report.events.iter().filter_map(|stamped| match &stamped.event {
        Event::Intent(intent) => Some(intent),
        _ => None,
    });
    let without_undo = intents.filter(|intent| match &statement(plan, &intent.key).kind {
        StatementKind::Do(action) => matches!(action.undo, Some(backstay_dsl::model::Undo::No(_))),
        _ => false,
    });
    let effects = without_undo.flat_map(|intent| &intent.effects);
    effects
        .filter_map(|effect| Some(effect.resource()?.to_string()))
        .collect()
}

fn the_end_is_what_it_says(plan: &Plan, report: &Report) {
    let Rest::Ended(end) = &report.rest else {
        return;
    };
    let is_changed = report
        .events
        .iter()
        .any(|stamped| matches!(&stamped.event, Event::Intent(intent) if intent.changing));
    let excused = excused(plan, report);
    let mut differences = report.production.differences();
    differences.retain(|difference| !excused.iter().any(|resource| difference.starts_with(resource.as_str())));
    match end.end {
        End::Refused => assert!(!is_changed, "{}", report.told()),
        End::RolledBack => assert!(
            is_changed && differences.is_empty(),
            "{differences:#?}\n{}",
            report.told()
        ),
        End::Stuck => assert!(!end.commands_left.is_empty(), "{}", report.told()),
        End::Parked => assert!(report.production.may_park(), "{}", report.told()),
        End::Completed | End::Paused => {}
    }
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
