//! Checking a runbook's file: reading, compiling, and what was found.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use backstay_dsl::allow::SLUGS;
use backstay_dsl::catalogue::Catalogue;
use backstay_dsl::compile::{Compiled, Outcome, compile, compile_for};
use backstay_dsl::diagnostic::{Diagnostic, Severity};
use backstay_dsl::model::Runbook;
use backstay_dsl::program::Program;
use backstay_dsl::prove::prove_with_inputs;
use backstay_dsl::source::{SourceMap, Sources};
use backstay_dsl::term::Term;
use backstay_dsl::time::Times;
use backstay_dsl::unroll::Lengths;

use crate::error::Error;
use crate::sources::{FileSources, KeptSources, SourceError};
use crate::value::Value;

/// A runbook that was read and compiled.
pub struct Checked {
    pub sources: SourceMap,
    /// The runbook; `None` where an error was found.
    pub runbook: Option<Arc<Runbook>>,
    /// What was found, by place.
    pub diagnostics: Vec<Diagnostic>,
    pub times: Times,
    pub kept: KeptSources,
}

impl Checked {
    /// Whether no error was found. A module is valid too, though there is nothing in it to run.
    pub fn is_valid(&self) -> bool {
        !self.diagnostics.iter().any(|found| found.severity == Severity::Error)
    }

    /// The runbook, or the errors.
    pub fn into_valid(self) -> Result<(Arc<Runbook>, SourceMap, Times, KeptSources), Error> {
        if let Some(runbook) = self.runbook {
            return Ok((runbook, self.sources, self.times, self.kept));
        }
        let errors = self.diagnostics.iter();
        let errors = errors.filter(|found| found.severity == Severity::Error).count();
        let (reason, help) = match errors {
            0 => (
                "this file is a module: it has no steps that could be carried out".to_owned(),
                "give the file that begins with `runbook NAME \"title\"` and uses it",
            ),
            1 => ("the runbook has an error".to_owned(), MEND),
            several => (format!("the runbook has {several} errors"), MEND),
        };
        Err(Error::Invalid {
            reason,
            help: vec![help.to_owned()],
            sources: Box::new(self.sources),
            diagnostics: self.diagnostics,
        })
    }
}

/// Proves a runbook once more, now with the values of its inputs.
pub(crate) fn prove_with(
    (runbook, times): (&Arc<Runbook>, &Times),
    sources: &SourceMap,
    catalogue: &Catalogue,
    inputs: &BTreeMap<String, Value>,
) -> Result<(), Error> {
    let known = inputs
        .iter()
        .filter_map(|(name, value)| Some((name.clone(), term(value)?)));
    let program = Program::new(Arc::clone(runbook));
    let diagnostics = prove_with_inputs(&program, sources, catalogue, times, known.collect());
    if diagnostics.is_empty() {
        return Ok(());
    }
    Err(Error::Unsafe {
        reason: "with these inputs the runbook is not safe".to_owned(),
        help: vec!["give other inputs, or mend what is shown; `backstay explain SLUG` says more about each".to_owned()],
        sources: Box::new(sources.clone()),
        diagnostics,
    })
}

/// A value as proofs compare it with what stands in the text; `None` of what is in no name.
fn term(value: &Value) -> Option<Term> {
    Some(match value {
        Value::Path(path) => Term::path(path),
        Value::Url(url) => Term::url(url),
        Value::Duration(number) | Value::Size(number) => Term::text(number.to_string()),
        Value::Text(_)
        | Value::Image(_)
        | Value::Package(_)
        | Value::Digest(_)
        | Value::Version(_)
        | Value::Host(_)
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Port(_) => Term::text(value.canonical()),
        _ => return None,
    })
}

const MEND: &str = "mend what is shown; `backstay explain SLUG` says more about each";

/// Reads and compiles a runbook's file. A runbook with errors is an answer, not an error.
pub fn check_file(file: &Path, catalogue: &Catalogue) -> Result<Checked, Error> {
    let (sources, name, text) = FileSources::open(file).map_err(|error| unreadable(&error))?;
    let compiled = compile(&name, &text, &sources, catalogue);
    Ok(checked(compiled, sources.into_kept()))
}

/// The lengths of the lists that steps are done for, as they are given; the error says which cannot be used.
fn lengths(runbook: &Runbook, inputs: &BTreeMap<String, Value>) -> Result<Lengths, String> {
    let mut found = Lengths::default();
    for name in &runbook.lists {
        let Some(Value::List(elements)) = inputs.get(name) else {
            continue;
        };
        if elements.is_empty() {
            return Err(format!(
                "`{name}` is empty, and steps are done for each of its elements"
            ));
        }
        let mut seen = BTreeSet::new();
        if let Some(twice) = elements
            .iter()
            .map(Value::canonical)
            .find(|one| !seen.insert(one.clone()))
        {
            return Err(format!(
                "`{twice}` stands in `{name}` twice, and steps are done for each of its elements"
            ));
        }
        found.0.insert(name.clone(), elements.len() as u64);
    }
    Ok(found)
}

/// The runbook with the lengths that its lists have; it was checked with all lengths. The error says which list cannot be
/// used.
pub(crate) fn with_lengths(
    (runbook, times): (Arc<Runbook>, Times),
    kept: &KeptSources,
    catalogue: &Catalogue,
    inputs: &BTreeMap<String, Value>,
) -> Result<(Arc<Runbook>, Times), String> {
    let lengths = lengths(&runbook, inputs)?;
    if lengths.0.is_empty() {
        return Ok((runbook, times));
    }
    let (name, text) = kept.runbook();
    let compiled = compile_for(name, text, kept as &dyn Sources, (catalogue, &lengths));
    Ok(match compiled.outcome {
        Outcome::Whole(runbook) | Outcome::Partial(runbook) => (runbook, compiled.times),
        Outcome::Nothing => (runbook, times),
    })
}

/// Compiles the texts that were kept with a run.
pub(crate) fn check_kept(kept: KeptSources, catalogue: &Catalogue) -> Checked {
    let (name, text) = kept.runbook();
    let compiled = compile(name, text, &kept as &dyn Sources, catalogue);
    // What is under way is finished, also where a later program would not have let it begin.
    let is_unsafe = |found: &Diagnostic| found.severity != Severity::Error || SLUGS.contains(&found.slug);
    let outcome = match compiled.outcome {
        Outcome::Partial(runbook) if compiled.diagnostics.iter().all(is_unsafe) => Outcome::Whole(runbook),
        outcome => outcome,
    };
    checked(Compiled { outcome, ..compiled }, kept)
}

fn checked(compiled: Compiled, kept: KeptSources) -> Checked {
    let runbook = match compiled.outcome {
        Outcome::Whole(runbook) => Some(runbook),
        Outcome::Partial(_) | Outcome::Nothing => None,
    };
    Checked {
        sources: compiled.sources,
        runbook,
        diagnostics: compiled.diagnostics,
        times: compiled.times,
        kept,
    }
}

fn unreadable(error: &SourceError) -> Error {
    match error {
        SourceError::Unreadable { .. } => Error::usage(error.to_string(), "give the path of a runbook's file"),
        SourceError::NotText { .. } => Error::Invalid {
            reason: error.to_string(),
            help: vec!["a runbook is a text in UTF-8 of at most 16 MiB".to_owned()],
            sources: Box::default(),
            diagnostics: Vec::new(),
        },
    }
}
