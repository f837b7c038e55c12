//! Databases of `SQLite` that may be written to while a backup is made: each is copied through the interface that
//! `SQLite` has for it, and the copy stands in the archive in its place.
//!
//! A copy is of one moment, also in WAL mode and whoever writes. What stands beside a database while it is open (its log
//! and its index) is no part of the archive: all that was committed is in the copy.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use rustix::fs::Stat;

use super::archive::Unfinished;
use super::bytes::Bytes;
use super::entry::{Entries, Entry, EntryKind, Take};
use super::manifest::PartHeader;
use super::part::Part;
use super::problem::{Problem, Result, trying};
use super::survey::Database;
use crate::action::common::blocking::Stop;
use crate::action::common::sqlite::{COMPANIONS, copy};

/// The copies of the databases of a state, by part and path. They are removed with this.
pub(super) struct Copies(BTreeMap<(usize, Bytes), Copy>);

struct Copy {
    file: Unfinished,
    size: u64,
    /// How large the database was when it was found.
    before: u64,
    /// When it and the folder that it stands in were changed last, as they were seen when the copy was made.
    changed: (i64, u32),
    folder: Option<(Bytes, (i64, u32))>,
}

impl Copies {
    /// Copies these databases; `name` gives a place for each.
    pub(super) fn of(databases: &[Database], name: impl Fn(usize) -> PathBuf, stop: &Stop) -> Result<Self> {
        let mut copies = BTreeMap::new();
        for (number, database) in databases.iter().enumerate() {
            stop.check()?;
            let file = Unfinished(name(number));
            drop(file.create()?);
            copy(&database.place, &file.0).map_err(|reason| {
                let place = database.place.display();
                Problem::Refused(format!("the SQLite database {place} could not be copied: {reason}"))
            })?;
            let failed = || format!("cannot look at {}", database.place.display());
            let stat = |path: &Path| rustix::fs::lstat(path).map_err(trying(failed));
            let folder = database.place.parent().map(stat).transpose()?;
            let above = database.path.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
            let within = (!database.path.is_empty()).then(|| Bytes::from(&database.path[..above]));
            let size = file.0.metadata().map_err(trying(failed))?.len();
            copies.insert(
                (database.part, database.path.clone()),
                Copy {
                    size,
                    before: database.size,
                    changed: changed(&stat(&database.place)?),
                    folder: within.zip(folder.as_ref().map(changed)),
                    file,
                },
            );
        }
        Ok(Self(copies))
    }

    pub(super) fn are_none(&self) -> bool {
        self.0.is_empty()
    }

    /// Counts how much more a copy holds than the file that it stands for: what was in the log.
    pub(super) fn count(&self, parts: &mut [PartHeader]) {
        for ((part, _), copy) in &self.0 {
            if let Some(header) = parts.get_mut(*part) {
                header.bytes = header.bytes.saturating_add(copy.size.saturating_sub(copy.before));
            }
        }
    }

    /// What is to be told of them behind what a backup says.
    pub(super) fn in_words(&self) -> String {
        match self.0.len() {
            0 => String::new(),
            1 => "; a SQLite database is as it was at one moment, whoever writes to it".to_owned(),
            count => format!("; {count} SQLite databases are each as they were at one moment, whoever writes to them"),
        }
    }

    /// A part with the copies in the place of its databases.
    pub(super) fn within<'c>(&'c self, number: usize, part: &Part) -> WithCopies<'c> {
        let own = self.0.keys().filter(|(of, _)| *of == number);
        let companions =
            own.flat_map(|(_, path)| COMPANIONS.map(|ending| Bytes([&path[..], ending.as_bytes()].concat())));
        let except: Vec<Bytes> = part.except.iter().cloned().chain(companions).collect();
        WithCopies {
            copies: self,
            number,
            part: part.clone().without(&except),
        }
    }
}

fn changed(stat: &Stat) -> (i64, u32) {
    (stat.st_mtime, u32::try_from(stat.st_mtime_nsec).unwrap_or(0))
}

/// A part of which some files are taken from copies.
pub(super) struct WithCopies<'c> {
    copies: &'c Copies,
    number: usize,
    part: Part,
}

impl Entries for WithCopies<'_> {
    fn each(&self, part: usize, stop: &Stop, take: &mut Take<'_>) -> Result<()> {
        let copies = &self.copies.0;
        let folders: BTreeMap<&Bytes, (i64, u32)> = copies
            .iter()
            .filter(|((of, _), _)| *of == self.number)
            .filter_map(|(_, copy)| copy.folder.as_ref().map(|(folder, changed)| (folder, *changed)))
            .collect();
        let mut buffer = vec![0; 1 << 20];
        self.part.each(part, stop, &mut |mut entry: Entry, content| {
            if entry.kind == EntryKind::Directory
                && let Some(changed) = folders.get(&entry.path)
            {
                (entry.mtime_s, entry.mtime_ns) = *changed;
            }
            let copy = copies.get(&(self.number, entry.path.clone()));
            let Some(copy) = copy.filter(|_| matches!(entry.kind, EntryKind::File { .. })) else {
                return take(entry, content);
            };
            entry.kind = EntryKind::File {
                size: copy.size,
                sha256: [0; 32],
            };
            entry.holes = 0;
            (entry.mtime_s, entry.mtime_ns) = copy.changed;
            take(entry, &mut |sink| {
                let failed = || format!("cannot read {}", copy.file.0.display());
                let mut file = File::open(&copy.file.0).map_err(trying(failed))?;
                loop {
                    stop.check()?;
                    match file.read(&mut buffer).map_err(trying(failed))? {
                        0 => return Ok(()),
                        count => sink(&buffer[..count])?,
                    }
                }
            })
        })
    }
}
