//! Watches: what is asked all the while, beside the steps. Table: `docs/machine.md`.
//!
//! A watch begins with the first intent of its first step (or where that is done without one) and ends with its last
//! step, else with the run. Its work says that it has failed to hold too often, then that it holds again, and at its end
//! what was seen in all. Only the first of these decides anything.

use std::sync::Arc;

use backstay_dsl::model::Watch;

use super::desired::{Work, WorkKind};
use super::places::{Places, word};
use super::step::Steps;
use crate::event::{Exception, WorkKey};
use crate::plan::Plan;

/// Every watch of the runbook, by place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Watches(Vec<Watching>);

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Watching {
    stage: Stage,
    /// How often its work has said something.
    said: u32,
    /// What was seen first where it did not hold past `commits`.
    told: Option<Arc<str>>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    NotYet,
    Watching,
    /// It does not hold: it is asked until it does again.
    Missed,
    Over,
}

impl Stage {
    fn is_asked(self) -> bool {
        matches!(self, Self::Watching | Self::Missed)
    }
}

impl Watches {
    /// None of them begun.
    pub(super) fn new(plan: &Plan) -> Self {
        Self(vec![Watching::default(); plan.runbook.watches.len()])
    }

    pub(super) fn places(&self, plan: &Plan, places: &mut Places) {
        for (watch, watching) in plan.runbook.watches.iter().zip(&self.0) {
            places.insert(("watch", watch.name.clone()), word(&watching.stage));
        }
    }

    /// Begins those whose stretch has begun.
    pub(super) fn settle(&mut self, plan: &Plan, steps: &Steps) {
        for (watch, watching) in plan.runbook.watches.iter().zip(&mut self.0) {
            let is_in_stretch = || steps.has_begun(plan, watch.from) && !steps.is_done(plan, watch.until);
            if watching.stage == Stage::NotYet && is_in_stretch() {
                watching.stage = Stage::Watching;
            }
        }
    }

    /// A watch (a place in the runbook) has said something; `is_over` where its stretch is. Gives whether it does not hold
    /// from now on.
    pub(super) fn on_evaluated(&mut self, place: usize, holds: bool, is_over: bool) -> bool {
        let Some(watching) = self.0.get_mut(place).filter(|watching| watching.stage.is_asked()) else {
            return false;
        };
        watching.said = watching.said.saturating_add(1);
        watching.stage = match holds {
            _ if is_over => Stage::Over,
            true => Stage::Watching,
            false => Stage::Missed,
        };
        watching.stage == Stage::Missed
    }

    /// That it does not hold turned nothing, past `commits`.
    pub(super) fn tell(&mut self, place: usize, evidence: &str) {
        if let Some(watching) = self.0.get_mut(place) {
            watching.told.get_or_insert_with(|| evidence.into());
        }
    }

    /// What a run carries that completed all the same.
    pub(super) fn exceptions(&self, plan: &Plan) -> Vec<Exception> {
        let watches = plan.runbook.watches.iter().zip(&self.0);
        let told = watches.filter_map(|(watch, watching)| {
            Some(Exception {
                step: String::new(),
                title: watch.title.clone(),
                reason: watching.told.as_deref()?.to_owned(),
                because: format!("watch {}, past the point of no return", watch.name),
            })
        });
        told.collect()
    }

    /// Whether nothing more is to be said.
    pub(super) fn are_quiet(&self) -> bool {
        !self.0.iter().any(|watching| watching.stage.is_asked())
    }

    pub(super) fn work(&self, plan: &Plan, is_over: impl Fn(&Watch) -> bool, work: &mut Vec<(WorkKey, Work)>) {
        let watches = plan.runbook.watches.iter().zip(&self.0);
        work.extend(
            watches
                .filter(|(_, watching)| watching.stage.is_asked())
                .map(|(watch, watching)| {
                    let kind = WorkKind::Watch {
                        watch: watch.name.clone(),
                        is_missed: watching.stage == Stage::Missed,
                    };
                    let work = Work {
                        attempt: watching.said.saturating_add(1),
                        cancel: is_over(watch),
                        ..Work::once(kind)
                    };
                    (WorkKey::Watch(watch.name.clone()), work)
                }),
        );
    }
}
