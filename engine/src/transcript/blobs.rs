//! Long outputs: one file each, named by its SHA-256, durable before any record names it.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rustix::io::Errno;

use super::BLOBS_DIRECTORY;
use crate::digest::sha256_hex;
use crate::private_files::{NO_PLAIN_FILE, make_private, open_no_link, sync_folder};

/// Keeps this content in the directory of a run and returns its SHA-256. What is kept already is left
/// as it is.
pub(super) fn keep(run_directory: &Path, content: &[u8]) -> io::Result<String> {
    let digest = sha256_hex(content);
    let directory = run_directory.join(BLOBS_DIRECTORY);
    make_private(&directory)?;
    let path = directory.join(&digest);
    // A file of this name may stem from a runner that was killed before it was durable.
    if fs::read(&path).is_ok_and(|kept| kept == content) {
        fs::File::open(&path)?.sync_all()?;
        sync_folder(&directory)?;
        return Ok(digest);
    }
    let mut file = tempfile::Builder::new()
        .prefix(".unfinished-")
        .permissions(fs::Permissions::from_mode(0o600))
        .tempfile_in(&directory)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(&path).map_err(|error| error.error)?;
    sync_folder(&directory)?;
    Ok(digest)
}

/// The longest output that is read, in bytes; what actions keep is far shorter.
const BYTES_MAX: u64 = 64 << 20;

/// An output that a record names by its SHA-256, or why what lies there is not that output. The error is that
/// it cannot be read, so that nothing can be told.
pub fn kept_output(run_directory: &Path, digest: &str) -> io::Result<Result<Vec<u8>, String>> {
    let wrong = |reason: &str| Ok(Err(format!("the output {digest} {reason}")));
    if digest.len() != 64 || !digest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(Err("an output is not named by a SHA-256".to_owned()));
    }
    let path = run_directory.join(BLOBS_DIRECTORY).join(digest);
    let file = match open_no_link(fs::OpenOptions::new().read(true), &path) {
        Ok(file) => file,
        Err(error) if is_absence(&error) => return wrong("is not there any more"),
        Err(error) if error.kind() == NO_PLAIN_FILE => return wrong("is no file"),
        Err(error) => return Err(error),
    };
    let mut content = Vec::new();
    file.take(BYTES_MAX + 1).read_to_end(&mut content)?;
    if sha256_hex(&content) == digest {
        Ok(Ok(content))
    } else {
        wrong("is not what was kept")
    }
}

/// Whether nothing has the name, or a link has.
fn is_absence(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::NOENT | Errno::NOTDIR | Errno::LOOP)
    )
}
