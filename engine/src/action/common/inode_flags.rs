//! The marks of a file that `chattr` sets and a copy can keep.

use std::os::fd::BorrowedFd;

use rustix::fs::{IFlags, ioctl_getflags, ioctl_setflags};
use rustix::io::{Errno, Result};

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

/// What something is marked with.
pub(crate) struct Marks {
    /// Those that can be given to something else.
    pub(crate) kept: u32,
    /// Immutable or append-only, so that nothing can be done to it.
    pub(crate) is_protected: bool,
}

/// The marks of something opened; none where the file system has none.
pub(crate) fn read(handle: BorrowedFd<'_>) -> Result<Marks> {
    let flags = all(ioctl_getflags(handle))?;
    Ok(Marks {
        kept: (flags & KEPT).bits(),
        is_protected: flags.intersects(IFlags::IMMUTABLE | IFlags::APPEND),
    })
}

/// All marks, from the system's answer: that there is no such thing here is no mark, and no other error is.
fn all(answer: Result<IFlags>) -> Result<IFlags> {
    match answer {
        Err(Errno::NOTTY | Errno::NOTSUP | Errno::INVAL | Errno::NOSYS) => Ok(IFlags::empty()),
        answer => answer,
    }
}

/// Gives it exactly these marks; nothing is done where it has them.
pub(crate) fn write(handle: BorrowedFd<'_>, marks: u32) -> Result<()> {
    if read(handle)?.kept == marks {
        return Ok(());
    }
    let others = ioctl_getflags(handle)? - KEPT;
    ioctl_setflags(handle, others | (IFlags::from_bits_retain(marks) & KEPT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_that_cannot_be_read_are_not_none() {
        for none in [Errno::NOTTY, Errno::OPNOTSUPP, Errno::INVAL, Errno::NOSYS] {
            assert_eq!(all(Err(none)), Ok(IFlags::empty()));
        }
        for error in [Errno::IO, Errno::ACCESS, Errno::PERM] {
            assert_eq!(all(Err(error)), Err(error));
        }
    }
}
