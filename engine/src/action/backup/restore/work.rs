//! A restore, step by step: begin, extract and compare, make ready, swap part by part, done.
//!
//! The live state is not touched before everything is ready and on disk. A restore that was interrupted
//! goes on where it can: what is ready is compared once more and swapped; else it begins again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::super::archive::Archive;
use super::super::entry::Contents;
use super::super::extract::{Purpose, ROOT, Staging, remove_tree, sync};
use super::super::holders::{self, Guarded, below};
use super::super::manifest::{Header, Manifest, compare};
use super::super::part::Part;
use super::super::problem::{Result, refused};
use super::super::scope::{refuse_far_exceptions, refuse_little_space, refuse_mounts};
use super::super::swap::{Position, Swap, identity, keep_displaced, keep_excepted, position, swap, take_back};
use super::super::volumes::{Access, Snapshot, Volumes};
use super::state::{Refill, State};
use crate::action::Progress;
use crate::action::common::blocking::Stop;
use crate::action::common::files::is_there;
use crate::value::Backup;

/// What is to be restored.
#[derive(Clone)]
pub(super) struct RestoreRequest {
    /// The parts of the state.
    pub parts: Vec<Part>,
    pub backup: Backup,
    /// A short name for the attempt's key.
    pub name: String,
    pub run_directory: PathBuf,
    /// What volumes are reached with.
    pub volumes: Volumes,
    pub progress: Progress,
}

/// What a restore leaves.
pub(super) struct Restored {
    entries: usize,
    /// Where what was there before is kept.
    displaced: Vec<PathBuf>,
}

impl Restored {
    /// One line for the record.
    pub(super) fn summary(&self) -> String {
        let places: Vec<_> = self.displaced.iter().map(|path| path.to_string_lossy()).collect();
        if places.is_empty() {
            return format!("{} entries are back; nothing was there before", self.entries);
        }
        format!(
            "{} entries are back; what was there before is kept until the run ends: {}",
            self.entries,
            places.join(", ")
        )
    }
}

impl RestoreRequest {
    /// Restores; goes on where an earlier attempt of the same key was interrupted.
    pub(super) fn restore(&self, stop: &Stop) -> Result<Restored> {
        self.attempt(stop).map_err(|problem| self.with_copies(problem))
    }

    fn attempt(&self, stop: &Stop) -> Result<Restored> {
        let mut earlier = State::read(&self.run_directory, &self.name)?;
        if self.parts.iter().any(|part| part.volume.is_some()) {
            self.volumes.remove_left()?;
        }
        if earlier.is_half_way() {
            if let Some(request) = self.located_by(&earlier)? {
                let snapshot = request.refuse_users()?;
                if let Some(manifest) = request.still_ready(&earlier, stop)? {
                    return request.finish(earlier, &manifest, &snapshot, stop);
                }
            }
            give_up(&earlier)?;
        } else {
            earlier.volumes.clear();
        }
        let archive = Archive::open(&self.backup, stop)?;
        self.refuse_other_parts(&archive.header)?;
        let request = self.located(&archive.header)?;
        request.refuse_users()?;
        refuse_mounts(&request.parts)?;
        request.refuse_little_space(&archive.header)?;
        let mut state = request.begun(earlier);
        state.write()?;
        self.progress
            .say("the archive is whole; it is extracted beside the state");
        let ready = request.make_ready(&archive, &mut state, stop).and_then(|manifest| {
            let snapshot = request.refuse_users()?;
            Ok((manifest, snapshot))
        });
        let (manifest, snapshot) = ready.inspect_err(|_| {
            // Nothing was swapped, so nothing of the live state is lost with this; the first problem is the one to tell.
            let _ = give_up(&state);
        })?;
        request.finish(state, &manifest, &snapshot, stop)
    }

    /// The same parts where they really lie. That is where they lay when the backup was made: a link on
    /// the way may point elsewhere by now, and what it points to is not what is to be restored. A volume lies
    /// where its engine has it now; one that is gone is made again.
    fn located(&self, header: &Header) -> Result<Self> {
        let mut request = self.clone();
        for (part, archived) in request.parts.iter_mut().zip(&header.parts) {
            let Some(kept) = &archived.volume else {
                archived.path.path().clone_into(&mut part.path);
                continue;
            };
            let there = match self.volumes.part_if_there(&kept.name)? {
                Some(part) => part,
                None => self.volumes.make_again(kept)?,
            };
            *part = there.without(&archived.except);
            refuse_far_exceptions(part)?;
        }
        Ok(request)
    }

