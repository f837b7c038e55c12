//! `backup.keep_failed`, which `keep failed "…"` in a branch stands for: sees to it that what failed can still be looked
//! at once the way back is done.
//!
//! Nothing of the state is copied. A restore sets aside what it replaces anyway, by a rename on the same disk; the note
//! that is written here makes what is set aside outlive the run. What is not put back stays where it is, and needs no
//! care. A container that is replaced is gone with its log, so that is copied.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use backstay_dsl::catalogue::{Pattern, Signature, Sink};
use backstay_dsl::effect::{Effect, Repeat, Resource, ResourceKind};
use backstay_dsl::service_kind::ServiceKind;
use backstay_dsl::types::Type;
use backstay_dsl::units;

use super::part::Part;
use super::problem::{Problem, Result, trying};
use super::scope::named_parts;
use super::survey::survey;
use crate::action::common::blocking::{OnCancel, Stop, in_thread};
use crate::action::common::child::plain;
use crate::action::common::describe;
use crate::action::common::engine::RetryingEngine;
use crate::action::{Action, Arguments, Context, Evidence, Leftover, Outcome, Settled};
use crate::containers::LogEnd;
use crate::event::End;
use crate::private_files::{make_private, write_private};

/// The folder for it in the directory of a run (0700).
const FOLDER: &str = "failed";
/// The file in it that says what it is kept for.
const NOTE: &str = "what.txt";
/// The file that is there once every log has been asked for.
const WHOLE: &str = "whole";
/// So much is kept of what a container printed last.
const LOG_LINES_MAX: u64 = 100_000;
const LOG_BYTES_MAX: usize = 16 << 20;

pub(super) struct KeepFailed {
    /// The engine that logs are asked of.
    pub engine: RetryingEngine,
}

#[async_trait]
impl Action for KeepFailed {
    fn signature(&self) -> Signature {
        describe::change(
            "backup",
            "keep_failed",
            "Keeps what failed as evidence; `keep failed \"…\"` in a rollback branch is this action.\n\nWhat restores of \
             this run replace is not removed when the run ends, and is named then with its path: it lies beside the state, \
             in a directory of mode 0700, and was moved there and not copied. What the containers of services printed is \
             copied into the directory of the run (the last 16 MiB each). Where that does not work it is told, and the way \
             back goes on.",
        )
        .needs("what", Type::Text, "What it is evidence of, as people are told where it lies.")
        .into(Sink::Message)
        .effects(Effect::Tells(Pattern::Parameter("what")))
        .repeat(Repeat::Convergent)
        .limit_ms(60_000)
        .example(r#"do backup.keep_failed("the state that the new release left")"#)
        .done()
    }

    async fn preview(&self, context: &Context, _arguments: &Arguments) -> Option<String> {
        let mut kept = Vec::new();
        for state in context.topology.states.keys() {
            let parts = named_parts(context, state).unwrap_or_default();
            let bytes = in_thread(context, OnCancel::Stop, move |stop| {
                Ok::<_, Problem>(size_of(&parts, stop))
            })
            .await;
            let bytes = bytes.ok().flatten();
            let size = bytes.map_or_else(String::new, |bytes| format!(", now {}", units::size(bytes)));
            kept.push(format!("what a restore of {state} replaces (moved{size})"));
        }
        kept.extend(containers(context).map(|name| format!("the log of the container {name} (up to 16MiB)")));
        Some(match kept.as_slice() {
            [] => "there is nothing to keep: no state is protected, and no service is a container".to_owned(),
            kept => format!("keeps {} once the run has ended", kept.join(", ")),
        })
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        let folder = context.run_directory.join(FOLDER);
        let what = arguments.text("what").unwrap_or_default();
        if let Err(problem) = note(&folder, what) {
            return Outcome::failed(format!("what failed is not kept: {problem}"));
        }
        let (mut kept, mut missed) = (Vec::new(), Vec::new());
        for name in containers(context) {
            match self.keep_log(&folder, &name).await {
                Ok(path) => kept.push(path.display().to_string()),
                Err(problem) => missed.push(format!("the log of the container {name} ({problem})")),
            }
        }
        if let Err(error) = write_private(&folder.join(WHOLE), b"") {
            return Outcome::failed(format!("what failed may be kept in part: {}", plain(&error)));
        }
        let logs = if kept.is_empty() {
            String::new()
        } else {
            format!("; logs: {}", kept.join(", "))
        };
        let summary = format!("what a restore replaces is kept when the run has ended{logs}");
        if missed.is_empty() {
            return Outcome::done(summary);
        }
        Outcome::failed(format!("{summary}; not kept: {}", missed.join(", ")))
    }

    async fn settle(&self, context: &Context, _arguments: &Arguments) -> Settled {
        // Keeping it twice is keeping it.
        if context.run_directory.join(FOLDER).join(WHOLE).exists() {
            return Settled::Done(Evidence::line("it is noted that what failed is kept"));
        }
        Settled::NotDone("what failed is not kept, or not all of it".to_owned())
    }

    async fn conclude(&self, run_directory: &Path, _end: End) -> Vec<Leftover> {
        let folder = run_directory.join(FOLDER);
        let is_log = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "log");
        let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        let mut logs: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(is_log).collect();
        logs.sort();
        let what = is_wanted(run_directory).unwrap_or_default();
        let left = logs.into_iter().map(|path| Leftover {
            thing: Resource::new(ResourceKind::File, path.display().to_string()),
            reason: reason(&what),
        });
        left.collect()
    }
}

impl KeepFailed {
    async fn keep_log(&self, folder: &Path, name: &str) -> Result<PathBuf> {
        let end = LogEnd {
            since_seconds: None,
            lines_max: LOG_LINES_MAX,
            bytes_max: LOG_BYTES_MAX,
        };
        let printed = self.engine.insist(|engine| Box::pin(engine.logs(name, &end))).await;
        let printed = printed.map_err(|problem| Problem::Refused(problem.to_string()))?;
        let path = folder.join(format!("{name}.log"));
        let text = [printed.stdout, printed.stderr].concat();
        write_private(&path, &text).map_err(trying(|| format!("cannot write {}", path.display())))?;
        Ok(path)
    }
}

/// Why something is left that was kept as evidence.
pub(super) fn reason(what: &str) -> String {
    format!("kept as evidence: {what}; when nobody needs it any more, remove it")
}

/// What it is evidence of, where a run is to keep what failed.
pub(super) fn is_wanted(run_directory: &Path) -> Option<String> {
    std::fs::read_to_string(run_directory.join(FOLDER).join(NOTE)).ok()
}

fn note(folder: &Path, what: &str) -> Result<()> {
    let failed = || format!("cannot write into {}", folder.display());
    make_private(folder).map_err(trying(failed))?;
    write_private(&folder.join(NOTE), what.as_bytes()).map_err(trying(failed))
}

/// The containers that services run as.
fn containers(context: &Context) -> impl Iterator<Item = String> {
    let members = context.topology.members();
    members.filter_map(|(_, member, _)| member.runs.named(ServiceKind::Container).cloned())
}

/// How much lies at parts of this machine; `None` where that cannot be told.
fn size_of(parts: &[Part], stop: &Stop) -> Option<u64> {
    let near = |part: &Part| match part.volume {
        None => Part::new(part.kind, &part.path)
            .ok()
            .map(|near| near.without(&part.except)),
        Some(_) => None,
    };
    let parts: Vec<Part> = parts.iter().map(near).collect::<Option<_>>()?;
    Some(survey(&parts, &BTreeMap::new(), stop).ok()?.bytes())
}
