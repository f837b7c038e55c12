//! A restore, step by step: begin, extract and compare, make ready, swap part by part, done.
//!
//! The live state is not touched before everything is ready and on disk. A restore that was interrupted
//! goes on where it can: what is ready is compared once more and swapped; else it begins again.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::super::compare::difference;
use super::super::extract::{Place, ROOT, sync};
use super::super::holders::{self, below};
use super::super::journal::{Journal, Line, Marks, PartLine, path, text};
use super::super::manifest::{Entry, Header, Manifest};
use super::super::opened::{Archive, remove_tree};
use super::super::problem::{Problem, Result, refused, trying};
use super::super::scope::{Part, refuse_little_space, refuse_mounts, sync_directory};
use super::super::survey::{Contents, scan};
use super::super::swap::{Position, identity, keep_displaced, position, swap, take_back};
use super::super::volumes::{Sight, Volumes, Wanted};
use crate::action::common::blocking::Stop;
use crate::value::Backup;

/// A moment of a restore; tests end the work at each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) enum Point {
    /// The journal says what will be made.
    Begun,
    /// Everything is extracted and compared.
    Extracted,
    /// The journal says that the swap may begin.
    Ready,
    /// A part was swapped, the journal does not say so yet.
    Swapped(usize),
    /// The journal says that a part was swapped.
    Noted(usize),
    /// What was displaced has its name.
    Kept,
}

/// What is to be restored.
#[derive(Clone)]
pub(in super::super) struct Order {
    /// The parts of the state.
    pub parts: Vec<Part>,
    pub backup: Backup,
    /// A short name for the attempt's key.
    pub name: String,
    pub run_directory: PathBuf,
    /// What volumes are reached with; none where no part is one.
    pub volumes: Option<Volumes>,
}

/// What a restore leaves.
#[derive(Debug)]
pub(in super::super) struct Restored {
    entries: usize,
    /// Where what was there before is kept.
    pub displaced: Vec<PathBuf>,
}

