//! `backup.restore`: puts protected state back exactly as it was.

mod far;
mod work;

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use backstay_dsl::catalogue::{Pattern, Settle, Signature};
use backstay_dsl::effect::{Cancel, Effect, Repeat, Resource, ResourceKind};
use backstay_dsl::types::Type;

use super::journal::Journal;
use super::problem::{Problem, Result};
use super::scope::named_parts;
use super::swap::{Position, position};
use super::volumes::Volumes;
use crate::action::common::blocking::{OnCancel, in_thread};
use crate::action::common::engine::PatientEngine;
use crate::action::{Action, Arguments, Context, Outcome, Settled};
use crate::digest::short;
use crate::value::Value;
pub(super) use work::Order;

pub(super) struct Restore {
    /// The engine that volumes are asked of.
    pub engine: PatientEngine,
}

#[async_trait]
impl Action for Restore {
    fn signature(&self) -> Signature {
        Signature {
            family: "backup",
            name: "restore",
            doc: "Puts protected state back exactly as it was when the backup was made.\n\nThe whole archive is extracted beside the live state and compared first; then each part is swapped in one move. What was added after the backup is gone from the state; all that was there before is kept beside it until the run ends. Refuses while a process could write to the state, or a container that runs has a volume of it. A volume that only a helper container can reach is copied beside the archive, emptied, filled, read back and compared; one that is gone is made again.",
            parameters: vec![super::backup_parameter("The backup."), super::helper_parameter()],
            result: Type::Nothing,
            effects: vec![
                Effect::Reads(Resource::new(ResourceKind::Backup, Pattern::Parameter("backup"))),
                Effect::Restores(Resource::new(ResourceKind::Backup, Pattern::Parameter("backup"))),
            ],
            declares_effects: false,
            leaves_traces: false,
            limit_ms: super::LIMIT_MS,
            repeat: Repeat::Convergent,
            settle: Settle::Action,
            is_partial: true,
            cancel: Cancel::Never,
        }
    }

    async fn preview(&self, context: &Context, arguments: &Arguments) -> Option<String> {
        let replaced = match self.order(context, arguments) {
            Ok(order) => in_thread(context, OnCancel::Stop, move |_| Ok(order.replaces())).await,
            Err(problem) => Err(problem),
        };
        Some(replaced.unwrap_or_else(|problem| format!("cannot be said yet: {problem}")))
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        let restored = match self.order(context, arguments) {
            Ok(order) => in_thread(context, OnCancel::GoOn, move |stop| order.restore(stop, &mut |_| {})).await,
            Err(problem) => Err(problem),
        };
        match restored {
            Ok(restored) => Outcome::done(restored.summary()),
            Err(problem) => Outcome::failed(format!("the backup was not restored: {problem}")),
        }
    }

    async fn settle(&self, context: &Context, _arguments: &Arguments) -> Settled {
        let directory = context.run_directory.clone();
        let name = short(&context.key);
        match in_thread(context, OnCancel::Stop, move |_| progress(&directory, &name)).await {
            Ok(Progress { back, all, .. }) if all > 0 && back == all => {
                Settled::Done(crate::action::Evidence::line("all parts are back, by their marks"))
            }
            Ok(Progress { touched: 0, .. }) => Settled::NotDone("no part of the live state was touched".to_owned()),
            // Not done would say that there is nothing to turn back.
            Ok(Progress { back, all, .. }) => Settled::Undecidable(format!(
                "half-way: {back} of {all} parts are back; another attempt finishes it"
            )),
            Err(problem) => Settled::Undecidable(problem.to_string()),
        }
    }

    fn conclude(&self, run_directory: &Path) -> std::result::Result<(), String> {
        for path in displaced(run_directory).map_err(|error| error.to_string())? {
            super::opened::remove_tree(&path).map_err(|problem| problem.to_string())?;
        }
        Ok(())
    }
}

impl Restore {
    fn order(&self, context: &Context, arguments: &Arguments) -> Result<Order> {
        let Some(Value::Backup(backup)) = arguments.get("backup").cloned() else {
            return Err(Problem::Refused("`backup` has to be given".to_owned()));
        };
        let volumes = Volumes::new(&self.engine, context, &backup.state, arguments.text("helper"));
        Ok(Order {
            parts: named_parts(context, &backup.state)?,
            backup,
            name: short(&context.key),
            run_directory: context.run_directory.clone(),
            volumes: Some(volumes),
        })
    }
}

impl Order {
    /// What it replaces, in words.
    fn replaces(&self) -> String {
        let parts: Vec<String> = self
            .parts
            .iter()
            .map(|part| {
                let is_absent = part.volume.is_none() && part.path.symlink_metadata().is_err();
                let absent = if is_absent { " (not there now)" } else { "" };
                format!("{}{absent}", part.shown())
            })
            .collect();
        format!(
            "replaces {} by what {} holds of {}",
            parts.join(", "),
            self.backup.path,
            self.backup.state
        )
    }
}

/// How far a restore is.
#[derive(Default)]
struct Progress {
    back: usize,
    /// Parts that are back, and volumes that may have been emptied.
    touched: usize,
    all: usize,
}

/// How far a restore is. If all parts are back, the journal is ended.
fn progress(directory: &Path, name: &str) -> Result<Progress> {
    let Some(mut journal) = Journal::newest(directory, name)? else {
        return Ok(Progress::default());
    };
    let parts = journal.parts();
    let mut back = 0;
    for ((live, holder), marks) in parts.iter().zip(journal.marks().unwrap_or_default()) {
        if position(live, holder, *marks)? == Position::Swapped {
            back += 1;
        }
    }
    let volumes = journal.volumes();
    let swapped = back;
    back += volumes.iter().filter(|name| journal.is_filled(name)).count();
    // A volume is emptied once it is copied.
    let touched = swapped + journal.copies().len();
    let all = parts.len() + volumes.len();
    if back == all && journal.displaced().is_none() && journal.marks().is_some() {
        work::conclude(&mut journal, &mut |_| {})?;
    }
    Ok(Progress { back, touched, all })
}

/// What restores of a run displaced: kept until the run ends.
pub fn displaced(run_directory: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    for journal in journals(run_directory)? {
        all.extend(journal.into_iter().filter(|path| path.symlink_metadata().is_ok()));
    }
    all.sort();
    Ok(all)
}

fn journals(run_directory: &Path) -> std::io::Result<Vec<Vec<PathBuf>>> {
    let mut found = Vec::new();
    let entries = match std::fs::read_dir(run_directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(found),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let path = entry?.path();
        let is_journal = path.extension().is_some_and(|ending| ending == "jsonl")
            && path
                .file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with("restore-"));
        if is_journal {
            found.push(Journal::displaced_in(&std::fs::read(&path)?));
        }
    }
    Ok(found)
}
