//! Folders that are held open: what is in them is reached by its name and by no path, on which somebody could put a link.

use std::ffi::CString;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{Dir, Mode, OFlags, openat};
use rustix::io::Result;
use rustix::path::Arg;

/// Opens what a folder holds under a name, to read; a link is an error.
pub(crate) fn open(folder: impl AsFd, name: impl Arg, flags: OFlags) -> Result<OwnedFd> {
    let flags = flags | OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(folder, name, flags, Mode::empty())
}

/// The same of a folder; anything else is an error.
pub(crate) fn open_folder(parent: impl AsFd, name: impl Arg) -> Result<OwnedFd> {
    open(parent, name, OFlags::DIRECTORY)
}

/// What stands in a folder, in no order.
pub(crate) fn names(folder: &OwnedFd) -> Result<Vec<CString>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            names.push(entry.file_name().to_owned());
        }
    }
    Ok(names)
}
