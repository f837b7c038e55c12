//! Resuming a run, turning it back, pausing it.
//!
//! Resuming is replaying: the texts, the inputs and the records of the run, then the same machine. It is
//! refused after the end, and wherever text, inputs or format are not those of the start.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::action::common::typed::shell_line;
use crate::check::{check_kept, with_lengths};
use crate::error::Error;
use crate::event::{End, Event, RequestKind, RunResumed, RunStart, Stamped, Stops};
use crate::inputs::GivenInputs;
use crate::plan::Plan;
use crate::run::claims::Holdings;
use crate::run::directory::RunDirectory;
use crate::run::driver::since_last_record;
use crate::run::machine::first_undue;
use crate::run::requests::Requests;
use crate::run::{orphans, standing};
use crate::sources::KeptSources;
use crate::transcript::{DiskJournal, FORMAT, MINOR, OpenError, Opened};
use crate::value::{RecordedValue, Value};

use super::locks::{claim, is_running, lock_run};
use super::{Finished, Session, Surroundings, asks, meanwhile, no_state, stops};

#[derive(Debug, Clone, Default)]
pub struct ResumeOptions {
    /// Only to turn back.
    pub turn_back: bool,
    /// The window is extended by so many milliseconds, with the reason.
    pub extend: Option<(u64, String)>,
    /// How far it is to go.
    pub stops: Stops,
}

/// Resumes a run until it comes to rest again.
pub async fn resume(run: &str, options: ResumeOptions, mut surroundings: Surroundings) -> Result<Finished, Error> {
    let directory = find(run, &surroundings)?;
    let lock = lock_run(&directory, &surroundings)?;
    Requests::new(directory.clone()).forget_pauses();
    refuse_given_up(&directory)?;
    let opened = open(&directory, options.turn_back, &surroundings).await?;
    let start = run_start(run, &opened.history)?.clone();
    let kept = KeptSources::read(&directory.file("resolved")).map_err(|error| {
        Error::refused(
            format!("the texts kept with run {run} cannot be read: {error}"),
            STRANDED,
        )
    })?;
    if let Some(places) = kept.places() {
        surroundings.places = places;
    }
    let plan = plan_again(kept, &start, &surroundings).await?;
    if let Some(undue) = first_undue(&plan, &opened.history) {
        tracing::info!(?undue, "not due");
        return Err(other_program(
            &start,
            "this program would not have decided what it recorded",
        ));
    }
    stops::refuse(&plan, &options.stops, &opened.history, &surroundings)?;
    let given = asks::given(&plan, &opened.history, &surroundings.answers)?;
    let answers = asks::kept(&directory, &given)?;
    if options.turn_back {
        asks::refuse_secrets(&plan, &answers)?;
    } else {
        asks::refuse(&plan, &answers, &opened.history, &surroundings)?;
    }
    let claims = claim(&plan, &directory, &opened.history, &surroundings)?;
    let mac_key = directory
        .key()
        .map_err(|error| Error::refused(format!("the key of run {run} cannot be read: {error}"), STRANDED))?;
    let again = format!("nothing was done; when it has ended: backstay resume {run}");
    end_orphans(&directory, &opened.history, &again, &surroundings).await?;
    if !options.turn_back && !surroundings.answers.is_empty() {
        asks::keep(&directory, &answers).map_err(|error| no_state(&surroundings, &error))?;
    }
    let opening = opening(&options, &opened, &surroundings);
    let session = Session {
        directory,
        plan: Arc::new(plan),
        answers,
        journal: opened.journal,
        mac_key,
        holdings: Holdings { run: lock, claims },
        history: opened.history,
        opening,
    };
    session.drive(surroundings).await
}

/// Opens the record of a run that did not end.
async fn open(directory: &RunDirectory, turn_back: bool, surroundings: &Surroundings) -> Result<Opened, Error> {
    let open = if turn_back {
        DiskJournal::open_to_turn_back
    } else {
        DiskJournal::open
    };
    let opened = open(&directory.path, Arc::clone(&surroundings.clock));
    if let Err(OpenError::Ended(end)) = opened {
        // A runner that was killed right after the end had no time for this.
        for left in surroundings.world.conclude(&directory.path, end).await {
            tracing::warn!(%left, "something that was kept for the run is not removed");
        }
        if end != End::Stuck {
            surroundings.claims.release(&directory.run);
        }
    }
    opened.map_err(|error| not_open(&directory.run, error))
}

