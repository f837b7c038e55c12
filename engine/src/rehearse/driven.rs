//! The simulated world as the driver sees it: through the ports, in virtual time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use backstay_dsl::effect::Cancel;

use super::world::{Script, Setting, SimulatedState};
use super::{CHANGE_NS, Fault, FaultKind, Production, SimulatedClock};
use crate::action::{Context, GroundCall, Outcome, Registry, Settled};
use crate::event::Event;
use crate::plan::Plan;
use crate::value::GroundResource;
use crate::world::{Clock, World};

/// A production that exists only here.
pub struct SimulatedWorld {
    clock: Arc<SimulatedClock>,
    state: Mutex<SimulatedState>,
}

impl SimulatedWorld {
    /// The production of a plan as it is at the start, with these faults and answers of a script.
    pub fn new(
        plan: &Plan,
        registry: Registry,
        clock: Arc<SimulatedClock>,
        faults: Vec<Fault>,
        script: Option<Script>,
    ) -> Self {
        let setting = Arc::new(Setting::new(plan, registry, script));
        let mut state = SimulatedState::new(setting, Production::new(plan));
        state.faults = faults;
        Self {
            clock,
            state: Mutex::new(state),
        }
    }

    /// Says what a resource holds at the start; `None`: it is not there.
    pub fn seed(&self, resource: &GroundResource, text: Option<&str>) {
        self.lock().production.seed(resource, text);
    }

    /// Production as it is now.
    pub fn production(&self) -> Production {
        self.lock().production.clone()
    }

    /// Sees a record: what only the runbook knows (holds, the point of no return) becomes known here.
    pub fn observe(&self, event: &Event) {
        self.lock().observe(event);
    }

    fn lock(&self) -> MutexGuard<'_, SimulatedState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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

/// The statement's key: the attempt's without the run's name.
fn statement_key(context: &Context) -> &str {
    let of_run = context.key.strip_prefix(context.run.as_str());
    of_run.and_then(|key| key.strip_prefix('/')).unwrap_or(&context.key)
}

#[async_trait]
impl World for SimulatedWorld {
    async fn perform(&self, context: &Context, call: &GroundCall) -> Outcome {
        let key = statement_key(context);
        let (is_question, fault) = {
            let state = self.lock();
            if state.setting().is_question(call) {
                (true, state.fault_of_question(key, context.attempt))
            } else {
                (false, state.fault(key, context.attempt))
            }
        };
        if fault == Some(FaultKind::Hangs) {
            return self.hang(context).await;
        }
        if is_question {
            return Outcome::answered(self.lock().ask(key, call, fault));
        }
        let is_stopped = !self.passes(context, Duration::from_nanos(CHANGE_NS)).await;
        if is_stopped && !fault.is_some_and(FaultKind::is_done_if_stopped) {
            return Outcome::failed("it was stopped before it did anything");
        }
        self.lock().change(key, context.attempt, call, fault)
    }

    async fn settle(&self, context: &Context, call: &GroundCall) -> Settled {
        self.lock().settle(statement_key(context), context.attempt, call)
    }

    async fn is_there(&self, thing: &GroundResource) -> Result<bool, String> {
        Ok(self.lock().production.is_there_first(thing))
    }

    async fn preview(&self, _context: &Context, _call: &GroundCall) -> Option<String> {
        None
    }
}
