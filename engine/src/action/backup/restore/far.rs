//! Puts back the volumes that only a helper container can reach: copy what is there, empty, fill, compare.
//!
//! Nothing of it can be done in one move, so each volume has its lines in the journal: the copy is made and noted
//! before the volume is touched, and never made again once that is noted. Whatever an interrupted attempt left, the
//! next one empties and fills the volume once more.

use std::collections::BTreeMap;
use std::path::Path;

use super::super::capture::{Far, capture};
use super::super::journal::{Journal, Line, text};
use super::super::manifest::{FORMAT, Header, Manifest};
use super::super::opened::{Archive, remove_tree};
use super::super::problem::{Problem, Result, trying};
use super::super::scope::refuse_little_space;
use super::super::survey::survey;
use super::super::unfinished::Unfinished;
use super::super::volumes::{Reader, of_part, refuse_lost};
use super::work::Order;
use crate::action::common::blocking::Stop;

impl Order {
    /// Fills every volume that only helpers reach and that is not filled yet.
    pub(super) fn fill_volumes(&self, journal: &mut Journal, manifest: &Manifest, stop: &Stop) -> Result<()> {
        let waiting: Vec<(usize, String)> = (self.far())
            .filter(|(_, name)| !journal.is_filled(name))
            .map(|(number, name)| (number, name.to_owned()))
            .collect();
        if waiting.is_empty() {
            return Ok(());
        }
        for (number, _) in &waiting {
            refuse_lost(of_part(manifest, *number))?;
        }
        let archive = Archive::open(&self.backup, stop)?;
        for (number, name) in waiting {
            let helpers = self.volumes()?.helpers(&name)?;
            let reader = helpers.reader(&name)?;
            if !journal.copies().iter().any(|(volume, _)| *volume == name) {
                self.copy(&reader, number, journal, stop)?;
            }
            helpers.empty(&reader, stop)?;
            helpers.fill(&name, (&archive, manifest, number), stop)?;
            reader.compare(manifest, number, stop)?;
            journal.add(Line::Filled { volume: name })?;
        }
        Ok(())
    }

    /// A problem with where that is kept which volumes held that are not filled again yet.
    pub(super) fn with_copies(&self, problem: Problem) -> Problem {
        let journal = Journal::newest(&self.run_directory, &self.name).ok().flatten();
        let Some(journal) = journal.filter(|journal| journal.displaced().is_none()) else {
            return problem;
        };
        (journal.copies().into_iter())
            .filter(|(volume, _)| !journal.is_filled(volume))
            .fold(problem, |problem, (_, copy)| half_way(problem, &copy))
    }

    /// Keeps what a volume holds beside the archive, and notes that.
    fn copy(&self, reader: &Reader<'_>, number: usize, journal: &mut Journal, stop: &Stop) -> Result<()> {
        let part = self.parts[number].clone();
        let volume = part
            .volume
            .as_ref()
            .map_or("", |volume| volume.name.as_str())
            .to_owned();
        let directory = Path::new(&self.backup.path).parent().unwrap_or(Path::new("/"));
        let directory = directory
            .canonicalize()
            .map_err(trying(|| format!("cannot look at {}", directory.display())))?;
        let seen = reader.entries(0, stop)?;
        let survey = survey(std::slice::from_ref(&part), &seen, stop)?;
        refuse_little_space(&directory, survey.bytes(), "the copy of what is there now")?;
        let header = Header {
            format: FORMAT,
            program: concat!("backstay ", env!("CARGO_PKG_VERSION")).to_owned(),
            key: self.name.clone(),
            state: self.backup.state.clone(),
            made_at: String::new(),
            bytes: survey.bytes(),
            parts: survey.parts,
        };
        let name = format!(
            ".backstay-displaced-{}-{}-{number}.tar.zst",
            self.name, journal.generation
        );
        let path = directory.join(name);
        // An attempt that was killed before it noted its copy has not touched the volume.
        remove_tree(&path)?;
        let unfinished = Unfinished(path.with_extension("partial"));
        let far = Far {
            readers: &BTreeMap::from([(0, reader)]),
            seen: &seen,
        };
        let captured = capture(header, &[part], &far, unfinished.create()?, stop)?;
        unfinished.seal(captured.file, &captured.manifest, &path, stop)?;
        journal.add(Line::Copied {
            volume,
            copy: text(&path),
        })
    }
}

#[expect(clippy::needless_pass_by_value, reason = "what is given back stands for it")]
fn half_way(problem: Problem, copy: &Path) -> Problem {
    Problem::Refused(format!(
        "{problem}; the volume may be empty or half full until another attempt finishes it, and what it held is kept in {}",
        copy.display()
    ))
}
