//! Whether services are as they should be when the run ends, also those that do not say what being well means.

use std::collections::BTreeSet;

use backstay_dsl::effect::Effect;
use backstay_dsl::model::{self, ExprKind};
use backstay_dsl::program::Owner;
use backstay_dsl::topology::{Begins, Service, service_of};

use super::desired::{Should, Work, WorkKind};
use super::progress::View;
use crate::event::{CommandLeft, Exception, Task, WellTime, WorkKey};
use crate::plan::Plan;
use crate::service_kind::KINDS;

impl Should {
    fn after_the_way_forward(view: View<'_>, member: &str) -> Self {
        Self::of(after_the_way_forward(view, member))
    }

    /// What the run made and a way back left behind is listed as such.
    fn after_a_way_back(plan: &Plan, member: &str) -> Self {
        match begins(plan, member) {
            Begins::Absent => Self::NotRun,
            begins => Self::of(begins),
        }
    }

    fn of(begins: Begins) -> Self {
        match begins {
            Begins::Running | Begins::Standby => Self::Run,
            Begins::Stopped => Self::Stand,
            Begins::Absent => Self::BeGone,
        }
    }
}

/// The members that are still to be asked, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Presences(BTreeSet<String>);

impl Presences {
    /// Those of the kinds that can be asked.
    pub(super) fn all(plan: &Plan) -> Self {
        let asked = plan.topology.members().filter(|(_, member, _)| {
            let kind = member.runs.kind;
            KINDS.iter().any(|known| known.kind() == kind)
        });
        Self(asked.map(|(id, _, _)| id.as_str().to_owned()).collect())
    }

    pub(super) fn are_asked(&self) -> bool {
        self.0.is_empty()
    }

    /// A member answered. Gives whether it was to be asked.
    pub(super) fn take(&mut self, member: &str) -> bool {
        self.0.remove(member)
    }

    pub(super) fn work(&self, view: View<'_>, when: WellTime, work: &mut Vec<(WorkKey, Work)>) {
        for member in &self.0 {
            let should = match when {
                WellTime::Back => Should::after_a_way_back(view.plan, member),
                WellTime::Start | WellTime::End => Should::after_the_way_forward(view, member),
            };
            let service = member.clone();
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
    /// What is so of the member of this name.
    pub(super) fn new(view: View<'_>, member: &str, is_back: bool, evidence: &str) -> Self {
        let ends = ends(view.plan, member);
        let because = match (ends, begins(view.plan, member)) {
            (Some(Begins::Running), _) if !is_back => "`ends running`",
            (Some(Begins::Standby), _) if !is_back => "`ends standby`",
            (Some(Begins::Stopped), _) if !is_back => "`ends stopped`",
            (Some(Begins::Absent), _) if !is_back => "`ends absent`",
            _ if !is_back && is_started(view, member) => "this run started it",
            (_, Begins::Running) => "it ran at the start",
            (_, Begins::Standby) => "it stood by at the start",
            (_, Begins::Stopped) => "it was stopped at the start",
            (_, Begins::Absent) => "it was not there at the start",
        };
        Self {
            service: member.to_owned(),
            title: title(view.plan, member),
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

/// What people call a member: its service, and which of several it is.
pub(crate) fn title<'plan>(plan: &'plan Plan, member: &'plan str) -> String {
    let service = service_of(member);
    let title = plan
        .runbook
        .service(service)
        .map_or(service, |known| known.title.as_str());
    match member.strip_prefix(service).and_then(|rest| rest.strip_prefix('.')) {
        Some(which) => format!("{title} ({which})"),
        None => title.to_owned(),
    }
}

fn begins(plan: &Plan, member: &str) -> Begins {
    let member = plan.topology.member(member);
    member.map_or(Begins::Running, |member| member.begins)
}

/// How the text says that a member should be after the way forward.
fn ends(plan: &Plan, member: &str) -> Option<Begins> {
    plan.topology.member(member).and_then(|member| member.ends)
}

/// How a member should be after the way forward.
fn after_the_way_forward(view: View<'_>, member: &str) -> Begins {
    match ends(view.plan, member) {
        Some(ends) => ends,
        None if is_started(view, member) => Begins::Running,
        None => begins(view.plan, member),
    }
}

/// Whether a service should run after the way forward: as the text says, else where it began so or was started.
pub(super) fn should_run(view: View<'_>, service: &model::Service) -> bool {
    let known = view.plan.topology.services.get(&service.name);
    let mut members = known.iter().flat_map(|known| known.members.keys());
    members.any(|member| after_the_way_forward(view, member.as_str()) == Begins::Running)
}

/// Whether it ran at the start.
pub(super) fn began_running(plan: &Plan, service: &model::Service) -> bool {
    let known = plan.topology.services.get(&service.name);
    known.is_some_and(Service::begins_running)
}

/// Whether the way forward has begun to start a member: this one, all of its service, or one that it does not call by
/// its name.
fn is_started(view: View<'_>, wanted: &str) -> bool {
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
            Some(ExprKind::Service(name)) => name == wanted || name == service_of(wanted),
            _ => true,
        },
        _ => false,
    })
}
