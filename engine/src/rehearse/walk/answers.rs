//! What expressions speak of in a walk. Every question is answered at once, so an evaluation is polled once;
//! only a question that hangs leaves it pending.

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll as Task, Waker};

use async_trait::async_trait;
use backstay_dsl::model::{ActionCall, BindingId};
use backstay_dsl::program::StatementId;

use super::Rehearsal;
use crate::action::GroundCall;
use crate::eval::{Environment, Evaluator, Places};
use crate::redact::Redactor;
use crate::rehearse::FaultKind;
use crate::rehearse::world::SimulatedState;
use crate::run::driver::OBLIGATION_READ_LIMIT_MS;
use crate::run::machine::State;
use crate::service_kind::Asked;
use crate::value::{Answer, GroundResource, Unanswered, Value};

/// The world as the work of one key asks it.
pub(super) struct Answers<'walk> {
    rehearsal: &'walk Rehearsal,
    state: &'walk State,
    key: &'walk str,
    attempt: u32,
    inner: Mutex<Inner<'walk>>,
}

struct Inner<'walk> {
    world: &'walk mut SimulatedState,
    /// So many questions of this evaluation have hung until their limit was over.
    gave_up: u32,
    /// The limit of the question that hangs, milliseconds.
    hangs_ms: Option<u64>,
}

/// What one poll of a future gave.
pub(super) enum Poll<T> {
    Ready(T),
    /// A question hangs, for as long as its limit, milliseconds.
    Hangs(u64),
}

impl<'walk> Answers<'walk> {
    pub(super) fn new(
        rehearsal: &'walk Rehearsal,
        (state, world): (&'walk State, &'walk mut SimulatedState),
        (key, attempt): (&'walk str, u32),
        gave_up: u32,
    ) -> Self {
        Self {
            rehearsal,
            state,
            key,
            attempt,
            inner: Mutex::new(Inner {
                world,
                gave_up,
                hangs_ms: None,
            }),
        }
    }

    pub(super) fn evaluator(&self) -> Evaluator<'_> {
        let evaluator = Evaluator::new(&self.rehearsal.plan.runbook, self);
        if self.rehearsal.has_words {
            evaluator
        } else {
            evaluator.without_notes()
        }
    }

    /// Polls what asks through here.
    pub(super) fn poll<F: Future>(&self, future: F) -> Poll<F::Output> {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Task::Ready(output) => Poll::Ready(output),
            // Nothing else is pending ever.
            Task::Pending => Poll::Hangs(self.lock().hangs_ms.unwrap_or(0)),
        }
    }

    /// See [`Production::is_there_first`](crate::rehearse::Production).
    pub(super) fn is_there_first(&self, thing: &GroundResource) -> bool {
        self.lock().world.production.is_there_first(thing)
    }

    /// The statements of which an intent was recorded.
    pub(super) fn begun(&self) -> Vec<StatementId> {
        self.state.intents().keys().copied().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Inner<'walk>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn ask(&self, call: &GroundCall, limit_ms: u64) -> Answer {
        {
            let mut inner = self.lock();
            let fault = inner.world.fault_of_question(self.key, self.attempt);
            if inner.gave_up > 0 {
                inner.gave_up -= 1;
                return Err(Unanswered::new("it gave no answer in time"));
            }
            if fault != Some(FaultKind::Hangs) {
                return inner.world.ask(self.key, call, fault);
            }
            inner.hangs_ms = Some(limit_ms);
        }
        std::future::pending().await
    }
}

#[async_trait]
impl Environment for Answers<'_> {
    fn places(&self) -> &Places {
        &self.rehearsal.plan.places
    }

    fn redactor(&self) -> &Redactor {
        &self.rehearsal.plan.redactor
    }

    fn input(&self, name: &str) -> Option<Value> {
        self.rehearsal.plan.inputs.get(name).cloned()
    }

    fn binding(&self, id: BindingId) -> Option<Answer> {
        self.state.binding(id).map(Ok)
    }

    fn anchor_at_start(&self, name: &str) -> Option<Answer> {
        self.state.anchor_at_start(name)
    }

    fn constant(&self, call: &ActionCall) -> Option<Arc<GroundCall>> {
        self.rehearsal.constants.get(call)
    }

    async fn read(&self, _: &ActionCall, ground: &GroundCall, limit_ms: u64) -> Answer {
        self.ask(ground, limit_ms).await
    }
}

#[async_trait]
impl Asked for Answers<'_> {
    async fn answer_to(&self, call: &GroundCall) -> Answer {
        self.ask(call, OBLIGATION_READ_LIMIT_MS).await
    }
}
