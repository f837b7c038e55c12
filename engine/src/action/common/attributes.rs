//! What a file has beside its content: owner, mode, times, and extended attributes (access lists, labels, capabilities
//! and what users add).

use std::os::fd::BorrowedFd;
use std::path::Path;

use rustix::fs::{
    AtFlags, CWD, Gid, Mode, Timestamps, Uid, XattrFlags, chownat, fchmod, fchown, fgetxattr, flistxattr, fremovexattr,
    fsetxattr, fstat, futimens, lgetxattr, llistxattr, lsetxattr, lstat, utimensat,
};
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

/// What something has that every file has.
pub(crate) struct Look {
    /// User and group.
    pub(crate) owner: (u32, u32),
    /// Permission bits, with set-uid and the like; a link has none of its own.
    pub(crate) mode: u32,
    pub(crate) times: Timestamps,
}

/// Gives something new its owner, mode, attributes and times, in the order in which none of them takes another away.
/// `judge` hears of all but the mode whether it could be given, and what it is.
pub(crate) fn dress<E: From<Errno>>(
    new: Of<'_>,
    look: &Look,
    attributes: impl IntoIterator<Item = Attribute>,
    mut judge: impl FnMut(Result<()>, &str) -> std::result::Result<(), E>,
) -> std::result::Result<(), E> {
    let made = match new {
        Of::Handle(handle) => fstat(handle),
        Of::Link(path) => lstat(path),
    }?;
    if (made.st_uid, made.st_gid) != look.owner {
        let (user, group) = (Some(Uid::from_raw(look.owner.0)), Some(Gid::from_raw(look.owner.1)));
        let given = match new {
            Of::Handle(handle) => fchown(handle, user, group),
            Of::Link(path) => chownat(CWD, path, user, group, AtFlags::SYMLINK_NOFOLLOW),
        };
        judge(given, "the owner")?;
    }
    if let Of::Handle(handle) = new {
        fchmod(handle, Mode::from_raw_mode(look.mode))?;
    }
    for (name, value) in attributes {
        // Gone since it was listed.
        if value != Err(Errno::NODATA) {
            let given = value.and_then(|value| write(new, &name, &value));
            judge(given, &format!("the attribute {}", String::from_utf8_lossy(&name)))?;
        }
    }
    let given = match new {
        Of::Handle(handle) => futimens(handle, &look.times),
        Of::Link(path) => utimensat(CWD, path, &look.times, AtFlags::SYMLINK_NOFOLLOW),
    };
    judge(given, "the times")
}

/// Takes away the access rights that something new inherited from where it stands; most have none.
pub(crate) fn remove_inherited(handle: BorrowedFd<'_>) {
    for name in ["system.posix_acl_default", "system.posix_acl_access"] {
        let _ = fremovexattr(handle, name);
    }
}
