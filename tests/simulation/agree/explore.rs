//! What can happen in a runbook as the simulated world sees it: every fault at every statement, and where the run
//! goes on after it, every fault behind it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use backstay::event::{EffectKey, End, Event, IntentWay, RequestKind, Way};
use backstay::plan::Plan;
use backstay::rehearse::{Case, Fault, FaultKind, Rehearsal, Report, Resumption, Stalled, Trouble, Walk};
use backstay::run::driver::{Control, Rest};
use backstay::value::Value;
use backstay_dsl::effect::{Effect, ResourceKind};
use backstay_dsl::model::{StatementKind, Undo};
use backstay_dsl::program::Owner;

use crate::support::chance::Chance;

/// So many things may go wrong in one run, one after the other, each but the last passed over.
const TROUBLES_MAX: usize = 3;

/// The way back is wrong.
pub(super) const END: &str = "end";
/// Every step is done, and a service is not as it should be.
pub(super) const UNSERVED: &str = "not-serving";
pub(super) const HELD: &str = "hold-not-released";

/// How the keys of the questions of services begin.
const WELL: &str = "well:";

/// A run that did not go well.
#[derive(Debug, Clone)]
pub(super) struct Wrong {
    pub(super) troubles: Vec<String>,
    pub(super) words: String,
    /// Whether no rule was broken before in that run: what follows from one is not told again.
    pub(super) is_first: bool,
}

/// An end that differs from the start.
#[derive(Debug)]
struct Differing {
    owed: Vec<String>,
    /// What was changed in this run without a reason and without an undo: no reason of another action excuses it.
    unexcused: BTreeSet<String>,
    wrong: Wrong,
}

/// What was seen of one runbook.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// For each rule that was broken, or each wrong end, the first run, with the fewest troubles.
    pub(super) wrong: BTreeMap<String, Wrong>,
    pub(super) runs: usize,
    /// Whether every run was seen.
    pub(super) is_whole: bool,
    /// How the run in which nothing goes wrong came to rest.
    pub(super) clean: String,
    /// Whether a run in which nothing goes wrong comes to the end of its last step, with any inputs.
    pub(super) is_possible: bool,
    /// Whether some run turned back when every step was done.
    pub(super) is_turned_at_end: bool,
    /// What no way back owes: the text says so.
    excused: BTreeSet<String>,
    /// Ends that differ from the start, until all excuses are known.
    differing: Vec<Differing>,
}

struct Open<'r> {
    walk: Walk<'r>,
    troubles: Vec<Told>,
}

/// A trouble, with the statement in which it comes.
#[derive(Debug, Clone)]
struct Told {
    key: String,
    words: String,
    /// Whether the run may go on after it in another way than without it.
    is_passed: bool,
    /// It is paused, and turned back then.
    is_pause: bool,
}

impl Open<'_> {
    /// The same with one more trouble, in the statement of this key.
    fn with(mut self, key: &str, more: Vec<Trouble>, is_passed: bool) -> Self {
        let told: Vec<String> = more.iter().map(|trouble| words(trouble, key)).collect();
        self.troubles.push(Told {
            key: key.to_owned(),
            words: told.join(", "),
            is_passed,
            is_pause: more.contains(&asked_for(RequestKind::Pause, 0)),
        });
        for trouble in more {
            self.walk.meets(trouble);
        }
        self
    }

    fn turned_back(&mut self) -> Result<Rest, Stalled> {
        self.walk.resume(Resumption {
            turn_back: true,
            ..Resumption::default()
        });
        self.walk.run()
    }
}

impl Seen {
    pub(super) fn new() -> Self {
        Self {
            is_whole: true,
            is_possible: true,
            ..Self::default()
        }
    }

