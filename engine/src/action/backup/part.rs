//! A part of protected state, and where it lies.

use std::ffi::OsStr;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::bytes::Bytes;
use super::manifest::{PartKind, VolumeHeader};
use super::problem::{Result, refused, trying};
use crate::private_files::sync_folder;

/// A part of protected state on the file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub kind: PartKind,
    /// Where it lies: the real directory that it stands in, and its name.
    pub path: PathBuf,
    /// Where the runbook says that it lies; `volume:NAME` for a volume.
    pub named: PathBuf,
    /// The volume that it is; `None` for a path.
    pub volume: Option<VolumeHeader>,
    /// The places in it that are no part of it, below its root: no backup holds them, and a restore leaves them.
    pub except: Vec<Bytes>,
}

impl Part {
    /// A part; symbolic links on the way to it are resolved, it itself is not.
    pub(super) fn new(kind: PartKind, path: &Path) -> Result<Self> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return refused(format!(
                "{} cannot be protected state: name a directory below it",
                path.display()
            ));
        };
        let parent = parent.canonicalize().map_err(trying(|| {
            format!(
                "{}, where the protected state {} should lie, cannot be found",
                parent.display(),
                path.display()
            )
        }))?;
        Ok(Self {
            kind,
            path: parent.join(name),
            named: path.to_owned(),
            volume: None,
            except: Vec::new(),
        })
    }

    /// A part at a place of which nothing is resolved.
    pub(super) fn at(kind: PartKind, path: PathBuf) -> Self {
        Self {
            kind,
            named: path.clone(),
            path,
            volume: None,
            except: Vec::new(),
        }
    }

    /// A volume whose files cannot be reached from here, as far as is known.
    pub(super) fn unreached(volume: VolumeHeader) -> Self {
        let named = PathBuf::from(format!("volume:{}", volume.name));
        Self {
            volume: Some(volume),
            ..Self::at(PartKind::Tree, named)
        }
    }

    /// The same with what is excepted from it.
    pub(super) fn without(self, except: &[Bytes]) -> Self {
        let except = except.to_vec();
        Self { except, ..self }
    }

    /// Where its files lie on this machine; `None` for a volume that only a helper container can reach.
    pub(super) fn mountpoint(&self) -> Option<&Path> {
        let is_far = self.volume.as_ref().is_some_and(|volume| volume.through_helper);
        (!is_far).then_some(self.path.as_path())
    }

    /// As people say it.
    pub(super) fn shown(&self) -> String {
        match &self.volume {
            Some(volume) => format!("the volume {}", volume.name),
            None => format!("the {} {}", self.kind.word(), self.path.display()),
        }
    }

    /// Its name in its directory.
    pub(super) fn name(&self) -> &OsStr {
        self.path.file_name().unwrap_or_default()
    }

    /// The directory that it stands in.
    pub(super) fn parent(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("/"))
    }

    /// Opens the directory that it stands in.
    pub(super) fn open_parent(&self) -> Result<OwnedFd> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        rustix::fs::open(self.parent(), flags, Mode::empty())
            .map_err(trying(|| format!("cannot open {}", self.parent().display())))
    }

    /// What lies there now; `None` for nothing.
    pub(super) fn stat(&self, parent: BorrowedFd<'_>) -> Result<Option<Stat>> {
        match rustix::fs::statat(parent, self.name(), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(trying(|| format!("cannot look at {}", self.path.display()))(error)),
        }
    }
}

/// Makes what was written in a directory durable.
pub(super) fn sync_directory(directory: &Path) -> Result<()> {
    sync_folder(directory).map_err(trying(|| format!("cannot sync {}", directory.display())))
}
