//! `backup.verify`: restores a backup into a scratch directory and compares it with its manifest.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use backstay_dsl::catalogue::Signature;
use backstay_dsl::effect::{Effect, ResourceKind};
use backstay_dsl::types::Type;
use backstay_dsl::units;

use super::archive::Archive;
use super::extract::{Purpose, Staging, remove_tree};
use super::problem::{Problem, Result, trying};
use super::scope::refuse_little_space;
use super::volumes::Volumes;
use crate::action::common::blocking::{OnCancel, Stop, in_thread};
use crate::action::common::boot::since_boot;
use crate::action::common::describe;
use crate::action::common::engine::RetryingEngine;
use crate::action::{Action, Arguments, Context, Evidence, Outcome};
use crate::digest::short;
use crate::value::{Backup, Value};

pub(super) struct Verify {
    /// The engine that volumes are asked of.
    pub engine: RetryingEngine,
}

#[async_trait]
impl Action for Verify {
    fn signature(&self) -> Signature {
        let result = Type::record(
            "BackupVerification",
            &[
                ("ok", Type::Bool),
                ("entries", Type::Int),
                ("took", Type::Duration),
                ("reason", Type::Text),
            ],
        );
        describe::read(
            "backup",
            "verify",
            "Restores a backup into a scratch directory and compares it.\n\nThe archive has to have the digest that it had \
             when it was made, and every entry has to come out exactly as the manifest says: none missing, none more, \
             content, mode, owner, times, links. The scratch directory stands beside the archive and is removed. A volume \
             that only a helper container can reach is restored into a scratch volume, read back, emptied and removed. \
             `took` is how long it was at work: a restore takes about as long.",
        )
        .needs("backup", Type::Backup, "The backup.")
        .takes("helper", Type::Image { pinned: false }, super::HELPER)
        .gives(result)
        .effects(Effect::Reads(describe::of(ResourceKind::Backup, "backup")))
        .effects(Effect::Proves(describe::of(ResourceKind::Backup, "backup")))
        .leaves_traces()
        .limit_ms(super::LIMIT_MS)
        .example(
            r#"
            do backup.create(data, to: folder / "backups") as copy
            check "the archive restores": backup.verify(copy) is ok within 5m
            "#,
        )
        .done()
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        let Some(Value::Backup(backup)) = arguments.get("backup").cloned() else {
            return Outcome::failed("`backup` has to be given");
        };
        let key = short(&context.key);
        let since = since_boot();
        let entries = backup.entries;
        let volumes = Volumes::new(&self.engine, context, &backup.state, arguments.text("helper"));
        let work = move |stop: &Stop| verify(&backup, &key, &volumes, stop);
        let verified = in_thread(context, OnCancel::Stop, work).await;
        let took_ms = u64::try_from(since_boot().saturating_sub(since).as_millis()).unwrap_or(u64::MAX);
        let (ok, reason) = match verified {
            Ok(()) => (true, String::new()),
            Err(Problem::Damaged(reason)) => (false, reason),
            Err(problem) => return Outcome::failed(format!("the backup could not be examined: {problem}")),
        };
        let summary = if ok {
            format!(
                "{entries} entries restored and compared in {}",
                units::duration(took_ms)
            )
        } else {
            reason.clone()
        };
        let record = [
            ("ok", Value::Bool(ok)),
            ("entries", Value::Int(i64::try_from(entries).unwrap_or(i64::MAX))),
            ("took", Value::Duration(took_ms)),
            ("reason", Value::Text(reason)),
        ];
        Outcome::Done(Evidence::value(Value::record(record), summary))
    }
}

fn verify(backup: &Backup, key: &str, volumes: &Volumes, stop: &Stop) -> Result<()> {
    let archive = Archive::open(backup, stop)?;
    let directory = Path::new(&backup.path).parent().unwrap_or(Path::new("/"));
    let directory = directory
        .canonicalize()
        .map_err(trying(|| format!("cannot look at {}", directory.display())))?;
    refuse_little_space(&directory, archive.header.bytes, "the trial restore")?;
    let scratch = Scratch::make(&directory, key)?;
    let mut places = Vec::new();
    let mut far = Vec::new();
    for (number, part) in archive.header.parts.iter().enumerate() {
        match part.volume.as_ref().filter(|volume| volume.through_helper) {
            Some(volume) => {
                far.push((number, volume));
                places.push(None);
            }
            None => places.push(Some(Staging::make(&scratch.0.join(number.to_string()))?)),
        }
    }
    let manifest = archive.extract(&places, Purpose::Trial, stop)?;
    if !far.is_empty() {
        volumes.remove_left()?;
    }
    for (number, volume) in far {
        let helpers = volumes.helpers(&volume.name)?;
        helpers.prove((&archive, &manifest, number), stop)?;
    }
    Ok(())
}

/// The scratch directory; removed with all in it.
struct Scratch(PathBuf);

impl Scratch {
    /// Makes one with a name of its own, after those that a dead process left are removed.
    fn make(directory: &Path, key: &str) -> Result<Self> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let start = format!(".backstay-scratch-{key}-");
        for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let owner = name.strip_prefix(&start).and_then(|rest| rest.split('-').next());
            if owner.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
                remove_tree(&entry.path())?;
            }
        }
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = directory.join(format!("{start}{}-{number}", std::process::id()));
        Staging::make(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed is seen by whoever looks at the directory; the answer stands.
        let _ = remove_tree(&self.0);
    }
}
