//! `backup.create`: makes an archive of protected state and proves that it can be read back.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use backstay_dsl::catalogue::{Pattern, Signature};
use backstay_dsl::effect::{Cancel, Effect, Repeat, Resource, ResourceKind};
use backstay_dsl::types::Type;
use backstay_dsl::units;

use super::archive::{Unfinished, capture, examine};
use super::bytes::digest_text;
use super::entry::{Contents, Entries, Entry, scan};
use super::live::{Copies, WithCopies};
use super::manifest::{Header, Manifest};
use super::part::Part;
use super::problem::{Problem, Result, trying};
use super::scope::{parts, refuse_little_space, target};
use super::survey::{Survey, survey};
use super::volumes::{Access, Helpers, Reader, Trial, Volumes};
use crate::action::common::blocking::{OnCancel, Stop, in_thread};
use crate::action::common::describe;
use crate::action::common::engine::RetryingEngine;
use crate::action::{Action, Arguments, Context, Evidence, Outcome, Settled};
use crate::digest::short;
use crate::value::{Backup, Value};

/// How often the whole is begun again because a file changed.
const TRIES: u32 = 3;
/// So often is looked at a state that others may write to.
const TRIES_LIVE: u32 = 100;

pub(super) struct Create {
    /// The engine that volumes are asked of.
    pub engine: RetryingEngine,
}

#[async_trait]
impl Action for Create {
    fn signature(&self) -> Signature {
        describe::change(
            "backup",
            "create",
            "Makes a backup of protected state.\n\nWrites `STATE-TIME-KEY.tar.zst` (mode 0600) with a manifest of every \
             entry, reads it back and compares it before it gets its name. Refuses a directory in a git work tree or \
             inside the state, too little space, a file that changes while it is read, a SQLite database that has a \
             writer (where the text says `live because`, it is copied as it is at one moment), and anything that could not be given back as it was.",
        )
        .needs("state", Type::State, "The protected state.")
        .needs(
            "to",
            Type::Path,
            "The directory for the archive; made with mode 0700 where it is missing.",
        )
        .takes("helper", Type::Image { pinned: false }, super::HELPER)
        .gives(Type::Backup)
        .effects(Effect::Reads(describe::of(ResourceKind::State, "state")))
        .effects(Effect::Captures {
            state: describe::of(ResourceKind::State, "state"),
            backup: Resource::new(ResourceKind::Backup, Pattern::Result),
        })
        .effects(Effect::Adds(Resource::new(ResourceKind::File, Pattern::Result)))
        .limit_ms(super::LIMIT_MS)
        .repeat(Repeat::Keyed)
        .cancel(Cancel::Kill)
        .example(
            r#"
            do backup.create(data, to: folder / "backups") as copy
            check "the archive restores": backup.verify(copy) is ok within 5m
            "#,
        )
        .done()
    }

    async fn preview(&self, context: &Context, arguments: &Arguments) -> Option<String> {
        let request = match self.request(context, arguments) {
            Ok(request) => request,
            Err(problem) => return Some(format!("cannot be said yet: {problem}")),
        };
        let text = in_thread(context, OnCancel::Stop, move |stop| {
            let parts = request.parts(Trial::Forbidden)?;
            let size = if parts.iter().all(|part| part.mountpoint().is_some()) {
                let bytes = survey(&parts, &BTreeMap::new(), stop)?.bytes();
                format!(" ({} before compression)", units::size(bytes))
            } else {
                String::new()
            };
            Ok::<_, Problem>(format!(
                "an archive of {}{size} in {}",
                request.state,
                request.to.display()
            ))
        });
        let text = text.await;
        Some(text.unwrap_or_else(|problem| format!("cannot be said yet: {problem}")))
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        let made = match self.request(context, arguments) {
            Ok(request) => in_thread(context, OnCancel::Stop, move |stop| request.make(stop)).await,
            Err(problem) => Err(problem),
        };
        match made {
            Ok((backup, note)) => Outcome::Done(evidence(backup, &note)),
            Err(problem) => Outcome::failed(format!("no backup was made: {problem}")),
        }
    }

    async fn settle(&self, context: &Context, arguments: &Arguments) -> Settled {
        let request = match self.request(context, arguments) {
            Ok(request) => request,
            Err(problem) => return Settled::Undecidable(problem.to_string()),
        };
        let found = in_thread(context, OnCancel::Stop, move |stop| {
            request.remove_unfinished()?;
            request.find(stop)
        });
        match found.await {
            Ok(Some(backup)) => Settled::Done(evidence(backup, "")),
            Ok(None) => Settled::NotDone("there is no finished archive of this attempt".to_owned()),
            Err(problem) => Settled::Undecidable(problem.to_string()),
        }
    }
}

