//! Whether a volume's files can be reached from here as they are.

use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags, CWD};

use super::super::problem::Result;
use super::engine::{Engine, new_name};
use crate::containers::Volume;

/// Where a volume's files may lie: of the driver `local` without options (with some it is mounted only while it
/// is used), and open to us. Only root can give every owner back.
pub(super) fn mountpoint(volume: &Volume) -> Option<PathBuf> {
    let path = PathBuf::from(&volume.mountpoint);
    let is_plain = volume.driver == "local" && volume.options.is_empty() && path.is_absolute();
    let is_open = |path: &Path, access| rustix::fs::accessat(CWD, path, access, AtFlags::EACCESS).is_ok();
    let is_usable = is_plain
        && rustix::process::geteuid().is_root()
        && path.is_dir()
        && is_open(&path, Access::READ_OK | Access::EXEC_OK)
        && path
            .parent()
            .is_some_and(|parent| is_open(parent, Access::WRITE_OK | Access::EXEC_OK));
    is_usable.then_some(path)
}

/// Whether the engine keeps its volumes on this machine, and not on another one with a folder of the same name:
/// it makes one with a name that nobody can have guessed, and that is seen here or not.
pub(super) fn is_here(engine: &Engine, mountpoint: &Path) -> Result<bool> {
    let name = new_name("backstay-trial-")?;
    engine.create_volume(&name, engine.labels())?;
    let made = engine.volume(&name);
    let is_seen = made.map(|made| {
        made.is_some_and(|made| {
            let path = Path::new(&made.mountpoint);
            folder_of_all(path) == folder_of_all(mountpoint) && path.is_dir()
        })
    });
    engine.remove_volume(&name)?;
    is_seen
}

/// `…/volumes` of `…/volumes/NAME/_data`.
fn folder_of_all(mountpoint: &Path) -> Option<&Path> {
    mountpoint.parent()?.parent()
}
