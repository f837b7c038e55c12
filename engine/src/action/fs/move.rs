//! `fs.move`: gives a file or a tree another name.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use async_trait::async_trait;
use backstay_dsl::catalogue::Signature;
use backstay_dsl::effect::{Cancel, Effect, ResourceKind};
use backstay_dsl::topology::Topology;
use backstay_dsl::types::Type;
use rustix::io::Errno;

use super::copy::{Losses, copy};
use super::remove::{delete, refuse};
use super::{done, is_there, parent_of, path_of, problem, replace, sync_folder, taken};
use crate::action::common::blocking::Stop;
use crate::action::common::files::rename_new;
use crate::action::common::typed::{pasted, pasted_path};
use crate::action::common::{blocking, describe};
use crate::action::{Action, Arguments, Context, Outcome, Settled};

pub(super) struct Move;

#[async_trait]
impl Action for Move {
    fn signature(&self) -> Signature {
        describe::change(
            "fs",
            "move",
            "Gives a file, a link or a whole tree another name.\n\nOn one disk it happens in one moment. To another disk it \
             is copied with all that belongs to it, or not at all, then removed, and may stop half-way. Nothing that is there is replaced.",
        )
        .needs("from", Type::Path, "The old name.")
        .needs("to", Type::Path, "The new name itself, not a folder to put it in.")
        .effects(Effect::ValueOf(describe::of(ResourceKind::Tree, "from")))
        .effects(Effect::Sets {
            resource: describe::of(ResourceKind::Tree, "to"),
            to: None,
        })
        .effects(Effect::Removes(describe::of(ResourceKind::Tree, "from")))
        .partial()
        .cancel(Cancel::Grace { ms: 5000 })
        .example(r#"do fs.move(folder / "old.log", to: folder / "archive" / "old.log") no undo because "the log is as good there""#)
        .done()
    }

    async fn preview(&self, context: &Context, arguments: &Arguments) -> Option<String> {
        let (from, to) = (path_of(context, arguments, "from"), path_of(context, arguments, "to"));
        let kept = context.run_directory.clone();
        blocking::preview(context, move |_| {
            refuse("move", &from, &kept)?;
            let data = from
                .symlink_metadata()
                .map_err(|error| problem("move", &from, &error))?;
            if is_there(&to)? {
                return Err(taken(&to));
            }
            let disk = parent_of(&to)?.metadata().map(|folder| folder.dev());
            let how = match disk {
                Ok(disk) if disk != data.dev() => ", on another disk: copied, then removed",
                _ => "",
            };
            Ok(format!("moves {} to {}{how}", from.display(), to.display()))
        })
        .await
    }

    fn by_hand(&self, folder: &Path, _topology: &Topology<String>, arguments: &Arguments) -> Option<String> {
        let (from, to) = (
            pasted_path(folder, arguments, "from")?,
            pasted_path(folder, arguments, "to")?,
        );
        pasted(["mv", "-nT", "--", &from, &to])
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        let (from, to) = (path_of(context, arguments, "from"), path_of(context, arguments, "to"));
        let kept = context.run_directory.clone();
        let key = context.key.clone();
        blocking::perform(context, move |stop| {
            stop.check()?;
            refuse("move", &from, &kept)?;
            rename(&from, &to, &key, stop)?;
            Ok(Outcome::done(format!("moved {} to {}", from.display(), to.display())))
        })
        .await
    }

    async fn settle(&self, context: &Context, arguments: &Arguments) -> Settled {
        let (from, to) = (path_of(context, arguments, "from"), path_of(context, arguments, "to"));
        let key = context.key.clone();
        blocking::settle(context, move |stop| {
            delete(&replace::beside(&to, &key), stop)?;
            Ok(match (is_there(&from)?, is_there(&to)?) {
                (false, true) => done(format!("only {} is there", to.display())),
                (true, false) => Settled::NotDone(format!("only {} is there", from.display())),
                (true, true) => Settled::Undecidable(format!(
                    "both {} and {} are there; it may have stopped between copying and removing",
                    from.display(),
                    to.display()
                )),
                (false, false) => {
                    Settled::Undecidable(format!("neither {} nor {} is there", from.display(), to.display()))
                }
            })
        })
        .await
    }
}

fn rename(from: &Path, to: &Path, key: &str, stop: &Stop) -> Result<(), String> {
    match rename_new(from, to) {
        Ok(()) => {}
        Err(Errno::XDEV) => {
            if is_there(to)? {
                return Err(taken(to));
            }
            copy(from, to, key, Losses::Refused, stop)?;
            delete(from, stop)?;
        }
        Err(Errno::EXIST) => return Err(taken(to)),
        Err(error) => return Err(problem("move to", to, &error.into())),
    }
    sync_folder(parent_of(to)?)?;
    sync_folder(parent_of(from)?)
}
