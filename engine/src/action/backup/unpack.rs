//! `backup.unpack`: a backup as files in a new folder, to be looked at or read from; nothing is put back.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use async_trait::async_trait;
use backstay_dsl::catalogue::Signature;
use backstay_dsl::effect::{Cancel, Effect, Repeat, ResourceKind};
use backstay_dsl::types::Type;
use backstay_dsl::units;

use super::archive::Archive;
use super::extract::{Purpose, ROOT, Staging, remove_tree};
use super::manifest::Header;
use super::part::{Part, sync_directory};
use super::problem::{Result, refused, trying};
use super::scope::{named_parts, refuse_inside, refuse_little_space};
use crate::action::common::blocking::{OnCancel, Stop, in_thread};
use crate::action::common::{describe, files};
use crate::action::{Action, Arguments, Context, Evidence, Outcome, Settled};
use crate::digest::short;
use crate::value::{Backup, Value};

pub(super) struct Unpack;

#[async_trait]
impl Action for Unpack {
    fn signature(&self) -> Signature {
        describe::change(
            "backup",
            "unpack",
            "Unpacks a backup into a new folder; the live state is not touched.\n\nEach part of the state stands in the \
             folder (mode 0700) under the last word of its path, a volume under its name. The archive has to have the \
             digest that it had when it was made, and what comes out is compared with its manifest before the folder \
             gets its name. Refused are a folder that is there already, one inside the protected state, and a volume that \
             only a helper container can reach.",
        )
        .needs("backup", Type::Backup, "The backup, made by `backup.create`.")
        .needs("into", Type::Path, "The new folder; the one above it is there.")
        .effects(Effect::Reads(describe::of(ResourceKind::Backup, "backup")))
        .effects(Effect::Adds(describe::of(ResourceKind::Tree, "into")))
        .limit_ms(super::LIMIT_MS)
        .repeat(Repeat::Once)
        .cancel(Cancel::Kill)
        .example(
            r#"
            do backup.create(data, to: folder / "backups") as copy
            do backup.unpack(copy, into: folder / "scratch") undo fs.remove(folder / "scratch") within 1m
            "#,
        )
        .done()
    }

    async fn preview(&self, context: &Context, arguments: &Arguments) -> Option<String> {
        let request = UnpackRequest::new(context, arguments);
        Some(match request {
            Ok(request) => format!("unpacks {} into {}", request.backup.path, request.into.display()),
            Err(problem) => format!("cannot be said yet: {problem}"),
        })
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        let unpacked = match UnpackRequest::new(context, arguments) {
            Ok(request) => in_thread(context, OnCancel::Stop, move |stop| request.unpack(stop)).await,
            Err(problem) => Err(problem),
        };
        match unpacked {
            Ok(summary) => Outcome::done(summary),
            Err(problem) => Outcome::failed(format!("nothing was unpacked: {problem}")),
        }
    }

    async fn settle(&self, context: &Context, arguments: &Arguments) -> Settled {
        let Ok(request) = UnpackRequest::new(context, arguments) else {
            return Settled::Undecidable("`backup` and `into` have to be given".to_owned());
        };
        let into = request.into.display().to_string();
        match in_thread(context, OnCancel::Stop, move |_| request.is_there()).await {
            // It was not there before, else nothing was begun; and it gets its name when all is in it.
            Ok(true) => Settled::Done(Evidence::line(format!("{into} is there"))),
            Ok(false) => Settled::NotDone(format!("{into} is not there")),
            Err(problem) => Settled::Undecidable(problem.to_string()),
        }
    }
}

struct UnpackRequest {
    backup: Backup,
    into: PathBuf,
    /// The state as it is now.
    parts: Vec<Part>,
    name: String,
}

