//! `fs.mode`: who may do what with a file or folder; and modes as texts have them.

use std::os::unix::fs::MetadataExt as _;

use async_trait::async_trait;
use backstay_dsl::catalogue::Signature;
use backstay_dsl::effect::{Effect, ResourceKind};
use backstay_dsl::types::Type;

use super::{path_of, problem};
use crate::action::common::{blocking, describe};
use crate::action::{Action, Arguments, Context, Outcome};
use crate::value::Value;

/// What a file gets where the text does not say.
pub(super) const MODE_DEFAULT: &str = "0600";

pub(super) struct Mode;

#[async_trait]
impl Action for Mode {
    fn signature(&self) -> Signature {
        describe::read(
            "fs",
            "mode",
            "Says the mode of a file or folder in four octal digits, such as `0640`.\n\nA link is followed. What access \
             lists allow beside it is not said.",
        )
        .needs("path", Type::Path, "The file or folder.")
        .gives(Type::Text)
        .effects(Effect::Reads(describe::of(ResourceKind::Tree, "path")))
        .example(r#"check "only the shop reads it": fs.mode(folder / "app.env") == "0600""#)
        .done()
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        let path = path_of(context, arguments, "path");
        blocking::perform(context, move |_| {
            let data = path.metadata().map_err(|error| problem("look at", &path, &error))?;
            Ok(Outcome::value(Value::Text(format!("{:04o}", data.mode() & 0o7777))))
        })
        .await
    }
}

/// The mode that a text says.
pub(super) fn mode_of(text: &str) -> Result<u32, String> {
    let is_octal = (3..=4).contains(&text.len()) && text.bytes().all(|digit| (b'0'..=b'7').contains(&digit));
    u32::from_str_radix(text, 8)
        .ok()
        .filter(|_| is_octal)
        .ok_or_else(|| format!("`{text}` is no mode; write three or four octal digits, such as 0600 or 0644"))
}
