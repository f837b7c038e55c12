//! `backup.adopt`: takes a backup that another tool has made, as what it is: a file with a digest.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use backstay_dsl::catalogue::{Pattern, Signature};
use backstay_dsl::effect::{Effect, Resource, ResourceKind};
use backstay_dsl::types::Type;
use backstay_dsl::units;

use super::bytes::{digest_text, hash_file};
use super::part::Part;
use super::problem::{Problem, Result, refused, trying};
use super::scope::{named_parts, refuse_inside};
use crate::action::common::blocking::{OnCancel, Stop, in_thread};
use crate::action::common::describe;
use crate::action::{Action, Arguments, Context, Evidence, Outcome, Settled};
use crate::value::{Backup, Value};

pub(super) struct Adopt;

#[async_trait]
impl Action for Adopt {
    fn signature(&self) -> Signature {
        describe::change(
            "backup",
            "adopt",
            "Takes a backup of protected state that another tool has made: a dump, a snapshot packed into one file.\n\nThe \
             file is read once for its digest. Refused are one that is not there, is empty, is older than `newer_than` \
             or changes while it is read, and one that lies inside the state. What is in it only the tool knows: such a \
             backup is never proven by itself, `backup.verify` and `backup.restore` do not read it. The tool that does \
             says so in its effects: `proves b`, `restores b`.",
        )
        .needs("path", Type::Path, "The file that the other tool has made.")
        .needs("of", Type::State, "The protected state that it holds.")
        .needs(
            "newer_than",
            Type::Duration,
            "How long ago it may have been written last: a backup of yesterday does not hold what is there now.",
        )
        .gives(Type::Backup)
        .effects(Effect::Reads(describe::of(ResourceKind::File, "path")))
        .effects(Effect::Captures {
            state: describe::of(ResourceKind::State, "of"),
            backup: Resource::new(ResourceKind::Backup, Pattern::Result),
        })
        .limit_ms(super::LIMIT_MS)
        .example(r#"do backup.adopt(folder / "dump.sql", of: data, newer_than: 1h) as dump no undo because "it only notes the dump""#)
        .done()
    }

    async fn preview(&self, context: &Context, arguments: &Arguments) -> Option<String> {
        let found = Self::found(context, arguments).await;
        Some(match found {
            Ok(backup) => format!("takes {} ({})", backup.path, units::size(backup.bytes)),
            Err(problem) => format!("cannot be said yet: {problem}"),
        })
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        match Self::found(context, arguments).await {
            Ok(backup) => Outcome::Done(evidence(backup)),
            Err(problem) => Outcome::failed(format!("no backup was taken over: {problem}")),
        }
    }

    /// It only looks, so looking again is as good.
    async fn settle(&self, context: &Context, arguments: &Arguments) -> Settled {
        match Self::found(context, arguments).await {
            Ok(backup) => Settled::Done(evidence(backup)),
            Err(problem) => Settled::NotDone(problem.to_string()),
        }
    }
}

fn evidence(backup: Backup) -> Evidence {
    let size = units::size(backup.bytes);
    let summary = format!("{} ({size}, {}), made by another tool", backup.path, backup.digest);
    Evidence::value(Value::Backup(backup), summary)
}

impl Adopt {
    async fn found(context: &Context, arguments: &Arguments) -> Result<Backup> {
        let (Some(path), Some(state), Some(newer_than)) = (
            arguments.path("path"),
            arguments.text("of"),
            arguments.duration("newer_than"),
        ) else {
            return refused("`path`, `of` and `newer_than` have to be given");
        };
        let parts = named_parts(context, state)?;
        let (path, state) = (context.working_directory.join(path), state.to_owned());
        in_thread(context, OnCancel::Stop, move |stop| {
            look(&path, state, newer_than, &parts, stop)
        })
        .await
    }
}

fn look(path: &Path, state: String, newer_than: Duration, parts: &[Part], stop: &Stop) -> Result<Backup> {
    let shown = path.display();
    let real = real_path(path)?;
    let advice = "a restore would undo the backup; keep it outside";
    refuse_inside((path, &real), parts, advice)?;
    let looked = || format!("cannot look at {shown}");
    let before = real.metadata().map_err(trying(looked))?;
    if !before.is_file() {
        return refused(format!("{shown} is no file: pack it into one, so that it has a digest"));
    }
    if before.len() == 0 {
        return refused(format!("{shown} is empty: look at what the tool that makes it said"));
    }
    let written = before.modified().map_err(trying(looked))?;
    let written = jiff::Timestamp::try_from(written).map_err(|_| Problem::Refused(format!("{shown} has no time")))?;
    let age = jiff::Timestamp::now().duration_since(written);
    if age.is_negative() || age.unsigned_abs() > newer_than {
        let allowed = units::duration(u64::try_from(newer_than.as_millis()).unwrap_or(u64::MAX));
        return refused(format!(
            "{shown} was written at {written:.0}, and not within the {allowed} before now: make it anew before this"
        ));
    }
    let mut file = File::open(&real).map_err(trying(|| format!("cannot open {shown}")))?;
    let digest = digest_text(&hash_file(&mut file, &real, stop)?);
    let after = file.metadata().map_err(trying(looked))?;
    if (before.len(), before.modified().ok()) != (after.len(), after.modified().ok()) {
        return Err(Problem::Changed(shown.to_string()));
    }
    let Some(text) = real.to_str() else {
        return refused(format!("{shown} is not a path in Unicode: give it another name"));
    };
    Ok(Backup {
        path: text.to_owned(),
        digest,
        state,
        bytes: after.len(),
        entries: 0,
        places: Vec::new(),
    })
}

fn real_path(path: &Path) -> Result<PathBuf> {
    path.canonicalize().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Problem::Refused(format!(
            "there is no {}: let the tool make it in an action before this one",
            path.display()
        )),
        _ => trying(|| format!("cannot find {}", path.display()))(error),
    })
}
