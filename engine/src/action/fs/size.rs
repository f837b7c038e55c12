//! `fs.size`: how many bytes a file or a tree holds.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use async_trait::async_trait;
use backstay_dsl::catalogue::Signature;
use backstay_dsl::effect::{Effect, ResourceKind};
use backstay_dsl::types::Type;

use super::path_of;
use super::walk::{root_of, walk};
use crate::action::common::blocking::Stop;
use crate::action::common::{blocking, describe};
use crate::action::{Action, Arguments, Context, Outcome};
use crate::value::Value;

pub(super) struct Size;

#[async_trait]
impl Action for Size {
    fn signature(&self) -> Signature {
        describe::read(
            "fs",
            "size",
            "Says how many bytes a file holds, or all files of a tree.\n\nA link that is named itself is followed, links \
             in the tree are not. A file with several names in the tree counts once.",
        )
        .needs("path", Type::Path, "The file or folder.")
        .gives(Type::Size)
        .effects(Effect::Reads(describe::of(ResourceKind::Tree, "path")))
        .example(r#"require fs.free(folder) > fs.size(folder / "data") * 2 else "Make room on the disk first""#)
        .done()
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        let path = path_of(context, arguments, "path");
        blocking::perform(context, move |stop| {
            Ok(Outcome::value(Value::Size(size_of(&path, stop)?)))
        })
        .await
    }
}

/// The bytes of all files of a tree.
pub(super) fn size_of(path: &Path, stop: &Stop) -> Result<u64, String> {
    let mut seen = BTreeSet::new();
    let mut bytes = 0_u64;
    walk(&root_of(path)?, stop, &mut |entry| {
        let data = &entry.data;
        if data.is_file() && (data.nlink() == 1 || seen.insert((data.dev(), data.ino()))) {
            bytes = bytes.saturating_add(data.len());
        }
        Ok(())
    })?;
    Ok(bytes)
}
