//! `fs.digest`: one number for all that a file or a tree holds.

use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use async_trait::async_trait;
use backstay_dsl::catalogue::Signature;
use backstay_dsl::effect::{Effect, ResourceKind};
use backstay_dsl::types::Type;
use sha2::{Digest as _, Sha256};

use super::walk::{root_of, walk};
use super::{path_of, problem};
use crate::action::common::blocking::Stop;
use crate::action::common::{blocking, describe, files};
use crate::action::{Action, Arguments, Context, Outcome};
use crate::value::Value;

pub(super) struct Digest;

#[async_trait]
impl Action for Digest {
    fn signature(&self) -> Signature {
        describe::read(
            "fs",
            "digest",
            "Gives the SHA-256 of a file, or one over a whole tree.\n\nOf a file it is what `sha256sum` prints. Over a tree \
             it covers names, kinds, modes, contents and where links lead, not times and owners. A link that is named \
             itself is followed.",
        )
        .needs("path", Type::Path, "The file or folder.")
        .gives(Type::Digest)
        .effects(Effect::Reads(describe::of(ResourceKind::Tree, "path")))
        .example(
            r#"
            let before = fs.digest(folder / "settings")
            record before
            "#,
        )
        .done()
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        let path = path_of(context, arguments, "path");
        blocking::perform(context, move |stop| {
            Ok(Outcome::value(Value::Digest(digest_of(&root_of(&path)?, stop)?)))
        })
        .await
    }
}

/// The digest of a file, or over a tree; a link is not followed.
pub(super) fn digest_of(root: &Path, stop: &Stop) -> Result<String, String> {
    let data = root
        .symlink_metadata()
        .map_err(|error| problem("look at", root, &error))?;
    if data.is_file() {
        return Ok(format!(
            "sha256:{}",
            crate::digest::hex(&file_hash(File::open(root), root, stop)?)
        ));
    }
    let mut tree = Sha256::new();
    walk(root, stop, &mut |entry| {
        let (kind, content) = if entry.data.is_file() {
            ('f', file_hash(entry.open(), &entry.path, stop)?.to_vec())
        } else if entry.data.is_symlink() {
            let target = entry
                .read_link()
                .map_err(|error| problem("read", &entry.path, &error))?;
            ('l', Sha256::digest(target.as_os_str().as_bytes()).to_vec())
        } else if entry.data.is_dir() {
            ('d', Vec::new())
        } else {
            ('o', Vec::new())
        };
        // A name cannot hold a zero byte, so no two trees give the same bytes.
        let mode = if kind == 'l' { 0 } else { entry.data.mode() & 0o7777 };
        tree.update(format!("{kind} {mode:04o} {} ", crate::digest::hex(&content)));
        tree.update(entry.below.as_os_str().as_bytes());
        tree.update([0]);
        Ok(())
    })?;
    Ok(format!("sha256:{}", crate::digest::hex(&tree.finalize())))
}

fn file_hash(file: io::Result<File>, path: &Path, stop: &Stop) -> Result<[u8; 32], String> {
    let hash = match file {
        Ok(mut file) => files::hash(&mut file, stop)?,
        Err(error) => Err(error),
    };
    hash.map_err(|error| problem("read", path, &error))
}
