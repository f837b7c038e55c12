//! The dry run: walks the plan on paper. Reads are real up to the first change that they are not apart from;
//! changes go into the overlay only. `exec` and whatever may leave traces never run.

mod world;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use backstay_dsl::catalogue::Catalogue;
use backstay_dsl::effect::Effect;
use backstay_dsl::model::{Block, Do, Expr, Statement, StatementKind, Step, Undo};

use crate::action::Context;
use crate::eval::{Evaluation, Evaluator, GroundEffect, Places};
use crate::plan::Plan;
use crate::plan::obligations::{Found, discharge};
use crate::plan::overlay::Overlay;
use crate::plan::report::{Change, PlanReport, Reading, ReadingResult, StepReport, Would};
use crate::value::{Answer, Unanswered, Value};
use crate::world::{Clock, World};
use backstay_dsl::units;

use world::OnPaper;

/// What a dry run sees of the world.
pub struct DryRun<'a> {
    pub plan: &'a Plan,
    /// The real world; only its reads are used.
    pub world: &'a dyn World,
    /// What is known of the actions.
    pub catalogue: &'a Catalogue,
    /// Where paths are taken from.
    pub places: &'a Places,
    /// What an action gets beside its arguments.
    pub context: Context,
    pub clock: &'a dyn Clock,
}

/// The walk itself.
struct Walk<'a> {
    paper: OnPaper<'a>,
}

impl DryRun<'_> {
    /// Walks the plan. Changes nothing.
    pub async fn report(self) -> PlanReport {
        let plan = self.plan;
        let walk = Walk {
            paper: OnPaper {
                run: self,
                overlay: Mutex::new(Overlay::new(&plan.topology)),
                bindings: Mutex::new(BTreeMap::new()),
                anchors: Mutex::new(BTreeMap::new()),
            },
        };
        let mut found = discharge(plan, Some(walk.paper.run.world), &walk.paper, &walk.evaluator()).await;
        let not_apart = std::mem::take(&mut found.not_apart);
        let mut readings = walk.now().await;
        let mut obstacles = std::mem::take(&mut found.unsupported);
        walk.services(found, &mut readings, &mut obstacles);
        let mut steps = Vec::new();
        for step in plan.program.order() {
            steps.push((step, walk.step(plan.program.step(step)).await));
        }
        steps.sort_by_key(|(step, _)| *step);
        let window = plan.runbook.window;
        PlanReport {
            runbook: plan.runbook.name.clone(),
            title: plan.runbook.title.clone(),
            digest: plan.digest.clone(),
            window_ms: window.map(|window| window.window_ms),
            keep_ms: window.map(|window| window.keep_ms),
            forward_to_commit_ms: plan.times.forward_to_commit_ms,
            forward_ms: plan.times.forward_ms,
            longest_way_back_ms: plan.times.longest_way_back_ms,
            way_back_parts: plan.times.way_back_parts.clone(),
            slack_ms: plan.times.slack_ms,
            readings,
            steps: steps.into_iter().map(|(_, step)| step).collect(),
            not_apart,
            obstacles,
        }
    }
}

