//! The work of a walk: each piece is data that goes on when it is ready, and sleeps at most until one moment.

use std::mem::discriminant;
use std::path::Path;
use std::sync::Arc;

use backstay_dsl::effect::Cancel;
use backstay_dsl::model::{Do, Settle, Statement, StatementKind};
use backstay_dsl::program::StatementId;
use futures_util::FutureExt as _;

use super::answers::{Answers, Poll};
use super::{Made, Walk};
use crate::action::{GroundCall, Outcome};
use crate::eval::Evaluator;
use crate::event::{AnchorTime, Event, IntentWay, Name, SettledBy, Verdict, WorkKey};
use crate::plan::Plan;
use crate::plan::undo::{NotNew, Undos};
use crate::rehearse::{CHANGE_NS, FaultKind, person};
use crate::run::driver::discharge;
use crate::run::machine::{Work, WorkKind};
use crate::run::polled::{Missed, Next, Polled};
use crate::run::records::{Begun, Decided, OTHER_ARGUMENTS, Seen};
use crate::world::PersonQuestion;

const STOPPED: &str = "it was stopped before it did anything";

/// Work that is under way.
#[derive(Debug, Clone)]
pub(super) struct Running {
    pub(super) id: u64,
    pub(super) work: WorkKey,
    /// The same as text: the key of a statement or row.
    key: Name,
    statement: Option<StatementId>,
    attempt: u32,
    kind: WorkKind,
    /// Whether it must not be abandoned: its intent is recorded.
    pub(super) is_intended: bool,
    is_told_to_stop: bool,
    stage: Stage,
}

/// How far a piece of work is.
#[derive(Debug, Clone)]
enum Stage {
    Fresh,
    /// The intent is handed over; once it is recorded the action begins.
    Intended(Arc<GroundCall>),
    Changing {
        call: Arc<GroundCall>,
        fault: Option<FaultKind>,
        began_ns: u64,
        ends_ns: u64,
    },
    /// An evaluation of which a question hangs, or that is tried again.
    Asking(Asking),
    /// The anchor that is asked next.
    Anchors {
        next: usize,
        asking: Asking,
    },
    /// A person thinks about what the signal of this name means.
    Choosing(String),
    /// Its last record is handed over, or nothing will ever come.
    Waiting,
}

/// An evaluation, tried again from its beginning whenever a question of it has hung.
#[derive(Debug, Clone)]
struct Asking {
    began_ns: u64,
    /// How many of its questions have hung until their limit was over.
    gave_up: u32,
    /// When the question that hangs gives up.
    hangs_until_ns: Option<u64>,
    polls: u32,
    /// When the poll that is under way began.
    poll_ns: u64,
    /// What the last poll saw.
    last: Option<Seen>,
    missed: Missed,
}

impl Asking {
    fn new(now_ns: u64) -> Self {
        Self {
            began_ns: now_ns,
            gave_up: 0,
            hangs_until_ns: None,
            polls: 0,
            poll_ns: now_ns,
            last: None,
            missed: Missed::default(),
        }
    }
}

impl Running {
    fn is(&self, work: &Work) -> bool {
        self.attempt == work.attempt && discriminant(&self.kind) == discriminant(&work.kind)
    }
}

