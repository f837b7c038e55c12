//! One run from its opening record to its rest: locks, transcript, signals, requests, driver.

mod answer;
mod asks;
mod give_up;
mod locks;
mod meanwhile;
mod resume;
mod start;
mod stops;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use backstay_dsl::catalogue::Catalogue;
use backstay_dsl::diagnostic::Diagnostic;
use backstay_dsl::model::Runbook;
use backstay_dsl::source::SourceMap;
use backstay_dsl::time::Times;
use tokio::sync::mpsc;

use crate::action::Leftover;
use crate::check::{Checked, check_file, prove_with, with_lengths};
use crate::error::Error;
use crate::eval::Places;
use crate::event::{Course, End, Event, Outlook, RunEnd, Stamped};
use crate::inputs::{GivenInputs, SecretReader};
use crate::plan::{Parts, Plan};
use crate::run::claims::{ClaimPlace, Holdings};
use crate::run::directory::{RunDirectory, StateDirectory};
use crate::run::driver::{DriveError, Driver, MacKey, Observer, Ports, Rest, Settings, ShowPending, ShowProgress};
use crate::run::lock::Lock;
use crate::run::questions::{AtAnyTerminal, Questions};
use crate::run::requests::Requests;
use crate::run::{orphans, signals};
use crate::sources::KeptSources;
use crate::transcript::{DiskJournal, RECORDS_FILE, recorded};
use crate::value::Value;
use crate::world::real::{AnswersPerson, WrittenAnswers};
use crate::world::{Clock, Person, World};

pub use answer::{answer, questions};
pub(crate) use asks::obstacle;
pub use give_up::give_up;
pub(crate) use locks::in_the_way;
pub use resume::{ResumeOptions, pause, resume, turn_back};
pub use start::{StartOptions, start};

/// What a run is given by whoever calls, beside what it is to do.
pub struct Surroundings {
    pub state_directory: StateDirectory,
    /// Where runs say what they have on this machine.
    pub claims: ClaimPlace,
    /// Where paths are taken from.
    pub places: Places,
    /// What the compiler sees of the actions.
    pub catalogue: Arc<Catalogue>,
    pub world: Arc<dyn World>,
    pub clock: Arc<dyn Clock>,
    /// Answers that were written down beforehand.
    pub answers: WrittenAnswers,
    /// Who is asked what they do not say; nobody where there is none.
    pub person: Option<Arc<dyn Person>>,
    /// Whether whoever calls said that nobody is there to be asked, not only that no terminal is here.
    pub is_unattended: bool,
    /// Reads secrets.
    pub secrets: Arc<dyn SecretReader>,
    /// Sees every event once it is recorded.
    pub observer: Option<Observer>,
    /// Shows how far a long action is.
    pub progress: Option<ShowProgress>,
    /// Shows what programs say, line by line.
    pub said: Option<ShowProgress>,
    /// Shows what is under way and waited for.
    pub pending: Option<ShowPending>,
    /// Is told what the compiler warns of, before anything else.
    pub warn: Option<Warn>,
    /// Is told what else a person should know at once, a sentence each.
    pub tell: Option<Tell>,
    /// Called before the first record of this sitting.
    pub announce: Option<Announce>,
    pub operator: String,
    pub host: String,
    /// Name and version of the program.
    pub program: String,
}

/// Shows warnings of the compiler.
pub type Warn = Box<dyn Fn(&SourceMap, &[Diagnostic]) + Send + Sync>;

/// Is told what is waited for, or passed over.
pub type Tell = Box<dyn Fn(&str) + Send + Sync>;

/// Is told what has happened so far, where a run is resumed.
pub type Announce = Box<dyn FnOnce(&[Stamped]) + Send>;

