//! What the run has done so far, whatever block it was in: attempts, what was started, holds, time.

use std::collections::BTreeMap;

use backstay_dsl::effect::{Effect, Resource, ResourceKind};
use backstay_dsl::model::{BindingId, Statement, StatementKind};
use backstay_dsl::program::{StatementId, StepId};
use backstay_dsl::term::ground_relation;

use super::holds::Holds;
use super::leftovers::ServiceHistory;
use super::time::Timeline;
use crate::eval::Recorded;
use crate::event::{End, Intent, Verdict, known};
use crate::plan::Plan;
use crate::value::{GroundResource, RecordedValue};

/// What the run has done so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Progress {
    /// The last intent of each statement: its attempt, and the MAC of its arguments.
    attempts: BTreeMap<StatementId, (u32, String)>,
    /// Actions of steps and rows that were started.
    started: BTreeMap<StatementId, Started>,
    /// How many actions were started: gives [`Started::order`].
    started_count: u32,
    pub(super) holds: Holds,
    /// Whether an intent of a changing action was recorded.
    is_changed: bool,
    /// Whether an action came to its end, or may have, that adds what was not there.
    is_made: bool,
    /// Whether the point of no return was passed.
    is_committed: bool,
    pub(super) time: Timeline,
    values: BTreeMap<BindingId, RecordedValue>,
    /// What the attempts of each statement added.
    added: BTreeMap<StatementId, Vec<GroundResource>>,
    /// The attempt of each statement before which nothing of it was added.
    first_adding: BTreeMap<StatementId, u32>,
    /// The last attempt of each statement that was settled as not done.
    settled: BTreeMap<StatementId, u32>,
    /// What was done to services.
    services: ServiceHistory,
}

/// What a cursor needs to go on.
#[derive(Clone, Copy)]
pub(super) struct View<'run> {
    pub(super) plan: &'run Plan,
    pub(super) progress: &'run Progress,
}

impl View<'_> {
    /// Calls `work` with what can be worked out from the record alone.
    pub(super) fn recorded<T>(self, work: impl FnOnce(&Recorded<'_>) -> T) -> T {
        let plan = self.plan;
        work(&Recorded {
            runbook: &plan.runbook,
            places: &plan.places,
            redactor: &plan.redactor,
            inputs: &plan.inputs,
            bound: &|id| self.progress.value(id).map(RecordedValue::to_value),
        })
    }
}

/// An action that was started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Started {
    /// The step it was started in or for.
    pub(super) step: StepId,
    /// When, among all that were started.
    pub(super) order: u32,
    /// Attempts that were not settled as not done.
    attempts: u32,
}

impl Progress {
    /// Nothing done yet.
    pub(super) fn new(holds: usize) -> Self {
        Self {
            holds: Holds::new(holds),
            ..Self::default()
        }
    }

    /// Each statement with an intent: its last attempt and the MAC of that one.
    pub(super) fn attempts(&self) -> &BTreeMap<StatementId, (u32, String)> {
        &self.attempts
    }

    /// The actions whose undo is owed: of all that were started, with an attempt that was not settled as not done.
    pub(super) fn owed(&self) -> impl Iterator<Item = (StatementId, &Started)> {
        let started = self.started.iter().filter(|(_, started)| started.attempts > 0);
        started.map(|(id, started)| (*id, started))
    }

    pub(super) fn is_changed(&self) -> bool {
        self.is_changed
    }

    /// Whether something may be there that was not, though nothing was changed.
    pub(super) fn is_made(&self) -> bool {
        self.is_made
    }

    pub(super) fn is_committed(&self) -> bool {
        self.is_committed
    }

    pub(super) fn commit(&mut self) {
        self.is_committed = true;
    }

    pub(super) fn value(&self, id: BindingId) -> Option<&RecordedValue> {
        self.values.get(&id)
    }

    /// The number of the next attempt of a statement, from 1.
    pub(super) fn next_attempt(&self, id: StatementId) -> u32 {
        self.attempts.get(&id).map_or(0, |(n, _)| *n).saturating_add(1)
    }

