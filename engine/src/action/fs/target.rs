//! `fs.target`: where a symbolic link leads.

use std::path::{Component, Path, PathBuf};

use async_trait::async_trait;
use backstay_dsl::catalogue::Signature;
use backstay_dsl::effect::{Effect, ResourceKind};
use backstay_dsl::types::Type;

use super::{normal, parent_of, path_of, problem};
use crate::action::common::{blocking, describe};
use crate::action::{Action, Arguments, Context, Outcome};
use crate::value::Value;

pub(super) struct Target;

#[async_trait]
impl Action for Target {
    fn signature(&self) -> Signature {
        describe::read(
            "fs",
            "target",
            "Says where a symbolic link leads, as an absolute path.\n\nOne link is followed, not a chain of them. What it \
             leads to need not exist. Setting the link to this value with `fs.link` restores it.",
        )
        .needs("link", Type::Path, "The link.")
        .gives(Type::Path)
        .effects(Effect::ValueOf(describe::of(ResourceKind::Link, "link")))
        .example(r#"check "the old release is linked": fs.target(folder / "current") == folder / "releases" / "1.0""#)
        .done()
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        let link = path_of(context, arguments, "link");
        blocking::perform(context, move |_| {
            let target = target_of(&link)?.ok_or_else(|| format!("{} does not exist", link.display()))?;
            let text = target
                .into_os_string()
                .into_string()
                .map_err(|_| format!("{} leads to a name that is not UTF-8", link.display()))?;
            Ok(Outcome::value(Value::Path(text)))
        })
        .await
    }
}

/// Where a link leads, absolute; `None` where there is nothing.
pub(super) fn target_of(link: &Path) -> Result<Option<PathBuf>, String> {
    let written = match std::fs::read_link(link) {
        Ok(written) => written,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.kind() == std::io::ErrorKind::InvalidInput => {
            return Err(format!("{} is not a symbolic link", link.display()));
        }
        Err(error) => return Err(problem("read the link", link, &error)),
    };
    let folder = parent_of(link)?;
    if written.components().all(|component| component != Component::ParentDir) {
        return Ok(Some(normal(&folder.join(written))));
    }
    // `..` means the real parent: where the folder itself is reached by a link, only the real path says it.
    let mut target = if written.is_absolute() {
        PathBuf::new()
    } else {
        folder
            .canonicalize()
            .map_err(|error| problem("look at", folder, &error))?
    };
    for component in written.components() {
        match component {
            Component::ParentDir => {
                target = target.canonicalize().unwrap_or(target);
                target.pop();
            }
            Component::CurDir => {}
            other => target.push(other),
        }
    }
    Ok(Some(target))
}