impl UnpackRequest {
    fn new(context: &Context, arguments: &Arguments) -> Result<Self> {
        let (Some(Value::Backup(backup)), Some(into)) = (arguments.get("backup").cloned(), arguments.path("into"))
        else {
            return refused("`backup` and `into` have to be given");
        };
        Ok(Self {
            parts: named_parts(context, &backup.state)?,
            into: context.working_directory.join(into),
            name: short(&context.key),
            backup,
        })
    }

    fn is_there(&self) -> Result<bool> {
        let failed = || format!("cannot look at {}", self.into.display());
        Ok(files::if_there(self.into.symlink_metadata())
            .map_err(trying(failed))?
            .is_some())
    }

    fn unpack(&self, stop: &Stop) -> Result<String> {
        let shown = self.into.display();
        let (Some(above), Some(last)) = (self.into.parent(), self.into.file_name()) else {
            return refused(format!("{shown} cannot be a new folder"));
        };
        let above = above
            .canonicalize()
            .map_err(trying(|| format!("cannot find the folder above {shown}")))?;
        let into = above.join(last);
        refuse_inside((&self.into, &into), &self.parts, "unpack it outside")?;
        if self.is_there()? {
            return refused(format!("{shown} is there already: give a folder that is not"));
        }
        let archive = Archive::open(&self.backup, stop)?;
        let far = archive
            .header
            .parts
            .iter()
            .find_map(|part| part.volume.as_ref().filter(|one| one.through_helper));
        if let Some(volume) = far {
            return refused(format!(
                "the volume {} was read through a helper container, and its files cannot be made here; `backup.verify` \
                 proves it, `backup.restore` puts it back",
                volume.name
            ));
        }
        refuse_little_space(&above, archive.header.bytes, "unpacking")?;
        let unfinished = Unfinished(above.join(format!(".backstay-unpack-{}", self.name)));
        remove_tree(&unfinished.0)?;
        drop(Staging::make(&unfinished.0)?);
        let place = |number: usize| unfinished.0.join(format!(".part-{number}"));
        let places = (0..archive.header.parts.len()).map(|number| Staging::make(&place(number)).map(Some));
        let places: Vec<Option<Staging>> = places.collect::<Result<_>>()?;
        let manifest = archive.extract(&places, Purpose::Trial, stop)?;
        drop(places);
        for (number, name) in names(&archive.header).into_iter().enumerate() {
            let moved = || format!("cannot name {} in {}", name.display(), unfinished.0.display());
            if archive.header.parts[number].present {
                std::fs::rename(place(number).join(ROOT), unfinished.0.join(&name)).map_err(trying(moved))?;
            }
            std::fs::remove_dir(place(number)).map_err(trying(moved))?;
        }
        files::rename_new(&unfinished.0, &into).map_err(trying(|| format!("cannot make {shown}")))?;
        sync_directory(&above)?;
        let size = units::size(archive.header.bytes);
        Ok(format!("{} entries ({size}) in {shown}", manifest.entries.len()))
    }
}

/// What each part is called in the folder: the last word of its path, with its number where another has that.
fn names(header: &Header) -> Vec<OsString> {
    let mut taken = BTreeSet::new();
    let parts = header.parts.iter().enumerate();
    let named = parts.map(|(number, part)| {
        let last = match &part.volume {
            Some(volume) => OsString::from(&volume.name),
            None => part.named.path().file_name().unwrap_or_default().to_owned(),
        };
        let is_free = !last.is_empty() && !last.as_bytes().starts_with(b".part-") && !taken.contains(&last);
        let name = if is_free {
            last
        } else {
            let mut numbered = OsString::from(format!("{number}-"));
            numbered.push(&last);
            numbered
        };
        taken.insert(name.clone());
        name
    });
    named.collect()
}

/// A folder that is not finished; removed where it does not get its name.
struct Unfinished(PathBuf);

impl Drop for Unfinished {
    fn drop(&mut self) {
        // What cannot be removed has a name of ours, and the next attempt removes it.
        let _ = remove_tree(&self.0);
    }
}
