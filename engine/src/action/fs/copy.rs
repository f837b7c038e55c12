//! `fs.copy`: copies a file or a tree.

use std::collections::BTreeMap;
use std::fs::{File, Metadata, OpenOptions, Permissions};
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use backstay_dsl::catalogue::Signature;
use backstay_dsl::effect::{Cancel, Effect, ResourceKind};
use backstay_dsl::types::Type;
use rustix::fs::OFlags;

use super::attributes::{Lost, begin_like, finish_like};
use super::digest::digest_of;
use super::other_name::{OtherName, other_name, unseen};
use super::remove::delete;
use super::size::size_of;
use super::walk::{Entry, at, root_of, walk};
use super::{done, found, is_there, parent_of, path_of, problem, replace, sync_folder, taken};
use crate::action::common::attributes::Of;
use crate::action::common::blocking::Stop;
use crate::action::common::{blocking, describe, sparse};
use crate::action::{Action, Arguments, Context, Outcome, Settled};

pub(super) struct CopyTo;

#[async_trait]
impl Action for CopyTo {
    fn signature(&self) -> Signature {
        describe::change(
            "fs",
            "copy",
            "Copies a file or a whole tree.\n\nThe copy appears in one moment, when all of it is durable. Modes, owners, \
             times, access lists, capabilities and other attributes, links of both kinds and holes are kept; what this user \
             or that disk cannot keep is told. A file takes the place of a file; a folder takes no other's place. Pipes, sockets and \
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
        .example(
            r#"
            require not fs.exists(folder / "settings.before") else "Move the old copy away"
            do fs.copy(folder / "settings", to: folder / "settings.before") undo fs.remove(folder / "settings.before") within 1m
            "#,
        )
        .done()
    }

    async fn preview(&self, context: &Context, arguments: &Arguments) -> Option<String> {
        let (from, to) = (path_of(context, arguments, "from"), path_of(context, arguments, "to"));
        blocking::preview(context, move |stop| {
            let root = root_of(&from)?;
            let size = backstay_dsl::units::size(size_of(&root, stop)?);
            let copies = format!("copies {} ({size}) to {}", from.display(), to.display());
            let there = match found(&to)? {
                None => return Ok(copies),
                Some(there) if there.is_file() && !root.is_dir() => there,
                Some(_) => return Ok(format!("{copies}, which is there already")),
            };
            let copies = format!("{copies}, in place of the file there");
            Ok(match other_name(&to, &there)? {
                OtherName::None => copies,
                OtherName::Known(why) => format!("{copies}; that will be refused, since {why}"),
                OtherName::Unseen => format!("{copies}\n{}", unseen()),
            })
        })
        .await
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        let (from, to) = (path_of(context, arguments, "from"), path_of(context, arguments, "to"));
        let key = context.key.clone();
        blocking::perform(context, move |stop| {
            let lost = copy(&root_of(&from)?, &to, &key, Losses::Told, stop)?;
            let lost = lost.map_or_else(String::new, |lost| format!("; the copy could not keep {lost}"));
            Ok(Outcome::done(format!(
                "copied {} to {}{lost}",
                from.display(),
                to.display()
            )))
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

/// Whether something may go lost on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Losses {
    Told,
    /// For what is removed once it is copied.
    Refused,
}

/// Copies `from` (a link as a link) beside `to`, and renames it there. Gives what the copy could not keep, in words.
pub(super) fn copy(from: &Path, to: &Path, key: &str, losses: Losses, stop: &Stop) -> Result<Option<String>, String> {
    let is_folder = from
        .symlink_metadata()
        .map_err(|error| problem("look at", from, &error))?
        .is_dir();
    let folder = parent_of(to)?;
    if let Some(there) = found(to)? {
        if is_folder && there.is_dir() && digest_of(from, stop)? == digest_of(to, stop)? {
            return Ok(None);
        }
        if is_folder || !there.is_file() {
            return Err(taken(to));
        }
        if let OtherName::Known(why) = other_name(to, &there)? {
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
    let copied = prepare(from, &prepared, losses, stop).and_then(|lost| {
        std::fs::rename(&prepared, to).map_err(|error| problem("put in place", to, &error))?;
        Ok(lost)
    });
    match copied {
        Ok(lost) => sync_folder(folder).map(|()| lost),
        // What was prepared goes even where the attempt has no time left.
        Err(reason) => Err(match delete(&prepared, &Stop::never()) {
            Ok(()) => reason,
            Err(left) => format!("{reason}; {left}"),
        }),
    }
}

fn prepare(from: &Path, prepared: &Path, losses: Losses, stop: &Stop) -> Result<Option<String>, String> {
    let mut copying = Copying::default();
    walk(from, stop, &mut |entry| copying.entry(entry, prepared, stop))?;
    let lost = copying.finish_folders()?.in_words();
    match lost {
        Some(lost) if losses == Losses::Refused => Err(format!(
            "nothing was moved, since on that disk or for this user this would be lost: {lost}; run as root, choose a disk \
             that keeps it, or copy it with `fs.copy` and remove it"
        )),
        lost => Ok(lost),
    }
}

/// A copy that is being made.
#[derive(Default)]
struct Copying {
    /// The copies of folders with what they are copied from, which get their times when all is in them.
    folders: Vec<(PathBuf, PathBuf, Metadata)>,
    /// The copies of files with several names.
    links: BTreeMap<(u64, u64), PathBuf>,
    lost: Lost,
}

impl Copying {
    fn entry(&mut self, entry: &Entry, prepared: &Path, stop: &Stop) -> Result<(), String> {
        let target = at(prepared, &entry.below);
        let data = &entry.data;
        let failed = |error| problem("copy", &entry.path, &error);
        if data.is_dir() {
            return self.folder(&entry.path, &target, data).map_err(failed);
        }
        if data.is_symlink() {
            return entry
                .read_link()
                .and_then(|to| symlink(to, &target))
                .and_then(|()| {
                    let (old, new) = (Of::Link(&entry.path), Of::Link(&target));
                    finish_like(old, data, new, &entry.path, &mut self.lost)
                })
                .map_err(failed);
        }
        if !data.is_file() {
            return Err(format!(
                "{} is neither file nor folder nor link; it cannot be copied",
                entry.path.display()
            ));
        }
        if let Some(first) = self.links.get(&(data.dev(), data.ino())) {
            return std::fs::hard_link(first, &target).map_err(failed);
        }
        self.file(entry, &target, stop).map_err(failed)?;
        if data.nlink() > 1 {
            self.links.insert((data.dev(), data.ino()), target);
        }
        Ok(())
    }

    fn folder(&mut self, path: &Path, target: &Path, data: &Metadata) -> io::Result<()> {
        std::fs::create_dir(target)?;
        // Open to nobody else and writable to us until all that belongs in it is there.
        std::fs::set_permissions(target, Permissions::from_mode(0o700))?;
        let (old, new) = (open_same(path, data)?, File::open(target)?);
        begin_like(old.as_fd(), new.as_fd(), path, &mut self.lost)?;
        self.folders.push((path.to_owned(), target.to_owned(), data.clone()));
        Ok(())
    }

    fn file(&mut self, entry: &Entry, target: &Path, stop: &Stop) -> io::Result<()> {
        let (path, data, source) = (&entry.path, &entry.data, entry.open()?);
        let mut options = OpenOptions::new();
        let made = options.write(true).create_new(true).mode(0o600).open(target)?;
        begin_like(source.as_fd(), made.as_fd(), path, &mut self.lost)?;
        sparse::copy(&source, &made, stop)?;
        let (old, new) = (Of::Handle(source.as_fd()), Of::Handle(made.as_fd()));
        finish_like(old, data, new, path, &mut self.lost)?;
        made.sync_all()
    }

    /// Gives the folders what they are to have, the innermost first, and makes their entries durable.
    fn finish_folders(mut self) -> Result<Lost, String> {
        for (path, target, data) in self.folders.iter().rev() {
            let finished = open_same(path, data).and_then(|old| {
                let new = File::open(target)?;
                let (old, made) = (Of::Handle(old.as_fd()), Of::Handle(new.as_fd()));
                finish_like(old, data, made, path, &mut self.lost)?;
                new.sync_all()
            });
            finished.map_err(|error| problem("finish", target, &error))?;
        }
        Ok(self.lost)
    }
}

/// Opens what was looked at. Somebody else may have put another in its place since, or a link to one that only we can
/// read.
fn open_same(path: &Path, looked_at: &Metadata) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let mut options = OpenOptions::new();
    let file = (options.read(true).custom_flags(flags.bits().cast_signed())).open(path)?;
    let now = file.metadata()?;
    if (now.dev(), now.ino()) == (looked_at.dev(), looked_at.ino()) {
        return Ok(file);
    }
    Err(io::Error::other("it was replaced by somebody else meanwhile"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use std::fs;

    use super::*;

    #[test]
    fn what_was_put_in_the_place_of_what_was_looked_at_is_not_copied() {
        let place = tempfile::tempdir().unwrap();
        let [file, other] = ["file", "other"].map(|name| place.path().join(name));
        for path in [&file, &other] {
            fs::write(path, "").unwrap();
        }
        let looked_at = file.symlink_metadata().unwrap();
        open_same(&file, &looked_at).unwrap();
        let put: [&dyn Fn() -> io::Result<()>; 3] =
            [&|| symlink(&other, &file), &|| fs::hard_link(&other, &file), &|| {
                Ok(rustix::fs::mkfifoat(rustix::fs::CWD, &file, rustix::fs::Mode::RUSR)?)
            }];
        for (number, put) in put.iter().enumerate() {
            // Each stays, so that no inode is used again.
            fs::rename(&file, place.path().join(number.to_string())).unwrap();
            put().unwrap();
            open_same(&file, &looked_at).unwrap_err();
        }
    }
}
