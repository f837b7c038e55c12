//! The opening: what is asked directly before the first step inside the window.
//!
//! | stage | event | next |
//! | --- | --- | --- |
//! | not yet | the steps before the window are done, another is ready, and the window has begun | obligations |
//! | obligations | `evaluated` of kind obligation: holds | wells |
//! | obligations | … does not hold | the run turns: refused |
//! | wells | `evaluated` of the last service that begins running | anchors |
//! | wells | … does not hold | the run turns: refused |
//! | anchors | the last `anchor` at the start | open |

use std::collections::BTreeSet;

use backstay_dsl::model::Disposition;
use backstay_dsl::topology::Service;

use super::failure::Cause;
use super::state::{Phase, State};
use crate::event::{EvaluationResult, WorkKey};
use crate::plan::Plan;

/// How far the opening is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Opening {
    #[default]
    NotYet,
    /// The assumptions of the proofs are discharged.
    Obligations,
    /// Services that begin running are asked whether they are well.
    Wells(BTreeSet<usize>),
    Anchors,
    Open,
}

impl State {
    /// Begins the opening where it is due, and passes what has nothing to ask.
    pub(super) fn settle_opening(&mut self, plan: &Plan) {
        if self.waits_for_window() && self.progress.time.is_open() {
            self.opening = Opening::Obligations;
        }
        if self.opening == Opening::Wells(BTreeSet::new()) {
            self.opening = Opening::Anchors;
        }
        if self.opening == Opening::Anchors && self.anchors_start.len() >= plan.runbook.anchors.len() {
            self.opening = Opening::Open;
        }
    }

    /// Whether only the window is missing for the first step inside it.
    pub(super) fn waits_for_window(&self) -> bool {
        let steps = &self.steps;
        let is_next = steps.active.is_empty() && steps.ready_before_window.is_empty() && !steps.ready.is_empty();
        is_next && self.opening == Opening::NotYet && self.phase == Phase::Forward
    }

    /// An obligation was looked at.
    pub(super) fn on_obligation(&mut self, plan: &Plan, result: EvaluationResult, evidence: &str) {
        if self.phase != Phase::Forward || self.opening != Opening::Obligations {
            return;
        }
        if result == EvaluationResult::Holds {
            self.opening = Opening::Wells(wells(plan, true));
            return;
        }
        self.turn(refusal(&WorkKey::Obligations, evidence.to_owned()));
    }

    /// A service was asked whether it is well before the first change.
    pub(super) fn on_well_at_start(&mut self, plan: &Plan, service: usize, holds: bool, key: &WorkKey, evidence: &str) {
        if self.phase != Phase::Forward {
            return;
        }
        let Opening::Wells(left) = &mut self.opening else {
            return;
        };
        if !left.remove(&service) || holds {
            return;
        }
        let title = plan.runbook.services.get(service).map_or("", |service| &service.title);
        let reason = format!("{title} is not well before the first change: {evidence}");
        self.turn(refusal(key, reason));
    }
}

fn refusal(key: &WorkKey, reason: String) -> Cause {
    Cause {
        step: None,
        statement: key.to_string(),
        reason,
        disposition: Disposition::Unwind,
        is_failure: true,
    }
}

/// The services that are asked whether they are well: all, or only those that begin running.
pub(super) fn wells(plan: &Plan, only_running: bool) -> BTreeSet<usize> {
    let begins_running = |name: &str| {
        let known = plan.topology.services.get(name);
        known.is_some_and(Service::begins_running)
    };
    let services = plan.runbook.services.iter().enumerate();
    services
        .filter(|(_, service)| service.well.is_some() && (!only_running || begins_running(&service.name)))
        .map(|(place, _)| place)
        .collect()
}