impl Walk<'_> {
    fn plan(&self) -> &Plan {
        self.paper.run.plan
    }

    fn evaluator(&self) -> Evaluator<'_> {
        Evaluator::new(&self.plan().runbook, &self.paper)
    }

    fn scrub(&self, text: &str) -> String {
        self.plan().redactor.scrub_text(text).into_owned()
    }

    /// What was found out about services: how things are now, and what the run would be refused for. What a
    /// step before the window may still bring about is only told.
    fn services(&self, found: Found, readings: &mut Vec<Reading>, obstacles: &mut Vec<String>) {
        let mut steps = self.plan().runbook.steps.iter().filter(|step| step.before_window);
        let may_change = steps.any(|step| {
            let mut statements = step.body.statements.iter();
            statements.any(|statement| matches!(statement.kind, StatementKind::Do(_)))
        });
        let reading = |result, evidence: &str| Reading {
            label: "services".to_owned(),
            result,
            evidence: self.scrub(evidence),
        };
        if !found.seen.is_empty() {
            readings.push(reading(ReadingResult::Holds, &found.seen.join("; ")));
        }
        for (_, reason) in found.broken {
            if may_change {
                let told = format!("{reason} (asked again after the steps before the window)");
                readings.push(reading(ReadingResult::DoesNotHold, &told));
            } else {
                obstacles.push(self.scrub(&reason));
            }
        }
    }

    /// Services and anchors as they are now.
    async fn now(&self) -> Vec<Reading> {
        let mut readings = Vec::new();
        for service in &self.plan().runbook.services {
            if let Some(check) = &service.well {
                readings.push(
                    self.reading(&format!("{}: {}", service.title, check.label), &check.condition)
                        .await,
                );
            }
        }
        for anchor in &self.plan().runbook.anchors {
            let answer = self.evaluator().value(&anchor.value).await;
            let reading = match &answer {
                Ok(value) => Reading {
                    label: anchor.name.clone(),
                    result: ReadingResult::Holds,
                    evidence: crate::eval::shown(&self.plan().redactor, value),
                },
                Err(unanswered) => Reading {
                    label: anchor.name.clone(),
                    result: ReadingResult::Unknown,
                    evidence: self.scrub(&unanswered.reason),
                },
            };
            readings.push(reading);
            let mut anchors = self.paper.anchors.lock().unwrap_or_else(PoisonError::into_inner);
            anchors.insert(anchor.name.clone(), answer);
        }
        readings
    }

    async fn reading(&self, label: &str, condition: &Expr) -> Reading {
        let Evaluation { answer, evidence } = self.evaluator().evaluate(condition).await;
        let (result, evidence) = match answer {
            Ok(Value::Bool(false)) => (ReadingResult::DoesNotHold, evidence),
            Ok(_) => (ReadingResult::Holds, evidence),
            Err(unanswered) => (ReadingResult::Unknown, unanswered.reason),
        };
        Reading {
            label: label.to_owned(),
            result,
            evidence: self.scrub(&evidence),
        }
    }

    async fn step(&self, step: &Step) -> StepReport {
        let steps = &self.plan().runbook.steps;
        let mut report = StepReport {
            id: step.name.clone(),
            title: step.title.clone(),
            after: step
                .after
                .iter()
                .filter_map(|place| steps.get(*place).map(|step| step.name.clone()))
                .collect(),
            before_window: step.before_window,
            budget_ms: step.budget_ms,
            would: Would::Run,
            reason: String::new(),
            notes: Vec::new(),
            changes: Vec::new(),
            readings: Vec::new(),
        };
        for statement in &step.body.statements {
            self.statement(&step.name, statement, &mut report).await;
            if report.would == Would::Skip {
                break;
            }
        }
        report
    }

    async fn statement(&self, step: &str, statement: &Statement, report: &mut StepReport) {
        match &statement.kind {
            StatementKind::Require { condition, otherwise } => {
                let mut reading = self.reading("what is required", condition).await;
                if reading.result == ReadingResult::DoesNotHold {
                    report.reason = format!("it would fail: {otherwise}");
                    reading.label.clone_from(otherwise);
                }
                report.readings.push(reading);
            }
            StatementKind::SkipWhen { condition, because } => {
                let reading = self.reading(&format!("to be skipped, {because}"), condition).await;
                passed_over(report, &reading, ReadingResult::Holds, because);
                report.readings.push(reading);
            }
            StatementKind::OnlyWhen { condition, because } => {
                let reading = self.reading(&format!("wanted, {because}"), condition).await;
                passed_over(report, &reading, ReadingResult::DoesNotHold, because);
                report.readings.push(reading);
            }
            StatementKind::Check(check) => {
                report.readings.push(self.reading(&check.label, &check.condition).await);
            }
            StatementKind::Let { binding, value } => {
                let answer = self.evaluator().value(value).await;
                self.bind(*binding, answer);
            }
            StatementKind::Do(action) => self.action(step, &statement.key, action, report).await,
            StatementKind::Ask(ask) => {
                report.notes.push(format!("asks a person: {}", ask.prompt));
                if let Some(binding) = ask.binding {
                    self.bind(binding, Err(unknown_until(step)));
                }
            }
            StatementKind::Take(hold) | StatementKind::Release(hold) => {
                let is_take = matches!(statement.kind, StatementKind::Take(_));
                report
                    .notes
                    .push(format!("{} {hold}", if is_take { "takes" } else { "releases" }));
                self.hold(step, hold, is_take, report).await;
            }
            StatementKind::Commits { because } => {
                report.notes.push(format!("POINT OF NO RETURN: {because}"));
            }
            StatementKind::Wait { duration_ms, because } => {
                report
                    .notes
                    .push(format!("waits {}: {because}", units::duration(*duration_ms)));
            }
            StatementKind::Record(_) | StatementKind::Unwind => {}
        }
    }

    async fn hold(&self, step: &str, name: &str, is_take: bool, report: &mut StepReport) {
        let Some(hold) = self.plan().runbook.holds.iter().find(|hold| hold.name == name) else {
            return;
        };
        let block: &Block = if is_take { &hold.take } else { &hold.release };
        for statement in &block.statements {
            if let StatementKind::Do(action) = &statement.kind {
                self.action(step, &statement.key, action, report).await;
            }
        }
    }

    async fn action(&self, step: &str, key: &str, action: &Do, report: &mut StepReport) {
        let evaluator = self.evaluator();
        let ground = evaluator.ground(&action.call).await;
        let mut preview = None;
        let (words, effects, unnamed) = match &ground {
            Ok(call) => {
                if self.paper.is_apart(&call.effects) {
                    preview = self.paper.run.world.preview(&self.paper.run.context, call).await;
                }
                (call.effects_in_words(), call.effects.clone(), Vec::new())
            }
            Err(_) => self.partly_ground(action).await,
        };
        if action.call.effects.is_changing() || !words.is_empty() {
            report.changes.push(Change {
                key: key.to_owned(),
                title: action.title.clone().unwrap_or_else(|| action.call.action.clone()),
                action: action.call.action.clone(),
                effects: words.iter().map(|words| self.scrub(words)).collect(),
                preview: preview.map(|preview| self.scrub(&preview)),
            });
        }
        if let Some(Undo::No(because)) = &action.undo {
            let title = action.title.as_deref().unwrap_or(&action.call.action);
            report.notes.push(format!("no undo of {title}: {because}"));
        }
        let mut overlay = self.paper.overlay.lock().unwrap_or_else(PoisonError::into_inner);
        overlay.change(&effects, step);
        for effect in unnamed {
            overlay.change_unnamed(effect, step);
        }
        drop(overlay);
        if let Some(binding) = action.binding {
            self.bind(binding, Err(unknown_until(step)));
        }
    }

    /// The effects of an action some of whose arguments are not known yet, and those that name nothing yet.
    async fn partly_ground<'a>(&self, action: &'a Do) -> (Vec<String>, Vec<Effect<String>>, Vec<&'a Effect<Expr>>) {
        let mut words = Vec::new();
        let mut effects = Vec::new();
        let mut unnamed = Vec::new();
        for effect in &action.call.effects.list {
            let (known, rest) = match self.evaluator().ground_effect(effect).await {
                Ok(ground) => (Ok(ground), ""),
                Err(_) if matches!(effect, Effect::Starts { .. }) => {
                    (self.without_value(effect).await, " with what is not known yet")
                }
                Err(_) => (self.without_value(effect).await, " to what is not known yet"),
            };
            match known {
                Ok(GroundEffect::Now(ground)) => {
                    words.push(format!("{ground}{rest}"));
                    effects.push(ground);
                }
                // It is new, or a backup: nothing read before it could depend on it.
                Ok(GroundEffect::OfResult(ground)) => words.push(ground.to_string()),
                Err(_) => {
                    let kind = effect.resource().map_or("", |resource| resource.kind.word());
                    words.push(format!("{} {kind}(not known yet)", effect.word()));
                    unnamed.push(effect);
                }
            }
        }
        (words, effects, unnamed)
    }

    /// The effect without the value that its resource gets: that may be all that is not known.
    async fn without_value(&self, effect: &Effect<Expr>) -> Result<GroundEffect, Unanswered> {
        let bare = match effect.clone() {
            Effect::Sets { resource, .. } => Effect::Sets { resource, to: None },
            Effect::Starts { member, .. } => Effect::Starts { member, with: None },
            other => other,
        };
        self.evaluator().ground_effect(&bare).await
    }

    fn bind(&self, binding: backstay_dsl::model::BindingId, answer: Answer) {
        let mut bindings = self.paper.bindings.lock().unwrap_or_else(PoisonError::into_inner);
        bindings.insert(binding, answer);
    }
}

fn unknown_until(step: &str) -> Unanswered {
    Unanswered::new(format!("unknown until step {step}"))
}

fn passed_over(report: &mut StepReport, reading: &Reading, decisive: ReadingResult, because: &str) {
    if reading.result == decisive {
        report.would = Would::Skip;
        because.clone_into(&mut report.reason);
    } else if reading.result == ReadingResult::Unknown {
        report.would = Would::Unknown;
        report.reason = format!("decided at step {}: {}", report.id, reading.evidence);
    }
}
