//! Services and protected states with their real values.

use std::collections::BTreeMap;

use backstay_dsl::effect::Resource;
use backstay_dsl::model::{Expr, Runbook};
use backstay_dsl::topology::Topology;
use futures_util::FutureExt;

use crate::eval::{Evaluator, field};
use crate::plan::PlanError;
use crate::value::{GroundResource, Unanswered, Value};

/// Works out everything that a runbook says about what is there. What `well` reads is left out as far as it is
/// known only by asking.
pub(super) fn topology(runbook: &Runbook, evaluator: &Evaluator<'_>) -> Result<Topology<String>, PlanError> {
    let mut topology = Topology {
        excepted: runbook.topology.excepted.clone(),
        ..Topology::default()
    };
    for (name, parts) in &runbook.topology.states {
        let what = format!("protected state `{name}`");
        let parts = parts.iter().map(|part| resource(&what, part, evaluator));
        topology.states.insert(name.clone(), parts.collect::<Result<_, _>>()?);
    }
    for (name, service) in &runbook.topology.services {
        let what = format!("service `{name}`");
        let mut service = service.try_map(&mut |written| resource(&what, written, evaluator), &mut |expr| {
            text(&what, expr, evaluator)
        })?;
        let known = runbook.service(name);
        if let Some(well) = known.and_then(|known| known.well.as_ref()) {
            service.endpoints = evaluator.reads(&well.condition).now_or_never().unwrap_or_default();
        }
        topology.services.insert(name.clone(), service);
    }
    Ok(topology)
}

/// The machines that inputs name; two names of one machine would make one thing of what the proofs take for two.
pub(super) fn hosts(
    runbook: &Runbook,
    inputs: &BTreeMap<String, Value>,
) -> Result<BTreeMap<String, String>, PlanError> {
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    for input in &runbook.hosts {
        let value = match input.split_once('.') {
            Some((list, place)) => inputs.get(list).and_then(|list| field(list, place)),
            None => inputs.get(input).cloned(),
        };
        let Some(host) = value.as_ref().map(Value::canonical) else {
            continue;
        };
        let is_same = |known: &&String| known.eq_ignore_ascii_case(&host);
        if let Some(other) = found.iter().find(|(_, known)| is_same(known)).map(|(other, _)| other) {
            let reason = format!("it is {host}, and so is `{other}`: two names of one machine");
            return Err(PlanError::new(&format!("host `{input}`"), reason));
        }
        if ["local", "localhost"].contains(&host.as_str()) {
            let reason = format!("it is {host}: write `on local` for the machine that this runs on");
            return Err(PlanError::new(&format!("host `{input}`"), reason));
        }
        found.insert(input.clone(), host);
    }
    Ok(found)
}

fn resource(what: &str, resource: &Resource<Expr>, evaluator: &Evaluator<'_>) -> Result<GroundResource, PlanError> {
    at_once(what, evaluator.ground_resource(resource).now_or_never())
}

pub(super) fn text(what: &str, expr: &Expr, evaluator: &Evaluator<'_>) -> Result<String, PlanError> {
    at_once(what, evaluator.value(expr).now_or_never()).map(|value| value.canonical())
}

/// Inputs are there, so nothing has to be waited for.
fn at_once<T>(what: &str, answer: Option<Result<T, Unanswered>>) -> Result<T, PlanError> {
    let answer = answer.unwrap_or_else(|| Err(Unanswered::new("it has no value before the run")));
    answer.map_err(|unanswered| PlanError::new(what, unanswered.reason))
}