fn evidence(backup: Backup, note: &str) -> Evidence {
    let summary = format!(
        "{} ({} entries, {}){note}",
        backup.path,
        backup.entries,
        units::size(backup.bytes)
    );
    Evidence::value(Value::Backup(backup), summary)
}

impl Create {
    fn request(&self, context: &Context, arguments: &Arguments) -> Result<CreateRequest> {
        let (Some(state), Some(to)) = (arguments.text("state"), arguments.path("to")) else {
            return Err(Problem::Refused("`state` and `to` have to be given".to_owned()));
        };
        Ok(CreateRequest {
            state: state.to_owned(),
            to: context.working_directory.join(to),
            volumes: Volumes::new(&self.engine, context, state, arguments.text("helper")),
            context: context.clone(),
        })
    }
}

/// What is to be made.
struct CreateRequest {
    state: String,
    to: PathBuf,
    volumes: Volumes,
    context: Context,
}

impl CreateRequest {
    fn parts(&self, trial: Trial) -> Result<Vec<Part>> {
        parts(&self.context, &self.state, &self.volumes, trial)
    }

    fn make(&self, stop: &Stop) -> Result<(Backup, String)> {
        let parts = self.parts(Trial::Allowed)?;
        let directory = target(&self.to, &parts)?;
        if let Some(backup) = self.find(stop)? {
            return Ok((backup, " made by an earlier attempt".to_owned()));
        }
        let helpers = self.helpers(&parts)?;
        let access = if self.context.is_live {
            Access::ReadLive
        } else {
            Access::Read
        };
        let snapshot = self.volumes.quiet(&parts, access)?;
        let readers = readers(&parts, helpers.as_ref())?;
        let mut seen = BTreeMap::new();
        for (number, reader) in &readers {
            seen.insert(*number, scan(reader, *number, Contents::Hash, stop)?);
        }
        let survey = self.surveyed(&parts, &seen, stop)?;
        let databases = survey.found.as_slice();
        let databases = if self.context.is_live { databases } else { &[] };
        let room: u64 = databases.iter().map(|database| database.size).sum();
        refuse_little_space(&directory, survey.bytes().saturating_add(room), "the backup")?;
        let copies = Copies::of(databases, |number| directory.join(self.copy_name(number)), stop)?;
        if copies.are_none() {
            survey.refuse_live_databases()?;
        }
        let mut counted = survey.parts.clone();
        copies.count(&mut counted);
        let header = Header::new(&self.context.key, &self.state, counted);
        let near: Vec<WithCopies<'_>> = (parts.iter().enumerate())
            .map(|(number, part)| copies.within(number, part))
            .collect();
        let sources: Vec<(&Part, &dyn Entries)> = (parts.iter().zip(&near).enumerate())
            .map(|(number, (part, near))| match readers.get(&number) {
                Some(reader) => (part, reader as &dyn Entries),
                None => (part, near as &dyn Entries),
            })
            .collect();
        let unfinished = Unfinished(directory.join(self.unfinished_name()));
        let mut tries = 0;
        let (file, manifest) = loop {
            tries += 1;
            match capture(header.clone(), &sources, &seen, unfinished.create()?, stop) {
                Err(Problem::Changed(_)) if tries < TRIES => {}
                captured => break captured?,
            }
        };
        // Whoever opened a database meanwhile may have written to it.
        if copies.are_none() {
            survey.refuse_live_databases()?;
        }
        self.volumes.still_quiet(&parts, access, &snapshot)?;
        let path = directory.join(self.name());
        let hash = unfinished.seal(file, &manifest, &path, stop)?;
        let backup = backup(&path, &manifest, digest_text(&hash))?;
        let notes = notes(&manifest, survey.outside);
        Ok((backup, format!("{notes}{}", copies.in_words())))
    }

    /// Looks at the state. Beside a database that is written to, files come and go all the while.
    fn surveyed(&self, parts: &[Part], seen: &BTreeMap<usize, Vec<Entry>>, stop: &Stop) -> Result<Survey> {
        let mut tries = 0;
        loop {
            tries += 1;
            match survey(parts, seen, stop) {
                Err(Problem::Changed(_)) if self.context.is_live && tries < TRIES_LIVE => {}
                surveyed => return surveyed,
            }
        }
    }