impl Walk<'_> {
    /// Starts what is desired and does not run; tells to stop what should; abandons what nobody wants any
    /// more. An action whose intent is recorded is never abandoned: its outcome is waited for.
    pub(super) fn reconcile(&mut self, desired: Vec<(WorkKey, Work)>) {
        let sleepers = &mut self.sleepers;
        self.running.retain(|running| {
            let wanted = desired.binary_search_by(|(key, _)| key.cmp(&running.work));
            let is_wanted = wanted.is_ok_and(|place| running.is(&desired[place].1));
            let stays = is_wanted || running.is_intended;
            if !stays {
                sleepers.retain(|_, id| *id != running.id);
            }
            stays
        });
        for (key, work) in desired {
            match self.running.iter_mut().find(|running| running.work == key) {
                Some(running) if work.cancel && running.is(&work) && !running.is_told_to_stop => {
                    running.is_told_to_stop = true;
                    let obeys = cancel_of(&self.rehearsal.plan, running) != Some(Cancel::Never);
                    let is_watch = matches!(running.kind, WorkKind::Watch { .. });
                    if is_watch || (obeys && matches!(running.stage, Stage::Changing { .. })) {
                        self.ready.push_back(running.id);
                    }
                }
                // It runs, or the attempt before has not quite ended.
                Some(_) => {}
                None => {
                    let id = self.next_id();
                    self.running.push(Running {
                        id,
                        key: key.name(),
                        work: key,
                        statement: work.statement,
                        attempt: work.attempt,
                        kind: work.kind,
                        is_intended: false,
                        is_told_to_stop: work.cancel,
                        stage: Stage::Fresh,
                    });
                    self.ready.push_back(id);
                }
            }
        }
    }

    /// The key of a work that goes on for the first time.
    pub(super) fn begins(&self, id: u64) -> Option<&str> {
        let running = self.running.iter().find(|running| running.id == id)?;
        matches!(running.stage, Stage::Fresh).then_some(&running.key)
    }

    /// Whether a work only asks on and on, and will say nothing while all is as it is.
    pub(super) fn is_settled(&self, id: u64) -> bool {
        let running = self.running.iter().find(|running| running.id == id);
        running.is_some_and(
            |running| match (&running.stage, polled_of(&self.rehearsal.plan, running)) {
                (Stage::Asking(asking), Some(polled)) => {
                    asking.hangs_until_ns.is_none() && asking.missed.is_settled(&polled)
                }
                _ => false,
            },
        )
    }

    /// Lets a piece of work go on.
    pub(super) fn go_on(&mut self, id: u64) {
        let Some(place) = self.running.iter().position(|running| running.id == id) else {
            return;
        };
        self.sleepers.retain(|_, sleeper| *sleeper != id);
        let mut running = self.running.swap_remove(place);
        let stage = std::mem::replace(&mut running.stage, Stage::Waiting);
        running.stage = match stage {
            Stage::Fresh => self.start(&running),
            Stage::Intended(call) => self.begin(&running, call),
            Stage::Changing { .. } => self.change(&running, stage),
            Stage::Asking(asking) => self.evaluate(&running, asking),
            Stage::Anchors { next, asking } => self.anchors(&running, next, asking),
            Stage::Choosing(name) => self.choose(&running, name),
            Stage::Waiting => Stage::Waiting,
        };
        self.running.push(running);
    }

    fn choose(&mut self, running: &Running, name: String) -> Stage {
        let event = Event::Signal {
            name,
            asked: false,
            choice: self.case.choice,
        };
        self.hand_over(running, event)
    }

    fn start(&mut self, running: &Running) -> Stage {
        let asking = Asking::new(self.boot_ns());
        match &running.kind {
            WorkKind::Perform { limit_ms, way } => self.intend(running, *limit_ms, way),
            WorkKind::Anchors { .. } => self.anchors(running, 0, asking),
            WorkKind::Ask { besides } => self.ask(running, besides.clone()),
            // Nobody goes through a rehearsal step by step.
            WorkKind::MayBegin { .. } => Stage::Waiting,
            WorkKind::Settle { .. } => self.settle(running),
            WorkKind::Signal(name) if self.case.choice.is_some() => {
                self.sleep_until(running, asking.began_ns.saturating_add(person::CHOOSES_AFTER_NS));
                Stage::Choosing(name.clone())
            }
            WorkKind::Signal(name) => self.choose(running, name.clone()),
            WorkKind::Evaluate
            | WorkKind::Row
            | WorkKind::Well { .. }
            | WorkKind::Presence { .. }
            | WorkKind::Watch { .. }
            | WorkKind::Obligations => self.evaluate(running, asking),
        }
    }

    fn hand_over(&mut self, running: &Running, event: Event) -> Stage {
        self.reports.push_back(Made {
            id: running.id,
            event,
            is_last: true,
        });
        Stage::Waiting
    }

    fn sleep_until(&mut self, running: &Running, boot_ns: u64) {
        let moment = self.boot_began_ns.saturating_add(boot_ns);
        let order = self.next_id();
        self.sleepers.insert((moment, order), running.id);
    }

    fn answers<'a>(&'a mut self, running: &'a Running, gave_up: u32) -> Answers<'a> {
        let at = (&*running.key, running.attempt);
        Answers::new(self.rehearsal, (&self.state, &mut self.world), at, gave_up)
    }

    /// Works the call of an action out; its questions have no faults of their own.
    fn ground(&mut self, running: &Running, action: &Do) -> Result<Arc<GroundCall>, String> {
        let answers = self.answers(running, 0);
        let evaluator = answers.evaluator();
        match answers.poll(evaluator.ground(&action.call)) {
            Poll::Ready(call) => call.map_err(|unanswered| unanswered.reason),
            Poll::Hangs(_) => Err("a question hangs".to_owned()),
        }
    }

    fn intend(&mut self, running: &Running, limit_ms: u64, way: &IntentWay) -> Stage {
        let Some(action) = action(&self.rehearsal.plan, running) else {
            return Stage::Waiting;
        };
        let call = match self.ground(running, action) {
            Ok(call) => call,
            Err(reason) => {
                let event = self.rehearsal.records().no_arguments(&running.work, action, reason, 0);
                return self.hand_over(running, event);
            }
        };
        if let Some(thing) = self.undo_would_remove(running, &call, way) {
            return self.seen(running, Seen::not_new(action, &thing), self.boot_ns());
        }
        let begun = Begun {
            key: &running.key,
            n: running.attempt,
            limit_ms,
            way: way.clone(),
            mac: String::new(),
        };
        let event = self.rehearsal.records().intent(action, &call, begun);
        let intended = running.statement.map(|statement| (statement, Arc::clone(&call)));
        self.intended.extend(intended);
        self.reports.push_back(Made {
            id: running.id,
            event,
            is_last: false,
        });
        Stage::Intended(call)
    }

    /// What is there already and the undo would remove.
    fn undo_would_remove(&mut self, running: &Running, call: &GroundCall, way: &IntentWay) -> Option<NotNew> {
        let rehearsal = self.rehearsal;
        let answers = self.answers(running, 0);
        let undos = Undos {
            plan: &rehearsal.plan,
            evaluator: answers.evaluator(),
        };
        let polled = answers.poll(async {
            for thing in undos.must_be_new(&running.key, (running.attempt, way), call).await {
                if answers.is_there_first(&thing) && !undos.is_of_this_run(answers.begun(), &thing).await {
                    return Some(NotNew::There(thing));
                }
            }
            None
        });
        match polled {
            Poll::Ready(found) => found,
            Poll::Hangs(_) => None,
        }
    }

    fn begin(&mut self, running: &Running, call: Arc<GroundCall>) -> Stage {
        let (key, attempt) = (&running.key, running.attempt);
        let began_ns = self.boot_ns();
        if self.world.setting().is_question(&call) {
            let fault = self.world.fault_of_question(key, attempt);
            let outcome = Outcome::answered(self.world.ask(key, &call, fault));
            return self.ended(running, &call, outcome, began_ns);
        }
        let fault = self.world.fault(key, attempt);
        let takes_ns = match (fault, &running.kind) {
            (Some(FaultKind::Hangs), WorkKind::Perform { limit_ms, .. }) => limit_ms.saturating_mul(1_000_000),
            _ => CHANGE_NS,
        };
        let stage = Stage::Changing {
            call,
            fault,
            began_ns,
            ends_ns: began_ns.saturating_add(takes_ns),
        };
        self.change(running, stage)
    }

    fn change(&mut self, running: &Running, stage: Stage) -> Stage {
        let Stage::Changing {
            call,
            fault,
            began_ns,
            ends_ns,
        } = &stage
        else {
            return stage;
        };
        if running.is_told_to_stop && cancel_of(&self.rehearsal.plan, running) != Some(Cancel::Never) {
            let outcome = if fault.is_some_and(FaultKind::is_done_if_stopped) {
                self.world.change(&running.key, running.attempt, call, *fault)
            } else {
                Outcome::failed(STOPPED)
            };
            return self.ended(running, call, outcome, *began_ns);
        }
        if self.boot_ns() < *ends_ns {
            self.sleep_until(running, *ends_ns);
            return stage;
        }
        let outcome = if *fault == Some(FaultKind::Hangs) {
            Outcome::unknown("it gave no answer in time")
        } else {
            self.world.change(&running.key, running.attempt, call, *fault)
        };
        self.ended(running, call, outcome, *began_ns)
    }

    fn ended(&mut self, running: &Running, call: &GroundCall, outcome: Outcome, began_ns: u64) -> Stage {
        let Some(action) = action(&self.rehearsal.plan, running) else {
            return Stage::Waiting;
        };
        let ms = self.boot_ns().saturating_sub(began_ns) / 1_000_000;
        let attempt = (&*running.key, running.attempt, ms);
        let record = self.rehearsal.records().outcome(action, call, outcome, attempt);
        self.hand_over(running, Event::Outcome(Box::new(record)))
    }

    /// Evaluates, from the beginning; sleeps where a question hangs or a check is to be polled again.
    fn evaluate(&mut self, running: &Running, mut asking: Asking) -> Stage {
        let plan = &*self.rehearsal.plan;
        let asked = polled_of(plan, running);
        let end_ns = asked.map(|polled| {
            asking
                .began_ns
                .saturating_add(polled.within_ms.saturating_mul(1_000_000))
        });
        // The questions of a soak have their own time.
        let cut_ns = end_ns.filter(|_| asked.is_some_and(|polled| !polled.has_own_time()));
        let now_ns = self.boot_ns();
        // Only a watch is told to stop.
        if let Some(polled) = asked.filter(|_| running.is_told_to_stop) {
            let seen = asking.missed.left(&polled, (asking.polls, asking.last.take()));
            return self.seen(running, seen, asking.began_ns);
        }
        if let Some(until_ns) = asking.hangs_until_ns.take() {
            if now_ns >= until_ns {
                asking.gave_up += 1;
            } else if let Some(polled) = asked {
                let seen = asking.missed.left(&polled, (asking.polls, asking.last.take()));
                return self.seen(running, seen, asking.began_ns);
            }
        }
        let left_ms = end_ns.map_or(0, |end_ns| end_ns.saturating_sub(asking.poll_ns) / 1_000_000);
        let polled = self.poll(running, asked.map(|polled| (polled, left_ms)), &asking);
        match polled {
            Poll::Hangs(limit_ms) => {
                let until_ns = now_ns.saturating_add(limit_ms.saturating_mul(1_000_000));
                asking.hangs_until_ns = Some(until_ns);
                self.sleep_until(running, cut_ns.map_or(until_ns, |cut_ns| cut_ns.min(until_ns)));
                Stage::Asking(asking)
            }
            Poll::Ready(None) => Stage::Waiting,
            Poll::Ready(Some(seen)) => {
                let Some(asked) = asked else {
                    return self.seen(running, seen, asking.began_ns);
                };
                let left_ms = end_ns.map_or(0, |end_ns| end_ns.saturating_sub(now_ns) / 1_000_000);
                match asking.missed.next(&asked, seen, left_ms) {
                    Next::Over(seen) => self.seen(running, seen, asking.began_ns),
                    Next::Again { pause_ms, seen } => {
                        let again_ns = now_ns.saturating_add(pause_ms.saturating_mul(1_000_000));
                        let asking = Asking {
                            gave_up: 0,
                            polls: asking.polls + 1,
                            poll_ns: again_ns,
                            last: Some(seen),
                            ..asking
                        };
                        self.sleep_until(running, again_ns);
                        Stage::Asking(asking)
                    }
                }
            }
        }
    }

    fn poll(&mut self, running: &Running, asked: Option<(Polled<'_>, u64)>, asking: &Asking) -> Poll<Option<Seen>> {
        let rehearsal = self.rehearsal;
        let plan = &*rehearsal.plan;
        let answers = self.answers(running, asking.gave_up);
        let evaluator = match running.kind {
            // Its evidence decides whether a row is taken again.
            WorkKind::Row => Evaluator::new(&plan.runbook, &answers),
            _ => answers.evaluator(),
        };
        answers.poll(async {
            if let Some((polled, left_ms)) = asked {
                let at = (asking.polls + 1, left_ms);
                return Some(polled.ask(plan, &answers, evaluator, at).await);
            }
            match &running.kind {
                WorkKind::Obligations => {
                    Some(discharge(plan, Path::new("/rehearsal"), None, &answers, &evaluator).await)
                }
                WorkKind::Row => {
                    let row = plan.runbook.rows().find(|row| row.key == *running.key)?;
                    Some(rehearsal.records().row(&evaluator, row).await)
                }
                _ => {
                    rehearsal
                        .records()
                        .evaluate(&evaluator, statement(plan, running)?)
                        .await
                }
            }
        })
    }

    fn seen(&mut self, running: &Running, seen: Seen, began_ns: u64) -> Stage {
        let ms = self.boot_ns().saturating_sub(began_ns) / 1_000_000;
        let event = self.rehearsal.records().evaluated(&running.work, seen, ms);
        self.hand_over(running, event)
    }

    fn anchors(&mut self, running: &Running, next: usize, mut asking: Asking) -> Stage {
        let plan = &*self.rehearsal.plan;
        let (Some(anchor), WorkKind::Anchors { when }) = (plan.runbook.anchors.get(next), &running.kind) else {
            return Stage::Waiting;
        };
        if asking.hangs_until_ns.take().is_some() {
            asking.gave_up += 1;
        }
        let polled = {
            let answers = self.answers(running, asking.gave_up);
            let evaluator = answers.evaluator();
            answers.poll(evaluator.value(&anchor.value))
        };
        let answer = match polled {
            Poll::Ready(answer) => answer,
            Poll::Hangs(limit_ms) => {
                let until_ns = self.boot_ns().saturating_add(limit_ms.saturating_mul(1_000_000));
                asking.hangs_until_ns = Some(until_ns);
                self.sleep_until(running, until_ns);
                return Stage::Anchors { next, asking };
            }
        };
        let event = self
            .rehearsal
            .records()
            .anchor(&anchor.name, AnchorTime::clone(when), answer);
        self.reports.push_back(Made {
            id: running.id,
            event,
            is_last: next + 1 == plan.runbook.anchors.len(),
        });
        Stage::Anchors {
            next: next + 1,
            asking: Asking::new(self.boot_ns()),
        }
    }

    fn ask(&mut self, running: &Running, besides: Option<String>) -> Stage {
        let statement = statement(&self.rehearsal.plan, running);
        let answers = self.answers(running, 0);
        let answer = |prompt| answers.evaluator().value(prompt).now_or_never();
        let prompt = statement.and_then(Statement::prompt).and_then(answer);
        let question = statement.and_then(|own| self.rehearsal.records().asked(own, prompt?));
        let Some(question) = question else {
            return Stage::Waiting;
        };
        let question = PersonQuestion { besides, ..question };
        match person::answer(&self.case.answers, &question) {
            None => Stage::Waiting,
            answer => {
                let event = self.rehearsal.records().answered(question, answer);
                self.hand_over(running, event)
            }
        }
    }

    fn settle(&mut self, running: &Running) -> Stage {
        let Some(action) = action(&self.rehearsal.plan, running) else {
            return Stage::Waiting;
        };
        let mut decided = self.by_world(running, action);
        if decided.is_for_person(action) {
            let question = self
                .rehearsal
                .records()
                .verdict_question((&running.key, running.attempt), action, &decided);
            let answer = person::answer(&self.case.answers, &question);
            if answer.is_none() {
                return Stage::Waiting;
            }
            decided = self.rehearsal.records().found_by_person(decided, answer);
        }
        let event = self.rehearsal.records().settled(&running.key, running.attempt, decided);
        self.hand_over(running, event)
    }

    fn by_world(&mut self, running: &Running, action: &Do) -> Decided {
        match &action.call.effects.settle {
            Settle::NotNeeded | Settle::Person => Decided::at_once(action),
            Settle::Question(question) => {
                let answers = self.answers(running, 0);
                let evaluator = answers.evaluator();
                match answers.poll(evaluator.evaluate(question)) {
                    Poll::Ready(evaluation) => Decided::by_question(evaluation),
                    Poll::Hangs(_) => Decided::new(Verdict::Undecidable, SettledBy::Question, "a question hangs"),
                }
            }
            Settle::Action => match self.ground(running, action) {
                Ok(call) => {
                    let intended = running.statement.and_then(|statement| self.intended.get(&statement));
                    let is_same = intended
                        .is_some_and(|intended| intended.action == call.action && intended.arguments == call.arguments);
                    if is_same {
                        let settled = self.world.settle(&running.key, running.attempt, &call);
                        self.rehearsal.records().found(action, settled)
                    } else {
                        Decided::undecidable(OTHER_ARGUMENTS)
                    }
                }
                Err(reason) => Decided::undecidable(reason),
            },
        }
    }
}

fn statement<'plan>(plan: &'plan Plan, running: &Running) -> Option<&'plan Statement> {
    running.statement.map(|statement| plan.program.statement(statement))
}

fn action<'plan>(plan: &'plan Plan, running: &Running) -> Option<&'plan Do> {
    statement(plan, running)?.action()
}

/// How an action may be stopped.
fn cancel_of(plan: &Plan, running: &Running) -> Option<Cancel> {
    Some(action(plan, running)?.call.effects.cancel)
}

/// What a work asks for a while: the check of a statement, or something about a service.
fn polled_of<'plan>(plan: &'plan Plan, running: &Running) -> Option<Polled<'plan>> {
    match &running.kind {
        WorkKind::Well { service } => Polled::well(plan, service),
        WorkKind::Presence { service, should } => Polled::presence(plan, service, *should),
        WorkKind::Watch { watch, is_missed } => Polled::watch(plan, watch, *is_missed),
        WorkKind::Evaluate => match &statement(plan, running)?.kind {
            StatementKind::Check(check) => Some(Polled::check(check)),
            _ => None,
        },
        _ => None,
    }
}
