//! Files and directories that only the operator can read, and files that may be anything until they are looked at.

#![expect(
    clippy::disallowed_methods,
    reason = "files that only the operator can read are made here"
)]

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use rustix::fs::OFlags;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The error where a plain file is wanted and something else is there; no call of the system has it.
pub(crate) const NO_PLAIN_FILE: io::ErrorKind = io::ErrorKind::InvalidData;

/// Makes a directory, with all above it, that only the operator can enter. What is made is there after a power cut too.
pub(crate) fn make_private(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let missing = path.ancestors().take_while(|above| !above.exists()).count();
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    path.ancestors().skip(1).take(missing).try_for_each(sync_folder)
}

/// The same in a folder that is there, but that its name is durable only once that one is synced.
pub(crate) fn put_private_folder(path: &Path) -> io::Result<()> {
    match fs::DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        made => made,
    }
}

/// Writes a file that only the operator can read: whole or not at all, and durable.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    write_whole(path, content, 0o600)
}

/// The same, but that its name is durable only once its folder is synced: for several files of one folder.
pub(crate) fn put_private(path: &Path, content: &[u8]) -> io::Result<()> {
    put_whole(path, content, 0o600)
}

/// Writes a file of this mode beside what is there, and puts it in its place once it is on the disk.
pub(crate) fn write_whole(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    put_whole(path, content, mode)?;
    sync_folder(path.parent().unwrap_or(path))
}

fn put_whole(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let mut beside = OsString::from(".");
    beside.push(path.file_name().unwrap_or_default());
    beside.push(".new");
    let beside = path.with_file_name(beside);
    // One that was killed left it.
    let _ = fs::remove_file(&beside);
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&beside)?;
    let written = file
        // Whatever the umask says.
        .set_permissions(fs::Permissions::from_mode(mode))
        .and_then(|()| file.write_all(content))
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}

/// Writes a value as JSON, as [`write_private`] does.
pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> io::Result<()> {
    write_private(path, &serde_json::to_vec(value)?)
}

/// What was made, renamed or removed in a folder is so after a power cut too.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    let is_here = path.as_os_str().is_empty();
    File::open(if is_here { Path::new(".") } else { path })?.sync_all()
}

/// Opens a file to read. What is no plain file (a pipe, a folder, a device) is an error, and is not waited for.
pub(crate) fn open_plain(path: &Path) -> io::Result<File> {
    open(fs::OpenOptions::new().read(true), path, OFlags::NONBLOCK)
}

/// Opens a file where others may have put something in its place: a link is an error too.
pub(crate) fn open_no_link(options: &mut fs::OpenOptions, path: &Path) -> io::Result<File> {
    open(options, path, OFlags::NONBLOCK | OFlags::NOFOLLOW)
}

fn open(options: &mut fs::OpenOptions, path: &Path, flags: OFlags) -> io::Result<File> {
    let file = options.custom_flags(flags.bits().cast_signed()).open(path)?;
    if file.metadata()?.is_file() {
        return Ok(file);
    }
    Err(io::Error::new(NO_PLAIN_FILE, "it is no plain file"))
}

/// All that a plain file holds; more than `bytes_max` is an error.
pub fn read_plain(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    read_open(open_plain(path)?, bytes_max)
}

/// All that comes through something that is open already, a pipe for one; more than `bytes_max` is an error.
pub fn read_through(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    read_open(File::open(path)?, bytes_max)
}

/// The same as [`read_plain`]; `None` where there is no file.
pub(crate) fn read_if_there(path: &Path, bytes_max: u64) -> io::Result<Option<Vec<u8>>> {
    match read_plain(path, bytes_max) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        content => content.map(Some),
    }
}

/// The same as a value from JSON.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path, bytes_max: u64) -> io::Result<Option<T>> {
    let content = read_if_there(path, bytes_max)?;
    content.map(|content| Ok(serde_json::from_slice(&content)?)).transpose()
}

/// The same of a file that is open.
pub(crate) fn read_open(file: File, bytes_max: u64) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    file.take(bytes_max.saturating_add(1)).read_to_end(&mut content)?;
    if u64::try_from(content.len()).unwrap_or(u64::MAX) <= bytes_max {
        return Ok(content);
    }
    Err(io::Error::other(format!("it is longer than {bytes_max} bytes")))
}
