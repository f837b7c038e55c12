//! A driver without a world: answers each work as a script says, and holds the law after each record.

use std::collections::BTreeMap;

use crate::event::{
    AnchorTime, EffectKey, EvaluationKind, EvaluationResult, Event, Intent, IntentWay, OutcomeRecord, OutcomeResult,
    Outline, RunEnd, RunResumed, RunStart, SettledBy, SignalChoice, Stamped, Verdict, WorkKey,
};
use crate::plan::Plan;
use crate::run::machine::{Desired, State, Work, WorkKind, decide, fold, next};
use crate::value::RecordedValue;
use backstay_dsl::model::{Statement, StatementKind};

/// How one work comes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum React {
    /// Well: done, holds, yes.
    Well,
    /// Not: failed, does not hold, no.
    Badly,
    /// The outcome is lost.
    Lost,
    /// Nothing comes until it is cancelled; then it failed.
    Hang,
    /// Settled so.
    Settled(Verdict),
}

pub(super) struct Driver<'plan> {
    pub(super) plan: &'plan Plan,
    pub(super) state: State,
    pub(super) history: Vec<Stamped>,
    pub(super) now_ms: u64,
    /// Reactions to the works of a key, in order; afterwards all goes well.
    script: BTreeMap<String, Vec<React>>,
    /// Events from outside, each before the record of this number.
    outside: Vec<(usize, Event)>,
    hung: Vec<WorkKey>,
    /// Whether the law is held after each record.
    is_lawful: bool,
}

impl<'plan> Driver<'plan> {
    pub(super) fn new(plan: &'plan Plan) -> Self {
        let mut driver = Self {
            plan,
            state: State::new(plan),
            history: Vec::new(),
            now_ms: 0,
            script: BTreeMap::new(),
            outside: Vec::new(),
            hung: Vec::new(),
            is_lawful: true,
        };
        driver.append(start(plan));
        driver
    }

    pub(super) fn fast(plan: &'plan Plan) -> Self {
        Self {
            is_lawful: false,
            ..Self::new(plan)
        }
    }

    pub(super) fn on(mut self, key: &str, reacts: &[React]) -> Self {
        let mut reacts = reacts.to_vec();
        reacts.reverse();
        self.script.insert(key.to_owned(), reacts);
        self
    }

    pub(super) fn at(mut self, record: usize, event: Event) -> Self {
        self.outside.push((record, event));
        self
    }

    pub(super) fn append(&mut self, event: Event) {
        let stamped = Stamped {
            at_ms: i64::try_from(self.now_ms).unwrap(),
            boot_ns: self.now_ms * 1_000_000,
            event,
        };
        if matches!(stamped.event, Event::RunResumed(_)) {
            self.hung.clear();
        }
        fold(self.plan, &mut self.state, &stamped);
        self.history.push(stamped.clone());
        if self.is_lawful {
            assert_eq!(next(self.plan, &self.history), decide(self.plan, &self.state));
            if stamped.event.is_derived() {
                let mut twice = self.state.clone();
                fold(self.plan, &mut twice, &stamped);
                assert_eq!(twice, self.state, "folded twice: {stamped:?}");
            }
        }
    }

    /// Runs until nothing is left to do.
    pub(super) fn run(mut self) -> Self {
        for _ in 0..100_000 {
            if let Some(place) = self
                .outside
                .iter()
                .position(|(record, _)| *record <= self.history.len())
            {
                let (_, event) = self.outside.remove(place);
                self.append(event);
                continue;
            }
            let desired = decide(self.plan, &self.state);
            if desired.at_rest {
                return self;
            }
            self.go(desired);
        }
        panic!("the run does not end");
    }

    /// Does one thing.
    pub(super) fn step_once(mut self, desired: Desired) -> Self {
        self.go(desired);
        self
    }

