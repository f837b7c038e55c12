//! One run from its opening record to its rest: locks, transcript, signals, requests, driver.

mod asks;
mod resume;
mod start;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use backstay_dsl::catalogue::Catalogue;
use backstay_dsl::diagnostic::Diagnostic;
use backstay_dsl::source::SourceMap;
use tokio::sync::mpsc;

use crate::check::{Checked, check_file};
use crate::error::Error;
use crate::eval::Places;
use crate::event::{End, Event, RunEnd, Stamped};
use crate::inputs::{GivenInputs, SecretReader};
use crate::plan::Plan;
use crate::run::directory::{RunDirectory, StateDirectory};
use crate::run::driver::{DriveError, Driver, Observer, Ports, Rest, Settings, ShowProgress};
use crate::run::lock::{Lock, LockError};
use crate::run::{orphans, requests, signals};
use crate::transcript::{DiskJournal, RECORDS_FILE, ReadError, Reader, Record};
use crate::world::{Clock, Person, World};

pub use resume::{ResumeOptions, pause, resume, turn_back};
pub use start::{StartOptions, start};

/// What a run is given by whoever calls, beside what it is to do.
pub struct Surroundings {
    pub state_directory: StateDirectory,
    /// Where paths are taken from.
    pub places: Places,
    /// What the compiler sees of the actions.
    pub catalogue: Arc<Catalogue>,
    pub world: Arc<dyn World>,
    pub clock: Arc<dyn Clock>,
    pub person: Arc<dyn Person>,
    /// Reads secrets.
    pub secrets: Arc<dyn SecretReader>,
    /// Sees every event once it is recorded.
    pub observer: Option<Observer>,
    /// Shows how far a long action is.
    pub progress: Option<ShowProgress>,
    /// Is told what the compiler warns of, before anything else.
    pub warn: Option<Warn>,
    /// Called before the first record of this sitting.
    pub announce: Option<Announce>,
    pub operator: String,
    pub host: String,
    /// Name and version of the program.
    pub program: String,
}

/// Shows warnings of the compiler.
pub type Warn = Box<dyn Fn(&SourceMap, &[Diagnostic]) + Send + Sync>;

/// Is told what has happened so far, where a run is resumed.
pub type Announce = Box<dyn FnOnce(&[Stamped]) + Send>;

/// How a run came to rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    pub run: String,
    /// How it ended; [`End::Paused`] where it can be resumed.
    pub end: End,
    /// The last record, where it has ended.
    pub last: Option<RunEnd>,
    /// Why it is paused; empty where it has ended.
    pub reason: String,
    pub transcript: PathBuf,
}

impl Surroundings {
    /// Compiles a file that is to be planned or run; what is only odd about it is told.
    pub(crate) fn check(&self, file: &Path) -> Result<Checked, Error> {
        let checked = check_file(file, &self.catalogue)?;
        if let Some(warn) = self
            .warn
            .as_ref()
            .filter(|_| checked.is_valid() && !checked.diagnostics.is_empty())
        {
            warn(&checked.sources, &checked.diagnostics);
        }
        Ok(checked)
    }
}

impl Finished {
    /// The exit code of the program.
    pub fn exit_code(&self) -> u8 {
        self.end.exit_code()
    }
}

/// A run that is about to be driven.
struct Session {
    directory: RunDirectory,
    plan: Arc<Plan>,
    journal: DiskJournal,
    settings: Settings,
    locks: Vec<Lock>,
    history: Vec<Stamped>,
    opening: Vec<Event>,
}

impl Session {
    async fn drive(self, surroundings: Surroundings) -> Result<Finished, Error> {
        let (world, clock) = (Arc::clone(&surroundings.world), Arc::clone(&surroundings.clock));
        let run = self.directory.run.clone();
        let transcript = self.directory.file(RECORDS_FILE);
        let run_directory = self.directory.clone();
        let directory = self.directory.path.clone();
        if let Some(announce) = surroundings.announce {
            announce(&self.history);
        }
        let (controls, received) = mpsc::channel(16);
        let journal = Arc::new(self.journal);
        let listener = signals::Listener::new(&controls);
        let watching = tokio::spawn(requests::watch(
            self.directory,
            self.locks,
            Arc::clone(&clock),
            Arc::clone(&journal),
            controls,
        ));
        let ports = Ports {
            world: surroundings.world,
            clock: surroundings.clock,
            journal,
            person: surroundings.person,
        };
        let engine = Driver::new(
            self.plan,
            ports,
            self.settings,
            received,
            surroundings.observer,
            &self.history,
        );
        let outcome = engine.run(self.opening).await;
        drop(listener);
        let finished = finished(&run, outcome, transcript);
        if let Ok(Finished { end, last: Some(_), .. }) = &finished {
            conclude(world.as_ref(), &directory, *end).await;
        }
        if !matches!(&finished, Ok(finished) if finished.last.is_some()) {
            // What still runs here would go on behind the back of whoever resumes.
            if let Err(reason) = end_what_runs(&run, &run_directory, world.as_ref(), clock.as_ref()).await {
                tracing::warn!(%reason, "something that was started may still run");
            }
        }
        watching.abort();
        // The locks are in the watching task: they are free when it has ended.
        let _ = watching.await;
        finished
    }
}

