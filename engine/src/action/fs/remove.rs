//! `fs.remove`: removes a file, a link or a whole tree.

use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use backstay_dsl::catalogue::Signature;
use backstay_dsl::effect::{Cancel, Effect, ResourceKind};
use backstay_dsl::topology::Topology;
use backstay_dsl::types::Type;
use rustix::fs::{AtFlags, CWD, unlinkat};
use rustix::io::Errno;

use super::size::size_of;
use super::walk::{DEPTH_MAX, walk};
use super::{done, found, is_there, parent_of, path_of, problem, replace, sync_folder};
use crate::action::common::blocking::Stop;
use crate::action::common::files::{MOUNT_TABLE, mount_points};
use crate::action::common::held::{names, open_folder};
use crate::action::common::typed::{pasted, pasted_path};
use crate::action::common::{blocking, describe};
use crate::action::{Action, Arguments, Context, Outcome, Settled};

pub(super) struct Remove;

#[async_trait]
impl Action for Remove {
    fn signature(&self) -> Signature {
        describe::change(
            "fs",
            "remove",
            "Removes a file, a link or a whole tree.\n\nThe name is gone in one moment; emptying a large tree takes longer. \
             A link is removed itself, not what it leads to. What is not there is removed already. The root, homes, mount \
             points and what holds them are refused.",
        )
        .needs("path", Type::Path, "What is removed.")
        .effects(Effect::Removes(describe::of(ResourceKind::Tree, "path")))
        .partial()
        .cancel(Cancel::Grace { ms: 5000 })
        .example(r#"do fs.remove(folder / "cache") no undo because "a cache fills again""#)
        .done()
    }

    async fn preview(&self, context: &Context, arguments: &Arguments) -> Option<String> {
        let path = path_of(context, arguments, "path");
        blocking::preview(context, move |stop| {
            let Some(data) = found(&path)? else {
                return Ok(format!("{} is not there", path.display()));
            };
            if data.is_symlink() {
                return Ok(format!("removes the link {}", path.display()));
            }
            let mut entries = 0_u64;
            walk(&path, stop, &mut |_| {
                entries += 1;
                Ok(())
            })?;
            let size = backstay_dsl::units::size(size_of(&path, stop)?);
            Ok(format!("removes {}: {entries} entries, {size}", path.display()))
        })
        .await
    }

    fn by_hand(&self, folder: &Path, _topology: &Topology<String>, arguments: &Arguments) -> Option<String> {
        let path = pasted_path(folder, arguments, "path")?;
        pasted(["rm", "-r", "--", &path])
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        let path = path_of(context, arguments, "path");
        let kept = context.run_directory.clone();
        let key = context.key.clone();
        blocking::perform(context, move |stop| {
            stop.check()?;
            refuse("remove", &path, &kept)?;
            let was_there = is_there(&path)?;
            remove(&path, &key, stop)?;
            let how = if was_there { "removed" } else { "was not there:" };
            Ok(Outcome::done(format!("{how} {}", path.display())))
        })
        .await
    }

    async fn settle(&self, context: &Context, arguments: &Arguments) -> Settled {
        let path = path_of(context, arguments, "path");
        let key = context.key.clone();
        blocking::settle(context, move |stop| {
            let name = path.display();
            if is_there(&path)? {
                return Ok(Settled::NotDone(format!("{name} is there")));
            }
            // Gone from its place already: what is left of it is only rubbish.
            delete(&replace::beside(&path, &key), stop)?;
            Ok(done(format!("{name} is not there")))
        })
        .await
    }
}

/// Takes the name away in one moment, then deletes what was there.
fn remove(path: &Path, key: &str, stop: &Stop) -> Result<(), String> {
    let aside = replace::beside(path, key);
    delete(&aside, stop)?;
    match std::fs::rename(path, &aside) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(problem("remove", path, &error)),
    }
    sync_folder(parent_of(path)?)?;
    delete(&aside, stop).map_err(|reason| {
        format!(
            "{} is gone, but {} is left of it: {reason}",
            path.display(),
            aside.display()
        )
    })
}

/// Deletes whatever is at this path; nothing is fine too.
pub(super) fn delete(path: &Path, stop: &Stop) -> Result<(), String> {
    if !is_there(path)? {
        return Ok(());
    }
    let failed = |errno: Errno| problem("remove", path, &errno.into());
    match open_folder(CWD, path) {
        Ok(folder) => {
            empty(&folder, path, DEPTH_MAX, stop)?;
            unlinkat(CWD, path, AtFlags::REMOVEDIR).map_err(failed)
        }
        Err(Errno::NOTDIR | Errno::LOOP) => unlinkat(CWD, path, AtFlags::empty()).map_err(failed),
        Err(errno) => Err(failed(errno)),
    }
}

/// Deletes what is in a folder. It is held open and nothing in it is reached by a path: who may write into it could put
/// a link to somewhere else on the way.
fn empty(folder: &OwnedFd, shown: &Path, depth: usize, stop: &Stop) -> Result<(), String> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(format!("{} is nested too deeply", shown.display()));
    };
    for name in names(folder).map_err(|errno| problem("list", shown, &errno.into()))? {
        stop.check()?;
        let shown = shown.join(OsStr::from_bytes(name.as_bytes()));
        let removed = match unlinkat(folder, &name, AtFlags::empty()) {
            Err(Errno::ISDIR) => {
                let inner = open_folder(folder, &name).map_err(|errno| problem("remove", &shown, &errno.into()))?;
                empty(&inner, &shown, depth, stop)?;
                unlinkat(folder, &name, AtFlags::REMOVEDIR)
            }
            removed => removed,
        };
        removed.map_err(|errno| problem("remove", &shown, &errno.into()))?;
    }
    Ok(())
}