    fn go(&mut self, desired: Desired) {
        if let Some(event) = desired.due {
            self.append(event);
            return;
        }
        let overdue = desired.timers.iter().find(|(_, at)| **at <= self.now_ms * 1_000_000);
        if let Some((id, _)) = overdue {
            let id = id.clone();
            self.append(Event::Timer(id));
            return;
        }
        let stopped = self
            .hung
            .iter()
            .position(|key| desired.work.get(key).is_none_or(|work| work.cancel));
        if let Some(place) = stopped {
            let key = self.hung.remove(place);
            if let Some(work) = desired
                .work
                .get(&key)
                .filter(|work| matches!(work.kind, WorkKind::Perform { .. }))
            {
                self.append(outcome(&key.to_string(), work.attempt, OutcomeResult::Failed));
            }
            return;
        }
        let work = desired.work.into_iter().find(|(key, _)| !self.hung.contains(key));
        if let Some((key, work)) = work {
            self.now_ms += 1000;
            self.perform(&key, &work);
            return;
        }
        let first = desired.timers.into_iter().min_by_key(|(_, at)| *at);
        let (id, at) = first.unwrap_or_else(|| panic!("nothing to do, and no end: {:?}", self.state));
        self.now_ms = self.now_ms.max(at.div_ceil(1_000_000));
        self.append(Event::Timer(id));
    }

    fn perform(&mut self, work_key: &WorkKey, work: &Work) {
        let key = &*work_key.to_string();
        let react = self.script.get_mut(key).and_then(Vec::pop).unwrap_or(React::Well);
        if let WorkKind::Perform { way, limit_ms } = &work.kind
            && !self.is_intended(key, work.attempt)
        {
            let intent = self.intent(key, work.attempt, way, *limit_ms);
            self.append(intent);
        }
        if react == React::Hang {
            self.hung.push(work_key.clone());
            return;
        }
        let result = if react == React::Well {
            EvaluationResult::Holds
        } else {
            EvaluationResult::DoesNotHold
        };
        match &work.kind {
            WorkKind::Perform { .. } => {
                let result = match react {
                    React::Well => OutcomeResult::Ok,
                    React::Lost => OutcomeResult::Unknown,
                    _ => OutcomeResult::Failed,
                };
                self.append(outcome(key, work.attempt, result));
            }
            WorkKind::Settle => {
                let verdict = match react {
                    React::Settled(verdict) => verdict,
                    _ => Verdict::Done,
                };
                self.append(Event::Settled {
                    key: key.to_owned(),
                    n: work.attempt,
                    verdict,
                    by: SettledBy::Action,
                    value: None,
                    evidence: String::new(),
                });
            }
            WorkKind::Evaluate => {
                let what = match &statement(self.plan, key).kind {
                    StatementKind::Require { .. } => EvaluationKind::Require,
                    StatementKind::SkipWhen { .. } => EvaluationKind::SkipWhen,
                    StatementKind::Let { .. } => EvaluationKind::Let,
                    _ => EvaluationKind::Check,
                };
                self.append(evaluated(work_key, what, result));
            }
            WorkKind::Row => self.append(evaluated(work_key, EvaluationKind::Row, result)),
            WorkKind::Well { .. } => self.append(evaluated(work_key, EvaluationKind::Well, result)),
            WorkKind::Obligations => self.append(evaluated(work_key, EvaluationKind::Obligation, result)),
            WorkKind::Signal(name) => self.append(Event::Signal {
                name: name.clone(),
                asked: false,
                choice: (react == React::Well).then_some(SignalChoice::GoOn),
            }),
            WorkKind::Anchors { when } => self.anchors(*when, react),
            WorkKind::Ask => self.append(Event::Answer {
                key: key.to_owned(),
                prompt: "Ready?".to_owned(),
                value: Some(RecordedValue::Bool(react == React::Well)),
                who: "tester".to_owned(),
                via: "file".to_owned(),
                late: false,
            }),
        }
    }

    fn is_intended(&self, key: &str, attempt: u32) -> bool {
        let mut events = self.history.iter().map(|stamped| &stamped.event);
        events.any(|event| matches!(event, Event::Intent(intent) if intent.key == key && intent.n == attempt))
    }