/// Waits until nothing of the last runner runs any more.
pub(super) async fn end_orphans(
    directory: &RunDirectory,
    history: &[Stamped],
    help: &str,
    surroundings: &Surroundings,
) -> Result<(), Error> {
    let run = &directory.run;
    let (world, clock) = (surroundings.world.as_ref(), surroundings.clock.as_ref());
    let tell = |sentence: &str| surroundings.tell(sentence);
    let ended = orphans::end(directory, history, world, clock, &tell).await;
    ended.map_err(|reason| {
        Error::refused(
            format!("what the last runner of run {run} started may still run: {reason}"),
            help,
        )
    })
}

/// Turns a run back: asks its runner to, or resumes it backwards where it has none. `None` where the
/// runner was asked.
pub async fn turn_back(
    run: &str,
    options: ResumeOptions,
    surroundings: Surroundings,
) -> Result<Option<Finished>, Error> {
    let directory = find(run, &surroundings)?;
    if is_running(&directory)? {
        ask(directory, RequestKind::TurnBack, &surroundings)?;
        return Ok(None);
    }
    let options = ResumeOptions {
        turn_back: true,
        ..options
    };
    resume(run, options, surroundings).await.map(Some)
}

/// Asks the runner of a run to pause.
pub fn pause(run: &str, surroundings: &Surroundings) -> Result<(), Error> {
    let directory = find(run, surroundings)?;
    if is_running(&directory)? {
        return ask(directory, RequestKind::Pause, surroundings);
    }
    Err(Error::refused(
        format!("run {run} has no runner: there is nothing to pause"),
        format!("backstay transcript show {run} tells how far it came"),
    ))
}

const STRANDED: &str = "without it the run cannot be resumed; its transcript says what was done";

/// The run of this name, which is the caller's own: what another user's says is not done in the caller's name.
pub(super) fn find(run: &str, surroundings: &Surroundings) -> Result<RunDirectory, Error> {
    let state = &surroundings.state_directory;
    let unread = |error: io::Error| no_state(surroundings, &error);
    let Some(directory) = state.run(run).map_err(unread)? else {
        let help = match state.runs().map_err(unread)?.last() {
            Some(last) => format!("the last run here is {last}"),
            None => format!("there are no runs in {}", state.0.display()),
        };
        return Err(Error::usage(format!("there is no run `{run}`"), help));
    };
    match directory.stranger().map_err(unread)? {
        None => match directory.open_to_others().map_err(unread)? {
            None => Ok(directory),
            Some(path) => Err(open_to_others(run, &path)),
        },
        Some(uid) => {
            let user = crate::users::name(uid);
            Err(Error::refused(
                format!("run {run} is {user}'s, and what it would do is theirs to do"),
                format!("ask {user}; `backstay transcript show` tells what it did"),
            ))
        }
    }
}

/// What others may write into is not surely what the run wrote.
fn open_to_others(run: &str, path: &Path) -> Error {
    let file = shell_line(&[path.display().to_string()]);
    Error::refused(
        format!("others may write to {file}, so what run {run} recorded may not be what it did"),
        format!("compare it with the ticket (backstay transcript verify {run} --head HASH), then: chmod go-w {file}"),
    )
}

/// A run that nobody was to finish is not gone on with: another may have changed the same since.
pub(super) fn refuse_given_up(directory: &RunDirectory) -> Result<(), Error> {
    let run = &directory.run;
    match standing::given_up(&directory.path) {
        Ok(None) => Ok(()),
        Ok(Some(given_up)) => Err(Error::refused(
            format!("run {run} was given up by {}: {}", given_up.who, given_up.because),
            "start a new run; `backstay transcript show` tells what this one did",
        )),
        Err(reason) => Err(Error::refused(
            format!("it cannot be told whether run {run} was given up: {reason}"),
            "make its directory readable",
        )),
    }
}

fn ask(directory: RunDirectory, what: RequestKind, surroundings: &Surroundings) -> Result<(), Error> {
    Requests::new(directory)
        .leave(what, &surroundings.operator)
        .map_err(|error| no_state(surroundings, &error))
}

fn not_open(run: &str, error: OpenError) -> Error {
    match error {
        OpenError::Busy { .. } => Error::locked(error.to_string(), Some(run)),
        OpenError::Ended(end) => Error::refused(
            format!("run {run} has ended ({})", end.word().replace('_', " ")),
            "start a new run; `backstay transcript show` tells what this one did",
        ),
        OpenError::Empty => Error::refused(
            format!("run {run} was stopped before its first record: nothing was done"),
            "start it again: backstay run",
        ),
        OpenError::File { .. } | OpenError::Thread(_) => Error::refused(
            format!("run {run} cannot go on: {error}"),
            format!("mend that (make room, make it writable), then: backstay resume {run}"),
        ),
        OpenError::Unreadable(error) => Error::refused(
            format!("the transcript of run {run} cannot be opened: {error}"),
            STRANDED,
        ),
    }
}

