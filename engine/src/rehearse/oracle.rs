//! The laws of a run: what must hold at its end, whatever went wrong. Each broken one is told in a sentence.
//!
//! Absent on purpose: what a particular runbook is meant to do; that is the author's to say.

use std::collections::{BTreeMap, BTreeSet};

use backstay_dsl::effect::{Effect, Repeat};
use backstay_dsl::model::{Do, Undo};

use super::Report;
use crate::event::{End, Event, HoldState, Intent, IntentWay, OutcomeResult, RunEnd, StepState, Verdict, Way};
use crate::plan::Plan;
use crate::run::driver::Rest;

/// What is broken; `undo_attempts` is how often an undo may be begun.
pub fn broken(plan: &Plan, report: &Report, undo_attempts: usize) -> Vec<String> {
    let mut found = Vec::new();
    steps_wait(plan, report, &mut found);
    turned(report, &mut found);
    undos(plan, report, undo_attempts, &mut found);
    once(plan, report, &mut found);
    if let Rest::Ended(end) = &report.rest {
        holds(report, end, &mut found);
        ended(plan, report, end, &mut found);
    }
    found.extend(report.production.violations().iter().cloned());
    found
}

fn events(report: &Report) -> impl Iterator<Item = &Event> {
    report.events.iter().map(|stamped| &stamped.event)
}

fn intents(report: &Report) -> impl Iterator<Item = &Intent> {
    events(report).filter_map(|event| match event {
        Event::Intent(intent) => Some(&**intent),
        _ => None,
    })
}

fn action<'plan>(plan: &'plan Plan, key: &str) -> Option<&'plan Do> {
    plan.program.statement(plan.program.find(key)?).action()
}

/// A step begins once those it waits for are over.
fn steps_wait(plan: &Plan, report: &Report, found: &mut Vec<String>) {
    let steps = &plan.runbook.steps;
    let places: BTreeMap<&str, usize> = steps
        .iter()
        .enumerate()
        .map(|(place, step)| (&*step.name, place))
        .collect();
    let mut over = vec![false; steps.len()];
    for event in events(report) {
        let Event::Step { id, state, .. } = event else {
            continue;
        };
        let Some(place) = places.get(id.as_str()).copied() else {
            found.push(format!("there is no step {id}"));
            continue;
        };
        match state {
            StepState::Running if steps[place].after.iter().any(|before| !over[*before]) => {
                found.push(format!("step {id} began too early"));
            }
            state if state.counts_as_done() => over[place] = true,
            _ => {}
        }
    }
}

/// After the turn nothing goes forward.
fn turned(report: &Report, found: &mut Vec<String>) {
    let after = events(report).skip_while(|event| !matches!(event, Event::Turn { .. }));
    for event in after {
        match event {
            Event::Intent(intent) if intent.way.is_forward() => {
                found.push(format!("{} was begun after the turn", intent.key));
            }
            Event::Step { id, state, .. } if *state == StepState::Running => {
                found.push(format!("step {id} began after the turn"));
            }
            _ => {}
        }
    }
}

/// The undos that are owed: of actions with an intent that was not settled as not done.
fn owed(plan: &Plan, report: &Report) -> BTreeSet<String> {
    let mut begun: BTreeMap<&str, i32> = BTreeMap::new();
    for event in events(report) {
        match event {
            Event::Intent(intent) => *begun.entry(&intent.key).or_default() += 1,
            Event::Settled {
                key,
                verdict: Verdict::NotDone,
                ..
            } => *begun.entry(key).or_default() -= 1,
            _ => {}
        }
    }
    let owed = begun.into_iter().filter(|(_, count)| *count > 0);
    owed.filter_map(|(key, _)| undo_of(plan, key)).collect()
}

fn undo_of(plan: &Plan, key: &str) -> Option<String> {
    let undo = plan.program.undo_of(plan.program.find(key)?)?;
    Some(plan.program.undo(undo)?.key.clone())
}

/// Undone is what was started, all of it where the run ended rolled back, and nothing too often.
fn undos(plan: &Plan, report: &Report, attempts_max: usize, found: &mut Vec<String>) {
    let mut undone: BTreeMap<&str, usize> = BTreeMap::new();
    for intent in intents(report).filter(|intent| intent.way == IntentWay::Undo) {
        *undone.entry(&intent.key).or_default() += 1;
    }
    for (key, times) in undone.iter().filter(|(_, times)| **times > attempts_max) {
        found.push(format!("{key} was begun {times} times"));
    }
    let blocks: BTreeSet<&str> = undone.keys().filter_map(|key| Some(key.rsplit_once('/')?.0)).collect();
    if blocks.is_empty() && !matches!(&report.rest, Rest::Ended(end) if end.end == End::RolledBack) {
        return;
    }
    let owed = owed(plan, report);
    for block in blocks.iter().filter(|block| !owed.contains(**block)) {
        found.push(format!(
            "{block} was carried out though nothing was started that it takes back"
        ));
    }
    let is_unwound = events(report).any(|event| matches!(event, Event::Turn { way: Way::Unwind, .. }));
    let is_back = matches!(&report.rest, Rest::Ended(end) if end.end == End::RolledBack);
    if is_unwound && is_back {
        for block in owed.iter().filter(|block| !blocks.contains(block.as_str())) {
            found.push(format!("{block} is owed and was not carried out"));
        }
    }
}

