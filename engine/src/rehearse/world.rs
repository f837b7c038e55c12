//! What becomes of an action or a question in the simulated world. Without time: whoever carries the work
//! out waits, here everything happens at once.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use backstay_dsl::catalogue::Signature;
use backstay_dsl::effect::{Effect, ResourceKind};
use backstay_dsl::model::StatementKind;
use backstay_dsl::service_kind::ServiceKind;
use backstay_dsl::state::Extent;
use backstay_dsl::types::Type;

use super::faults::PROCESSES;
use super::{Fault, FaultKind, Production, answers, production};
use crate::action::{Action, Evidence, GroundCall, Outcome, Registry, Settled};
use crate::event::{EvaluationKind, EvaluationResult, Event, HoldState, WorkKey};
use crate::plan::Plan;
use crate::value::{Answer, GroundResource, Unanswered, Value};

/// Answers a question in place of the world: for what effects do not say. `None`: as usual.
pub type Script = Arc<dyn Fn(&GroundCall, &Production) -> Option<Value> + Send + Sync>;

/// What is the same in every world of one plan.
pub(super) struct Setting {
    registry: Registry,
    script: Option<Script>,
    roles: HashMap<String, Role>,
    /// The services that run as processes.
    processes: BTreeSet<String>,
}

/// What the world has to know of a statement.
enum Role {
    /// Its faults are not those of the questions it asks on the way.
    Action,
    /// Evidence; that the service is well, where it says so.
    Check(Option<String>),
}

/// One simulated world. A copy is a world of its own from there on.
#[derive(Clone)]
pub(super) struct SimulatedState {
    setting: Arc<Setting>,
    pub(super) production: Production,
    pub(super) faults: Vec<Fault>,
    /// The attempts of each statement that were done, in order, each with its value.
    done: HashMap<String, Vec<(u32, Option<Value>)>>,
    /// What was read for each check that is being evaluated.
    read: BTreeMap<String, Vec<GroundResource>>,
}

impl Setting {
    pub(super) fn new(plan: &Plan, registry: Registry, script: Option<Script>) -> Self {
        let statements = plan.program.statements();
        let roles = statements.filter_map(|(_, statement)| {
            let role = match &statement.kind {
                StatementKind::Do(_) => Role::Action,
                StatementKind::Check(check) => Role::Check(check.service.clone()),
                _ => return None,
            };
            Some((statement.key.clone(), role))
        });
        let services = plan.topology.services.iter();
        let processes = services.filter(|(_, service)| {
            let mut members = service.members.iter();
            members.any(|(_, member)| member.runs.kind == ServiceKind::Process)
        });
        Self {
            registry,
            script,
            roles: roles.collect(),
            processes: processes.map(|(name, _)| name.clone()).collect(),
        }
    }

    /// Whether a call is about the processes of a service. What the text declares looks for none.
    fn is_of_processes(&self, call: &GroundCall) -> bool {
        let signature = self.registry.catalogue().get(&call.action);
        let mut services = call
            .resources()
            .filter(|resource| resource.kind == ResourceKind::Service);
        signature.is_some_and(|signature| !signature.declares_effects)
            && services.any(|service| self.processes.contains(service.first()))
    }

    /// Whether the call asks and does not change.
    pub(super) fn is_question(&self, call: &GroundCall) -> bool {
        let signature = self.registry.catalogue().get(&call.action);
        signature.is_some_and(Signature::is_read)
    }

    /// The action of a call, and what it gives.
    fn known(&self, call: &GroundCall) -> (Option<&dyn Action>, Option<&Type>) {
        let signature = self.registry.catalogue().get(&call.action);
        let action = self.registry.get(&call.action).map(AsRef::as_ref);
        (action, signature.map(|signature| &signature.result))
    }

    /// Whether what is read under a key is evidence.
    fn is_evidence(&self, key: &str) -> bool {
        match self.roles.get(key) {
            Some(role) => matches!(role, Role::Check(_)),
            None => key.starts_with("well:"),
        }
    }

    /// The service that the evidence of this key says is well.
    fn service<'a>(&'a self, key: &'a WorkKey) -> Option<&'a str> {
        match key {
            WorkKey::Well(service, _) => Some(service),
            WorkKey::Statement(key) => match self.roles.get(&**key) {
                Some(Role::Check(service)) => service.as_deref(),
                _ => None,
            },
            _ => None,
        }
    }
}

impl SimulatedState {
    /// A world as it is at the start.
    pub(super) fn new(setting: Arc<Setting>, production: Production) -> Self {
        Self {
            setting,
            production,
            faults: Vec::new(),
            done: HashMap::new(),
            read: BTreeMap::new(),
        }
    }

    pub(super) fn setting(&self) -> &Setting {
        &self.setting
    }

    /// The fault that happens to this attempt, if any.
    pub(super) fn fault(&self, key: &str, attempt: u32) -> Option<FaultKind> {
        let is_done = |key: &String| self.done.contains_key(key);
        let goes_on =
            |fault: &Fault| fault.since.as_ref().is_none_or(is_done) && !fault.until.as_ref().is_some_and(is_done);
        let mut faults = self.faults.iter();
        let fault = faults.find(|fault| fault.key == key && attempt <= fault.attempts && goes_on(fault));
        fault.map(|fault| fault.kind)
    }

    /// The fault that happens to a question of this key, if any.
    pub(super) fn fault_of_question(&self, key: &str, attempt: u32) -> Option<FaultKind> {
        let fault = self.fault(key, attempt)?;
        let is_of_action = matches!(self.setting.roles.get(key), Some(Role::Action));
        (!is_of_action).then_some(fault)
    }