    /// The same parts where an interrupted restore had them; `None` where a volume is gone or elsewhere.
    fn located_by(&self, state: &State) -> Result<Option<Self>> {
        let mut request = self.clone();
        let mut places = state.parts.iter().map(|part| part.live.path());
        for part in &mut request.parts {
            if let Some(volume) = &part.volume {
                match self.volumes.part_if_there(&volume.name)? {
                    Some(there) => *part = there.without(&part.except),
                    None => return Ok(None),
                }
            }
            match (&part.volume, part.mountpoint().is_some().then(|| places.next())) {
                (_, None) => {}
                (None, Some(Some(live))) => live.clone_into(&mut part.path),
                (Some(_), Some(Some(live))) if *live == part.path => {}
                _ => return Ok(None),
            }
        }
        let volumes = state.volumes.iter().map(|volume| volume.volume.as_str());
        let is_same = places.next().is_none() && request.far().map(|(_, name)| name).eq(volumes);
        Ok(is_same.then_some(request))
    }

    /// The parts that lie on this machine, with their numbers.
    fn near(&self) -> impl Iterator<Item = (usize, &Part)> {
        let parts = self.parts.iter().enumerate();
        parts.filter(|(_, part)| part.mountpoint().is_some())
    }

    /// The volumes that only helpers reach, by name, with their numbers.
    pub(super) fn far(&self) -> impl Iterator<Item = (usize, &str)> {
        let parts = self.parts.iter().enumerate();
        parts
            .filter(|(_, part)| part.mountpoint().is_none())
            .filter_map(|(number, part)| Some((number, part.volume.as_ref()?.name.as_str())))
    }

    /// Refuses while a process could write to what is to be displaced, or works in it.
    fn refuse_users(&self) -> Result<Snapshot> {
        let snapshot = self.volumes.quiet(&self.parts, Access::Replace)?;
        let (mut files, mut directories) = (Guarded::new(), Guarded::new());
        for (_, part) in self.near() {
            let excepted: Vec<PathBuf> = part.except.iter().map(|place| part.path.join(place.path())).collect();
            below(&part.path, &excepted, &mut files, &mut directories).or_else(refused)?;
        }
        let mut users = holders::writers(&files).or_else(refused)?;
        users.extend(holders::residents(&directories).or_else(refused)?);
        if users.is_empty() {
            return Ok(snapshot);
        }
        refused(format!(
            "the protected state is in use: {}; stop that first",
            holders::list(&users)
        ))
    }

    fn refuse_other_parts(&self, header: &Header) -> Result<()> {
        let is_same = header.parts.len() == self.parts.len()
            && header.parts.iter().zip(&self.parts).all(|(archived, part)| {
                archived.kind == part.kind
                    && archived.named.path() == part.named
                    && archived.volume.is_some() == part.volume.is_some()
                    && archived.except == part.except
            });
        let places = header.places();
        if is_same && places != self.backup.places {
            return refused(format!(
                "the archive says that it goes back to {}, and the record of the run says {}: it is not the archive that was made, or its record is not",
                places.join(", "),
                self.backup.places.join(", ")
            ));
        }
        if is_same {
            return Ok(());
        }
        let archived: Vec<String> = header.parts.iter().map(|part| part.named.to_string()).collect();
        refused(format!(
            "the backup is of {}, which is not what the runbook protects now: restore with the runbook that made it",
            archived.join(", ")
        ))
    }

    /// Parts on one file system need their space together.
    fn refuse_little_space(&self, header: &Header) -> Result<()> {
        let mut needs: BTreeMap<u64, (&Path, u64)> = BTreeMap::new();
        for (number, part) in self.near() {
            let device = identity(part.parent())?.map_or(0, |(device, _)| device);
            let (_, bytes) = needs.entry(device).or_insert((part.parent(), 0));
            *bytes = bytes.saturating_add(header.parts[number].bytes);
        }
        needs
            .values()
            .try_for_each(|(directory, bytes)| refuse_little_space(directory, *bytes, "the restore"))
    }

    /// What is noted before anything is made. Of a volume that an earlier attempt touched, its copy stays: what the
    /// volume holds now is that attempt's.
    fn begun(&self, earlier: State) -> State {
        let generation = earlier.generation + 1;
        let holder = |number: usize, part: &Part| {
            let name = format!(".backstay-restore-{}-{generation}-{number}", self.name);
            part.parent().join(name)
        };
        let copy_of = |name: &str| {
            let touched = earlier.volumes.iter().find(|touched| touched.volume == name);
            touched.and_then(|touched| touched.copy.clone())
        };
        let parts = self.near().map(|(number, part)| Swap {
            live: part.path.as_path().into(),
            holder: holder(number, part).as_path().into(),
            mark: None,
            except: part.except.clone(),
        });
        let volumes = self.far().map(|(_, name)| Refill {
            volume: name.to_owned(),
            copy: copy_of(name),
            is_filled: false,
        });
        State {
            generation,
            digest: self.backup.digest.clone(),
            parts: parts.collect(),
            volumes: volumes.collect(),
            is_ready: false,
            is_done: false,
            ..earlier
        }
    }

