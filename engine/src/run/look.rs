//! Looking without running: the plan on paper, and anchors asked now.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use backstay_dsl::effect::Cancel;
use backstay_dsl::model::{ActionCall, BindingId};
use tokio_util::sync::CancellationToken;

use crate::action::{Context, GroundCall, Progress};
use crate::error::Error;
use crate::eval::{Environment, Evaluator, Places};
use crate::event::{AnchorTime, Event};
use crate::inputs::GivenInputs;
use crate::plan::Plan;
use crate::plan::dry_run::DryRun;
use crate::plan::report::PlanReport;
use crate::redact::Redactor;
use crate::run::directory::StateDirectory;
use crate::run::session::{Surroundings, in_the_way, obstacle};
use crate::transcript::Reader;
use crate::value::{Answer, RecordedValue, Unanswered, Value};
use crate::world::{Clock, World};

/// A plan with its report.
pub struct Planned {
    pub plan: Arc<Plan>,
    pub report: PlanReport,
}

/// Plans a runbook and walks it on paper. Changes nothing.
pub async fn plan_file(file: &Path, inputs: &GivenInputs, surroundings: &Surroundings) -> Result<Planned, Error> {
    let plan = Arc::new(surroundings.plan_file(file, inputs).await?.0);
    let dry_run = DryRun {
        plan: &plan,
        world: surroundings.world.as_ref(),
        catalogue: &surroundings.catalogue,
        context: context(&plan, surroundings),
        clock: surroundings.clock.as_ref(),
    };
    let mut report = dry_run.report().await;
    report.obstacles.extend(in_the_way(&plan, surroundings));
    report.obstacles.extend(obstacle(&plan, surroundings)?);
    Ok(Planned { plan, report })
}

/// An anchor asked now, beside what the last run of the same runbook recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnchorNow {
    pub name: String,
    pub doc: String,
    /// The answer now, or why there is none.
    pub now: Result<String, String>,
    /// What the last run recorded, at its end, else at its start.
    pub last: Option<AnchorThen>,
    /// Whether both are the same; no answer differs from one that there was. `None` where no run recorded any.
    pub is_same: Option<bool>,
}

/// What a run recorded of an anchor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnchorThen {
    pub run: String,
    pub when: AnchorTime,
    pub value: String,
}

/// Asks every anchor of a runbook now.
pub async fn anchors(file: &Path, inputs: &GivenInputs, surroundings: &Surroundings) -> Result<Vec<AnchorNow>, Error> {
    let plan = Arc::new(surroundings.plan_file(file, inputs).await?.0);
    let mut last = last_anchors(&surroundings.state_directory, &plan.runbook.name);
    let now = Now {
        plan: &plan,
        world: surroundings.world.as_ref(),
        clock: surroundings.clock.as_ref(),
        context: context(&plan, surroundings),
    };
    let mut found = Vec::new();
    for anchor in &plan.runbook.anchors {
        let answer = Evaluator::new(&plan.runbook, &now).value(&anchor.value).await;
        let last = last.remove(&anchor.name);
        let is_same = match (&answer, &last) {
            (Ok(value), Some((_, recorded))) => Some(RecordedValue::from(value) == *recorded),
            (Err(_), Some(_)) => Some(false),
            _ => None,
        };
        let shown = |text: &str| plan.redactor.scrub_text(text).into_owned();
        found.push(AnchorNow {
            name: anchor.name.clone(),
            doc: anchor.doc.clone(),
            now: match answer {
                Ok(value) => Ok(shown(&value.canonical())),
                Err(unanswered) => Err(shown(&unanswered.reason)),
            },
            last: last.map(|(then, _)| then),
            is_same,
        });
    }
    Ok(found)
}

fn context(plan: &Plan, surroundings: &Surroundings) -> Context {
    Context {
        run: "plan".to_owned(),
        key: "plan".to_owned(),
        attempt: 1,
        limit: Duration::from_secs(10),
        cancelled: CancellationToken::new(),
        cancel: Cancel::Kill,
        topology: Arc::clone(&plan.topology),
        run_directory: surroundings.state_directory.0.join("runs").join("plan"),
        redactor: plan.redactor.clone(),
        working_directory: surroundings.places.working_directory.clone(),
        progress: Progress::default(),
        label: plan.label.clone(),
        is_live: false,
    }
}

/// The anchors of the last run of a runbook that recorded any.
fn last_anchors(state: &StateDirectory, runbook: &str) -> BTreeMap<String, (AnchorThen, RecordedValue)> {
    // What cannot be read has recorded nothing that could be compared.
    for run in state.runs().unwrap_or_default().into_iter().rev() {
        let Ok(Some(directory)) = state.run(&run) else { continue };
        let Ok(reader) = Reader::open(&directory.path) else {
            continue;
        };
        let mut is_of_runbook = false;
        let mut found = BTreeMap::new();
        for record in reader.map_while(Result::ok) {
            match record.stamped.event {
                Event::RunStart(start) if start.runbook != runbook => break,
                Event::RunStart(_) => is_of_runbook = true,
                Event::Anchor {
                    name,
                    when,
                    value: Some(value),
                    ..
                } => {
                    let then = AnchorThen {
                        run: run.clone(),
                        when,
                        value: value.to_value().canonical(),
                    };
                    found.insert(name, (then, value));
                }
                _ => {}
            }
        }
        if is_of_runbook && !found.is_empty() {
            return found;
        }
    }
    BTreeMap::new()
}

/// Expressions asked now, outside of any run.
struct Now<'a> {
    plan: &'a Plan,
    world: &'a dyn World,
    clock: &'a dyn Clock,
    context: Context,
}

#[async_trait]
impl Environment for Now<'_> {
    fn places(&self) -> &Places {
        &self.plan.places
    }

    fn redactor(&self) -> &Redactor {
        &self.plan.redactor
    }

    fn input(&self, name: &str) -> Option<Value> {
        self.plan.inputs.get(name).cloned()
    }

    fn binding(&self, _: BindingId) -> Option<Answer> {
        None
    }

    fn anchor_at_start(&self, _: &str) -> Option<Answer> {
        None
    }

    async fn read(&self, call: &ActionCall, ground: &GroundCall, limit_ms: u64) -> Answer {
        let limit = Duration::from_millis(limit_ms);
        let context = Context {
            limit,
            ..self.context.clone()
        };
        tokio::select! {
            outcome = self.world.perform(&context, ground) => outcome.into_answer(),
            () = self.clock.sleep(limit + Duration::from_secs(1)) => {
                Err(Unanswered::new(format!("{} gave no answer", call.action)))
            }
        }
    }
}
