//! `backup.restore`: puts protected state back exactly as it was.

mod far;
mod state;
mod work;

use std::path::Path;

use async_trait::async_trait;
use backstay_dsl::catalogue::Signature;
use backstay_dsl::effect::{Cancel, Effect, Resource, ResourceKind};
use backstay_dsl::types::Type;

use super::keep;
use super::problem::{Problem, Result};
use super::scope::named_parts;
use super::swap::{Position, position};
use super::volumes::Volumes;
use crate::action::common::blocking::{OnCancel, in_thread};
use crate::action::common::describe;
use crate::action::common::engine::RetryingEngine;
use crate::action::{Action, Arguments, Context, Evidence, Leftover, Outcome, Settled};
use crate::digest::short;
use crate::event::End;
use crate::value::Value;
use state::State;
pub use state::displaced;
use work::RestoreRequest;

pub(super) struct Restore {
    /// The engine that volumes are asked of.
    pub engine: RetryingEngine,
}

#[async_trait]
impl Action for Restore {
    fn signature(&self) -> Signature {
        describe::change(
            "backup",
            "restore",
            "Puts protected state back exactly as it was when the backup was made.\n\nThe whole archive is extracted beside \
             the live state and compared first; then each part is swapped in one move. What was added after the backup is \
             gone from the state; all that was there before is kept beside it until the run ends. Refuses while a process \
             could write to the state, or a container that runs has a volume of it. A volume that only a helper container \
             can reach is copied beside the archive, emptied, filled, read back and compared; one that is gone is made \
             again.",
        )
        .needs("backup", Type::Backup, "The backup.")
        .takes("helper", Type::Image { pinned: false }, super::HELPER)
        .effects(Effect::Reads(describe::of(ResourceKind::Backup, "backup")))
        .effects(Effect::Restores(describe::of(ResourceKind::Backup, "backup")))
        .limit_ms(super::LIMIT_MS)
        .partial()
        .cancel(Cancel::Never)
        .example(
            r#"
            do backup.create(data, to: folder / "backups") as copy
            check "the archive restores": backup.verify(copy) is ok within 5m
            do backup.restore(copy) undo backup.restore(copy) within 10m
            "#,
        )
        .done()
    }

    async fn preview(&self, context: &Context, arguments: &Arguments) -> Option<String> {
        let replaced = match self.request(context, arguments) {
            Ok(request) => in_thread(context, OnCancel::Stop, move |_| Ok(request.replaces())).await,
            Err(problem) => Err(problem),
        };
        Some(replaced.unwrap_or_else(|problem| format!("cannot be said yet: {problem}")))
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        let restored = match self.request(context, arguments) {
            Ok(request) => in_thread(context, OnCancel::GoOn, move |stop| request.restore(stop)).await,
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
                Settled::Done(Evidence::line("all parts are back, by their marks"))
            }
            Ok(Progress { touched: 0, .. }) => Settled::NotDone("no part of the live state was touched".to_owned()),
            // Not done would say that there is nothing to turn back.
            Ok(Progress { back, all, .. }) => Settled::Undecidable(format!(
                "half-way: {back} of {all} parts are back; another attempt finishes it"
            )),
            Err(problem) => Settled::Undecidable(problem.to_string()),
        }
    }

    async fn conclude(&self, run_directory: &Path, end: End) -> Vec<Leftover> {
        let directory = run_directory.to_owned();
        let removing = tokio::task::spawn_blocking(move || conclude_displaced(&directory, end));
        removing.await.unwrap_or_else(|error| vec![left(run_directory, &error)])
    }
}

/// Removes what restores of a run displaced, and gives what stays.
fn conclude_displaced(run_directory: &Path, end: End) -> Vec<Leftover> {
    let displaced = match displaced(run_directory) {
        Ok(displaced) => displaced,
        Err(error) => return vec![left(run_directory, &error)],
    };
    if end == End::Stuck {
        let waits = "a restore displaced it, and it waits; when nobody needs it any more, remove it";
        let waiting = displaced.iter().map(|path| tree(path, waits.to_owned()));
        return waiting.collect();
    }
    if let Some(what) = keep::is_wanted(run_directory) {
        let kept = displaced.iter().map(|path| tree(path, keep::reason(&what)));
        return kept.collect();
    }
    let removed = displaced.into_iter().filter_map(|path| {
        let problem = super::extract::remove_tree(&path).err()?;
        Some(left(&path, &problem))
    });
    removed.collect()
}

fn left(path: &Path, problem: &dyn std::fmt::Display) -> Leftover {
    tree(
        path,
        format!("what a restore displaced could not be removed: {problem}"),
    )
}

fn tree(path: &Path, reason: String) -> Leftover {
    Leftover {
        thing: Resource::new(ResourceKind::Tree, path.display().to_string()),
        reason,
    }
}

impl Restore {
    fn request(&self, context: &Context, arguments: &Arguments) -> Result<RestoreRequest> {
        let Some(Value::Backup(backup)) = arguments.get("backup").cloned() else {
            return Err(Problem::Refused("`backup` has to be given".to_owned()));
        };
        let volumes = Volumes::new(&self.engine, context, &backup.state, arguments.text("helper"));
        Ok(RestoreRequest {
            parts: named_parts(context, &backup.state)?,
            backup,
            name: short(&context.key),
            run_directory: context.run_directory.clone(),
            volumes,
            progress: context.progress.clone(),
        })
    }
}

impl RestoreRequest {
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

/// How far a restore is. If all parts are back, that is noted.
fn progress(directory: &Path, name: &str) -> Result<Progress> {
    let mut state = State::read(directory, name)?;
    let mut back = 0;
    for part in state.parts.iter().filter(|_| state.is_ready) {
        back += usize::from(position(part)? == Position::Swapped);
    }
    // A volume is emptied once it is copied.
    let touched = back + state.copies().count();
    back += state.volumes.iter().filter(|volume| volume.is_filled).count();
    let all = state.parts.len() + state.volumes.len();
    if back == all && state.is_ready && !state.is_done {
        work::conclude(&mut state, &crate::action::Progress::default())?;
    }
    Ok(Progress { back, touched, all })
}
