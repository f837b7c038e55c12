//! `fs.read`: the text of a small file.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use async_trait::async_trait;
use backstay_dsl::catalogue::Signature;
use backstay_dsl::effect::{Effect, ResourceKind};
use backstay_dsl::types::Type;

use super::{path_of, problem};
use crate::action::common::{blocking, describe};
use crate::action::{Action, Arguments, Context, Evidence, Outcome};
use crate::value::Value;

/// A value may have this many bytes.
const TEXT_BYTES_MAX: u64 = 64 * 1024;

pub(super) struct ReadText;

#[async_trait]
impl Action for ReadText {
    fn signature(&self) -> Signature {
        describe::read(
            "fs",
            "read",
            "Reads the text of a file of at most 64 KiB.\n\nThe text is given as it stands, the last line end too. \
             Writing it back with `fs.write` restores the file.",
        )
        .needs("path", Type::Path, "The file.")
        .gives(Type::Text)
        .effects(Effect::ValueOf(describe::of(ResourceKind::File, "path")))
        .example(r#"check "the flag is set": fs.read(folder / "flag") contains "on""#)
        .done()
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        let path = path_of(context, arguments, "path");
        blocking::perform(context, move |_| {
            let text = text_of(&path, TEXT_BYTES_MAX)?;
            let summary = format!("{} bytes of {}", text.len(), path.display());
            Ok(Outcome::Done(Evidence::value(Value::Text(text), summary)))
        })
        .await
    }
}

/// The text of a file that is not larger than `bytes_max`.
pub(super) fn text_of(path: &Path, bytes_max: u64) -> Result<String, String> {
    let failed = |error| problem("read", path, &error);
    // Looked at before it is opened: opening a pipe waits for somebody who writes.
    let data = std::fs::metadata(path).map_err(failed)?;
    if !data.is_file() {
        return Err(format!("{} is not a file", path.display()));
    }
    let mut content = Vec::new();
    File::open(path)
        .and_then(|file| file.take(bytes_max + 1).read_to_end(&mut content))
        .map_err(failed)?;
    if content.len() as u64 > bytes_max {
        return Err(format!(
            "{} is larger than {}, the most that can be read as a value",
            path.display(),
            backstay_dsl::units::size(bytes_max)
        ));
    }
    String::from_utf8(content).map_err(|error| {
        let place = error.utf8_error().valid_up_to();
        format!(
            "{} is not text in UTF-8: byte {} does not fit",
            path.display(),
            place + 1
        )
    })
}