/// Refuses what nobody means to remove: the root, a home, a mount point, the run's own record, and whatever
/// holds one of them.
pub(super) fn refuse(what: &str, path: &Path, run_directory: &Path) -> Result<(), String> {
    if !is_there(path)? {
        return Ok(());
    }
    let data = path
        .symlink_metadata()
        .map_err(|error| problem("look at", path, &error))?;
    let mounts = mount_points().map_err(|error| problem("read", Path::new(MOUNT_TABLE), &error))?;
    if !data.is_dir() {
        let folder = parent_of(path)?;
        let folder = folder
            .canonicalize()
            .map_err(|error| problem("look at", folder, &error))?;
        if mounts.contains(&folder.join(path.file_name().unwrap_or_default())) {
            return Err(format!(
                "{} will not be {what}d: it is a mount point; unmount it first",
                path.display()
            ));
        }
        return Ok(());
    }
    let real = path.canonicalize().map_err(|error| problem("look at", path, &error))?;
    let no = |why: &str| {
        Err(format!(
            "{} will not be {what}d: {why}; name what is below it",
            path.display()
        ))
    };
    if real.parent().is_none() || (real.components().count() == 2 && is_system(&real)) {
        return no("the system lives there");
    }
    if homes().iter().any(|home| home.starts_with(&real)) {
        return no("it is a home folder or holds one");
    }
    if let Some(mount) = mounts.iter().find(|mount| mount.starts_with(&real)) {
        return no(&format!("{} is a mount point", mount.display()));
    }
    let run_directory = run_directory
        .canonicalize()
        .unwrap_or_else(|_| run_directory.to_owned());
    if run_directory.starts_with(&real) {
        return no("the record of this run lies in it");
    }
    Ok(())
}

/// Folders directly below the root that a system has.
fn is_system(path: &Path) -> bool {
    const SYSTEM: &[&str] = &[
        "bin", "boot", "dev", "etc", "home", "lib", "lib64", "media", "mnt", "opt", "proc", "root", "run", "sbin",
        "srv", "sys", "tmp", "usr", "var",
    ];
    path.file_name()
        .and_then(|name| name.to_str())
        .is_some_and(|name| SYSTEM.contains(&name))
}

/// The operator's home, as the environment and the system's list of users say.
fn homes() -> Vec<PathBuf> {
    let mut homes: Vec<PathBuf> = std::env::home_dir().into_iter().collect();
    let users = std::fs::read("/etc/passwd").unwrap_or_default();
    let users = String::from_utf8_lossy(&users);
    homes.extend(
        users
            .lines()
            .filter_map(|line| line.split(':').nth(5))
            .filter(|home| home.starts_with("/home/") || *home == "/root")
            .map(PathBuf::from),
    );
    homes.into_iter().filter_map(|home| home.canonicalize().ok()).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    const FILES: usize = 3000;

    fn fill(folder: &Path) {
        fs::create_dir_all(folder).unwrap();
        for number in 0..FILES {
            fs::write(folder.join(number.to_string()), "").unwrap();
        }
    }

    fn count(folder: &Path) -> usize {
        fs::read_dir(folder).map_or(0, Iterator::count)
    }

    #[test]
    fn a_link_that_somebody_puts_in_the_way_meanwhile_leads_nowhere() {
        let place = tempfile::tempdir().unwrap();
        let [tree, inner, precious] = ["tree", "tree/inner", "precious"].map(|name| place.path().join(name));
        fill(&inner);
        fill(&precious);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while count(&inner) == FILES {}
                // Too late where all of it is gone already.
                if fs::rename(&inner, tree.join("other")).is_ok() {
                    let _ = symlink(&precious, &inner);
                }
            });
            let _ = delete(&tree, &Stop::never());
        });
        assert_eq!(count(&precious), FILES);
    }

    #[test]
    fn whatever_is_in_a_tree_is_deleted_and_links_lead_nowhere() {
        let place = tempfile::tempdir().unwrap();
        let [tree, kept] = ["tree", "kept"].map(|name| place.path().join(name));
        fs::create_dir_all(tree.join("a/b/c")).unwrap();
        fs::create_dir(&kept).unwrap();
        fs::write(kept.join("file"), "").unwrap();
        fs::write(tree.join("a/b/file"), "").unwrap();
        symlink(&kept, tree.join("a/link")).unwrap();
        symlink("nowhere", tree.join("dangling")).unwrap();
        let link = place.path().join("link");
        symlink(&kept, &link).unwrap();
        for gone in [&tree, &link, &link] {
            delete(gone, &Stop::never()).unwrap();
            assert!(gone.symlink_metadata().is_err(), "{}", gone.display());
        }
        assert_eq!(count(&kept), 1);
        assert!(delete(&kept, &Stop::asked()).is_err());
        assert_eq!(count(&kept), 1);
    }
}
