//! The state of a run: what folding its records gives. It sends each record to the parts that it is about, and
//! knows where the run as a whole is; what a part is at is the part's own.

mod decide;
mod due;
mod fold;
mod outlook;
mod places;
mod stops;
mod turn;
mod watched;

use std::collections::BTreeMap;

use backstay_dsl::model::BindingId;
use backstay_dsl::program::StatementId;

use super::anchors::Anchors;
use super::ending::{Ending, Known};
use super::failure::Cause;
use super::opening::Opening;
use super::progress::{Progress, View};
use super::step::Steps;
use super::watches::Watches;
use crate::event::{End, Exception};
use crate::plan::Plan;
use crate::value::{Answer, RecordedValue, Unanswered, Value};

use stops::Stops;

/// The state of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    phase: Phase,
    progress: Progress,
    steps: Steps,
    watches: Watches,
    opening: Opening,
    cause: Option<Cause>,
    /// The signal that a person is being asked about.
    asked: Option<String>,
    /// Why it is to be paused, until it is.
    pausing: Option<String>,
    is_paused: bool,
    /// The run was just resumed: whether there is time for what was interrupted is still to be asked.
    is_resumed: bool,
    /// How far it is to go in this sitting.
    stops: Stops,
    anchors: Anchors,
    /// Steps that failed and were passed over.
    exceptions: Vec<Exception>,
}

/// Where a run is. Table: `docs/machine.md`.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Phase {
    Preparing,
    /// Steps are carried out; the opening is a part of it.
    Forward,
    /// The run turns: what runs is waited for, also the release that the end of the way forward has begun.
    Quiescing(Option<Box<Ending>>),
    /// The way back, the holds, the last questions.
    Ending(Box<Ending>),
    /// `run.end` is recorded. A way back that is stuck may be taken up again.
    Ended(End, Option<Box<Ending>>),
}

impl State {
    /// The state before the first record. Linear in the plan.
    pub fn new(plan: &Plan) -> Self {
        Self {
            phase: Phase::Preparing,
            progress: Progress::new(plan.runbook.holds.len()),
            steps: Steps::new(plan),
            watches: Watches::new(plan),
            opening: Opening::default(),
            cause: None,
            asked: None,
            pausing: None,
            is_paused: false,
            is_resumed: false,
            stops: Stops::default(),
            anchors: Anchors::default(),
            exceptions: Vec::new(),
        }
    }

    fn view<'run>(&'run self, plan: &'run Plan) -> View<'run> {
        View {
            plan,
            progress: &self.progress,
        }
    }

    /// The ending that is carried out, or whose release is waited for.
    fn ending(&self) -> Option<&Ending> {
        match &self.phase {
            Phase::Ending(ending) => Some(ending),
            Phase::Quiescing(ending) => ending.as_deref(),
            _ => None,
        }
    }

    fn known<'run>(&'run self, plan: &'run Plan) -> Known<'run> {
        Known {
            view: self.view(plan),
            cause: self.cause.as_ref(),
            anchors: &self.anchors,
            asks_anchors: self.opening.is_open(),
        }
    }

    /// How the run ended; `None` while it has not. A pause is no end.
    pub fn ended(&self) -> Option<End> {
        match self.phase {
            Phase::Ended(end, _) => Some(end),
            _ => None,
        }
    }

    /// Whether the run is paused: stopped, and resumable.
    pub fn is_paused(&self) -> bool {
        self.is_paused
    }

    /// The value of a name, once a statement has bound it.
    pub fn binding(&self, id: BindingId) -> Option<Value> {
        self.progress.value(id).map(RecordedValue::to_value)
    }

    /// What an anchor answered at the start; `None` until it was asked.
    pub fn anchor_at_start(&self, name: &str) -> Option<Answer> {
        let answer = self.anchors.at_start(name)?.as_ref();
        Some(answer.map(RecordedValue::to_value).map_err(Unanswered::new))
    }

    /// Each statement with an intent: its last attempt and the MAC of the last one.
    pub fn intents(&self) -> &BTreeMap<StatementId, (u32, String)> {
        self.progress.attempts()
    }

    /// Whether an intent of a changing action was recorded.
    pub fn is_changed(&self) -> bool {
        self.progress.is_changed()
    }

    /// Whether the point of no return was passed.
    pub fn is_committed(&self) -> bool {
        self.progress.is_committed()
    }
}