impl Restored {
    /// One line for the record.
    pub(super) fn summary(&self) -> String {
        let places: Vec<String> = self.displaced.iter().map(|path| path.display().to_string()).collect();
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

/// Told of each moment.
pub(in super::super) type Reached<'r> = dyn FnMut(Point) + 'r;

impl Order {
    /// Restores; goes on where an earlier attempt of the same key was interrupted.
    pub(in super::super) fn restore(&self, stop: &Stop, reached: &mut Reached<'_>) -> Result<Restored> {
        self.attempt(stop, reached).map_err(|problem| self.with_copies(problem))
    }

    fn attempt(&self, stop: &Stop, reached: &mut Reached<'_>) -> Result<Restored> {
        let earlier = Journal::newest(&self.run_directory, &self.name)?;
        let generation = earlier.as_ref().map_or(1, |journal| journal.generation + 1);
        let mut copies = Vec::new();
        if self.parts.iter().any(|part| part.volume.is_some()) {
            self.volumes()?.remove_left()?;
        }
        if let Some(journal) = earlier
            && journal.displaced().is_none()
        {
            copies = journal.copies();
            if let Some(order) = self.located_by_journal(&journal)? {
                let sight = order.refuse_users()?;
                if let Some(manifest) = order.still_ready(&journal, stop)? {
                    return order.finish(journal, &manifest, &sight, stop, reached);
                }
            }
            Self::give_up(&journal)?;
        }
        let archive = Archive::open(&self.backup, stop)?;
        self.refuse_other_parts(&archive.header)?;
        let order = self.located(&archive.header)?;
        order.refuse_users()?;
        refuse_mounts(&order.parts)?;
        order.refuse_little_space(&archive.header)?;
        let (journal, manifest) = order.make_ready(&archive, (generation, copies), stop, reached)?;
        let sight = order.refuse_users().inspect_err(|_| {
            // Nothing was swapped, so nothing of the live state is lost with this.
            let _ = Self::give_up(&journal);
        })?;
        order.finish(journal, &manifest, &sight, stop, reached)
    }

    /// Fills the volumes that only helpers reach, swaps what is ready, and looks whether somebody came to it meanwhile.
    fn finish(
        &self,
        mut journal: Journal,
        manifest: &Manifest,
        before: &Sight,
        stop: &Stop,
        reached: &mut Reached<'_>,
    ) -> Result<Restored> {
        self.fill_volumes(&mut journal, manifest, stop)?;
        let restored = finish(journal, manifest, reached)?;
        if let Some(volumes) = &self.volumes {
            volumes.still_quiet(&self.parts, Wanted::Replace, before)?;
        }
        Ok(restored)
    }

    pub(super) fn volumes(&self) -> Result<&Volumes> {
        match &self.volumes {
            Some(volumes) => Ok(volumes),
            None => refused("there is no container engine here to ask for a volume"),
        }
    }

    /// The same parts where they really lie. That is where they lay when the backup was made: a link on
    /// the way may point elsewhere by now, and what it points to is not what is to be restored. A volume lies
    /// where its engine has it now; one that is gone is made again.
    fn located(&self, header: &Header) -> Result<Self> {
        let mut order = self.clone();
        for (part, archived) in order.parts.iter_mut().zip(&header.parts) {
            let Some(kept) = &archived.volume else {
                part.path = path(&archived.path);
                continue;
            };
            let volumes = self.volumes()?;
            *part = match volumes.part_if_there(&kept.name)? {
                Some(part) => part,
                None => volumes.make_again(kept)?,
            };
        }
        Ok(order)
    }

    /// The same parts where an interrupted restore had them; `None` where a volume is gone or elsewhere.
    fn located_by_journal(&self, journal: &Journal) -> Result<Option<Self>> {
        let mut order = self.clone();
        let mut places = journal.parts().into_iter().map(|(live, _)| live);
        for part in &mut order.parts {
            if let Some(volume) = &part.volume {
                match self.volumes()?.part_if_there(&volume.name)? {
                    Some(there) => *part = there,
                    None => return Ok(None),
                }
            }
            match (&part.volume, part.mountpoint().is_some().then(|| places.next())) {
                (_, None) => {}
                (None, Some(Some(live))) => part.path = live,
                (Some(_), Some(Some(live))) if live == part.path => {}
                _ => return Ok(None),
            }
        }
        let is_same = places.next().is_none() && order.far().map(|(_, name)| name).eq(journal.volumes());
        Ok(is_same.then_some(order))
    }

    /// The parts that lie on this machine, with their numbers.
    fn near(&self) -> impl Iterator<Item = (usize, &Part)> {
        self.parts
            .iter()
            .enumerate()
            .filter(|(_, part)| part.mountpoint().is_some())
    }

    /// The volumes that only helpers reach, by name, with their numbers.
    pub(super) fn far(&self) -> impl Iterator<Item = (usize, &str)> {
        let name = |part: &'_ Part| part.mountpoint().is_none();
        self.parts
            .iter()
            .enumerate()
            .filter(move |(_, part)| name(part))
            .filter_map(|(number, part)| Some((number, part.volume.as_ref()?.name.as_str())))
    }

    /// Refuses while a process could write to what is to be displaced, or works in it.
    fn refuse_users(&self) -> Result<Sight> {
        let sight = match &self.volumes {
            Some(volumes) => volumes.quiet(&self.parts, Wanted::Replace)?,
            None => Sight::default(),
        };
        let (mut files, mut directories) = (BTreeSet::new(), BTreeSet::new());
        for (_, part) in self.near() {
            let (more_files, more_directories) = below(&part.path);
            files.extend(more_files);
            directories.extend(more_directories);
        }
        let mut users = holders::writers(&files);
        users.extend(holders::residents(&directories));
        if users.is_empty() {
            return Ok(sight);
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
                    && archived.named == text(&part.named)
                    && archived.volume.is_some() == part.volume.is_some()
            });
        if is_same {
            return Ok(());
        }
        let archived: Vec<&str> = header.parts.iter().map(|part| part.named.as_str()).collect();
        refused(format!(
            "the backup is of {}, which is not what the runbook protects now: restore with the runbook that made it",
            archived.join(", ")
        ))
    }

    /// Parts on one file system need their space together.
    fn refuse_little_space(&self, header: &Header) -> Result<()> {
        let mut needs: BTreeMap<u64, (&Path, u64)> = BTreeMap::new();
        for (number, part) in self.near() {
            let archived = &header.parts[number];
            let device = identity(part.parent())?.map_or(0, |(device, _)| device);
            let (_, bytes) = needs.entry(device).or_insert((part.parent(), 0));
            *bytes = bytes.saturating_add(archived.bytes);
        }
        needs
            .values()
            .try_for_each(|(directory, bytes)| refuse_little_space(directory, *bytes, "the restore"))
    }

    fn beside(&self, part: usize, word: &str, generation: u32) -> PathBuf {
        let name = format!(".backstay-{word}-{}-{generation}-{part}", self.name);
        self.parts[part].parent().join(name)
    }

    /// Extracts and compares everything beside the live state, and notes it in the journal.
    fn make_ready(
        &self,
        archive: &Archive,
        (generation, copies): (u32, Vec<(String, PathBuf)>),
        stop: &Stop,
        reached: &mut Reached<'_>,
    ) -> Result<(Journal, Manifest)> {
        let mut journal = Journal::start(&self.run_directory, &self.name, generation)?;
        let holders: Vec<Option<PathBuf>> = (self.parts.iter().enumerate())
            .map(|(number, part)| part.mountpoint().map(|_| self.beside(number, "restore", generation)))
            .collect();
        let near = || self.near().zip(holders.iter().flatten());
        journal.add(Line::Begun {
            digest: self.backup.digest.clone(),
            parts: near()
                .map(|((_, part), holder)| PartLine {
                    live: text(&part.path),
                    holder: text(holder),
                })
                .collect(),
            volumes: self.far().map(|(_, name)| name.to_owned()).collect(),
        })?;
        for (volume, copy) in copies {
            // What a volume held before the first attempt: what it holds now is that attempt's.
            let copy = text(&copy);
            journal.add(Line::Copied { volume, copy })?;
        }
        reached(Point::Begun);
        let ready = (|| {
            let places = holders
                .iter()
                .map(|path| path.as_ref().map(|path| Place::make(path)).transpose())
                .collect::<Result<Vec<_>>>()?;
            let manifest = archive.extract(&places, Contents::Skip, stop)?;
            sync(&places, &manifest.entries)?;
            self.save(&journal, &manifest)?;
            reached(Point::Extracted);
            stop.check()?;
            let mut marks = Vec::new();
            for ((_, part), holder) in near() {
                marks.push(Marks {
                    ready: identity(&holder.join(ROOT))?,
                    before: identity(&part.path)?,
                });
            }
            journal.add(Line::Ready { marks })?;
            Ok(manifest)
        })();
        match ready {
            Ok(manifest) => {
                reached(Point::Ready);
                Ok((journal, manifest))
            }
            Err(problem) => {
                // The live state is as it was; the first problem is the one to tell.
                let _ = Self::give_up(&journal);
                Err(problem)
            }
        }
    }

    fn save(&self, journal: &Journal, manifest: &Manifest) -> Result<()> {
        let path = journal.manifest_path();
        let failed = || format!("cannot write {}", path.display());
        let bytes = manifest.to_bytes().map_err(trying(failed))?;
        let mut file = File::create(&path).map_err(trying(failed))?;
        file.write_all(&bytes)
            .and_then(|()| file.sync_all())
            .map_err(trying(failed))?;
        sync_directory(&self.run_directory)
    }

    /// The manifest, if every part of an interrupted restore is, whole, where it waits or belongs.
    fn still_ready(&self, journal: &Journal, stop: &Stop) -> Result<Option<Manifest>> {
        let (Some(marks), Ok(bytes)) = (journal.marks(), std::fs::read(journal.manifest_path())) else {
            return Ok(None);
        };
        let places = journal.parts();
        let is_same = places.len() == self.near().count()
            && places
                .iter()
                .zip(self.near())
                .all(|((live, _), (_, part))| *live == part.path)
            && journal.digest() == Some(self.backup.digest.as_str());
        let Some(manifest) = Manifest::from_bytes(&bytes).ok().filter(|_| is_same) else {
            return Ok(None);
        };
        let mut now = self.parts.clone();
        for ((number, part), ((live, holder), marks)) in self.near().zip(places.iter().zip(marks)) {
            let path = match position(live, holder, *marks)? {
                Position::Swapped => live.clone(),
                Position::Waiting if marks.ready.is_some() => holder.join(ROOT),
                // Waits for being taken away: as if it were gone.
                Position::Waiting => holder.join("nothing"),
                Position::Lost => return Ok(None),
            };
            now[number] = Part::at(part.kind, path);
        }
        let found = scan(&now, Contents::Hash, stop)?;
        let is_near = |entry: &&Entry| self.parts[entry.part].mountpoint().is_some();
        let expected: Vec<Entry> = manifest.entries.iter().filter(is_near).cloned().collect();
        Ok(difference(&expected, &found, Contents::Hash)
            .is_none()
            .then_some(manifest))
    }

    /// Clears up after an interrupted restore that cannot go on. What was live once is kept.
    fn give_up(journal: &Journal) -> Result<()> {
        let marks = journal.marks().unwrap_or_default();
        for (number, (live, holder)) in journal.parts().iter().enumerate() {
            let is_ours = match marks.get(number) {
                None => true,
                Some(marks) => position(live, holder, *marks)? == Position::Waiting && marks.ready.is_some(),
            };
            if is_ours && take_back(live, holder)? {
                remove_tree(holder)?;
            } else {
                keep_displaced(holder, &displaced_name(holder))?;
            }
        }
        Ok(())
    }
}

/// Swaps every part that still waits. From here on there is only forward.
fn finish(mut journal: Journal, manifest: &Manifest, reached: &mut Reached<'_>) -> Result<Restored> {
    let marks = journal.marks().unwrap_or_default().to_vec();
    let places = journal.parts();
    for (number, ((live, holder), marks)) in places.iter().zip(&marks).enumerate() {
        match position(live, holder, *marks)? {
            Position::Swapped => continue,
            Position::Waiting => swap(live, holder, *marks)?,
            Position::Lost => return Err(lost(live)),
        }
        reached(Point::Swapped(number));
        journal.add(Line::Swapped { part: number })?;
        reached(Point::Noted(number));
    }
    let displaced = conclude(&mut journal, reached)?;
    Ok(Restored {
        entries: manifest.entries.len(),
        displaced,
    })
}

/// Keeps what was displaced and notes that all is done.
pub(super) fn conclude(journal: &mut Journal, reached: &mut Reached<'_>) -> Result<Vec<PathBuf>> {
    let mut displaced = Vec::new();
    for (_, holder) in journal.parts() {
        displaced.extend(keep_displaced(&holder, &displaced_name(&holder))?);
    }
    let copies = journal.copies().into_iter().map(|(_, copy)| copy);
    displaced.extend(copies.filter(|copy| copy.symlink_metadata().is_ok()));
    reached(Point::Kept);
    journal.add(Line::Done {
        displaced: displaced.iter().map(|path| text(path)).collect(),
    })?;
    Ok(displaced)
}

fn lost(live: &Path) -> Problem {
    Problem::Refused(format!(
        "what was made ready for {} is gone: somebody else is at work there; stop that, then try again",
        live.display()
    ))
}

/// `.backstay-restore-…` becomes `.backstay-displaced-…`.
fn displaced_name(holder: &Path) -> PathBuf {
    let name = holder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    holder.with_file_name(name.replacen("-restore-", "-displaced-", 1))
}

#[cfg(test)]
mod tests;
