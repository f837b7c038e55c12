//! The marks of a file that `chattr` sets and a copy can keep.

use std::os::fd::BorrowedFd;

use rustix::fs::{IFlags, ioctl_getflags, ioctl_setflags};
use rustix::io::Result;

/// What users set and may set: not what a file system uses for itself.
const KEPT: IFlags = IFlags::COMPRESSED
    .union(IFlags::DIRSYNC)
    .union(IFlags::JOURNALING)
    .union(IFlags::NOATIME)
    .union(IFlags::NOCOW)
    .union(IFlags::NODUMP)
    .union(IFlags::NOTAIL)
    .union(IFlags::SECURE_REMOVAL)
    .union(IFlags::SYNC)
    .union(IFlags::TOPDIR)
    .union(IFlags::UNRM);

/// The marks of something opened; none where the file system has none.
pub(crate) fn read(handle: BorrowedFd<'_>) -> u32 {
    (ioctl_getflags(handle).unwrap_or(IFlags::empty()) & KEPT).bits()
}

/// Gives it exactly these marks; nothing is done where it has them.
pub(crate) fn write(handle: BorrowedFd<'_>, marks: u32) -> Result<()> {
    if read(handle) == marks {
        return Ok(());
    }
    let others = ioctl_getflags(handle)? - KEPT;
    ioctl_setflags(handle, others | (IFlags::from_bits_retain(marks) & KEPT))
}

/// Whether it is marked immutable or append-only, so that nothing can be done to it.
pub(crate) fn is_protected(handle: BorrowedFd<'_>) -> bool {
    let flags = ioctl_getflags(handle).unwrap_or(IFlags::empty());
    flags.intersects(IFlags::IMMUTABLE | IFlags::APPEND)
}
