//! Long outputs: one file each, named by its SHA-256, durable before any record names it.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;

use super::BLOBS_DIRECTORY;
use crate::digest::sha256_hex;

/// Keeps this content in the directory of a run and returns its SHA-256. What is kept already is left
/// as it is.
pub(super) fn keep(run_directory: &Path, content: &[u8]) -> io::Result<String> {
    let digest = sha256_hex(content);
    let directory = run_directory.join(BLOBS_DIRECTORY);
    if !directory.is_dir() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&directory)?;
        fs::File::open(run_directory)?.sync_all()?;
    }
    let path = directory.join(&digest);
    // A file of this name may stem from a runner that was killed before it was durable.
    if fs::read(&path).is_ok_and(|kept| kept == content) {
        fs::File::open(&path)?.sync_all()?;
        fs::File::open(&directory)?.sync_all()?;
        return Ok(digest);
    }
    let mut file = tempfile::Builder::new()
        .prefix(".unfinished-")
        .permissions(fs::Permissions::from_mode(0o600))
        .tempfile_in(&directory)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(&path).map_err(|error| error.error)?;
    fs::File::open(&directory)?.sync_all()?;
    Ok(digest)
}
