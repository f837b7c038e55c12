//! Whether this user may write where an action would.

use std::path::{Path, PathBuf};

use backstay_dsl::effect::Effect;
use rustix::fs::{Access, AtFlags, CWD, accessat};

use crate::action::GroundCall;
use crate::value::GroundResource;

/// Why a call could not put what it changes in its place: its folder may not be written to, nor what is there. Said is
/// only what is sure.
pub(super) fn refused(call: &GroundCall) -> Option<String> {
    let changes = |effect: &&Effect<String>| effect.is_changing() || matches!(effect, Effect::Adds(_));
    let mut things = call.effects.iter().filter(changes).filter_map(Effect::resource);
    things.find_map(refused_of)
}

fn refused_of(thing: &GroundResource) -> Option<String> {
    let path = PathBuf::from(thing.first());
    if !thing.kind.is_of_files() || !path.is_absolute() || is_open(&path) {
        return None;
    }
    let folder = path.parent().filter(|folder| folder.is_dir() && !is_open(folder))?;
    Some(format!(
        "this user may not write to {}, so {} cannot be changed: run it as who may, or give the right",
        folder.display(),
        path.display()
    ))
}

fn is_open(path: &Path) -> bool {
    accessat(CWD, path, Access::WRITE_OK, AtFlags::EACCESS).is_ok()
}