/// How a run came to rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    pub run: String,
    /// The last record; where the run can be resumed it is none, and says [`End::Paused`] and why.
    pub last: RunEnd,
    pub transcript: PathBuf,
    /// What actions kept for the run and did not remove at its end.
    pub kept: Vec<Leftover>,
    /// What stood out.
    pub course: Course,
    /// The commands that do what is left to do, where there are such, by the key of the statement.
    pub by_hand: BTreeMap<String, String>,
    /// What can be done with it, where it can be resumed; `None` where that cannot be told.
    pub outlook: Option<Outlook>,
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

    /// Works a plan out; nothing is asked of the world.
    pub(crate) fn plan(
        &self,
        runbook: Arc<Runbook>,
        sources: &SourceMap,
        times: Times,
        inputs: BTreeMap<String, Value>,
    ) -> Result<Plan, Error> {
        let plan = Plan::new(Parts {
            runbook,
            sources,
            catalogue: &self.catalogue,
            times,
            inputs,
            places: &self.places,
        });
        plan.map_err(|error| Error::usage(error.to_string(), "give other inputs"))
    }

    /// The plan of a file with its inputs, and the texts it was read from.
    pub(crate) async fn plan_file(&self, file: &Path, given: &GivenInputs) -> Result<(Plan, KeptSources), Error> {
        let (runbook, sources, times, kept) = self.check(file)?.into_valid()?;
        let inputs = crate::inputs::resolve(&runbook, given, &self.places, self.secrets.as_ref()).await;
        let inputs = inputs.map_err(|errors| Error::inputs(&errors))?;
        let (runbook, times) = with_lengths((runbook, times), &kept, &self.catalogue, &inputs)
            .map_err(|reason| Error::usage(reason, "give another list"))?;
        let plan = self.plan(runbook, &sources, times, inputs)?;
        prove_with((&plan.runbook, &plan.times), &sources, &self.catalogue, &plan.inputs)?;
        Ok((plan, kept))
    }

    /// Tells a person something at once.
    pub(crate) fn tell(&self, sentence: &str) {
        if let Some(tell) = &self.tell {
            tell(sentence);
        }
    }
}

impl Finished {
    /// Whether nobody has to come back to it.
    fn is_over(&self) -> bool {
        !matches!(self.last.end, End::Paused | End::Stuck)
    }

    /// The exit code of the program.
    pub fn exit_code(&self) -> u8 {
        self.last.end.exit_code()
    }
}

/// A run that is about to be driven.
struct Session {
    directory: RunDirectory,
    plan: Arc<Plan>,
    answers: WrittenAnswers,
    journal: DiskJournal,
    mac_key: MacKey,
    holdings: Holdings,
    history: Vec<Stamped>,
    opening: Vec<Event>,
}

impl Session {
    async fn drive(mut self, surroundings: Surroundings) -> Result<Finished, Error> {
        let (world, clock) = (Arc::clone(&surroundings.world), Arc::clone(&surroundings.clock));
        surroundings
            .announce
            .into_iter()
            .for_each(|announce| announce(&self.history));
        self.holdings.claims.stay();
        let holdings = Arc::new(self.holdings);
        let (controls, received) = mpsc::channel(16);
        let journal = Arc::new(self.journal);
        let listener = signals::Listener::new(&controls);
        let requests = Requests::new(self.directory.clone());
        requests.hand_over(&controls).await;
        let watching = tokio::spawn(requests.clone().watch(
            Arc::clone(&holdings),
            Arc::clone(&clock),
            Arc::clone(&journal),
            controls,
        ));
        let questions = Questions::new(self.directory.clone());
        questions.clear();
        let here = surroundings.person;
        let person = here.map(|here| anywhere(here, questions, Arc::clone(&clock)));
        let ports = Ports {
            world: surroundings.world,
            clock: surroundings.clock,
            journal,
            person: Arc::new(AnswersPerson::new(self.answers, person)),
        };
        let settings = Settings {
            run: self.directory.run.clone(),
            run_directory: self.directory.path.clone(),
            places: surroundings.places,
            mac_key: self.mac_key,
            is_clock_watched: true,
            progress: surroundings.progress,
            said: surroundings.said,
            pending: surroundings.pending,
        };
        let course = Arc::new(Mutex::new(Course::of(&self.history)));
        let observer = requests.observer(Some(noting(Arc::clone(&course), surroundings.observer)));
        let driver = Driver::new(self.plan, ports, settings, received, Some(observer), &self.history);
        let (outlook, by_hand) = (driver.watch_state(), driver.watch_commands());
        let outcome = beside_its_work(driver.run(self.opening)).await;
        drop(listener);
        watching.abort();
        let _ = watching.await;
        let mut finished = finished(&self.directory, outcome, &holdings.run);
        if let Ok(finished) = &mut finished {
            finished.course.clone_from(&locked(&course));
            finished.by_hand = by_hand(&finished.last.commands_left);
            finished.outlook = (finished.last.end == End::Paused).then(outlook);
        }
        match &mut finished {
            Ok(Finished { last, kept, .. }) if last.end != End::Paused => {
                *kept = world.conclude(&self.directory.path, last.end).await;
            }
            // What still runs here would go on behind the back of whoever resumes.
            _ => {
                if let Err(reason) = end_what_runs(&self.directory, world.as_ref(), clock.as_ref()).await {
                    tracing::warn!(%reason, "something that was started may still run");
                }
            }
        }
        let is_over = finished.as_ref().is_ok_and(Finished::is_over);
        if let Some(holdings) = Arc::into_inner(holdings).filter(|_| is_over) {
            holdings.claims.end();
        }
        finished
    }
}

