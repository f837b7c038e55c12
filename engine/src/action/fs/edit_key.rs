//! `fs.edit_key`: sets one setting of a file; the rest of the file stays as it was, byte for byte.

use std::path::Path;

use async_trait::async_trait;
use backstay_dsl::catalogue::{Pattern, Signature};
use backstay_dsl::effect::Effect;
use backstay_dsl::types::Type;

use super::key::FILE_BYTES_MAX;
use super::read::text_of;
use super::replace::{self, Mode, replace};
use super::settings::Setting;
use super::{done, path_of, problem};
use crate::action::common::{blocking, describe};
use crate::action::{Action, Arguments, Context, Outcome, Settled};

pub(super) struct EditKey;

#[async_trait]
impl Action for EditKey {
    fn signature(&self) -> Signature {
        describe::change(
            "fs",
            "edit_key",
            "Sets one setting of a `.env` or JSON file, in one moment and durably.\n\nOnly the bytes of the value change: \
             comments, order, quotes, line ends, mode and owner stay. The setting must be there, once. In JSON the key is a \
             path as in `fs.key`, and the value keeps its type.",
        )
        .needs("file", Type::Path, "The file.")
        .needs("key", Type::Text, "The name of the setting, or its path in JSON.")
        .needs("to", Type::Text, "The new value.")
        .effects(Effect::Sets {
            resource: describe::setting("file", "key"),
            to: Some(Pattern::Parameter("to")),
        })
        .done()
    }

    async fn preview(&self, context: &Context, arguments: &Arguments) -> Option<String> {
        let Call { file, key, to, .. } = Call::new(context, arguments);
        blocking::preview(context, move |_| {
            let text = text_of(&file, FILE_BYTES_MAX)?;
            let setting = Setting::find(&file, &text, &key)?;
            let changed = setting.set(&text, &to)?;
            let name = file.display().to_string();
            if changed == text {
                return Ok(format!("{name} stays as it is"));
            }
            // No lines around it: the neighbours of a setting may be passwords.
            Ok(similar::TextDiff::from_lines(text.as_str(), changed.as_str())
                .unified_diff()
                .context_radius(0)
                .header(&name, &name)
                .to_string())
        })
        .await
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        let call = Call::new(context, arguments);
        blocking::perform(context, move |stop| {
            stop.check()?;
            edit(&call).map(Outcome::done)
        })
        .await
    }

    async fn settle(&self, context: &Context, arguments: &Arguments) -> Settled {
        let Call { file, key, to, attempt } = Call::new(context, arguments);
        blocking::settle(context, move |_| {
            let real = replace::resolve(&file)?;
            replace::clear(&replace::beside(&real, &attempt))?;
            let text = text_of(&file, FILE_BYTES_MAX)?;
            let setting = Setting::find(&file, &text, &key)?;
            let place = format!("`{key}` in line {} of {}", setting.line(&text), file.display());
            if setting.value() == to {
                return Ok(done(format!("{place} has the new value")));
            }
            Ok(Settled::NotDone(format!("{place} has another value")))
        })
        .await
    }
}

struct Call {
    file: std::path::PathBuf,
    key: String,
    to: String,
    attempt: String,
}

impl Call {
    fn new(context: &Context, arguments: &Arguments) -> Self {
        Self {
            file: path_of(context, arguments, "file"),
            key: arguments.text("key").unwrap_or_default().to_owned(),
            to: arguments.text("to").unwrap_or_default().to_owned(),
            attempt: context.key.clone(),
        }
    }
}

fn edit(call: &Call) -> Result<String, String> {
    let look = |path: &Path| std::fs::metadata(path).map_err(|error| problem("look at", path, &error));
    let real = replace::resolve(&call.file)?;
    let before = look(&real)?;
    let text = text_of(&real, FILE_BYTES_MAX)?;
    let setting = Setting::find(&call.file, &text, &call.key)?;
    let changed = setting
        .set(&text, &call.to)
        .map_err(|reason| format!("{}: `{}`: {reason}", call.file.display(), call.key))?;
    let place = format!(
        "`{}` in line {} of {}",
        call.key,
        setting.line(&text),
        call.file.display()
    );
    if changed == text {
        return Ok(format!("{place} has that value already"));
    }
    replace(&real, changed.as_bytes(), Mode::Keep, &call.attempt, Some(&before))?;
    Ok(format!("set {place}"))
}
