//! `fs.key`: one setting of a file.

use async_trait::async_trait;
use backstay_dsl::catalogue::Signature;
use backstay_dsl::effect::Effect;
use backstay_dsl::types::Type;

use super::path_of;
use super::read::text_of;
use super::settings::Setting;
use crate::action::common::{blocking, describe};
use crate::action::{Action, Arguments, Context, Evidence, Outcome};
use crate::value::Value;

/// A file of settings may have this many bytes.
pub(super) const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

pub(super) struct Key;

#[async_trait]
impl Action for Key {
    fn signature(&self) -> Signature {
        describe::read(
            "fs",
            "key",
            "Reads one setting of a `.env` or JSON file.\n\nIn JSON the key is a path: `gateway.port`, `members.0.name`; \
             a dot in a name is `\\.`. In a `.env` file nothing is expanded. Setting it to this value with `fs.edit_key` \
             restores it.",
        )
        .needs("file", Type::Path, "The file.")
        .needs("key", Type::Text, "The name of the setting, or its path in JSON.")
        .gives(Type::Text)
        .effects(Effect::ValueOf(describe::setting("file", "key")))
        .example(r#"check "it is as the review said": fs.key(folder / "app.env", key: "POOL") == "16""#)
        .done()
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        let file = path_of(context, arguments, "file");
        let key = arguments.text("key").unwrap_or_default().to_owned();
        blocking::perform(context, move |_| {
            let text = text_of(&file, FILE_BYTES_MAX)?;
            let setting = Setting::find(&file, &text, &key)?;
            let summary = format!("`{key}` in line {} of {}", setting.line(&text), file.display());
            Ok(Outcome::Done(Evidence::value(
                Value::Text(setting.value().to_owned()),
                summary,
            )))
        })
        .await
    }
}
