//! The opening: what is asked directly before the first step inside the window. Table: `docs/machine.md`.

use std::collections::BTreeSet;

use backstay_dsl::model::{self, Disposition};

use super::anchors::Anchors;
use super::desired::{Work, WorkKind};
use super::failure::Cause;
use super::places::{Places, word};
use super::presence;
use super::progress::View;
use crate::event::{AnchorTime, WellTime, WorkKey};
use crate::plan::Plan;

/// How far the opening is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Opening(Stage);

#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    NotYet,
    /// The assumptions of the proofs are discharged.
    Obligations,
    /// Services that begin running are asked whether they are well.
    Wells(Wells),
    Anchors,
    Open,
}

impl Opening {
    pub(super) fn is_not_yet(&self) -> bool {
        self.0 == Stage::NotYet
    }

    pub(super) fn is_open(&self) -> bool {
        self.0 == Stage::Open
    }

    pub(super) fn places(&self, places: &mut Places) {
        places.insert(("opening", String::new()), word(&self.0));
    }

    /// Only the window was missing, and it has begun.
    pub(super) fn begin(&mut self) {
        self.0 = Stage::Obligations;
    }

    /// Passes what has nothing to ask.
    pub(super) fn settle(&mut self, plan: &Plan, anchors: &Anchors) {
        if matches!(&self.0, Stage::Wells(wells) if wells.are_asked()) {
            self.0 = Stage::Anchors;
        }
        if self.0 == Stage::Anchors && anchors.are_all(plan, AnchorTime::Start) {
            self.0 = Stage::Open;
        }
    }

    /// An obligation was looked at. Gives why the run is refused.
    pub(super) fn on_obligation(&mut self, plan: &Plan, holds: bool, evidence: &str) -> Option<Cause> {
        if self.0 != Stage::Obligations {
            return None;
        }
        if holds {
            self.0 = Stage::Wells(Wells::as_at_the_start(plan));
            return None;
        }
        Some(refusal(&WorkKey::Obligations, evidence.to_owned()))
    }

    /// A service was asked whether it is well. Gives why the run is refused.
    pub(super) fn on_well(
        &mut self,
        plan: &Plan,
        service: usize,
        holds: bool,
        (key, evidence): (&WorkKey, &str),
    ) -> Option<Cause> {
        let Stage::Wells(wells) = &mut self.0 else {
            return None;
        };
        let service = wells.not_well(plan, service, holds)?;
        let reason = format!("{} is not well before the first change: {evidence}", service.title);
        Some(refusal(key, reason))
    }

    pub(super) fn work(&self, plan: &Plan, work: &mut Vec<(WorkKey, Work)>) {
        match &self.0 {
            Stage::Obligations => {
                work.push((WorkKey::Obligations, Work::once(WorkKind::Obligations)));
            }
            Stage::Wells(wells) => wells.work(plan, WellTime::Start, work),
            Stage::Anchors => ask_anchors(AnchorTime::Start, work),
            Stage::NotYet | Stage::Open => {}
        }
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

/// All anchors are to be asked.
pub(super) fn ask_anchors(when: AnchorTime, work: &mut Vec<(WorkKey, Work)>) {
    work.push((WorkKey::Anchors(when), Work::once(WorkKind::Anchors { when })));
}

/// Services that are still to be asked whether they are well, by place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wells(BTreeSet<usize>);

impl Wells {
    /// Those that run as things were at the start.
    pub(super) fn as_at_the_start(plan: &Plan) -> Self {
        Self::of(plan, |service| presence::began_running(plan, service))
    }

    /// Those that should run after the way forward.
    pub(super) fn after_the_way_forward(view: View<'_>) -> Self {
        Self::of(view.plan, |service| presence::should_run(view, service))
    }

    fn of(plan: &Plan, is_asked: impl Fn(&model::Service) -> bool) -> Self {
        let services = plan.runbook.services.iter().enumerate();
        let asked = services.filter(|(_, service)| service.well.is_some() && is_asked(service));
        Self(asked.map(|(place, _)| place).collect())
    }

    pub(super) fn are_asked(&self) -> bool {
        self.0.is_empty()
    }

    /// A service answered. Gives it where it was to be asked and is not well.
    pub(super) fn not_well<'plan>(
        &mut self,
        plan: &'plan Plan,
        service: usize,
        holds: bool,
    ) -> Option<&'plan model::Service> {
        let is_meant = self.0.remove(&service) && !holds;
        plan.runbook.services.get(service).filter(|_| is_meant)
    }

    pub(super) fn work(&self, plan: &Plan, when: WellTime, work: &mut Vec<(WorkKey, Work)>) {
        for service in self.0.iter().filter_map(|place| plan.runbook.services.get(*place)) {
            let service = service.name.clone();
            let key = WorkKey::Well(service.clone(), when);
            work.push((key, Work::once(WorkKind::Well { service })));
        }
    }
}