/// What must not be repeated is begun once.
fn once(plan: &Plan, report: &Report, found: &mut Vec<String>) {
    for intent in intents(report).filter(|intent| intent.n > 1) {
        if action(plan, &intent.key).is_some_and(|action| action.call.effects.repeat == Repeat::Once) {
            found.push(format!(
                "{} must not be repeated and was begun {} times",
                intent.key, intent.n
            ));
        }
    }
}

/// Holds are free at the end; where the run is stuck, its end names those that are not.
fn holds(report: &Report, end: &RunEnd, found: &mut Vec<String>) {
    let mut held: BTreeSet<&str> = BTreeSet::new();
    for event in events(report) {
        match event {
            Event::Hold { name, state } if *state == HoldState::Free => {
                held.remove(name.as_str());
            }
            Event::Hold { name, .. } => {
                held.insert(name);
            }
            _ => {}
        }
    }
    let is_stuck = end.end == End::Stuck;
    for name in held
        .into_iter()
        .filter(|name| !is_stuck || !end.held.iter().any(|known| known == name))
    {
        found.push(format!("the hold {name} is not free at the end"));
    }
    if !is_stuck && !end.held.is_empty() {
        found.push(format!("the end names holds that are free: {}", end.held.join(", ")));
    }
}

/// The end is what it says.
fn ended(plan: &Plan, report: &Report, end: &RunEnd, found: &mut Vec<String>) {
    let is_changed = intents(report).any(|intent| intent.changing);
    let excused = excused(plan, report);
    let is_excused = |difference: &String| excused.iter().any(|resource| difference.starts_with(resource.as_str()));
    let owed_of = |differences: Vec<String>| differences.into_iter().filter(|difference| !is_excused(difference));
    match end.end {
        End::Refused if is_changed => found.push("it ended refused, and something was changed".to_owned()),
        End::Refused if is_made(plan, report) => found.push("it ended refused, and something was made".to_owned()),
        End::Refused if !owed(plan, report).is_empty() => {
            found.push("it ended refused, and an undo is owed".to_owned());
        }
        End::RolledBack => {
            let has_undo = |intent: &Intent| undo_of(plan, &intent.key).is_some();
            if !is_changed && !is_made(plan, report) && !intents(report).any(has_undo) {
                found.push("it ended rolled back, and nothing was changed or made".to_owned());
            }
            let differences = owed_of(report.production.differences());
            found.extend(differences.map(|difference| format!("it ended rolled back, but {difference}")));
        }
        End::Stuck if end.commands_left.is_empty() => {
            found.push("it ended stuck, and no command is left to do".to_owned());
        }
        End::Parked => {
            let unsettled = owed_of(report.production.unsettled());
            found.extend(unsettled.map(|difference| format!("it ended parked, but {difference}")));
        }
        End::Completed => found.extend(report.production.not_as_completed()),
        _ => {}
    }
}

/// Whether an action came to its end, or may have, that adds something.
fn is_made(plan: &Plan, report: &Report) -> bool {
    events(report).any(|event| {
        let key = match event {
            Event::Outcome(outcome) if outcome.result == OutcomeResult::Ok && !outcome.was_there => &outcome.key,
            Event::Settled { key, verdict, .. } if *verdict != Verdict::NotDone => key,
            _ => return false,
        };
        let effects = action(plan, key)
            .into_iter()
            .flat_map(|action| &action.call.effects.list);
        effects.into_iter().any(|effect| matches!(effect, Effect::Adds(_)))
    })
}

/// What a way back need not take back: the text says so, with a reason.
fn excused(plan: &Plan, report: &Report) -> Vec<String> {
    let without_undo = intents(report)
        .filter(|intent| action(plan, &intent.key).is_some_and(|action| matches!(action.undo, Some(Undo::No(_)))));
    let effects = without_undo.flat_map(|intent| &intent.effects);
    effects
        .filter_map(|effect| Some(effect.resource()?.to_string()))
        .collect()
}