    /// Why a call can be neither answered nor carried out nor settled, where that is so.
    fn unseen(&self, call: &GroundCall) -> Option<String> {
        let is_unseen = self.fault(PROCESSES, 1).is_some() && self.setting.is_of_processes(call);
        is_unseen.then(|| "the processes of the simulated world cannot be seen".to_owned())
    }

    /// Carries a change out, with the fault that was found when it began.
    pub(super) fn change(&mut self, key: &str, n: u32, call: &GroundCall, fault: Option<FaultKind>) -> Outcome {
        if let Some(reason) = self.unseen(call) {
            return Outcome::failed(reason);
        }
        let was_there = fault.is_none() && self.adds_what_is_there(call);
        let (action, result) = self.setting.known(call);
        let simulated = action.and_then(|action| action.simulate(call, &mut self.production));
        let said = match simulated {
            Some(Err(unanswered)) => return Outcome::failed(unanswered.reason),
            Some(Ok(value)) => Some(value),
            None => None,
        };
        let extent = match fault {
            Some(FaultKind::FailsBefore | FaultKind::LostNotDone) => None,
            Some(FaultKind::HalfWay) => Some(Extent::Half),
            _ => Some(Extent::Whole),
        };
        let mut value = None;
        if let Some(extent) = extent {
            let said = said.or_else(|| production::value_of_change(key, n, call, result));
            value = self.production.change(key, n, call, said, extent);
        }
        if extent == Some(Extent::Whole) {
            let attempts = self.done.entry(key.to_owned()).or_default();
            // Mostly the only one.
            attempts.reserve_exact(1);
            attempts.push((n, value.clone()));
        }
        match fault {
            Some(FaultKind::FailsBefore) => Outcome::failed("it failed before it did anything"),
            Some(FaultKind::FailsAfter) => Outcome::failed("it failed after it was done"),
            Some(FaultKind::HalfWay) => Outcome::failed("it failed half-way"),
            Some(FaultKind::LostDone | FaultKind::LostNotDone | FaultKind::LostForGood) => {
                Outcome::unknown("the reply was lost")
            }
            _ => Outcome::Done(Evidence {
                value,
                was_there,
                ..Evidence::line("it was done")
            }),
        }
    }

    /// Whether all that an action adds is there already. What the text declares, no action looks for.
    fn adds_what_is_there(&mut self, call: &GroundCall) -> bool {
        let signature = self.setting.registry.catalogue().get(&call.action);
        if signature.is_none_or(|signature| signature.declares_effects) {
            return false;
        }
        let adds: Vec<&GroundResource> = call
            .effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::Adds(thing) => Some(thing),
                _ => None,
            })
            .collect();
        !adds.is_empty() && adds.into_iter().all(|thing| self.production.is_there_first(thing))
    }

    /// Answers a question.
    pub(super) fn ask(&mut self, key: &str, call: &GroundCall, fault: Option<FaultKind>) -> Answer {
        if fault == Some(FaultKind::Unanswered) {
            return Err(Unanswered::new("it gives no answer"));
        }
        if let Some(reason) = self.unseen(call) {
            return Err(Unanswered::new(reason));
        }
        if self.setting.is_evidence(key) {
            let read = self.read.entry(key.to_owned()).or_default();
            read.reserve_exact(call.effects.len());
            read.extend(call.resources().cloned());
        }
        let script = self.setting.script.as_ref();
        let scripted = script.and_then(|script| script(call, &self.production));
        let (action, result) = self.setting.known(call);
        let answer = scripted.map_or_else(|| self.production.ask(call, action, result), Ok);
        match answer {
            Ok(value) if fault == Some(FaultKind::Untrue) => Ok(answers::untrue(&value)),
            answer => answer,
        }
    }

    /// Whether an attempt happened. As in the real world, a later attempt finds what an earlier one of its
    /// statement did.
    pub(super) fn settle(&self, key: &str, n: u32, call: &GroundCall) -> Settled {
        if let Some(reason) = self.unseen(call) {
            return Settled::Undecidable(reason);
        }
        if self.fault(key, n) == Some(FaultKind::LostForGood) {
            return Settled::Undecidable("nothing in the simulated world tells".to_owned());
        }
        let mut attempts = self.done.get(key).into_iter().flatten().rev();
        match attempts.find(|(attempt, _)| *attempt <= n) {
            Some((_, value)) => Settled::Done(Evidence {
                value: value.clone(),
                ..Evidence::line("it was done")
            }),
            None => Settled::NotDone("it was not done".to_owned()),
        }
    }

    /// Sees a record: what only the runbook knows (holds, the point of no return) becomes known here.
    pub(super) fn observe(&mut self, event: &Event) {
        match event {
            Event::Commit { .. } => self.production.commit(),
            Event::Evaluated { key, what, result, .. } => {
                let read = match key.statement() {
                    Some(key) => self.read.remove(key),
                    None => self.read.remove(&key.to_string()),
                };
                let read = read.unwrap_or_default();
                let is_evidence = matches!(what, EvaluationKind::Check | EvaluationKind::Well);
                if is_evidence && *result == EvaluationResult::Holds {
                    self.production.checked(&read, self.setting.service(key));
                }
            }
            Event::Hold { name, state } => self.production.hold(name, *state != HoldState::Free),
            _ => {}
        }
    }
}
