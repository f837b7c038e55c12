//! What is kept of a file beside its content: extended attributes, and with a copy also owner, mode, times and marks.

use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::fs::{Timespec, Timestamps};
use rustix::io::Errno;

use crate::action::common::attributes::{self, Look, Of, dress};
use crate::action::common::inode_flags;

/// Gives `new` the attributes of the file at `old`. What only root or the system may set is left to it.
pub(super) fn keep(old: &Path, new: &File) -> io::Result<()> {
    for (name, value) in attributes::read(Of::Link(old))? {
        let value = match value {
            Ok(value) => value,
            // Gone since it was listed, or not for us to see.
            Err(Errno::NODATA | Errno::PERM | Errno::ACCESS) => continue,
            Err(error) => return Err(error.into()),
        };
        match attributes::write(Of::Handle(new.as_fd()), &name, &value) {
            Ok(()) => {}
            Err(Errno::PERM | Errno::NOTSUP) if !name.starts_with(b"user.") => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// What a copy could not keep: of what how many, and the first of them.
#[derive(Debug, Default)]
pub(super) struct Lost(BTreeMap<String, (usize, String)>);

impl Lost {
    /// Notes something that only others may set, or that the file system of the copy does not have.
    fn unless(&mut self, kept: rustix::io::Result<()>, what: &str, path: &Path) -> io::Result<()> {
        match kept {
            Ok(()) => Ok(()),
            Err(Errno::PERM | Errno::ACCESS | Errno::NOTSUP | Errno::NOTTY | Errno::INVAL | Errno::NOSYS) => {
                let first = || (0, path.display().to_string());
                self.0.entry(what.to_owned()).or_insert_with(first).0 += 1;
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// In words; `None` where all was kept.
    pub(super) fn in_words(&self) -> Option<String> {
        let each = self.0.iter().map(|(what, (count, first))| match count {
            1 => format!("{what} of {first}"),
            _ => format!("{what} of {count} entries, {first} among them"),
        });
        let all: Vec<String> = each.collect();
        (!all.is_empty()).then(|| all.join("; "))
    }
}

/// Gives something new the marks of the original, before anything is written to it.
pub(super) fn begin_like(old: BorrowedFd<'_>, new: BorrowedFd<'_>, path: &Path, lost: &mut Lost) -> io::Result<()> {
    attributes::remove_inherited(new);
    let marks = inode_flags::read(old)?;
    if marks.is_protected {
        lost.unless(Err(Errno::PERM), "the mark as immutable or append-only", path)?;
    }
    lost.unless(
        inode_flags::write(new, marks.kept),
        "the marks that `lsattr` shows",
        path,
    )
}

/// Gives a copy owner, mode, attributes and times of the original, whose path is `path`.
pub(super) fn finish_like(old: Of<'_>, data: &Metadata, new: Of<'_>, path: &Path, lost: &mut Lost) -> io::Result<()> {
    let moment = |seconds, nanoseconds| Timespec {
        tv_sec: seconds,
        tv_nsec: nanoseconds,
    };
    let look = Look {
        owner: (data.uid(), data.gid()),
        mode: data.mode() & 0o7777,
        times: Timestamps {
            last_access: moment(data.atime(), data.atime_nsec()),
            last_modification: moment(data.mtime(), data.mtime_nsec()),
        },
    };
    dress(new, &look, attributes::read(old)?, |given, what| {
        lost.unless(given, what, path)
    })
}