fn finished(run: &str, driven: Result<Rest, DriveError>, transcript: PathBuf) -> Result<Finished, Error> {
    let at_rest = |end, last, reason| Finished {
        run: run.to_owned(),
        end,
        last,
        reason,
        transcript,
    };
    match driven {
        Ok(Rest::Ended(end)) => Ok(at_rest(end.end, Some(end), String::new())),
        Ok(Rest::Paused(reason)) => Ok(at_rest(End::Paused, None, reason)),
        Ok(Rest::Killed) => Ok(at_rest(
            End::Paused,
            None,
            "a second signal ended the runner where it stood".to_owned(),
        )),
        Err(error) => Err(Error::Stopped {
            run: run.to_owned(),
            reason: error.to_string(),
            help: vec![format!(
                "mend that, then: backstay resume {run} (or backstay turn-back {run})"
            )],
        }),
    }
}

/// What actions kept is kept until the run has ended; where a person is needed, longer.
async fn conclude(world: &dyn World, directory: &Path, end: End) {
    if end != End::Stuck
        && let Err(reason) = world.conclude(directory).await
    {
        tracing::warn!(%reason, "something that was kept for the run is not removed");
    }
}

/// Locks every service of a plan for a run.
fn lock_services(surroundings: &Surroundings, plan: &Plan, run: &str) -> Result<Vec<Lock>, Error> {
    let owner = owner(surroundings, run);
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    for (id, member, _) in plan.topology.members() {
        names.insert(member.runs.to_string(), format!("service {id}"));
    }
    let mut locks = Vec::new();
    for (file, name) in names {
        let path = surroundings
            .state_directory
            .lock_file(&file)
            .map_err(|error| no_state(surroundings, &error))?;
        locks.push(Lock::take(&name, &path, &owner).map_err(|error| lock_error(&error))?);
    }
    Ok(locks)
}

fn owner(surroundings: &Surroundings, run: &str) -> String {
    let process = rustix::process::getpid().as_raw_pid();
    format!("run {run} (process {process} on {})", surroundings.host)
}

fn lock_error(error: &LockError) -> Error {
    match error {
        LockError::Held { name, owner } => {
            let reason = owner
                .strip_prefix(name.as_str())
                .map_or_else(|| error.to_string(), |rest| format!("{name} goes on already{rest}"));
            let run = owner.strip_prefix("run ").and_then(|rest| rest.split(' ').next());
            Error::locked(reason, run)
        }
        LockError::File { .. } => Error::refused(error.to_string(), "make the state directory writable"),
    }
}

fn no_state(surroundings: &Surroundings, error: &std::io::Error) -> Error {
    Error::refused(
        format!(
            "the state directory {} cannot be used: {error}",
            surroundings.state_directory.0.display()
        ),
        "make it writable, or name another: --state-dir DIR",
    )
}

fn plan_error(error: &crate::plan::PlanError) -> Error {
    Error::usage(error.to_string(), "give other inputs")
}

/// Reads the inputs of a runbook.
async fn inputs(
    runbook: &backstay_dsl::model::Runbook,
    given: &GivenInputs,
    places: &Places,
    secrets: &dyn SecretReader,
) -> Result<BTreeMap<String, crate::value::Value>, Error> {
    crate::inputs::resolve(runbook, given, places, secrets)
        .await
        .map_err(|errors| Error::inputs(&errors))
}

/// Ends what the attempts that did not come to their end left running: it would go on behind the back of whoever
/// resumes. Where the record cannot be read, nobody knows which those are, and nothing is ended.
async fn end_what_runs(
    run: &str,
    directory: &RunDirectory,
    world: &dyn World,
    clock: &dyn Clock,
) -> Result<(), String> {
    let mut records: Vec<Record> = Vec::new();
    for record in Reader::open(&directory.path).map_err(|error| error.to_string())? {
        match record {
            Ok(record) => records.push(record),
            Err(ReadError::Torn { .. }) => break,
            Err(error) => return Err(error.to_string()),
        }
    }
    let ended = orphans::ended(run, records.iter().map(|record| &record.stamped.event));
    orphans::kill(orphans::left(directory, &ended), world, clock).await
}

#[cfg(test)]
mod tests;