    /// An intent was recorded. Gives false for one that was seen before.
    pub(super) fn intend(&mut self, id: StatementId, intent: &Intent) -> bool {
        if self.next_attempt(id) > intent.n {
            return false;
        }
        self.attempts.insert(id, (intent.n, intent.mac.clone()));
        self.is_changed |= intent.changing;
        let mut adds = Vec::new();
        for effect in &intent.effects {
            match effect {
                // What only a result will name comes with the outcome.
                Effect::Adds(resource) => adds.extend(known(resource)),
                Effect::Removes(resource) => {
                    let removed = known(resource);
                    for added in self.added.values_mut() {
                        added.retain(|added| !is_gone_with(added, removed.as_ref()));
                    }
                }
                _ => {}
            }
        }
        if !adds.is_empty() {
            if !self.added.contains_key(&id) {
                self.first_adding.insert(id, intent.n);
            }
            self.added.insert(id, adds);
        }
        self.services.intend(intent);
        true
    }

    /// An action of a step or row was started.
    pub(super) fn start(&mut self, id: StatementId, step: StepId) {
        self.started_count += 1;
        let order = self.started_count;
        let started = self.started.entry(id).or_insert(Started {
            step,
            order,
            attempts: 0,
        });
        started.attempts += 1;
    }

    /// An attempt came to its end, or nobody can tell that it did not.
    pub(super) fn note_done(&mut self, statement: &Statement) {
        let StatementKind::Do(action) = &statement.kind else {
            return;
        };
        let mut effects = action.call.effects.list.iter();
        self.is_made |= effects.any(|effect| matches!(effect, Effect::Adds(_)));
    }

    /// An attempt was settled.
    pub(super) fn settle(&mut self, id: StatementId, n: u32, verdict: Verdict) {
        if verdict != Verdict::NotDone || self.settled.get(&id) == Some(&n) {
            return;
        }
        self.settled.insert(id, n);
        self.added.remove(&id);
        if let Some(started) = self.started.get_mut(&id) {
            started.attempts = started.attempts.saturating_sub(1);
        }
    }

    /// An attempt has added nothing, unless an earlier one did: it failed and does nothing by half, or what it would
    /// have added was there.
    pub(super) fn add_nothing(&mut self, id: StatementId, n: u32) {
        if self.first_adding.get(&id) == Some(&n) {
            self.added.remove(&id);
        }
    }

    /// A statement gave a value.
    pub(super) fn bind(&mut self, statement: &Statement, value: &RecordedValue) {
        let binding = match &statement.kind {
            StatementKind::Let { binding, .. } => Some(*binding),
            StatementKind::Do(action) => action.binding,
            StatementKind::Ask(ask) => ask.binding,
            _ => None,
        };
        if let Some(binding) = binding {
            self.values.insert(binding, value.clone());
        }
    }

    /// An action gave a value: a backup is a file that was added.
    pub(super) fn add_value(&mut self, id: StatementId, value: &RecordedValue) {
        if let RecordedValue::Backup(backup) = value {
            let file = Resource::new(ResourceKind::File, backup.path.clone());
            let added = self.added.entry(id).or_default();
            if !added.contains(&file) {
                added.push(file);
            }
        }
    }

    /// What the run made and left where it ends like this.
    pub(super) fn leftovers(&self, plan: &Plan, end: End) -> Vec<GroundResource> {
        let mut leftovers: Vec<GroundResource> = Vec::new();
        for resource in self.added.values().flatten() {
            if !self.services.uses(resource) && !leftovers.contains(resource) {
                leftovers.push(resource.clone());
            }
        }
        leftovers.extend(self.services.containers(plan, end));
        leftovers
    }
}

/// Whether what is removed takes this with it: itself under whatever kind names it, or what it lies in.
fn is_gone_with(added: &GroundResource, removed: Option<&GroundResource>) -> bool {
    removed.is_some_and(|removed| ground_relation(added, removed).is_covered())
}