    /// Extracts and compares everything beside the live state, and notes it.
    fn make_ready(&self, archive: &Archive, state: &mut State, stop: &Stop) -> Result<Manifest> {
        let mut places: Vec<Option<Staging>> = self.parts.iter().map(|_| None).collect();
        for ((number, _), part) in self.near().zip(&state.parts) {
            places[number] = Some(Staging::make(part.holder.path())?);
        }
        let manifest = archive.extract(&places, Purpose::Restore, stop)?;
        sync(&places, &manifest.entries)?;
        state.keep_manifest(&manifest)?;
        self.progress.say("everything is extracted and compared");
        stop.check()?;
        for part in &mut state.parts {
            part.mark = identity(&part.holder.path().join(ROOT))?;
        }
        state.is_ready = true;
        state.write()?;
        self.progress.say("everything is ready to be put in place");
        Ok(manifest)
    }

    /// The manifest, if every part of an interrupted restore is, whole, where it waits or belongs.
    fn still_ready(&self, state: &State, stop: &Stop) -> Result<Option<Manifest>> {
        let is_same = state.is_ready && state.digest == self.backup.digest;
        let Some(manifest) = state.manifest().filter(|_| is_same) else {
            return Ok(None);
        };
        for ((number, part), swap) in self.near().zip(&state.parts) {
            let path = match position(swap)? {
                Position::Swapped => swap.live.path().to_owned(),
                Position::Waiting if swap.mark.is_some() => swap.holder.path().join(ROOT),
                // Waits for being taken away: as if it were gone.
                Position::Waiting => swap.holder.path().join("nothing"),
                Position::Lost => return Ok(None),
            };
            let actual = Part::at(part.kind, path).without(&part.except);
            if compare(&manifest, &actual, number, Contents::Hash, stop)?.is_some() {
                return Ok(None);
            }
        }
        Ok(Some(manifest))
    }

    /// Fills the volumes that only helpers reach, swaps every part that still waits, and looks whether somebody came
    /// to it meanwhile. From here on there is only forward.
    fn finish(&self, mut state: State, manifest: &Manifest, before: &Snapshot, stop: &Stop) -> Result<Restored> {
        self.fill_volumes(&mut state, manifest, stop)?;
        for part in &state.parts {
            let live = part.live.path().display();
            match position(part)? {
                Position::Swapped => continue,
                Position::Waiting => swap(part)?,
                Position::Lost => {
                    return refused(format!(
                        "what was made ready for {live} is gone: somebody else is at work there; stop that, then try again"
                    ));
                }
            }
            self.progress.say(&format!("{live} is back"));
        }
        let displaced = conclude(&mut state, &self.progress)?;
        self.volumes.still_quiet(&self.parts, Access::Replace, before)?;
        Ok(Restored {
            entries: manifest.entries.len(),
            displaced,
        })
    }
}

/// Clears up after an interrupted restore that cannot go on. What was live once is kept.
fn give_up(state: &State) -> Result<()> {
    for part in &state.parts {
        let is_ours = !state.is_ready || (position(part)? == Position::Waiting && part.mark.is_some());
        if is_ours && take_back(part)? {
            remove_tree(part.holder.path())?;
        } else {
            keep_displaced(part.holder.path())?;
        }
    }
    Ok(())
}

/// Keeps what was displaced and notes that all is done; answers what this attempt keeps.
pub(super) fn conclude(state: &mut State, progress: &Progress) -> Result<Vec<PathBuf>> {
    let mut displaced = Vec::new();
    for part in &state.parts {
        keep_excepted(part)?;
        displaced.extend(keep_displaced(part.holder.path())?);
    }
    let copies = state.copies().map(|copy| copy.path().to_owned());
    displaced.extend(copies.filter(|copy| !matches!(is_there(copy), Ok(false))));
    progress.say("what was there before is kept");
    state
        .displaced
        .extend(displaced.iter().map(|path| path.as_path().into()));
    state.is_done = true;
    state.write()?;
    Ok(displaced)
}
