//! Where runs are kept, and which one is meant.

use std::fs;
use std::path::{Path, PathBuf};

use backstay::transcript::RECORDS_FILE;
use etcetera::BaseStrategy as _;

use crate::arguments::StateOption;
use crate::failure::Failure;

/// How many runs a message names at most.
const NAMED_RUNS_MAX: usize = 5;

/// The directory in which every run has its own.
pub(crate) fn runs_directory(option: &StateOption) -> Result<PathBuf, Failure> {
    let directory = match &option.state_dir {
        Some(directory) => directory.clone(),
        None => default_directory()?,
    };
    std::path::absolute(&directory)
        .map_err(|error| Failure::usage(format!("{} is no directory: {error}", directory.display())))
}

fn default_directory() -> Result<PathBuf, Failure> {
    let base = etcetera::choose_base_strategy()
        .map_err(|_| Failure::usage("there is no home directory to keep runs in").help("say where: --state-dir DIR"))?;
    let state = base.state_dir().unwrap_or_else(|| base.data_dir());
    Ok(state.join("backstay").join("runs"))
}

/// The directory of a run, which is given by its name or its directory.
pub(crate) fn run_directory(option: &StateOption, run: &str) -> Result<PathBuf, Failure> {
    let is_run = |directory: &Path| directory.join(RECORDS_FILE).is_file();
    let directory = Path::new(run);
    if is_run(directory) {
        return std::path::absolute(directory).map_err(|error| Failure::usage(format!("{run}: {error}")));
    }
    let runs = runs_directory(option)?;
    let is_name = !run.is_empty() && !run.contains('/') && run != "." && run != "..";
    let directory = runs.join(run);
    if is_name && is_run(&directory) {
        return Ok(directory);
    }
    let reason = format!(
        "there is no run `{}` in {}",
        backstay::render::visible(run),
        runs.display()
    );
    let known = known_runs(&runs);
    Err(Failure::usage(reason).help(if known.is_empty() {
        "no run was kept there; say where with --state-dir DIR".to_owned()
    } else {
        format!("the latest there: {}", known.join(", "))
    }))
}

/// The names of the latest runs, the latest first.
fn known_runs(runs: &Path) -> Vec<String> {
    let mut known: Vec<_> = fs::read_dir(runs)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let changed = fs::metadata(entry.path().join(RECORDS_FILE)).ok()?.modified().ok()?;
            Some((changed, entry.file_name().to_string_lossy().into_owned()))
        })
        .collect();
    known.sort();
    known
        .into_iter()
        .rev()
        .take(NAMED_RUNS_MAX)
        .map(|(_, name)| name)
        .collect()
}
