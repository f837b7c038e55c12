//! How far a run goes in one sitting: until a step is done, or step by step.
//!
//! A step that waits for a word does not begin, nothing else does either, and time goes on. Whoever resumes says anew
//! how far it is to go.

use std::collections::BTreeSet;

use backstay_dsl::program::StepId;

use super::{Phase, State};
use crate::event::{StepState, WorkKey};
use crate::plan::Plan;
use crate::run::machine::describe::describe;
use crate::run::machine::desired::{Work, WorkKind};
use crate::value::RecordedValue;

/// What the key of a step that waits for a word begins with.
const BEGINS: &str = "begin:";

/// How far the run goes in this sitting.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Stops {
    /// It pauses once this step is done.
    until: Option<StepId>,
    /// The steps that may begin, where each waits for a word.
    allowed: Option<BTreeSet<StepId>>,
}

impl State {
    /// `stops`: how far the run is to go.
    pub(super) fn on_stops(&mut self, plan: &Plan, until: Option<&str>, each_step: bool) {
        self.stops = Stops {
            until: until.and_then(|name| plan.program.step_named(name)),
            allowed: each_step.then(BTreeSet::new),
        };
    }

    /// A step is over: it may be the one until which the run was to go.
    pub(super) fn stop_after(&mut self, plan: &Plan, step: StepId, state: StepState) {
        if state.counts_as_done() && self.stops.until == Some(step) {
            self.stops.until = None;
            let name = &plan.program.step(step).name;
            self.pause(&format!("step {name} is over, until which the run was to go"));
        }
    }

    /// Whether a step may begin.
    pub(super) fn is_allowed(&self, step: StepId) -> bool {
        let allowed = self.stops.allowed.as_ref();
        allowed.is_none_or(|allowed| allowed.contains(&step))
    }

    /// The step that begins once a person has said so, to be asked for.
    pub(super) fn work_of_stops(&self, plan: &Plan, work: &mut Vec<(WorkKey, Work)>) {
        let next = self.next_ready().filter(|next| !self.is_allowed(*next));
        if let Some(next) = next.filter(|_| self.phase == Phase::Forward) {
            let name = &plan.program.step(next).name;
            let kind = WorkKind::MayBegin { step: name.clone() };
            work.push((WorkKey::Statement(format!("{BEGINS}{name}").into()), Work::once(kind)));
        }
    }

    /// A person has said whether a step may begin. False for the answer to anything else.
    pub(super) fn on_may_begin(&mut self, plan: &Plan, key: &str, value: Option<&RecordedValue>) -> bool {
        let Some(step) = key.strip_prefix(BEGINS).and_then(|name| plan.program.step_named(name)) else {
            return false;
        };
        match &mut self.stops.allowed {
            Some(allowed) if value == Some(&RecordedValue::Bool(true)) => {
                allowed.insert(step);
            }
            _ => self.pause(&format!("step {} was not to begin", plan.program.step(step).name)),
        }
        true
    }

    /// What a step does, a statement each, as its author would write it.
    pub fn statements_of(&self, plan: &Plan, step: &str) -> Vec<String> {
        let step = plan.program.step_named(step);
        let blocks = step.map(|step| plan.program.step_block(step));
        let statements = blocks
            .into_iter()
            .flat_map(|block| &plan.program.block(block).statements);
        statements
            .map(|statement| describe(self.view(plan), statement))
            .collect()
    }
}
