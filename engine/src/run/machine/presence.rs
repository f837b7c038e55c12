//! Whether services are as they should be when the run ends, also those that do not say what being well means.

use std::collections::BTreeSet;

use backstay_dsl::effect::Effect;
use backstay_dsl::model::{self, ExprKind};
use backstay_dsl::program::Owner;
use backstay_dsl::topology::{Begins, Service};

use super::desired::{Should, Work, WorkKind};
use super::progress::View;
use crate::event::{CommandLeft, Exception, Task, WellTime, WorkKey};
use crate::plan::Plan;
use crate::service_kind::KINDS;

impl Should {
    fn after_the_way_forward(view: View<'_>, service: &model::Service) -> Self {
        let known = view.plan.topology.services.get(&service.name);
        match known.and_then(|known| known.ends) {
            Some(ends) => Self::of(ends),
            None if is_started(view, service) => Self::Run,
            None => Self::of(begins(view.plan, service)),
        }
    }

    /// What the run made and a way back left behind is listed as such.
    fn after_a_way_back(plan: &Plan, service: &model::Service) -> Self {
        match begins(plan, service) {
            Begins::Absent => Self::NotRun,
            begins => Self::of(begins),
        }
    }

    fn of(begins: Begins) -> Self {
        match begins {
            Begins::Running => Self::Run,
            Begins::Stopped => Self::Stand,
            Begins::Absent => Self::BeGone,
        }
    }
}

/// The services that are still to be asked, by place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Presences(BTreeSet<usize>);

impl Presences {
    /// Those of the kinds that can be asked.
    pub(super) fn all(plan: &Plan) -> Self {
        let services = plan.runbook.services.iter().enumerate();
        let is_asked = |service: &model::Service| {
            let member = plan.topology.member(&service.name);
            member.is_some_and(|member| KINDS.iter().any(|kind| kind.kind() == member.runs.kind))
        };
        let asked = services.filter(|(_, service)| is_asked(service));
        Self(asked.map(|(place, _)| place).collect())
    }

    pub(super) fn are_asked(&self) -> bool {
        self.0.is_empty()
    }

    /// A service answered. Gives whether it was to be asked.
    pub(super) fn take(&mut self, service: usize) -> bool {
        self.0.remove(&service)
    }

    pub(super) fn work(&self, view: View<'_>, when: WellTime, work: &mut Vec<(WorkKey, Work)>) {
        for service in self.0.iter().filter_map(|place| view.plan.runbook.services.get(*place)) {
            let should = match when {
                WellTime::Back => Should::after_a_way_back(view.plan, service),
                WellTime::Start | WellTime::End => Should::after_the_way_forward(view, service),
            };
            let service = service.name.clone();
            let key = WorkKey::Presence(service.clone(), when);
            work.push((key, Work::once(WorkKind::Presence { service, should })));
        }
    }
}

/// A service that is not as it should be when the run ends, or of which that cannot be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Otherwise {
    service: String,
    title: String,
    evidence: String,
    /// Why it should be so.
    because: &'static str,
}

impl Otherwise {
    pub(super) fn new(view: View<'_>, service: &model::Service, is_back: bool, evidence: &str) -> Self {
        let known = view.plan.topology.services.get(&service.name);
        let ends = known.and_then(|known| known.ends);
        let because = match (ends, begins(view.plan, service)) {
            (Some(Begins::Running), _) if !is_back => "`ends running`",
            (Some(Begins::Stopped), _) if !is_back => "`ends stopped`",
            (Some(Begins::Absent), _) if !is_back => "`ends absent`",
            _ if !is_back && is_started(view, service) => "this run started it",
            (_, Begins::Running) => "it ran at the start",
            (_, Begins::Stopped) => "it was stopped at the start",
            (_, Begins::Absent) => "it was not there at the start",
        };
        Self {
            service: service.name.clone(),
            title: service.title.clone(),
            evidence: evidence.to_owned(),
            because,
        }
    }

    /// What a run carries that completed all the same.
    pub(super) fn exception(&self) -> Exception {
        Exception {
            step: String::new(),
            title: self.title.clone(),
            reason: self.evidence.clone(),
            because: self.because.to_owned(),
        }
    }

    pub(super) fn reason(&self) -> String {
        format!("{}: {} ({})", self.title, self.evidence, self.because)
    }

    /// What a person has to do after a way back.
    pub(super) fn left(&self) -> CommandLeft {
        CommandLeft {
            task: Task::MakeWell(self.service.clone()),
            text: format!(
                "bring {} back to how it was: {} ({})",
                self.title, self.evidence, self.because
            ),
        }
    }
}

fn begins(plan: &Plan, service: &model::Service) -> Begins {
    let member = plan.topology.member(&service.name);
    member.map_or(Begins::Running, |member| member.begins)
}

/// Whether a service should run after the way forward: as the text says, else where it began so or was started.
pub(super) fn should_run(view: View<'_>, service: &model::Service) -> bool {
    Should::after_the_way_forward(view, service) == Should::Run
}

/// Whether it ran at the start.
pub(super) fn began_running(plan: &Plan, service: &model::Service) -> bool {
    let known = plan.topology.services.get(&service.name);
    known.is_some_and(Service::begins_running)
}

/// Whether the way forward has begun to start a service: this one, or one that it does not call by its name.
fn is_started(view: View<'_>, service: &model::Service) -> bool {
    let program = &view.plan.program;
    let begun = view.progress.attempts().keys().filter(|id| {
        let owner = program.owner(program.block_of(**id));
        matches!(
            owner,
            Owner::Step(_) | Owner::Row(_) | Owner::Take(_) | Owner::Release(_)
        )
    });
    let mut effects = begun
        .filter_map(|id| program.statement(*id).action())
        .flat_map(|action| &action.call.effects.list);
    effects.any(|effect| match effect {
        Effect::Starts { member, .. } => match member.key.first().map(|key| &key.kind) {
            Some(ExprKind::Service(name)) => *name == service.name,
            _ => true,
        },
        _ => false,
    })
}
