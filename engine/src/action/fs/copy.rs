//! `fs.copy`: copies a file or a tree.

use std::fs::{File, Metadata, OpenOptions, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, chown, fchown, symlink};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use backstay_dsl::catalogue::Signature;
use backstay_dsl::effect::{Cancel, Effect, ResourceKind};
use backstay_dsl::types::Type;

use super::digest::digest_of;
use super::remove::delete;
use super::size::size_of;
use super::walk::{Entry, root_of, walk};
use super::{done, in_place, is_there, parent_of, path_of, problem, replace, sync_folder, taken};
use crate::action::common::blocking::Stop;
use crate::action::common::{blocking, describe};
use crate::action::{Action, Arguments, Context, Outcome, Settled};

pub(super) struct CopyTo;

#[async_trait]
impl Action for CopyTo {
    fn signature(&self) -> Signature {
        describe::change(
            "fs",
            "copy",
            "Copies a file or a whole tree.\n\nThe copy appears in one moment, when all of it is durable. Modes, owners and \
             links in a tree are kept. A file takes the place of a file; a folder takes no other's place. Pipes, sockets and \
             devices are refused.",
        )
        .needs("from", Type::Path, "What is copied; a link that is named itself is followed.")
        .needs("to", Type::Path, "The name of the copy itself, not of a folder to put it in.")
        .effects(Effect::ValueOf(describe::of(ResourceKind::Tree, "from")))
        .effects(Effect::Sets {
            resource: describe::of(ResourceKind::Tree, "to"),
            to: None,
        })
        .cancel(Cancel::Grace { ms: 5000 })
        .done()
    }

    async fn preview(&self, context: &Context, arguments: &Arguments) -> Option<String> {
        let (from, to) = (path_of(context, arguments, "from"), path_of(context, arguments, "to"));
        blocking::preview(context, move |stop| {
            let root = root_of(&from)?;
            let size = backstay_dsl::units::size(size_of(&root, stop)?);
            let there = match to.symlink_metadata() {
                Err(_) => "",
                Ok(there) if there.is_file() && !root.is_dir() => ", in place of the file there",
                Ok(_) => ", which is there already",
            };
            Ok(format!("copies {} ({size}) to {}{there}", from.display(), to.display()))
        })
        .await
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        let (from, to) = (path_of(context, arguments, "from"), path_of(context, arguments, "to"));
        let key = context.key.clone();
        blocking::perform(context, move |stop| {
            copy(&root_of(&from)?, &to, &key, stop)?;
            Ok(Outcome::done(format!("copied {} to {}", from.display(), to.display())))
        })
        .await
    }

    async fn settle(&self, context: &Context, arguments: &Arguments) -> Settled {
        let (from, to) = (path_of(context, arguments, "from"), path_of(context, arguments, "to"));
        let key = context.key.clone();
        blocking::settle(context, move |stop| {
            delete(&replace::beside(&to, &key), stop)?;
            if !is_there(&to)? {
                return Ok(Settled::NotDone(format!("{} does not exist", to.display())));
            }
            let is_same = digest_of(&root_of(&from)?, stop)? == digest_of(&to, stop)?;
            let (from, to) = (from.display(), to.display());
            Ok(if is_same {
                done(format!("{to} is the same as {from}"))
            } else {
                Settled::NotDone(format!("{to} is another than {from}"))
            })
        })
        .await
    }
}

/// Copies `from` (not a link) beside `to`, and renames it there.
pub(super) fn copy(from: &Path, to: &Path, key: &str, stop: &Stop) -> Result<(), String> {
    let is_folder = from.is_dir();
    let folder = parent_of(to)?;
    if let Ok(there) = to.symlink_metadata() {
        if is_folder && there.is_dir() && digest_of(from, stop)? == digest_of(to, stop)? {
            return Ok(());
        }
        if is_folder || !there.is_file() {
            return Err(taken(to));
        }
        if let Some(why) = in_place::other_name(to, &there)? {
            return Err(format!(
                "{} cannot be replaced by a copy, since {why}; remove it first, or give it its content with `fs.write`",
                to.display()
            ));
        }
    }
    let real = folder.canonicalize().map_err(|error| problem("copy to", to, &error))?;
    if is_folder && real.starts_with(from) {
        return Err(format!("{} lies in {}", to.display(), from.display()));
    }
    let prepared = replace::beside(to, key);
    delete(&prepared, stop)?;
    let mut folders = Vec::new();
    let copied = walk(from, stop, &mut |entry| {
        copy_entry(entry, &prepared, &mut folders, stop)
    })
    .and_then(|()| folders.iter().rev().try_for_each(finish_folder))
    .and_then(|()| std::fs::rename(&prepared, to).map_err(|error| problem("put in place", to, &error)));
    if let Err(reason) = copied {
        // What was prepared goes even where the attempt has no time left.
        return Err(match delete(&prepared, &Stop::never()) {
            Ok(()) => reason,
            Err(left) => format!("{reason}; {left}"),
        });
    }
    sync_folder(folder)
}

fn copy_entry(
    entry: &Entry,
    prepared: &Path,
    folders: &mut Vec<(PathBuf, Metadata)>,
    stop: &Stop,
) -> Result<(), String> {
    let target = if entry.below.as_os_str().is_empty() {
        prepared.to_owned()
    } else {
        prepared.join(&entry.below)
    };
    let data = &entry.data;
    if data.is_dir() {
        folders.push((target.clone(), data.clone()));
        // Open to nobody else and writable to us until all that belongs in it is there.
        return std::fs::create_dir(&target)
            .and_then(|()| std::fs::set_permissions(&target, Permissions::from_mode(0o700)))
            .map_err(|error| problem("make the folder", &target, &error));
    }
    if data.is_symlink() {
        return std::fs::read_link(&entry.path)
            .and_then(|to| symlink(to, &target))
            .map_err(|error| problem("copy the link", &entry.path, &error));
    }
    if data.is_file() {
        return copy_file(entry, &target, stop);
    }
    Err(format!(
        "{} is neither file nor folder nor link; it cannot be copied",
        entry.path.display()
    ))
}

fn copy_file(entry: &Entry, target: &Path, stop: &Stop) -> Result<(), String> {
    let failed = |error| problem("copy", &entry.path, &error);
    let mut source = File::open(&entry.path).map_err(failed)?;
    let mut copy = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(target)
        .map_err(failed)?;
    let mut buffer = vec![0; 128 * 1024];
    loop {
        stop.check()?;
        let count = source.read(&mut buffer).map_err(failed)?;
        if count == 0 {
            break;
        }
        copy.write_all(&buffer[..count]).map_err(failed)?;
    }
    if is_root() {
        fchown(&copy, Some(entry.data.uid()), Some(entry.data.gid())).map_err(failed)?;
    }
    copy.set_permissions(Permissions::from_mode(entry.data.mode() & 0o7777))
        .and_then(|()| copy.sync_all())
        .map_err(failed)
}

/// Gives a folder of the copy its owner and mode, and makes its entries durable.
fn finish_folder((folder, data): &(PathBuf, Metadata)) -> Result<(), String> {
    sync_folder(folder)?;
    let owned = if is_root() {
        chown(folder, Some(data.uid()), Some(data.gid()))
    } else {
        Ok(())
    };
    owned
        .and_then(|()| std::fs::set_permissions(folder, Permissions::from_mode(data.mode() & 0o7777)))
        .map_err(|error| problem("finish", folder, &error))
}

/// Only root may give a file away.
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
