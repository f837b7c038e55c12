//! How far a restore is, in the run directory, however it ended.
//!
//! One file, replaced as a whole. A part's *mark* is the device and inode of what was made ready for it: where that
//! lies, there the part is. So nothing has to be noted between one swap and the next.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::super::bytes::Bytes;
use super::super::manifest::Manifest;
use super::super::problem::{Result, trying};
use super::super::swap::Swap;
use crate::action::common::files::is_there;
use crate::private_files::{write_json, write_private};

/// How far the restore of one key is.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct State {
    /// How often it was begun.
    pub generation: u32,
    /// The digest of the archive.
    pub digest: String,
    /// The parts that are swapped.
    pub parts: Vec<Swap>,
    /// The volumes that are emptied and filled through a helper.
    pub volumes: Vec<Refill>,
    /// Everything is extracted, compared and on disk; the swap may begin.
    pub is_ready: bool,
    /// All is back.
    pub is_done: bool,
    /// Where what was there before is kept.
    pub displaced: Vec<Bytes>,
    /// Where this is noted.
    #[serde(skip)]
    pub path: PathBuf,
}

/// A volume that is emptied and filled.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Refill {
    pub volume: String,
    /// The file that keeps what it held; from its being noted on the volume may be empty or half full.
    pub copy: Option<Bytes>,
    /// It holds what it should.
    pub is_filled: bool,
}

impl State {
    /// What is known of the restore of this name; where it was never begun, that.
    pub(super) fn read(directory: &Path, name: &str) -> Result<Self> {
        let path = directory.join(format!("restore-{name}.json"));
        let failed = || format!("cannot read {}", path.display());
        let state: Self = match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(trying(failed))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Self::default(),
            Err(error) => return Err(trying(failed)(error)),
        };
        Ok(Self { path, ..state })
    }

    /// Notes it, durable.
    pub(super) fn write(&self) -> Result<()> {
        let failed = || format!("cannot write {}", self.path.display());
        let directory = self.path.parent().unwrap_or(Path::new("/"));
        std::fs::create_dir_all(directory).map_err(trying(failed))?;
        write_json(&self.path, self).map_err(trying(failed))
    }

    fn manifest_path(&self) -> PathBuf {
        self.path.with_extension("manifest")
    }

    /// Keeps the manifest for another attempt, durable once the state is noted.
    pub(super) fn keep_manifest(&self, manifest: &Manifest) -> Result<()> {
        let path = self.manifest_path();
        write_private(&path, &manifest.to_bytes()?).map_err(trying(|| format!("cannot write {}", path.display())))
    }

    /// The manifest that was kept.
    pub(super) fn manifest(&self) -> Option<Manifest> {
        Manifest::from_bytes(&std::fs::read(self.manifest_path()).ok()?).ok()
    }

    /// Whether an attempt was begun and is not ended.
    pub(super) fn is_half_way(&self) -> bool {
        self.generation > 0 && !self.is_done
    }

    /// The files that keep what volumes held.
    pub(super) fn copies(&self) -> impl Iterator<Item = &Bytes> {
        self.volumes.iter().filter_map(|volume| volume.copy.as_ref())
    }
}

/// What restores of a run displaced and keep until the run ends.
pub fn displaced(run_directory: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    let entries = match std::fs::read_dir(run_directory) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(all),
        entries => entries?,
    };
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("restore-") && name.ends_with(".json") {
            let state: State = serde_json::from_slice(&std::fs::read(&path)?)?;
            let kept = state.displaced.iter().map(|kept| kept.path().to_owned());
            all.extend(kept.filter(|path| !matches!(is_there(path), Ok(false))));
        }
    }
    all.sort();
    Ok(all)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::super::super::extract::remove_tree;
    use super::*;

    #[test]
    fn what_cannot_be_looked_at_is_not_gone() {
        let folder = tempfile::tempdir().unwrap();
        let [gone, unseen] = ["none/of/it".to_owned(), "x".repeat(1000)].map(|name| folder.path().join(name));
        let state = State {
            displaced: [&gone, &unseen].map(|path| path.as_path().into()).to_vec(),
            path: folder.path().join("restore-key.json"),
            ..State::default()
        };
        state.write().unwrap();
        assert_eq!(displaced(folder.path()).unwrap(), std::slice::from_ref(&unseen));
        remove_tree(&gone).unwrap();
        remove_tree(&unseen).unwrap_err();
    }
}
