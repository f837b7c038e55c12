//! `fs`: files, folders, symbolic links and single settings.
//!
//! What changes one file or one link is atomic: the new thing is made beside the old one, made durable
//! and renamed over it. Its name holds a hash of the attempt's key, so a later attempt finds and clears what
//! an interrupted one left. A file with another name that would keep the old content is written in place instead. Paths
//! that are relative start where the program was called.

use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::common::child::plain;
use super::common::files;
use super::common::typed::normal;
use super::{Action, Arguments, Context, Evidence, Settled};

mod attempt;
mod attributes;
mod copy;
mod digest;
mod edit_key;
mod edited;
mod exists;
mod free;
mod in_place;
mod install;
mod key;
mod link;
mod lock;
mod mkdir;
mod mode;
mod r#move;
mod other_name;
mod owner;
mod read;
mod remove;
mod remove_key;
mod replace;
mod replace_text;
mod settings;
mod size;
mod target;
mod template;
mod walk;
mod write;
mod written;

/// The actions of the family `fs`.
pub(super) fn actions() -> Vec<Arc<dyn Action>> {
    vec![
        Arc::new(copy::CopyTo),
        Arc::new(digest::Digest),
        Arc::new(edit_key::EditKey),
        Arc::new(exists::Exists),
        Arc::new(free::Free),
        Arc::new(install::Install),
        Arc::new(key::Key),
        Arc::new(link::Link),
        Arc::new(mkdir::MakeDirectory),
        Arc::new(mode::Mode),
        Arc::new(r#move::Move),
        Arc::new(owner::Owner),
        Arc::new(read::ReadText),
        Arc::new(remove::Remove),
        Arc::new(remove_key::RemoveKey),
        Arc::new(replace_text::ReplaceText),
        Arc::new(size::Size),
        Arc::new(target::Target),
        Arc::new(template::Template),
        Arc::new(write::WriteText),
    ]
}

/// What has this name; a link itself. An `Err` where one may not look.
fn found(path: &Path) -> Result<Option<Metadata>, String> {
    files::if_there(path.symlink_metadata()).map_err(|error| problem("look at", path, &error))
}

/// Whether something has this name. An `Err` where one may not look.
fn is_there(path: &Path) -> Result<bool, String> {
    Ok(found(path)?.is_some())
}

/// Whether the file at this path has this setting. An `Err` where that cannot be told.
pub(crate) fn has_setting(path: &Path, key: &str) -> Result<bool, String> {
    if !is_there(path)? {
        return Ok(false);
    }
    let text = read::text_of(path, key::FILE_BYTES_MAX)?;
    Ok(settings::Setting::find_if_there(path, &text, key)?.is_some())
}

/// The path that an argument names, absolute.
fn path_of(context: &Context, arguments: &Arguments, name: &str) -> PathBuf {
    let path = arguments.path(name).unwrap_or_default();
    normal(&context.working_directory.join(path))
}

/// What went wrong with a path, in words, with what to do about it where that can be said.
fn problem(what: &str, path: &Path, error: &io::Error) -> String {
    let advice = match error.kind() {
        io::ErrorKind::PermissionDenied => "; check owner and mode of it and of the folders above it",
        io::ErrorKind::StorageFull => "; free some space",
        io::ErrorKind::QuotaExceeded => "; free some space or raise the quota",
        io::ErrorKind::ReadOnlyFilesystem => "; mount it writable",
        io::ErrorKind::NotFound if path.parent().is_some_and(|parent| !parent.exists()) => {
            "; the folder it should be in does not exist"
        }
        _ => "",
    };
    format!("cannot {what} {}: {}{advice}", path.display(), plain(error))
}

/// Settled as done.
fn done(line: String) -> Settled {
    Settled::Done(Evidence::line(line))
}

/// What stays to be done where `to` is taken.
fn taken(to: &Path) -> String {
    format!(
        "{} is there already; remove it first, or say another name",
        to.display()
    )
}

/// Makes the entries of a folder durable.
fn sync_folder(folder: &Path) -> Result<(), String> {
    crate::private_files::sync_folder(folder).map_err(|error| problem("make durable", folder, &error))
}

/// The folder that holds this path.
fn parent_of(path: &Path) -> Result<&Path, String> {
    path.parent()
        .filter(|_| path.file_name().is_some())
        .ok_or_else(|| format!("{} names no entry of a folder", path.display()))
}
