//! The dry run: walks the plan on paper. Reads are real up to the first change that they are not apart from;
//! changes go into the overlay only. `exec` and whatever may leave traces never run.

mod step;
mod world;

use std::collections::BTreeSet;

use backstay_dsl::catalogue::Catalogue;
use backstay_dsl::model::{Check, Expr, StatementKind};
use backstay_dsl::topology::{MemberId, Runs, Service};

use crate::action::Context;
use crate::eval::{Evaluation, Evaluator, Patience, describe, shown};
use crate::plan::Plan;
use crate::plan::obligations::{Found, discharge};
use crate::plan::report::{
    Asked, Head, InputReport, PlanReport, Reading, ReadingResult, SetAsideReport, ThingReport, TimesReport,
};
use crate::plan::words::Words;
use crate::value::{Answer, Unanswered, Value};
use crate::world::{Clock, World};

use world::{OnPaper, Sources};

/// What a dry run sees of the world.
pub struct DryRun<'a> {
    pub plan: &'a Plan,
    /// The real world; only its reads are used.
    pub world: &'a dyn World,
    /// What is known of the actions.
    pub catalogue: &'a Catalogue,
    /// What an action gets beside its arguments.
    pub context: Context,
    pub clock: &'a dyn Clock,
}

/// The walk itself.
struct Walk<'a> {
    paper: OnPaper<'a>,
    words: Words<'a>,
    /// For each step: whether it acts, or a step that it waits for does.
    acts: Vec<bool>,
    obstacles: Vec<String>,
    /// What previews said that is told once.
    caveats: BTreeSet<String>,
}

impl DryRun<'_> {
    /// Walks the plan. Changes nothing.
    pub async fn report(self) -> PlanReport {
        let plan = self.plan;
        let mut walk = Walk {
            words: Words::new(plan),
            paper: OnPaper::new(self),
            acts: vec![false; plan.runbook.steps.len()],
            obstacles: Vec::new(),
            caveats: BTreeSet::new(),
        };
        let readings = walk.now().await;
        let steps = walk.steps().await;
        PlanReport {
            head: head(plan),
            inputs: walk.inputs(),
            things: things(plan),
            times: times(plan),
            readings,
            steps,
            watches: walk.words.watches(),
            way_back: walk.words.way_back(),
            obstacles: walk.obstacles,
        }
    }
}

fn head(plan: &Plan) -> Head {
    let runbook = &plan.runbook;
    Head {
        runbook: runbook.name.clone(),
        title: runbook.title.clone(),
        doc: runbook.doc.clone(),
        version: runbook.version.clone(),
        owner: runbook.owner.clone(),
        affects: runbook.affects.clone(),
        label: plan.label.clone(),
        set_aside: runbook
            .set_aside
            .iter()
            .map(|set_aside| SetAsideReport {
                rule: set_aside.slug.clone(),
                because: set_aside.because.clone(),
            })
            .collect(),
        digest: plan.digest.clone(),
    }
}

fn things(plan: &Plan) -> Vec<ThingReport> {
    let (runbook, topology) = (&plan.runbook, &plan.topology);
    let services = runbook.services.iter().map(|service| {
        let members = topology
            .services
            .get(&service.name)
            .into_iter()
            .flat_map(|known| &known.members);
        ThingReport {
            word: "service",
            id: service.name.clone(),
            title: service.title.clone(),
            doc: service.doc.clone(),
            is: members.map(|(id, member)| in_words(id, &member.runs)).collect(),
        }
    });
    let states = runbook.states.iter().map(|state| {
        let parts = topology.states.get(&state.name).into_iter().flatten();
        let parts = parts.map(|part| {
            let excepted = topology.excepted(&state.name).filter(|(of, _)| *of == part);
            let excepted: Vec<String> = excepted.map(|(_, place)| format!("{place:?}")).collect();
            match excepted.as_slice() {
                [] => part.to_string(),
                some => format!("{part} except {}", some.join(", ")),
            }
        });
        ThingReport {
            word: "protect",
            id: state.name.clone(),
            title: state.title.clone(),
            doc: state.doc.clone(),
            is: parts.collect(),
        }
    });
    services.chain(states).collect()
}

