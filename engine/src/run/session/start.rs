//! Starting a run.

use std::path::PathBuf;
use std::sync::Arc;

use crate::error::Error;
use crate::event::{Event, Outline, RunStart, Stops};
use crate::inputs::GivenInputs;
use crate::plan::Plan;
use crate::plan::obligations::not_carried_out;
use crate::plan::saved::Approved;
use crate::run::claims::Holdings;
use crate::run::directory::RunDirectory;
use crate::sources::KeptSources;
use crate::transcript::{DiskJournal, FORMAT, MINOR, OpenError};
use crate::value::RecordedValue;

use super::locks::{claim, lock_run};
use super::{Finished, Session, Surroundings, asks, no_state, stops};

/// What to run.
#[derive(Debug, Clone, Default)]
pub struct StartOptions {
    pub file: PathBuf,
    /// What was given for its inputs.
    pub inputs: GivenInputs,
    /// The plan that was approved; another one is refused.
    pub approved: Option<Approved>,
    /// When the window starts, wall milliseconds; with the first step inside it where it is not said.
    pub window_start_ms: Option<i64>,
    pub ticket: Option<String>,
    /// How far it is to go.
    pub stops: Stops,
}

/// Runs a runbook until it comes to rest.
pub async fn start(options: StartOptions, surroundings: Surroundings) -> Result<Finished, Error> {
    let (plan, kept) = surroundings.plan_file(&options.file, &options.inputs).await?;
    if options.window_start_ms.is_some() && plan.runbook.window.is_none() {
        return Err(Error::usage(
            "the runbook has no window that could start at a time",
            "leave out --window-start, or write `window … keep … for the way back` into its header",
        ));
    }
    refuse_not_carried_out(&plan, &surroundings)?;
    refuse_unapproved(&plan, options.approved.as_ref(), &surroundings)?;
    stops::refuse(&plan, &options.stops, &[], &surroundings)?;
    let answers = asks::given(&plan, &[], &surroundings.answers)?;
    asks::refuse(&plan, &answers, &[], &surroundings)?;
    let directory = surroundings
        .state_directory
        .new_run(&plan.runbook.name, surroundings.clock.as_ref())
        .map_err(|error| no_state(&surroundings, &error))?;
    match prepare(&directory, plan, kept, &options, &surroundings) {
        Ok(session) => session.drive(surroundings).await,
        Err(error) => {
            // Nothing has been recorded: the empty directory would only puzzle.
            directory.discard();
            Err(error)
        }
    }
}

/// Anchors are asked first of all, so nothing may be missing then; this machine would answer for another.
fn refuse_not_carried_out(plan: &Plan, surroundings: &Surroundings) -> Result<(), Error> {
    let missing = not_carried_out(plan, surroundings.world.as_ref());
    if missing.is_empty() {
        return Ok(());
    }
    Err(Error::refused(
        missing.join("; "),
        "`backstay plan` shows the change, and `check` proves it",
    ))
}

fn refuse_unapproved(plan: &Plan, approved: Option<&Approved>, surroundings: &Surroundings) -> Result<(), Error> {
    let differences = approved.map(|approved| approved.differences(plan, &surroundings.program));
    match differences {
        Some(differences) if !differences.is_empty() => Err(Error::refused(
            format!("this is not the plan that was approved: {}", differences.join("; ")),
            "look at the plan again (backstay plan) and have it approved, or run what was approved",
        )),
        _ => Ok(()),
    }
}

fn prepare(
    directory: &RunDirectory,
    plan: Plan,
    mut kept: KeptSources,
    options: &StartOptions,
    surroundings: &Surroundings,
) -> Result<Session, Error> {
    let run = lock_run(directory, surroundings)?;
    let claims = claim(&plan, directory, &[], surroundings)?;
    let io = |error: std::io::Error| no_state(surroundings, &error);
    let mac_key = directory.make_key().map_err(io)?;
    asks::keep(directory, &surroundings.answers).map_err(io)?;
    kept.write(&directory.file("resolved"), &surroundings.places)
        .map_err(io)?;
    let journal =
        DiskJournal::create(&directory.path, Arc::clone(&surroundings.clock)).map_err(|error| match error {
            OpenError::File { error, .. } => io(error),
            error => Error::refused(error.to_string(), "make room in the state directory"),
        })?;
    let start = run_start(directory, &plan, options, surroundings);
    let mut opening = vec![Event::RunStart(Box::new(start))];
    opening.extend(options.stops.record(&surroundings.operator));
    Ok(Session {
        directory: directory.clone(),
        plan: Arc::new(plan),
        answers: surroundings.answers.clone(),
        journal,
        mac_key,
        holdings: Holdings { run, claims },
        history: Vec::new(),
        opening,
    })
}

fn run_start(directory: &RunDirectory, plan: &Plan, options: &StartOptions, surroundings: &Surroundings) -> RunStart {
    RunStart {
        format: FORMAT,
        minor: MINOR,
        run: directory.run.clone(),
        plan: plan.digest.clone(),
        approved: options.approved.as_ref().map(|approved| approved.digest().to_owned()),
        runbook: plan.runbook.name.clone(),
        label: plan.label.clone(),
        outline: Outline::from(plan.runbook.as_ref()),
        sources: plan.source_digests.clone(),
        inputs: plan
            .inputs
            .iter()
            .map(|(name, value)| (name.clone(), RecordedValue::from(value)))
            .collect(),
        window_start_ms: options.window_start_ms,
        window_ms: plan.runbook.window.map(|window| window.window_ms),
        keep_ms: plan.runbook.window.map(|window| window.keep_ms),
        boot_id: surroundings.clock.boot_id(),
        host: surroundings.host.clone(),
        operator: surroundings.operator.clone(),
        ticket: options
            .ticket
            .as_ref()
            .map(|ticket| plan.redactor.scrub_text(ticket).into_owned()),
        program: surroundings.program.clone(),
    }
}
