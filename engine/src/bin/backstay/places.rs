//! Where runs are kept, and which one is meant.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use backstay::render::visible;
use backstay::run::claims::{CLAIMS_DIRECTORY, ClaimPlace};
use backstay::run::directory::StateDirectory;
use backstay::transcript::RECORDS_FILE;
use etcetera::BaseStrategy as _;

use crate::arguments::{RunOptions, StateOption};
use crate::failure::{Failure, exit};

/// How many runs a message names at most.
const NAMED_RUNS_MAX: usize = 5;

/// The directories that all runs share.
pub(crate) struct Directories {
    /// Where runs are kept.
    pub(crate) state: StateDirectory,
    /// Where they say what they have on this machine.
    pub(crate) claims: ClaimPlace,
}

pub(crate) struct RunPlace {
    pub(crate) directories: Directories,
    pub(crate) run: String,
    pub(crate) directory: PathBuf,
    /// Whether it was meant by its name, or lies where runs are kept: then its record says the same name.
    pub(crate) is_named: bool,
}

/// The directories that the operator named, else those of this user and of this machine.
pub(crate) fn directories(option: &StateOption) -> Result<Directories, Failure> {
    let state = match &option.state_dir {
        Some(directory) => directory.clone(),
        None => default_directory()?,
    };
    Ok(Directories {
        state: StateDirectory(absolute(&state)?),
        claims: claim_place(option)?,
    })
}

fn claim_place(option: &StateOption) -> Result<ClaimPlace, Failure> {
    let directory = option.lock_dir.as_deref().unwrap_or(Path::new(CLAIMS_DIRECTORY));
    absolute(directory).map(ClaimPlace)
}

fn default_directory() -> Result<PathBuf, Failure> {
    let base = etcetera::choose_base_strategy()
        .map_err(|_| Failure::usage("there is no home directory to keep runs in").help("say where: --state-dir DIR"))?;
    let state = base.state_dir().unwrap_or_else(|| base.data_dir());
    Ok(state.join("backstay"))
}

fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(|error| Failure::usage(format!("{} is no directory: {error}", path.display())))
}

/// The run that is meant: by its name, its directory, or the file of its records.
pub(crate) fn run_place(RunOptions { run, state }: &RunOptions) -> Result<RunPlace, Failure> {
    let path = Path::new(run);
    if path.file_name() == Some(OsStr::new(RECORDS_FILE)) && path.is_file() {
        let file = absolute(path)?;
        return by_directory(file.parent().unwrap_or(&file), claim_place(state)?);
    }
    if path.join(RECORDS_FILE).is_file() {
        return by_directory(&absolute(path)?, claim_place(state)?);
    }
    let directories = directories(state)?;
    let state = &directories.state;
    let unread = |error: std::io::Error| {
        let reason = format!("runs cannot be looked for in {}: {error}", state.0.display());
        Failure::new(exit::REFUSED, reason).help("make it readable, or name another place: --state-dir DIR")
    };
    if let Some(found) = state.run(run).map_err(unread)? {
        return Ok(RunPlace {
            directories,
            run: found.run,
            directory: found.path,
            is_named: true,
        });
    }
    let known: Vec<String> = state
        .runs()
        .map_err(unread)?
        .into_iter()
        .rev()
        .take(NAMED_RUNS_MAX)
        .collect();
    let reason = format!("there is no run `{}` in {}", visible(run), state.0.display());
    Err(Failure::usage(reason).help(if known.is_empty() {
        "no run was kept there; say where with --state-dir DIR".to_owned()
    } else {
        format!("the latest there: {}", known.join(", "))
    }))
}

/// `STATE/runs/RUN`; a directory that was copied elsewhere can still be verified and shown.
fn by_directory(directory: &Path, claims: ClaimPlace) -> Result<RunPlace, Failure> {
    let directory = directory
        .canonicalize()
        .map_err(|error| Failure::usage(format!("{}: {error}", directory.display())))?;
    let name = directory.file_name().map(|name| name.to_string_lossy().into_owned());
    let state = directory.parent().and_then(Path::parent).unwrap_or(Path::new("/"));
    Ok(RunPlace {
        directories: Directories {
            state: StateDirectory(state.to_owned()),
            claims,
        },
        run: name.unwrap_or_default(),
        is_named: directory.parent().and_then(Path::file_name) == Some(OsStr::new("runs")),
        directory,
    })
}