/// `process("redis", port: 6379)`, behind the name of one of several members.
fn in_words(id: &MemberId, runs: &Runs<String>) -> String {
    let which = id
        .as_str()
        .strip_prefix(id.service())
        .and_then(|rest| rest.strip_prefix('.'));
    let which = which.map_or_else(String::new, |which| format!("{which}: "));
    let known_by = runs.known_by_in_words();
    let joint = if known_by.is_empty() { "" } else { ", " };
    format!("{which}{}({:?}{joint}{known_by})", runs.kind.word(), runs.name)
}

fn times(plan: &Plan) -> TimesReport {
    let window = plan.runbook.window;
    TimesReport {
        window_ms: window.map(|window| window.window_ms),
        keep_ms: window.map(|window| window.keep_ms),
        forward_to_commit_ms: plan.times.forward_to_commit_ms,
        forward_ms: plan.times.forward_ms,
        longest_way_back_ms: plan.times.longest_way_back_ms,
        way_back_parts: plan.times.way_back_parts.clone(),
        slack_ms: plan.times.slack_ms,
    }
}

impl<'a> Walk<'a> {
    fn plan(&self) -> &'a Plan {
        self.paper.run.plan
    }

    fn evaluator(&self) -> Evaluator<'_> {
        Evaluator::new(&self.paper.run.plan.runbook, &self.paper)
    }

    fn scrub(&self, text: &str) -> String {
        self.plan().redactor.scrub_text(text).into_owned()
    }

    fn inputs(&self) -> Vec<InputReport> {
        let plan = self.plan();
        let inputs = plan.runbook.inputs.iter().zip(plan.shown_inputs());
        let inputs = inputs.map(|(input, (name, value))| InputReport {
            name: name.to_owned(),
            doc: input.doc.clone(),
            value,
            is_secret: input.secret.is_some(),
        });
        inputs.collect()
    }

    /// How things are now: obligations, services and anchors.
    async fn now(&mut self) -> Vec<Reading> {
        let record = &self.paper.run.context.run_directory;
        let found = discharge(
            self.plan(),
            record,
            Some(self.paper.run.world),
            &self.paper,
            &self.evaluator(),
        )
        .await;
        self.paper.take_sources();
        let unsupported = found.unsupported.iter().map(|reason| self.scrub(reason));
        let not_apart = found.not_apart.iter();
        let not_apart =
            not_apart.map(|reason| self.scrub(&format!("not-apart: {reason} (backstay explain not-apart)")));
        self.obstacles = unsupported.chain(not_apart).collect();
        let mut readings = Vec::new();
        self.wells(&mut readings).await;
        self.anchors(&mut readings).await;
        self.services(found, &mut readings);
        readings
    }

    /// Whether a step before the window may still bring about what is asked at the opening.
    fn may_change_before_window(&self) -> bool {
        let mut steps = self.plan().runbook.steps.iter().filter(|step| step.before_window);
        steps.any(|step| {
            let mut statements = step.body.statements.iter();
            statements.any(|statement| matches!(statement.kind, StatementKind::Do(_)))
        })
    }

    /// What was found out about services, and what the run would be refused for. What a step before the window
    /// may still bring about is only told.
    fn services(&mut self, found: Found, readings: &mut Vec<Reading>) {
        let asked = self.asked_at_opening();
        let redactor = &self.plan().redactor;
        let reading = |label: &str, result, asked, evidence: &str| Reading {
            label: label.to_owned(),
            doc: String::new(),
            question: String::new(),
            result,
            asked,
            evidence: redactor.scrub_text(evidence).into_owned(),
        };
        for (label, seen) in [("required", &found.required), ("services", &found.seen)] {
            if !seen.is_empty() {
                readings.push(reading(label, ReadingResult::Holds, Asked::Now, &seen.join("; ")));
            }
        }
        for (word, reason) in found.broken {
            if asked == Asked::Now || word == "require" {
                self.obstacles.push(self.scrub(&reason));
            } else {
                let label = if word == "programs" { word } else { "services" };
                readings.push(reading(label, ReadingResult::DoesNotHold, asked, &reason));
            }
        }
    }

    fn asked_at_opening(&self) -> Asked {
        if self.may_change_before_window() {
            Asked::BeforeChange
        } else {
            Asked::Now
        }
    }

    /// Whether services are well. One that begins running has to be.
    async fn wells(&mut self, readings: &mut Vec<Reading>) {
        let plan = self.plan();
        let asked = self.asked_at_opening();
        for service in &plan.runbook.services {
            let Some(check) = &service.well else { continue };
            let label = format!("{}: {}", service.title, check.label);
            let mut reading = self.checked(&label, check, false).await;
            let known = plan.topology.services.get(&service.name);
            reading.asked = if known.is_some_and(Service::begins_running) {
                asked
            } else {
                Asked::BeforeChange
            };
            if reading.stops() {
                let obstacle = format!("{} is not well: {}: {}", service.title, check.label, reading.evidence);
                self.obstacles.push(obstacle);
            }
            readings.push(reading);
        }
    }

    async fn anchors(&self, readings: &mut Vec<Reading>) {
        for anchor in &self.plan().runbook.anchors {
            let (answer, sources) = self.answer(&anchor.value).await;
            let mut reading = self.value((&anchor.name, &anchor.value), &answer, sources, false);
            reading.doc.clone_from(&anchor.doc);
            if answer.is_err() {
                // That is recorded, and no run is refused for it.
                reading.asked = Asked::BeforeChange;
            }
            readings.push(reading);
            self.paper.note_anchor(&anchor.name, answer, sources);
        }
    }

    async fn answer(&self, expr: &Expr) -> (Answer, Sources) {
        let answer = self.evaluator().value(expr).await;
        (answer, self.paper.take_sources())
    }

    /// A question that holds or not. `acted`: the runbook does something before it is asked.
    async fn reading(&self, label: &str, condition: &Expr, acted: bool) -> Reading {
        self.asked_of((label, condition), acted, Patience::Own).await
    }

    /// A check asked once: with all of its time, where a run would ask it once too.
    async fn checked(&self, label: &str, check: &Check, acted: bool) -> Reading {
        let patience = match check.every_ms {
            Some(_) => Patience::Own,
            None => Patience::Once(check.within_ms),
        };
        self.asked_of((label, &check.condition), acted, patience).await
    }

    async fn asked_of(&self, (label, condition): (&str, &Expr), acted: bool, patience: Patience) -> Reading {
        let evaluator = self.evaluator().patient(patience);
        let Evaluation { answer, evidence } = evaluator.evaluate(condition).await;
        let sources = self.paper.take_sources();
        let result = result_of(&answer, sources);
        let evidence = answer.err().map_or(evidence, |unanswered| unanswered.reason);
        Reading {
            label: label.to_owned(),
            doc: String::new(),
            question: self.described(condition),
            result,
            asked: asked(sources, acted),
            evidence: self.scrub(&evidence),
        }
    }

    fn described(&self, expr: &Expr) -> String {
        let plan = self.plan();
        describe(&plan.runbook, &plan.redactor, expr)
    }

    /// A question for a value.
    fn value(&self, (label, question): (&str, &Expr), answer: &Answer, sources: Sources, acted: bool) -> Reading {
        Reading {
            label: label.to_owned(),
            doc: String::new(),
            question: self.described(question),
            result: match answer {
                Ok(_) => ReadingResult::Holds,
                Err(_) => result_of(answer, sources),
            },
            asked: asked(sources, acted),
            evidence: match answer {
                Ok(value) => shown(&self.plan().redactor, value),
                Err(unanswered) => self.scrub(&unanswered.reason),
            },
        }
    }
}

fn result_of(answer: &Answer, sources: Sources) -> ReadingResult {
    match answer {
        Ok(Value::Bool(false)) => ReadingResult::DoesNotHold,
        Ok(_) => ReadingResult::Holds,
        Err(_) if sources.is_withheld => ReadingResult::Unknown,
        Err(_) => ReadingResult::Unanswered,
    }
}

fn asked(sources: Sources, acted: bool) -> Asked {
    match (acted, sources.is_asked) {
        (false, _) => Asked::Now,
        (true, true) => Asked::BeforeChange,
        (true, false) => Asked::OnPaper,
    }
}

fn unknown_until(step: &str) -> Unanswered {
    Unanswered::open(format!("unknown until step {step}"))
}
