//! A file on its way to its name.

use std::fs::File;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags};

use super::bytes::Hash;
use super::contents;
use super::manifest::Manifest;
use super::problem::{Result, damaged, trying};
use super::scope::sync_directory;
use crate::action::common::blocking::Stop;

/// An archive without a name yet; removed unless it got one.
pub(super) struct Unfinished(pub PathBuf);

impl Unfinished {
    /// Makes it, empty, for us alone.
    pub(super) fn create(&self) -> Result<File> {
        let failed = || format!("cannot write {}", self.0.display());
        if self.0.symlink_metadata().is_ok() {
            std::fs::remove_file(&self.0).map_err(trying(failed))?;
        }
        let file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&self.0)
            .map_err(trying(failed))?;
        // The mask can only take rights away; this gives exactly ours.
        file.set_permissions(std::fs::Permissions::from_mode(0o600))
            .map_err(trying(failed))?;
        Ok(file)
    }

    /// Syncs an archive that was written here, reads all of it back, and gives it its name. Answers with the hash
    /// of its bytes.
    pub(super) fn seal(&self, file: File, manifest: &Manifest, path: &Path, stop: &Stop) -> Result<Hash> {
        let failed = || format!("cannot finish {}", self.0.display());
        file.sync_all().map_err(trying(failed))?;
        drop(file);
        let (read, hash) = contents::examine(File::open(&self.0).map_err(trying(failed))?, stop)?;
        if read != *manifest {
            return damaged("the archive did not read back as it was written: look at the disk and the memory");
        }
        rustix::fs::renameat_with(CWD, &self.0, CWD, path, RenameFlags::NOREPLACE).map_err(trying(|| {
            format!("cannot give the archive its name {}", path.display())
        }))?;
        sync_directory(path.parent().unwrap_or(Path::new("/")))?;
        Ok(hash)
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // After the rename it is not there any more.
        let _ = std::fs::remove_file(&self.0);
    }
}
