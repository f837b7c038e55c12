//! Extended attributes: access lists, labels, capabilities and what users add to a file.

use std::os::fd::BorrowedFd;
use std::path::Path;

use rustix::fs::{XattrFlags, fgetxattr, flistxattr, fremovexattr, fsetxattr, lgetxattr, llistxattr, lsetxattr};
use rustix::io::{Errno, Result};

/// A value may have this many bytes; the kernel has no larger ones.
const VALUE_BYTES_MAX: usize = 64 << 10;
/// A list of names may have this many bytes.
const NAMES_BYTES_MAX: usize = 1 << 20;

/// What has attributes.
#[derive(Clone, Copy)]
pub(crate) enum Of<'a> {
    Handle(BorrowedFd<'a>),
    /// A link itself, by its path.
    Link(&'a Path),
}

/// The name of an attribute, and its value or why that cannot be read.
pub(crate) type Attribute = (Vec<u8>, Result<Vec<u8>>);

/// All of them in the order of their names; none where the file system has none.
pub(crate) fn read(of: Of<'_>) -> Result<Vec<Attribute>> {
    let mut list = Vec::with_capacity(4096);
    let listed = loop {
        list.clear();
        let room = rustix::buffer::spare_capacity(&mut list);
        let answer = match of {
            Of::Handle(handle) => flistxattr(handle, room),
            Of::Link(path) => llistxattr(path, room),
        };
        match answer {
            Err(Errno::RANGE) if list.capacity() < NAMES_BYTES_MAX => list.reserve(list.capacity() * 2),
            answer => break answer,
        }
    };
    match listed {
        Ok(0) | Err(Errno::NOTSUP) => return Ok(Vec::new()),
        Ok(_) => {}
        Err(error) => return Err(error),
    }
    let mut found = Vec::new();
    for name in list.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let mut value = Vec::with_capacity(VALUE_BYTES_MAX);
        let room = rustix::buffer::spare_capacity(&mut value);
        let read = match of {
            Of::Handle(handle) => fgetxattr(handle, name, room),
            Of::Link(path) => lgetxattr(path, name, room),
        };
        found.push((name.to_vec(), read.map(|_| value)));
    }
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(found)
}

/// Sets one.
pub(crate) fn write(of: Of<'_>, name: &[u8], value: &[u8]) -> Result<()> {
    match of {
        Of::Handle(handle) => fsetxattr(handle, name, value, XattrFlags::empty()),
        Of::Link(path) => lsetxattr(path, name, value, XattrFlags::empty()),
    }
}

/// Takes away the access rights that something new inherited from where it stands; most have none.
pub(crate) fn remove_inherited(handle: BorrowedFd<'_>) {
    for name in ["system.posix_acl_default", "system.posix_acl_access"] {
        let _ = fremovexattr(handle, name);
    }
}