    /// Goes ways of a rehearsal, at most so many: the first of all, or some of all where they are chosen by chance.
    /// Stops where nothing more is looked for.
    pub(super) fn explore(
        &mut self,
        rehearsal: &Rehearsal,
        (most, mut chance): (usize, Option<Chance>),
        is_enough: &dyn Fn(&Self) -> bool,
    ) {
        let mut open = VecDeque::from([Open {
            walk: rehearsal.walk(Case::default()),
            troubles: Vec::new(),
        }]);
        for _ in 0..most {
            let at = chance.as_mut().map_or(0, |chance| chance.below(open.len()));
            let Some(mut next) = open.remove(at) else {
                return;
            };
            let mut found = Vec::new();
            let mut is_first = !next.troubles.is_empty();
            let goes_on = next.troubles.len() < TROUBLES_MAX && next.troubles.last().is_none_or(|told| told.is_passed);
            let troubles = next.troubles.clone();
            let mut count = 0;
            let rest = next.walk.run_with(&mut |walk, key| {
                if std::mem::take(&mut is_first) || !goes_on || has_turned(walk) {
                    return;
                }
                let before = troubles.iter().filter(|told| told.key == key).count();
                for (more, is_passed) in troubles_of(rehearsal.plan(), key, before) {
                    if !troubles.is_empty() && !is_passed && !is_behind(&more) {
                        continue;
                    }
                    count += 1;
                    let place = chance.as_mut().map_or(found.len(), |chance| chance.below(count));
                    if place >= most && found.len() >= most {
                        continue;
                    }
                    let next = Open {
                        walk: walk.clone(),
                        troubles: troubles.clone(),
                    };
                    let next = next.with(key, more, is_passed);
                    if found.len() < most {
                        found.push(next);
                    } else {
                        found[place] = next;
                    }
                }
            });
            open.extend(found);
            // Whoever paused it turns it back.
            let is_pause = matches!(rest, Ok(Rest::Paused(_))) && troubles.last().is_some_and(|told| told.is_pause);
            let rest = if is_pause { next.turned_back() } else { rest };
            let rest = rest.unwrap_or_else(|error| panic!("{troubles:?}: {error}"));
            let told: Vec<String> = next.troubles.into_iter().map(|told| told.words).collect();
            self.judge(rehearsal.plan(), &next.walk.report(rest), &told);
            self.runs += 1;
            if is_enough(self) {
                return;
            }
        }
        self.is_whole &= open.is_empty();
    }

    /// Says what was wrong, once every run was seen.
    pub(super) fn conclude(&mut self) {
        for differing in std::mem::take(&mut self.differing) {
            let owed: Vec<&String> = self.owed(&differing).collect();
            if !owed.is_empty() {
                let words = format!("{}: {owed:?}", differing.wrong.words);
                let wrong = Wrong {
                    words,
                    ..differing.wrong
                };
                note(&mut self.wrong, END, wrong);
            }
        }
    }

    /// Whether some end differs from the start, as far as excuses are known.
    pub(super) fn may_differ(&self) -> bool {
        self.wrong.contains_key(END)
            || self
                .differing
                .iter()
                .any(|differing| self.owed(differing).next().is_some())
    }

    /// What nothing excuses.
    fn owed<'d>(&self, differing: &'d Differing) -> impl Iterator<Item = &'d String> {
        let owed = differing.owed.iter();
        owed.filter(|owed| !is_excused(&self.excused, owed) || is_excused(&differing.unexcused, owed))
    }

    fn judge(&mut self, plan: &Plan, report: &Report, troubles: &[String]) {
        let violations = report.production.violations();
        let wrong = |words: String, is_first: bool| Wrong {
            troubles: troubles.to_vec(),
            words,
            is_first,
        };
        for (place, violation) in violations.iter().enumerate() {
            let slug = violation
                .rsplit_once('(')
                .map_or("", |(_, slug)| slug.trim_end_matches(')'));
            note(&mut self.wrong, slug, wrong(violation.clone(), place == 0));
        }
        let is_first = violations.is_empty();
        if troubles.is_empty() {
            self.clean = match &report.rest {
                Rest::Ended(end) => format!("{:?} ({})", end.end, end.reason),
                other => format!("{other:?}"),
            };
        }
        let mut note = |kind: &str, words: String| note(&mut self.wrong, kind, wrong(words, is_first));
        let events = || report.events.iter().map(|stamped| &stamped.event);
        let is_committed = events().any(|event| matches!(event, Event::Commit { .. }));
        let differences = report.production.differences();
        if let Rest::Ended(end) = &report.rest {
            let over = events().filter_map(|event| match event {
                Event::Step { id, state, .. } if state.counts_as_done() => Some(id.as_str()),
                _ => None,
            });
            let is_done = over.collect::<BTreeSet<_>>().len() == plan.runbook.steps.len();
            self.is_possible &= is_done || !troubles.is_empty();
            let is_answered = !troubles.iter().any(|trouble| trouble.starts_with(WELL));
            self.is_turned_at_end |= is_done && is_answered && end.end != End::Completed;
            let words = format!("it ended {:?} ({})", end.end, end.reason);
            if troubles.is_empty() && is_done && end.end != End::Completed {
                note(UNSERVED, format!("{words}, and nothing was wrong"));
            }
            match end.end {
                End::Completed => {
                    report
                        .production
                        .unserved()
                        .into_iter()
                        .for_each(|words| note(UNSERVED, words));
                    if let Some(hold) = differences.iter().find(|owed| owed.starts_with("Hold")) {
                        note(HELD, format!("{words}: {hold}"));
                    }
                }
                _ if is_committed => {}
                End::Paused => {}
                _ => {
                    let owed = if end.end == End::Parked {
                        report.production.unsettled()
                    } else {
                        differences
                    };
                    self.differing.push(Differing {
                        owed,
                        unexcused: unexcused(plan, report),
                        wrong: wrong(words, is_first),
                    });
                }
            }
        }
        self.excuse(plan, report);
    }

    /// What the text says needs no way back, and what a hold does: that is the hold's.
    fn excuse(&mut self, plan: &Plan, report: &Report) {
        let program = &plan.program;
        for stamped in &report.events {
            if let Event::Intent(intent) = &stamped.event
                && let Some(id) = program.find(&intent.key)
                && let Some(action) = program.statement(id).action()
            {
                let is_of_hold = matches!(program.owner(program.block_of(id)), Owner::Take(_) | Owner::Release(_));
                let has_reason = matches!(action.undo, Some(Undo::No(_))) && intent.way != IntentWay::Undo;
                if is_of_hold || has_reason {
                    self.excused.extend(intent.effects.iter().filter_map(excuse));
                }
            }
        }
    }
}