fn run_start<'a>(run: &str, history: &'a [Stamped]) -> Result<&'a RunStart, Error> {
    match history.first().map(|stamped| &stamped.event) {
        Some(Event::RunStart(start)) if matches!((start.format, start.minor), (FORMAT, 0..=MINOR)) => Ok(start),
        Some(Event::RunStart(start)) => Err(Error::refused(
            format!(
                "run {run} was written in format {}.{}, this program writes {FORMAT}.{MINOR}",
                start.format, start.minor
            ),
            "resume it with the program that started it",
        )),
        _ => Err(Error::refused(format!("run {run} has no first record"), STRANDED)),
    }
}

fn other_program(start: &RunStart, what: &str) -> Error {
    Error::refused(
        format!("run {} cannot be resumed: {what}", start.run),
        format!("resume it with {}, which started or resumed it last", start.program),
    )
}

/// The plan of the start, made again from what was kept; refused where it is not the same.
async fn plan_again(kept: KeptSources, start: &RunStart, surroundings: &Surroundings) -> Result<Plan, Error> {
    let other = |what: &str| other_program(start, what);
    let checked = check_kept(kept, &surroundings.catalogue);
    let (runbook, sources, times, kept) = checked
        .into_valid()
        .map_err(|_| other("this program finds errors in its runbook"))?;
    let recorded: BTreeMap<String, &RecordedValue> =
        start.inputs.iter().map(|(name, value)| (name.clone(), value)).collect();
    let mut values: BTreeMap<String, Value> = recorded
        .iter()
        .filter(|(_, value)| !matches!(value, RecordedValue::Secret(_)))
        .map(|(name, value)| (name.clone(), value.to_value()))
        .collect();
    values.extend(secrets_again(&runbook, &values, surroundings).await?);
    let (runbook, times) =
        with_lengths((runbook, times), &kept, &surroundings.catalogue, &values).map_err(|reason| other(&reason))?;
    let plan = surroundings.plan(runbook, &sources, times, values)?;
    if plan.source_digests != start.sources {
        return Err(other("its texts are not those of the start"));
    }
    if plan.digest != start.plan {
        return Err(other(
            "its plan is not that of the start (other inputs, actions or times)",
        ));
    }
    Ok(plan)
}

/// Secrets are never recorded: they are read again, before any work.
async fn secrets_again(
    runbook: &backstay_dsl::model::Runbook,
    values: &BTreeMap<String, Value>,
    surroundings: &Surroundings,
) -> Result<BTreeMap<String, Value>, Error> {
    let mut with_values = runbook.clone();
    with_values.inputs.retain(|input| input.secret.is_some());
    let given = GivenInputs::default();
    let read = crate::inputs::resolve_with(
        &with_values,
        &given,
        values.clone(),
        &surroundings.places,
        surroundings.secrets.as_ref(),
    );
    let all = read.await.map_err(|errors| Error::inputs(&errors))?;
    Ok(all
        .into_iter()
        .filter(|(_, value)| matches!(value, Value::Secret(_)))
        .collect())
}

fn opening(options: &ResumeOptions, opened: &Opened, surroundings: &Surroundings) -> Vec<Event> {
    let resumed = RunResumed {
        boot_id: surroundings.clock.boot_id(),
        host: surroundings.host.clone(),
        operator: surroundings.operator.clone(),
        program: surroundings.program.clone(),
        discarded_bytes: opened.discarded_bytes,
        turn_back: options.turn_back,
    };
    let mut events = vec![Event::RunResumed(Box::new(resumed))];
    let boot_id = meanwhile::boot_of(&opened.history);
    if let (Some(last), Some(boot_id)) = (opened.history.last(), boot_id) {
        events.extend(since_last_record(last, boot_id, surroundings.clock.as_ref()));
    }
    if let Some((extend_ms, because)) = &options.extend {
        events.push(Event::Decision {
            what: format!("extend {}", backstay_dsl::units::duration(*extend_ms)),
            because: because.clone(),
            who: surroundings.operator.clone(),
            extend_ms: *extend_ms,
        });
    }
    events.extend(options.stops.record(&surroundings.operator));
    events
}