/// Drives as a task of the runtime, beside the work that it starts: what they hand each other changes no thread.
async fn beside_its_work(
    driving: impl Future<Output = Result<Rest, DriveError>> + Send + 'static,
) -> Result<Rest, DriveError> {
    tokio::spawn(driving)
        .await
        .unwrap_or_else(|lost| match lost.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(lost) => Err(DriveError::Internal(lost.to_string())),
        })
}

fn finished(directory: &RunDirectory, driven: Result<Rest, DriveError>, lock: &Lock) -> Result<Finished, Error> {
    let run = &directory.run;
    if !lock.is_held() {
        return Err(Error::Lost {
            reason: format!(
                "the record of run {run} was removed or replaced while it ran ({}): it stopped, and can be neither \
                 resumed nor turned back",
                directory.path.display()
            ),
            help: vec!["what it did so far stands above; put it right by hand, before anything else is run".to_owned()],
        });
    }
    let at_rest = |last| Finished {
        run: run.clone(),
        last,
        transcript: directory.file(RECORDS_FILE),
        kept: Vec::new(),
        course: Course::default(),
        by_hand: BTreeMap::new(),
        outlook: None,
    };
    match driven {
        Ok(Rest::Ended(end)) => Ok(at_rest(*end)),
        Ok(Rest::Paused(reason)) => Ok(at_rest(RunEnd::paused(reason))),
        Ok(Rest::Killed) => {
            let reason = "a second signal ended the runner where it stood";
            Ok(at_rest(RunEnd::paused(reason.to_owned())))
        }
        Err(error) => Err(Error::Stopped {
            run: run.clone(),
            reason: error.to_string(),
            help: vec![format!(
                "mend that, then: backstay resume {run} (or backstay turn-back {run})"
            )],
        }),
    }
}

/// The person at the terminal, and whoever answers from another one.
fn anywhere(here: Arc<dyn Person>, questions: Questions, clock: Arc<dyn Clock>) -> Arc<dyn Person> {
    Arc::new(AtAnyTerminal { here, questions, clock })
}

/// Notes what stands out, and hands every event on.
fn noting(course: Arc<Mutex<Course>>, mut next: Option<Observer>) -> Observer {
    Box::new(move |stamped| {
        locked(&course).note(&stamped.event);
        if let Some(next) = &mut next {
            next(stamped);
        }
    })
}

fn locked(course: &Mutex<Course>) -> MutexGuard<'_, Course> {
    course.lock().unwrap_or_else(PoisonError::into_inner)
}

fn no_state(surroundings: &Surroundings, error: &std::io::Error) -> Error {
    Error::refused(
        format!(
            "the state directory {} cannot be used: {error}",
            surroundings.state_directory.0.display()
        ),
        "make room there, make it writable, or name another: --state-dir DIR",
    )
}

/// Ends what the attempts that did not come to their end left running: it would go on behind the back of whoever
/// resumes. Where the record cannot be read, nobody knows which those are, and nothing is ended.
async fn end_what_runs(directory: &RunDirectory, world: &dyn World, clock: &dyn Clock) -> Result<(), String> {
    let history = history(directory)?;
    let ended = orphans::ended(&directory.run, history.iter().map(|stamped| &stamped.event));
    orphans::kill(orphans::left(directory, &ended), world, clock).await
}

/// What a run has recorded so far. An error: it cannot be read.
fn history(directory: &RunDirectory) -> Result<Vec<Stamped>, String> {
    let mut history = Vec::new();
    let read = recorded(&directory.path, |stamped| history.push(stamped));
    read.map(|()| history).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;
