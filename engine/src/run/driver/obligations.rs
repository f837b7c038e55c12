//! The obligations of a plan: what the proofs assume about the real world, asked before anything changes.

use std::collections::BTreeMap;

use async_trait::async_trait;
use backstay_dsl::topology::{Begins, Member, Runs};

use crate::action::{Arguments, GroundCall};
use crate::eval::Evaluator;
use crate::event::{EvaluationKind, EvaluationResult};
use crate::plan::Plan;
use crate::plan::obligations::containers::{Asked, containers};
use crate::plan::obligations::{PathUse, not_apart, path_uses, unsupported};
use crate::run::records::Seen;
use crate::value::{Answer, Unanswered, Value};
use crate::world::PathIdentity;
use backstay_dsl::units;

use super::shared::{Job, Stopped};

/// The longest that one question may take, milliseconds.
pub(crate) const OBLIGATION_READ_LIMIT_MS: u64 = 10_000;
/// How long an answer may take beyond that: who bounds itself says why there is none.
const MARGIN_MS: u64 = 1_000;

impl Job {
    /// Discharges every obligation, and records it.
    pub(super) async fn obligations(&self) -> Result<(), Stopped> {
        let carries_every_service = self.shared.ports.world.carries_every_service();
        let seen = discharge(&self.shared.plan, self, &self.evaluator(), carries_every_service).await;
        self.record_seen(seen, self.boot_ns()).await
    }
}

/// Discharges every obligation: in one line what does not hold, or that all do. A world that carries every
/// service is one in which every name is a thing of its own.
pub(crate) async fn discharge(
    plan: &Plan,
    asked: &dyn Asked,
    evaluator: &Evaluator<'_>,
    carries_every_service: bool,
) -> Seen {
    let not_carried = if carries_every_service {
        Vec::new()
    } else {
        unsupported(plan)
    };
    let mut broken: Vec<(&str, String)> = not_carried.into_iter().map(|reason| ("supported", reason)).collect();
    for (id, member, _) in plan.topology.members() {
        let wrong = begins_otherwise(plan, asked, id.as_str(), member).await;
        broken.extend(wrong.map(|reason| ("begins", reason)));
    }
    let found = containers(plan, asked).await;
    broken.extend(found.broken);
    let mut identified: Vec<(PathUse, PathIdentity)> = found.volumes;
    let uses = if carries_every_service {
        Vec::new()
    } else {
        path_uses(plan, evaluator).await
    };
    let count = uses.len() + identified.len();
    for path_use in uses {
        let identity = asked.identify(&path_use.path, path_use.is_link).await;
        identified.extend(identity.map(|identity| (path_use, identity)));
    }
    let not_apart = not_apart(&identified).into_iter();
    broken.extend(not_apart.map(|reason| ("not-apart", format!("not-apart: {reason}"))));
    let what = EvaluationKind::Obligation;
    if broken.is_empty() {
        let paths = match count {
            0 => "there are no paths to compare".to_owned(),
            1 => "1 path looked at".to_owned(),
            _ => format!("{count} paths looked at, and no two of them lead to the same place"),
        };
        let mut evidence = found.seen;
        evidence.push(paths);
        return Seen::line(what, "obligations", EvaluationResult::Holds, evidence.join("; "));
    }
    // One record, so that whoever mends it sees all of it at once.
    let label = broken.first().map_or("obligations", |(label, _)| *label);
    let reasons: Vec<&str> = broken.iter().map(|(_, reason)| reason.as_str()).collect();
    Seen::line(what, label, EvaluationResult::DoesNotHold, reasons.join("; "))
}

/// What is wrong with how a service that runs as a process begins. One that says what being well means
/// and begins running is asked that instead.
async fn begins_otherwise(plan: &Plan, asked: &dyn Asked, name: &str, member: &Member<String>) -> Option<String> {
    let begins = member.begins;
    let service = plan.runbook.services.iter().find(|service| service.name == name)?;
    let is_asked = begins == Begins::Running && service.well.is_some();
    if is_asked || !matches!(member.runs, Runs::Process(_)) {
        return None;
    }
    let call = GroundCall {
        action: "process.alive".to_owned(),
        arguments: Arguments(BTreeMap::from([(
            "service".to_owned(),
            Value::Service(name.to_owned()),
        )])),
        touches: Vec::new(),
        of_result: Vec::new(),
        healthy: None,
    };
    match (begins, asked.answer_to(&call).await) {
        (Begins::Running, Ok(Value::Bool(false))) => Some(format!("service `{name}` should run, and no process does")),
        (Begins::Stopped | Begins::Absent, Ok(Value::Bool(true))) => {
            Some(format!("service `{name}` should not run yet, and a process does"))
        }
        _ => None,
    }
}

#[async_trait]
impl Asked for Job {
    async fn answer_to(&self, call: &GroundCall) -> Answer {
        let context = self.context(OBLIGATION_READ_LIMIT_MS, &[]);
        let asking = self.shared.ports.world.perform(&context, call);
        match self.within(OBLIGATION_READ_LIMIT_MS + MARGIN_MS, asking).await {
            Some(outcome) => outcome.into_answer(),
            None => Err(Unanswered::new(format!(
                "{} gave no answer within {}",
                call.action,
                units::duration(OBLIGATION_READ_LIMIT_MS)
            ))),
        }
    }

    async fn identify(&self, path: &str, is_link: bool) -> Option<PathIdentity> {
        self.shared.ports.world.identify(path, is_link).await
    }
}
