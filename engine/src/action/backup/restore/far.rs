//! Puts back the volumes that only a helper container can reach: copy what is there, empty, fill, compare.
//!
//! Nothing of it can be done in one move, so each volume is noted in the state: the copy is made and noted
//! before the volume is touched, and never made again once that is noted. Whatever an interrupted attempt left, the
//! next one empties and fills the volume once more.

use std::collections::BTreeMap;
use std::path::Path;

use super::super::archive::{Archive, Unfinished, capture};
use super::super::bytes::Bytes;
use super::super::entry::{Contents, refuse_lost, scan};
use super::super::extract::remove_tree;
use super::super::manifest::{Header, Manifest};
use super::super::problem::{Problem, Result, trying};
use super::super::scope::refuse_little_space;
use super::super::survey::survey;
use super::super::volumes::Reader;
use super::state::State;
use super::work::RestoreRequest;
use crate::action::common::blocking::Stop;

impl RestoreRequest {
    /// Fills every volume that only helpers reach and that is not filled yet.
    pub(super) fn fill_volumes(&self, state: &mut State, manifest: &Manifest, stop: &Stop) -> Result<()> {
        let waiting: Vec<(usize, usize)> = (self.far().enumerate())
            .filter(|(index, _)| !state.volumes[*index].is_filled)
            .map(|(index, (number, _))| (index, number))
            .collect();
        if waiting.is_empty() {
            return Ok(());
        }
        for (_, number) in &waiting {
            refuse_lost(manifest.of_part(*number))?;
        }
        let archive = Archive::open(&self.backup, stop)?;
        for (index, number) in waiting {
            let name = state.volumes[index].volume.clone();
            let helpers = self.volumes.helpers(&name)?;
            let reader = helpers.reader(&name)?;
            if state.volumes[index].copy.is_none() {
                state.volumes[index].copy = Some(self.copy(&reader, number, state.generation, stop)?);
                state.write()?;
            }
            helpers.empty(&reader, stop)?;
            helpers.fill(&name, (&archive, manifest, number), stop)?;
            reader.compare(manifest, number, stop)?;
            state.volumes[index].is_filled = true;
            state.write()?;
        }
        Ok(())
    }

    /// A problem with where that is kept which volumes held that are not filled again yet.
    pub(super) fn with_copies(&self, problem: Problem) -> Problem {
        let state = State::read(&self.run_directory, &self.name).unwrap_or_default();
        let waiting = state
            .volumes
            .iter()
            .filter(|volume| !state.is_done && !volume.is_filled);
        waiting.filter_map(|volume| volume.copy.as_ref()).fold(problem, |problem, copy| {
            Problem::Refused(format!(
                "{problem}; the volume may be empty or half full until another attempt finishes it, and what it held is kept in {}",
                copy.path().display()
            ))
        })
    }

    /// Keeps what a volume holds beside the archive; answers where.
    fn copy(&self, reader: &Reader<'_>, number: usize, generation: u32, stop: &Stop) -> Result<Bytes> {
        let part = &self.parts[number];
        let directory = Path::new(&self.backup.path).parent().unwrap_or(Path::new("/"));
        let directory = directory
            .canonicalize()
            .map_err(trying(|| format!("cannot look at {}", directory.display())))?;
        let seen = BTreeMap::from([(0, scan(reader, 0, Contents::Hash, stop)?)]);
        let survey = survey(std::slice::from_ref(part), &seen, stop)?;
        refuse_little_space(&directory, survey.bytes(), "the copy of what is there now")?;
        let header = Header::new(&self.name, &self.backup.state, survey.parts);
        let path = directory.join(format!(
            ".backstay-displaced-{}-{generation}-{number}.tar.zst",
            self.name
        ));
        // An attempt that was killed before it noted its copy has not touched the volume.
        remove_tree(&path)?;
        let unfinished = Unfinished(path.with_extension("partial"));
        let (file, manifest) = capture(header, &[(part, reader)], &seen, unfinished.create()?, stop)?;
        unfinished.seal(file, &manifest, &path, stop)?;
        Ok(path.as_path().into())
    }
}