/// What steps changed without a reason and without an undo. Where a branch was taken, it has to take that back.
fn unexcused(plan: &Plan, report: &Report) -> BTreeSet<String> {
    let events = || report.events.iter().map(|stamped| &stamped.event);
    if events().any(|event| {
        matches!(
            event,
            Event::Turn {
                way: Way::Rollback(_),
                ..
            }
        )
    }) {
        return BTreeSet::new();
    }
    let changed = events().filter_map(|event| match event {
        Event::Intent(intent) if intent.way == IntentWay::Forward => {
            let id = plan.program.find(&intent.key)?;
            let action = plan.program.statement(id).action()?;
            let is_bare = action.undo.is_none() && plan.program.undo_of(id).is_none();
            is_bare.then_some(&intent.effects)
        }
        _ => None,
    });
    let things = changed.flatten().filter(|effect| !effect.is_of_service());
    things.filter_map(excuse).collect()
}

/// Keeps the first of each kind, and rather one that follows from nothing else.
fn note(known: &mut BTreeMap<String, Wrong>, kind: &str, wrong: Wrong) {
    match known.get_mut(kind) {
        Some(known) if known.is_first || !wrong.is_first => {}
        Some(known) => *known = wrong,
        None => drop(known.insert(kind.to_owned(), wrong)),
    }
}

/// The beginning of what the world calls what an effect changes.
fn excuse(effect: &Effect<EffectKey>) -> Option<String> {
    let resource = effect.resource().filter(|_| effect.is_changing())?;
    let first = resource.key.first().map(ToString::to_string).unwrap_or_default();
    Some(match effect {
        Effect::Drains(_) | Effect::Opens(_) => format!("Traffic(MemberId(\"{first}\""),
        Effect::Starts { .. } | Effect::Stops(_) | Effect::Demotes(_) => format!("Run(MemberId(\"{first}\""),
        _ if resource.kind == ResourceKind::Key => resource.to_string(),
        _ => first,
    })
}

fn is_excused(excused: &BTreeSet<String>, difference: &str) -> bool {
    excused.iter().any(|excuse| {
        let path = difference.split_once('(').map_or("", |(_, rest)| rest);
        let is_inside = excuse.starts_with('/')
            && path
                .strip_prefix(excuse.as_str())
                .is_some_and(|rest| rest.starts_with(['/', ')', ',']));
        difference.starts_with(excuse.as_str()) || is_inside || is_pin_of(difference, excuse)
    })
}

/// Whether a difference is about what this link pins: `sN` is pinned by `/sim/sN/current`.
fn is_pin_of(difference: &str, link: &str) -> bool {
    let member = difference.strip_prefix("Pin(MemberId(\"");
    let member = member.and_then(|rest| rest.split('"').next());
    member.is_some_and(|member| link == format!("/sim/{member}/current"))
}

fn has_turned(walk: &Walk<'_>) -> bool {
    let mut events = walk.events().iter().rev();
    events.any(|stamped| matches!(stamped.event, Event::Turn { .. }))
}