    /// Helpers, where a part needs one.
    fn helpers(&self, parts: &[Part]) -> Result<Option<Helpers>> {
        if parts.iter().all(|part| part.volume.is_none()) {
            return Ok(None);
        }
        self.volumes.remove_left()?;
        let far = parts.iter().filter(|part| part.mountpoint().is_none());
        far.filter_map(|part| part.volume.as_ref())
            .map(|volume| self.volumes.helpers(&volume.name))
            .next()
            .transpose()
    }

    fn key_name(&self) -> String {
        short(&self.context.key)
    }

    fn name(&self) -> String {
        let state: String = self
            .state
            .chars()
            .map(|letter| {
                if letter.is_ascii_alphanumeric() || "._".contains(letter) {
                    letter
                } else {
                    '-'
                }
            })
            .take(100)
            .collect();
        let time = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%S");
        format!("{}-{time}-{}.tar.zst", state.trim_start_matches('.'), self.key_name())
    }

    fn unfinished_name(&self) -> String {
        format!(".backstay-{}-{}.partial", self.key_name(), self.context.attempt)
    }

    fn copy_name(&self, number: usize) -> String {
        format!(
            ".backstay-{}-{}-{number}.sqlite.partial",
            self.key_name(),
            self.context.attempt
        )
    }

    /// What lies in the directory for archives; nothing where there is none yet.
    fn names_in_target(&self) -> Result<Vec<String>> {
        let failed = || format!("cannot list {}", self.to.display());
        let entries = match std::fs::read_dir(&self.to) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(trying(failed)(error)),
        };
        let mut names = Vec::new();
        for entry in entries {
            names.extend(entry.map_err(trying(failed))?.file_name().into_string());
        }
        names.sort();
        Ok(names)
    }

    /// The finished archive of this key, read as a whole; `None` where there is none.
    fn find(&self, stop: &Stop) -> Result<Option<Backup>> {
        let ending = format!("-{}.tar.zst", self.key_name());
        let names = self.names_in_target()?;
        for name in names.iter().filter(|name| name.ends_with(&ending)) {
            let path = self.to.canonicalize().unwrap_or_else(|_| self.to.clone()).join(name);
            match examine(&path, stop) {
                Ok((manifest, hash)) if manifest.header.key == self.context.key => {
                    return backup(&path, &manifest, digest_text(&hash)).map(Some);
                }
                Ok(_) | Err(Problem::Damaged(_)) => {}
                Err(problem) => return Err(problem),
            }
        }
        Ok(None)
    }

    /// Removes what attempts of this key left unfinished.
    fn remove_unfinished(&self) -> Result<()> {
        let start = format!(".backstay-{}-", self.key_name());
        for name in self.names_in_target()? {
            if name.starts_with(&start) && name.ends_with(".partial") {
                let path = self.to.join(name);
                std::fs::remove_file(&path).map_err(trying(|| format!("cannot remove {}", path.display())))?;
            }
        }
        Ok(())
    }
}

/// A helper for each volume that only helpers can reach, by the part's number.
fn readers<'h>(parts: &[Part], helpers: Option<&'h Helpers>) -> Result<BTreeMap<usize, Reader<'h>>> {
    let mut readers = BTreeMap::new();
    for (number, part) in parts.iter().enumerate() {
        if let (None, Some(volume), Some(helpers)) = (part.mountpoint(), &part.volume, helpers) {
            readers.insert(number, helpers.reader(&volume.name)?);
        }
    }
    Ok(readers)
}

fn notes(manifest: &Manifest, outside: usize) -> String {
    let absent = manifest.header.parts.iter().filter(|part| !part.present);
    let mut notes: Vec<String> = absent
        .map(|part| format!("; {} was not there, and a restore removes it", part.path))
        .collect();
    let far = manifest.header.parts.iter().filter_map(|part| part.volume.as_ref());
    notes.extend(far.filter(|volume| volume.through_helper).map(|volume| {
        format!(
            "; the volume {} was read through a helper container: times to the second, no extended attributes but capabilities, no sockets",
            volume.name
        )
    }));
    if outside > 0 {
        notes.push(format!(
            "; {outside} files have hard links outside of the state, which a restore cuts"
        ));
    }
    notes.concat()
}

fn backup(path: &Path, manifest: &Manifest, digest: String) -> Result<Backup> {
    let bytes = std::fs::metadata(path)
        .map_err(trying(|| format!("cannot look at {}", path.display())))?
        .len();
    let Some(text) = path.to_str() else {
        return Err(Problem::Refused(format!(
            "{} is not a path in Unicode: choose another directory",
            path.display()
        )));
    };
    Ok(Backup {
        path: text.to_owned(),
        digest,
        state: manifest.header.state.clone(),
        bytes,
        entries: manifest.entries.len() as u64,
        places: manifest.header.places(),
    })
}
