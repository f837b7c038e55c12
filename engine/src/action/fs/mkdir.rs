//! `fs.mkdir`: makes a folder and those above it.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use backstay_dsl::catalogue::Signature;
use backstay_dsl::effect::{Effect, ResourceKind};
use backstay_dsl::topology::Topology;
use backstay_dsl::types::Type;

use super::{done, parent_of, path_of, problem, sync_folder};
use crate::action::common::typed::{pasted, pasted_path};
use crate::action::common::{blocking, describe};
use crate::action::{Action, Arguments, Context, Outcome, Settled};

pub(super) struct MakeDirectory;

#[async_trait]
impl Action for MakeDirectory {
    fn signature(&self) -> Signature {
        describe::change(
            "fs",
            "mkdir",
            "Makes a folder, and the folders above it that are not there.\n\nA folder that is there already is left as it is.",
        )
        .needs("path", Type::Path, "The folder.")
        .effects(Effect::Adds(describe::of(ResourceKind::Tree, "path")))
        .example(r#"do fs.mkdir(folder / "releases" / "2.0") undo fs.remove(folder / "releases" / "2.0") within 30s"#)
        .done()
    }

    async fn preview(&self, context: &Context, arguments: &Arguments) -> Option<String> {
        let path = path_of(context, arguments, "path");
        blocking::preview(context, move |_| {
            let missing = missing(&path);
            if let Some(other) = missing.iter().find(|folder| folder.symlink_metadata().is_ok()) {
                return Err(format!("{} is there already and is no folder", other.display()));
            }
            Ok(match missing.as_slice() {
                [] => format!("{} is there already", path.display()),
                [_] => format!("makes {}", path.display()),
                [.., first] => format!("makes {}, from {} on", path.display(), first.display()),
            })
        })
        .await
    }

    fn by_hand(&self, folder: &Path, _topology: &Topology<String>, arguments: &Arguments) -> Option<String> {
        let path = pasted_path(folder, arguments, "path")?;
        pasted(["mkdir", "-p", "--", &path])
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        let path = path_of(context, arguments, "path");
        blocking::perform(context, move |stop| {
            let missing = missing(&path);
            for folder in missing.iter().rev() {
                stop.check()?;
                std::fs::create_dir(folder).map_err(|error| problem("make the folder", folder, &error))?;
                sync_folder(parent_of(folder)?)?;
            }
            Ok(match missing.len() {
                0 => Outcome::was_there(format!("{} was there already", path.display())),
                _ => Outcome::done(format!("made {}", path.display())),
            })
        })
        .await
    }

    async fn settle(&self, context: &Context, arguments: &Arguments) -> Settled {
        let path = path_of(context, arguments, "path");
        blocking::settle(context, move |_| {
            if path.is_dir() {
                return Ok(done(format!("{} is there", path.display())));
            }
            Ok(Settled::NotDone(format!("{} is not there", path.display())))
        })
        .await
    }
}

/// The folder and those above it that are not there, the innermost first.
fn missing(path: &Path) -> Vec<PathBuf> {
    path.ancestors()
        .take_while(|folder| !folder.is_dir())
        .map(Path::to_owned)
        .collect()
}
