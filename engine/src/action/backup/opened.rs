//! An archive that is what it was when it was made, opened.

use std::fs::File;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::bytes::{digest_text, hash_file};
use super::compare::difference;
use super::contents::{self, Receive};
use super::extract::{Extraction, Place, dress, having_place};
use super::manifest::{Entry, Header, Manifest, VolumeHeader};
use super::problem::{Problem, Result, damaged, trying};
use super::scope::Part;
use super::survey::{Contents, scan};
use crate::action::common::blocking::Stop;
use crate::value::Backup;

/// An archive whose bytes have the digest of the backup.
pub(super) struct Archive {
    file: File,
    /// What it says of itself.
    pub header: Header,
}

impl Archive {
    /// Opens a backup's archive and reads it once for its digest.
    pub(super) fn open(backup: &Backup, stop: &Stop) -> Result<Self> {
        let mut file = File::open(&backup.path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Problem::Damaged(format!("the archive {} is not there", backup.path)),
            _ => trying(|| format!("cannot open {}", backup.path))(error),
        })?;
        let hash = hash_file(&mut file, &backup.path, stop)?;
        if digest_text(&hash) != backup.digest {
            return damaged(format!(
                "{} is not what it was when it was made (its digest is {}, it was {}): do not restore it",
                backup.path,
                digest_text(&hash),
                backup.digest
            ));
        }
        let header = contents::peek(again(&file)?)?;
        if header.state != backup.state {
            return damaged(format!(
                "{} holds the state {}, not {}",
                backup.path, header.state, backup.state
            ));
        }
        Ok(Self { file, header })
    }

    /// Reads all of it once more.
    pub(super) fn feed(&self, receive: &mut dyn Receive, stop: &Stop) -> Result<()> {
        contents::read(again(&self.file)?, stop, receive).map(|_| ())
    }

    /// Extracts it into places, one for each part, and compares what lies there with the manifest. A part without
    /// a place is only held against the manifest.
    pub(super) fn extract(&self, places: &[Option<Place>], contents: Contents, stop: &Stop) -> Result<Manifest> {
        let mut extraction = Extraction::new(places, &self.header);
        let manifest = contents::read(again(&self.file)?, stop, &mut extraction)?;
        dress(places, &manifest.entries, stop)?;
        let parts: Vec<Part> = places
            .iter()
            .zip(&self.header.parts)
            .map(|(place, part)| match place {
                Some(place) => place.part(part.kind),
                None => Part::unreached(VolumeHeader::named("")),
            })
            .collect();
        let actual = scan(&parts, contents, stop)?;
        let expected: Vec<Entry> = having_place(places, &manifest.entries).cloned().collect();
        match difference(&expected, &actual, contents) {
            Some(what) => damaged(format!("what comes out of the archive is not what went in: {what}")),
            None => Ok(manifest),
        }
    }
}

/// The same file, to be read from its start.
fn again(file: &File) -> Result<File> {
    File::open(format!("/proc/self/fd/{}", file.as_raw_fd()))
        .map_err(trying(|| "cannot open the archive again".to_owned()))
}

/// Removes a directory of ours with all in it, or a file; nothing there is fine. Links are not followed.
pub(super) fn remove_tree(path: &Path) -> Result<()> {
    let Ok(data) = path.symlink_metadata() else {
        return Ok(());
    };
    if !data.is_dir() {
        return std::fs::remove_file(path).map_err(trying(|| format!("cannot remove {}", path.display())));
    }
    if !rustix::process::geteuid().is_root() {
        open_up(path);
    }
    std::fs::remove_dir_all(path).map_err(trying(|| format!("cannot remove {}", path.display())))
}

/// Only root may empty directories that forbid it.
fn open_up(path: &Path) {
    let is_directory = path.symlink_metadata().is_ok_and(|data| data.is_dir());
    if is_directory && std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)).is_ok() {
        for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
            open_up(&entry.path());
        }
    }
}
