//! The simulated world: carries actions out by their effects, with faults where they are wanted.
//!
//! Rehearsals and tests drive the real driver over it. It knows no action by its body unless its effects
//! do not say enough ([`Action::simulate`]); everything else follows from what the call says it touches.
//! Deterministic: time is virtual ([`clock`]), nothing is random, maps are ordered.
//! Absent on purpose: files, processes, sockets.

pub mod clock;
pub mod faults;
pub mod journal;
pub mod person;
pub mod production;

mod answers;
mod containers;
mod contents;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use backstay_dsl::catalogue::Signature;
use backstay_dsl::effect::Cancel;
use backstay_dsl::model::StatementKind;
use backstay_dsl::state::Extent;
use backstay_dsl::types::Type;

use crate::action::{Action, Context, Evidence, GroundCall, Outcome, Registry, Settled};
use crate::event::{EvaluationKind, EvaluationResult, Event, HoldState, WorkKey};
use crate::plan::Plan;
use crate::value::{GroundResource, Value};
use crate::world::{Clock, World};

pub use clock::SimulatedClock;
pub use faults::{Fault, FaultKind};
pub use journal::{Kill, SimulatedJournal};
pub use person::SimulatedPerson;
pub use production::Production;

/// How long a change takes.
const CHANGE: Duration = Duration::from_secs(1);
/// How long a question takes.
const QUESTION: Duration = Duration::from_millis(10);

/// Answers a question in place of the world: for what effects do not say. `None`: as usual.
pub type Script = Box<dyn Fn(&GroundCall, &Production) -> Option<Value> + Send + Sync>;

/// A production that exists only here.
pub struct SimulatedWorld {
    registry: Registry,
    /// The statements that are actions: their faults are not those of the questions they ask on the way.
    actions: BTreeSet<String>,
    script: Option<Script>,
    /// The checks that a service is well: statement and service.
    wells: BTreeMap<String, String>,
    clock: Arc<SimulatedClock>,
    inner: Mutex<Inner>,
}

/// What changes while it runs.
struct Inner {
    production: Production,
    faults: Vec<Fault>,
    /// What became of each attempt that ended or was lost: with its value where it was done.
    ledger: BTreeMap<(String, u32), Option<Value>>,
    /// Every attempt that began, in order.
    begun: Vec<(String, u32)>,
    /// What was read for each check that is being evaluated.
    read: BTreeMap<String, Vec<GroundResource>>,
}

impl SimulatedWorld {
    /// The production of a plan as it is at the start, with these faults.
    pub fn new(plan: &Plan, registry: Registry, clock: Arc<SimulatedClock>, faults: Vec<Fault>) -> Self {
        let statements = plan.program.statements();
        let actions = statements.filter(|(_, statement)| matches!(statement.kind, StatementKind::Do(_)));
        Self {
            registry,
            actions: actions.map(|(_, action)| action.key.clone()).collect(),
            script: None,
            wells: wells(plan),
            clock,
            inner: Mutex::new(Inner {
                production: Production::new(plan),
                faults,
                ledger: BTreeMap::new(),
                begun: Vec::new(),
                read: BTreeMap::new(),
            }),
        }
    }

    /// The same world with answers of a script.
    #[must_use]
    pub fn with_script(self, script: Script) -> Self {
        Self {
            script: Some(script),
            ..self
        }
    }

    /// Says what a resource holds at the start.
    pub fn seed(&self, resource: &GroundResource, text: &str) {
        self.lock().production.seed(resource, text);
    }

    /// Production as it is now.
    pub fn production(&self) -> Production {
        self.lock().production.clone()
    }

    /// Every attempt that began: the statement's key and the attempt, in order.
    pub fn begun(&self) -> Vec<(String, u32)> {
        self.lock().begun.clone()
    }

    /// Sees a record: what only the runbook knows (holds, the point of no return) becomes known here.
    pub fn observe(&self, event: &Event) {
        let mut inner = self.lock();
        match event {
            Event::Commit { .. } => inner.production.commit(),
            Event::Evaluated { key, what, result, .. } => {
                let text = key.to_string();
                let read = inner.read.remove(&text).unwrap_or_default();
                let is_evidence = matches!(what, EvaluationKind::Check | EvaluationKind::Well);
                if is_evidence && *result == EvaluationResult::Holds {
                    let of_well = match key {
                        WorkKey::Well(service, _) => Some(service.as_str()),
                        _ => None,
                    };
                    let service = self.wells.get(&text).map(String::as_str).or(of_well);
                    inner.production.checked(&read, service);
                }
            }
            Event::Hold { name, state } => inner.production.hold(name, *state != HoldState::Free),
            _ => {}
        }
    }