    fn intent(&self, key: &str, n: u32, way: &IntentWay, limit_ms: u64) -> Event {
        let StatementKind::Do(action) = &statement(self.plan, key).kind else {
            panic!("{key} is no action");
        };
        let effects = &action.call.effects.list;
        Event::Intent(Box::new(Intent {
            key: key.to_owned(),
            n,
            action: action.call.action.clone(),
            title: key.to_owned(),
            effects: effects
                .iter()
                .map(|effect| effect.map(&mut |_| EffectKey::Known(key.to_owned())))
                .collect(),
            changing: action.call.effects.is_changing(),
            repeat: action.call.effects.repeat,
            mac: String::new(),
            limit_ms,
            way: way.clone(),
        }))
    }

    fn anchors(&mut self, when: AnchorTime, react: React) {
        for anchor in &self.plan.runbook.clone().anchors {
            let text = if react == React::Well { "as it was" } else { "changed" };
            self.append(Event::Anchor {
                name: anchor.name.clone(),
                when,
                value: Some(RecordedValue::Text(text.to_owned())),
                reason: None,
            });
        }
    }

    /// The keys of the intents, in order.
    pub(super) fn performed(&self) -> Vec<&str> {
        let events = self.history.iter();
        events
            .filter_map(|stamped| match &stamped.event {
                Event::Intent(intent) => Some(intent.key.as_str()),
                _ => None,
            })
            .collect()
    }

    /// The last record of the run.
    pub(super) fn end(&self) -> &RunEnd {
        match &self.history.last().unwrap().event {
            Event::RunEnd(end) => end,
            other => panic!("the run did not end: {other:?}"),
        }
    }

    /// What was left, in words.
    pub(super) fn leftovers(&self) -> Vec<String> {
        self.end().leftovers.iter().map(ToString::to_string).collect()
    }

    /// Whether a record of this kind is there.
    pub(super) fn has(&self, is: impl Fn(&Event) -> bool) -> bool {
        self.history.iter().any(|stamped| is(&stamped.event))
    }
}

fn statement<'plan>(plan: &'plan Plan, key: &str) -> &'plan Statement {
    plan.program.statement(plan.program.find(key).unwrap())
}

fn outcome(key: &str, n: u32, result: OutcomeResult) -> Event {
    Event::Outcome(Box::new(OutcomeRecord {
        key: key.to_owned(),
        n,
        result,
        value: None,
        evidence: format!("{key} {result:?}"),
        blobs: Vec::new(),
        ms: 1000,
        exit: None,
    }))
}

fn evaluated(key: &WorkKey, what: EvaluationKind, result: EvaluationResult) -> Event {
    Event::Evaluated {
        key: key.clone(),
        label: key.to_string(),
        what,
        result,
        evidence: "seen".to_owned(),
        polls: 1,
        values: Vec::new(),
        ms: 1,
    }
}

fn start(plan: &Plan) -> Event {
    Event::RunStart(Box::new(RunStart {
        format: 1,
        minor: 0,
        run: "test".to_owned(),
        plan: plan.digest.clone(),
        runbook: plan.runbook.name.clone(),
        outline: Outline::default(),
        sources: Vec::new(),
        inputs: Vec::new(),
        window_start_ms: None,
        window_ms: plan.runbook.window.map(|window| window.window_ms),
        keep_ms: plan.runbook.window.map(|window| window.keep_ms),
        boot_id: "boot".to_owned(),
        host: "host".to_owned(),
        operator: "tester".to_owned(),
        ticket: None,
        program: "test".to_owned(),
    }))
}

/// The run goes on.
pub(super) fn resumed(boot_id: &str, turn_back: bool) -> Event {
    Event::RunResumed(Box::new(RunResumed {
        boot_id: boot_id.to_owned(),
        host: "host".to_owned(),
        operator: "tester".to_owned(),
        program: "test".to_owned(),
        discarded_bytes: 0,
        turn_back,
    }))
}
