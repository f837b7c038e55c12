//! Services and protected states with their real values.

use backstay_dsl::model::{Expr, Runbook, Runs, Service, StatePart};

use crate::eval::Evaluator;
use crate::plan::PlanError;
use crate::topology::{PartView, RunsView, ServiceView, StateView, Topology};

/// Works out everything that a runbook says about what is there.
pub(super) async fn topology(runbook: &Runbook, evaluator: &Evaluator<'_>) -> Result<Topology, PlanError> {
    let mut topology = Topology::default();
    for state in &runbook.states {
        let mut parts = Vec::new();
        for part in &state.parts {
            let what = format!("protected state `{}`", state.name);
            parts.push(part_view(&what, part, evaluator).await?);
        }
        topology.states.insert(state.name.clone(), StateView { parts });
    }
    for service in &runbook.services {
        let view = service_view(service, evaluator).await?;
        topology.services.insert(service.name.clone(), view);
    }
    Ok(topology)
}

async fn text(what: &str, expr: &Expr, evaluator: &Evaluator<'_>) -> Result<String, PlanError> {
    match evaluator.value(expr).await {
        Ok(value) => Ok(value.canonical()),
        Err(unanswered) => Err(PlanError::new(what, unanswered.reason)),
    }
}

async fn part_view(what: &str, part: &StatePart, evaluator: &Evaluator<'_>) -> Result<PartView, PlanError> {
    Ok(match part {
        StatePart::Path(expr) => PartView::Tree(text(what, expr, evaluator).await?),
        StatePart::Volume(expr) => PartView::Volume(text(what, expr, evaluator).await?),
        StatePart::File(expr) => PartView::File(text(what, expr, evaluator).await?),
    })
}

async fn service_view(service: &Service, evaluator: &Evaluator<'_>) -> Result<ServiceView, PlanError> {
    let what = format!("service `{}`", service.name);
    let runs = match &service.runs {
        Runs::Process(name) => RunsView::Process(text(&what, name, evaluator).await?),
        Runs::Container(name) => RunsView::Container(text(&what, name, evaluator).await?),
        Runs::Compose(project, name) => RunsView::Compose(
            text(&what, project, evaluator).await?,
            text(&what, name, evaluator).await?,
        ),
        Runs::Unit(name) => RunsView::Unit(text(&what, name, evaluator).await?),
    };
    let mut ground = [None, None];
    for (place, resource) in [&service.pinned_by, &service.behind].into_iter().enumerate() {
        if let Some(resource) = resource {
            let worked_out = evaluator.ground_resource(resource).await;
            ground[place] = Some(worked_out.map_err(|unanswered| PlanError::new(&what, unanswered.reason))?);
        }
    }
    let [pinned_by, behind] = ground;
    let mut ignores = Vec::new();
    for (part, _) in &service.ignores {
        ignores.push(part_view(&what, part, evaluator).await?);
    }
    Ok(ServiceView {
        runs,
        pinned_by,
        writes: service
            .writes
            .iter()
            .map(|writes| (writes.state.clone(), writes.unmigrated.is_none()))
            .collect(),
        behind,
        begins: service.begins,
        ignores,
    })
}