/// Whether it is tried behind other troubles too, though the run does not go on after it.
fn is_behind(troubles: &[Trouble]) -> bool {
    matches!(troubles.last(), Some(Trouble::Comes(..) | Trouble::Passes(_)))
}

/// Somebody asks for this, after so many records.
fn asked_for(what: RequestKind, after: usize) -> Trouble {
    let who = "somebody".to_owned();
    Trouble::Comes(after, Control::Request { what, who })
}

/// All that may go wrong as a piece of work begins, and whether the run may go on after it in another way.
fn troubles_of(plan: &Plan, key: &str, before: usize) -> Vec<(Vec<Trouble>, bool)> {
    let turn = |after| asked_for(RequestKind::TurnBack, after);
    let fault = |kind: FaultKind| {
        let fault = Fault::once(key, kind);
        let attempts = u32::try_from(before + 1).unwrap_or(u32::MAX);
        Trouble::Fault(Fault { attempts, ..fault })
    };
    let Some(id) = plan.program.find(key) else {
        let (is_row, is_closing) = (
            key.starts_with("symptom:"),
            key.starts_with(WELL) && key.ends_with(":end"),
        );
        return (is_row || is_closing)
            .then(|| (vec![fault(FaultKind::Untrue)], is_row))
            .into_iter()
            .collect();
    };
    if matches!(
        plan.program.owner(plan.program.block_of(id)),
        Owner::Undo(_) | Owner::GroupUndo(..) | Owner::Rollback(_) | Owner::Park(_)
    ) {
        return Vec::new();
    }
    let budgets = plan
        .program
        .order()
        .filter_map(|step| plan.program.step(step).budget_ms);
    let is_used_up = budgets.max().map(Trouble::Passes);
    let faults = |kinds: &[FaultKind], passed: &[FaultKind]| {
        let faults = kinds.iter().map(|kind| (vec![fault(*kind)], passed.contains(kind)));
        faults.collect::<Vec<_>>()
    };
    let mut found = match &plan.program.statement(id).kind {
        StatementKind::Do(action) => {
            let passed = [FaultKind::FailsBefore, FaultKind::FailsAfter, FaultKind::HalfWay];
            let mut found = faults(&FaultKind::of_action(action.call.effects.is_partial), &passed);
            found.push((vec![fault(FaultKind::FailsAfter), turn(1)], false));
            found.push((vec![turn(1)], false));
            let stopped = [FaultKind::FailsAfter, FaultKind::HalfWay].into_iter();
            let stopped = stopped.filter(|kind| *kind != FaultKind::HalfWay || action.call.effects.is_partial);
            found.extend(stopped.filter_map(|kind| Some((vec![fault(kind), is_used_up.clone()?], false))));
            found
        }
        StatementKind::Check(_) | StatementKind::Require { .. } => {
            let mut found = faults(&FaultKind::OF_QUESTION, &[FaultKind::Untrue]);
            found.push((vec![turn(1)], false));
            found
        }
        StatementKind::SkipWhen { .. } | StatementKind::OnlyWhen { .. } => faults(
            &[FaultKind::Unanswered, FaultKind::Untrue],
            &[FaultKind::Unanswered, FaultKind::Untrue],
        ),
        StatementKind::Let { .. } | StatementKind::Record(_) => {
            faults(&[FaultKind::Unanswered], &[FaultKind::Unanswered])
        }
        StatementKind::Ask(_) => vec![
            (vec![Trouble::Answers(key.to_owned(), Some(Value::Bool(false)))], true),
            (vec![Trouble::Answers(key.to_owned(), None)], true),
        ],
        _ => Vec::new(),
    };
    found.push((vec![turn(0)], false));
    found.push((vec![asked_for(RequestKind::Pause, 0)], false));
    found.extend(is_used_up.map(|is_used_up| (vec![is_used_up], false)));
    if let Some(window) = plan.runbook.window {
        found.push((vec![Trouble::Passes(window.window_ms - window.keep_ms)], false));
    }
    found
}

fn words(trouble: &Trouble, key: &str) -> String {
    match trouble {
        Trouble::Fault(fault) => format!("{}: {:?}", fault.key, fault.kind),
        Trouble::Comes(_, Control::Request { what, .. }) if *what == RequestKind::Pause => {
            format!("{key}: paused there, and turned back then")
        }
        Trouble::Comes(0, _) => format!("{key}: turned back before it"),
        Trouble::Comes(..) => format!("{key}: turned back during it"),
        Trouble::Passes(_) => format!("{key}: the time is over"),
        Trouble::Answers(key, answer) => format!("{key}: a person says {answer:?}"),
    }
}