    /// From now on no fault happens any more: for a run that is resumed.
    pub fn heal(&self) {
        self.lock().faults.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn change(&self, context: &Context, key: &str, call: &GroundCall) -> Outcome {
        let fault = {
            let mut inner = self.lock();
            inner.begun.push((key.to_owned(), context.attempt));
            inner.fault(key, context.attempt)
        };
        if fault == Some(FaultKind::Hangs) {
            return self.hang(context).await;
        }
        if !self.passes(context, CHANGE).await {
            return Outcome::failed("it was stopped before it did anything");
        }
        let attempt = (key.to_owned(), context.attempt);
        let mut inner = self.lock();
        let (action, result) = self.known(call);
        let simulated = action.and_then(|action| action.simulate(call, &mut inner.production));
        let said = match simulated {
            Some(Err(unanswered)) => return Outcome::failed(unanswered.reason),
            Some(Ok(value)) => Some(value),
            None => None,
        };
        let extent = match fault {
            Some(FaultKind::FailsBefore | FaultKind::LostNotDone) => None,
            Some(FaultKind::HalfWay) => Some(Extent::Half),
            _ => Some(Extent::Whole),
        };
        let mut value = None;
        if let Some(extent) = extent {
            let said = said.or_else(|| production::value_of_change(key, context.attempt, call, result));
            value = inner.production.change(key, context.attempt, call, said, extent);
        }
        if extent == Some(Extent::Whole) {
            inner.ledger.insert(attempt, value.clone());
        }
        let evidence = Evidence {
            value,
            summary: format!("{} in the simulated world", call.action),
            ..Evidence::default()
        };
        match fault {
            Some(FaultKind::FailsBefore) => Outcome::failed("it failed before it did anything"),
            Some(FaultKind::FailsAfter) => Outcome::failed("it failed after it was done"),
            Some(FaultKind::HalfWay) => Outcome::failed("it failed half-way"),
            Some(FaultKind::LostDone | FaultKind::LostNotDone | FaultKind::LostForGood) => {
                Outcome::unknown("the reply was lost")
            }
            _ => Outcome::Done(evidence),
        }
    }

    async fn ask(&self, context: &Context, key: &str, call: &GroundCall) -> Outcome {
        let fault = if self.actions.contains(key) {
            None
        } else {
            self.lock().fault(key, context.attempt)
        };
        if fault == Some(FaultKind::Hangs) {
            return self.hang(context).await;
        }
        self.clock.sleep(QUESTION).await;
        if fault == Some(FaultKind::Unanswered) {
            return Outcome::failed("it gives no answer");
        }
        let (action, result) = self.known(call);
        let answer = {
            let mut inner = self.lock();
            let read = inner.read.entry(key.to_owned()).or_default();
            read.extend(call.resources().cloned());
            let scripted = self.script.as_ref().and_then(|script| script(call, &inner.production));
            match scripted {
                Some(value) => Ok(value),
                None => inner.production.ask(call, action, result),
            }
        };
        match answer {
            Ok(value) if fault == Some(FaultKind::Untrue) => Outcome::value(answers::untrue(&value)),
            Ok(value) => Outcome::value(value),
            Err(unanswered) => Outcome::failed(unanswered.reason),
        }
    }

    /// The action of a call, and what it gives.
    fn known(&self, call: &GroundCall) -> (Option<&dyn Action>, Option<&Type>) {
        let signature = self.registry.catalogue().get(&call.action);
        let action = self.registry.get(&call.action).map(AsRef::as_ref);
        (action, signature.map(|signature| &signature.result))
    }

    /// Nothing comes until it is stopped or its limit is over.
    async fn hang(&self, context: &Context) -> Outcome {
        if self.passes(context, context.limit).await {
            Outcome::unknown("it gave no answer in time")
        } else {
            Outcome::failed("it was stopped before it did anything")
        }
    }

    /// Lets time pass; false where the attempt was told to stop meanwhile.
    async fn passes(&self, context: &Context, time: Duration) -> bool {
        tokio::select! {
            biased;
            () = context.cancelled.cancelled(), if context.cancel != Cancel::Never => false,
            () = self.clock.sleep(time) => true,
        }
    }
}

impl Inner {
    /// The fault that happens to this attempt, if any.
    fn fault(&mut self, key: &str, attempt: u32) -> Option<FaultKind> {
        let ledger = &self.ledger;
        let is_done = |until: &String| ledger.keys().any(|(done, _)| done == until);
        let fault = self
            .faults
            .iter()
            .find(|fault| fault.key == key && attempt <= fault.attempts && !fault.until.as_ref().is_some_and(is_done));
        fault.map(|fault| fault.kind)
    }
}

fn wells(plan: &Plan) -> BTreeMap<String, String> {
    let statements = plan.program.statements();
    let wells = statements.filter_map(|(_, statement)| match &statement.kind {
        StatementKind::Check(check) => Some((statement.key.clone(), check.service.clone()?)),
        _ => None,
    });
    wells.collect()
}

/// The statement's key: the attempt's without the run's name.
fn statement_key(context: &Context) -> &str {
    let of_run = context.key.strip_prefix(context.run.as_str());
    of_run.and_then(|key| key.strip_prefix('/')).unwrap_or(&context.key)
}

#[async_trait]
impl World for SimulatedWorld {
    async fn perform(&self, context: &Context, call: &GroundCall) -> Outcome {
        let key = statement_key(context);
        let signature = self.registry.catalogue().get(&call.action);
        if signature.is_some_and(Signature::is_read) {
            self.ask(context, key, call).await
        } else {
            self.change(context, key, call).await
        }
    }

    async fn settle(&self, context: &Context, _call: &GroundCall) -> Settled {
        self.clock.sleep(QUESTION).await;
        let key = statement_key(context).to_owned();
        let mut inner = self.lock();
        if inner.fault(&key, context.attempt) == Some(FaultKind::LostForGood) {
            return Settled::Undecidable("nothing in the simulated world tells".to_owned());
        }
        // As in the real world, a later attempt finds what an earlier one of its statement did.
        let attempts = (key.clone(), 0)..=(key, context.attempt);
        match inner.ledger.range(attempts).next_back() {
            Some((_, value)) => Settled::Done(Evidence {
                value: value.clone(),
                summary: "it was done".to_owned(),
                ..Evidence::default()
            }),
            None => Settled::NotDone("it was not done".to_owned()),
        }
    }

    fn carries_every_service(&self) -> bool {
        true
    }

    async fn preview(&self, _context: &Context, _call: &GroundCall) -> Option<String> {
        None
    }
}
