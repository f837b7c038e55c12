//! A plan: the checked runbook with its inputs, worked out to the last word before anything runs.

mod constants;
mod digest;
pub mod dry_run;
#[cfg(test)]
pub(crate) mod fixture;
pub mod obligations;
pub(crate) mod overlay;
pub mod report;
pub mod saved;
mod topology;
pub(crate) mod undo;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use backstay_dsl::catalogue::Catalogue;
use backstay_dsl::effect::Effect;
use backstay_dsl::model::{Runbook, Statement, StatementKind, Variant};
use backstay_dsl::program::Program;
use backstay_dsl::source::SourceMap;
use backstay_dsl::time::{Times, times};
use backstay_dsl::topology::Topology;
use backstay_dsl::walk;
use futures_util::FutureExt;

use crate::eval::{Places, Recorded, shown};
use crate::redact::Redactor;
use crate::value::{GroundResource, Value};

pub(crate) use constants::Constants;
pub use digest::PLAN_FORMAT;
pub(crate) use words::retries;

/// What is going to be carried out. Everything in it is fixed before the first record.
#[derive(Debug, Clone)]
pub struct Plan {
    pub runbook: Arc<Runbook>,
    /// The inputs, validated; secrets among them.
    pub inputs: BTreeMap<String, Value>,
    /// Finds the secrets among the inputs: made once, shared by all that the run does.
    pub redactor: Redactor,
    /// Which of several this is, where the text says so.
    pub label: Option<String>,
    /// Services and states with their real values.
    pub topology: Arc<Topology<String>>,
    pub times: Times,
    /// The machines on which something stands, this one apart: the input that names each, and its name.
    pub hosts: BTreeMap<String, String>,
    /// SHA-256 over sources, catalogue, plan format, inputs (secrets by name) and times: `sha256:…`.
    pub digest: String,
    /// Each source: name and SHA-256.
    pub source_digests: Vec<(String, String)>,
    /// The runbook by ids: blocks, statements, the order of the steps.
    pub program: Program,
    /// Where paths are taken from.
    pub places: Places,
}

/// A plan cannot be made of these inputs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {reason}")]
pub struct PlanError {
    /// What cannot be worked out.
    pub what: String,
    /// Why: one line.
    pub reason: String,
}

impl PlanError {
    fn new(what: &str, reason: impl Into<String>) -> Self {
        Self {
            what: what.to_owned(),
            reason: reason.into(),
        }
    }
}

/// What a plan is made of.
pub struct Parts<'a> {
    pub runbook: Arc<Runbook>,
    /// The texts it was compiled from.
    pub sources: &'a SourceMap,
    /// What the compiler saw of the actions.
    pub catalogue: &'a Catalogue,
    pub times: Times,
    /// The inputs, validated.
    pub inputs: BTreeMap<String, Value>,
    /// Where paths are taken from.
    pub places: &'a Places,
}

/// The runbook that the inputs choose.
fn chosen(parts: Parts<'_>) -> Result<Parts<'_>, PlanError> {
    let variants = &parts.runbook.variants;
    let is_meant = |variant: &&Variant| {
        let is = |(input, word): (&String, &String)| parts.inputs.get(input) == Some(&Value::Text(word.clone()));
        variant.chosen.iter().all(is)
    };
    let Some(first) = variants.first() else {
        return Ok(parts);
    };
    if let Some(variant) = variants.iter().find(is_meant) {
        let runbook = Arc::clone(&variant.runbook);
        let times = times(&runbook, Program::new(Arc::clone(&runbook)).step_order());
        return Ok(Parts {
            runbook,
            times,
            ..parts
        });
    }
    let known = |input: &str, value: &Value| {
        variants
            .iter()
            .any(|other| Value::Text(other.chosen[input].clone()) == *value)
    };
    let wrong = first.chosen.keys().find_map(|input| {
        let value = parts.inputs.get(input)?;
        (!known(input, value)).then_some((input, value))
    });
    let (input, value) = wrong.map_or(("", String::new()), |(input, value)| (input, value.canonical()));
    let words: BTreeSet<&str> = variants
        .iter()
        .filter_map(|other| other.chosen.get(input))
        .map(String::as_str)
        .collect();
    let words: Vec<&str> = words.into_iter().collect();
    let reason = format!("“{value}” chooses no module; it has to be one of {}", words.join(", "));
    Err(PlanError::new(&format!("input `{input}`"), reason))
}

impl Plan {
    /// Works a runbook out with its inputs. Nothing is asked of the world.
    pub fn new(parts: Parts<'_>) -> Result<Self, PlanError> {
        let parts = chosen(parts)?;
        let redactor = Redactor::of_values(parts.inputs.values());
        let known = Recorded::of_inputs(&parts.runbook, parts.places, &redactor, &parts.inputs);
        let topology = topology::topology(&parts.runbook, &known.evaluator())?;
        let label = parts.runbook.label.as_ref();
        let label = label.map(|label| topology::text("`label`", label, &known.evaluator()));
        let label = label.transpose()?;
        let hosts = topology::hosts(&parts.runbook, &parts.inputs)?;
        let source_digests = digest::sources(parts.sources);
        let digest = digest::plan(&source_digests, parts.catalogue, &parts.inputs, &parts.times);
        Ok(Self {
            redactor,
            label,
            hosts,
            topology: Arc::new(topology),
            times: parts.times,
            digest,
            source_digests,
            program: Program::new(Arc::clone(&parts.runbook)),
            runbook: parts.runbook,
            inputs: parts.inputs,
            places: parts.places.clone(),
        })
    }

    /// What the text changes or reads, as far as the inputs say which things these are.
    pub(crate) fn known_resources(&self) -> Vec<GroundResource> {
        let recorded = self.of_inputs();
        let mut known = Vec::new();
        for (_, statement) in self.program.statements() {
            if let Some(action) = statement.action() {
                let resources = action.call.effects.list.iter().filter_map(Effect::resource);
                known.extend(resources.filter_map(|resource| recorded.resource(resource)));
            }
            for expr in walk::expressions(statement) {
                known.extend(recorded.evaluator().reads(expr).now_or_never().into_iter().flatten());
            }
        }
        known
    }

    /// The calls that are the same whatever happens, worked out.
    pub(crate) fn constants(&self) -> Constants {
        Constants::new(&self.program, &self.of_inputs().evaluator())
    }

    /// Whether the inputs alone decide that nothing behind this statement of a step is carried out.
    pub(crate) fn surely_ends_step(&self, statement: &Statement) -> bool {
        let (condition, decisive) = match &statement.kind {
            StatementKind::OnlyWhen { condition, .. } | StatementKind::Require { condition, .. } => (condition, false),
            StatementKind::SkipWhen { condition, .. } => (condition, true),
            _ => return false,
        };
        self.of_inputs().value(condition) == Some(Value::Bool(decisive))
    }

    /// The inputs as people see them, in the order of the text; `None` of a secret, and where an optional one has none.
    fn shown_inputs(&self) -> impl Iterator<Item = (&str, Option<String>)> {
        self.runbook.inputs.iter().map(|input| {
            let value = self.inputs.get(&input.name);
            let plain = value.filter(|value| !matches!(value, Value::Secret(_) | Value::Absent));
            (input.name.as_str(), plain.map(|value| shown(&self.redactor, value)))
        })
    }

    /// What follows from the inputs alone: nothing is asked.
    fn of_inputs(&self) -> Recorded<'_> {
        Recorded::of_inputs(&self.runbook, &self.places, &self.redactor, &self.inputs)
    }
}
