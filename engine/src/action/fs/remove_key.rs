//! `fs.remove_key`: takes one setting out of a file; the rest of the file stays as it was, byte for byte.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use backstay_dsl::catalogue::Signature;
use backstay_dsl::effect::Effect;
use backstay_dsl::types::Type;

use super::attempt::Attempt;
use super::edited::{self, Edited};
use super::settings::{Setting, put};
use super::written::{self, Forms};
use super::{done, path_of};
use crate::action::common::blocking::Stop;
use crate::action::common::{blocking, describe};
use crate::action::{Action, Arguments, Context, Leftover, Outcome, Settled};
use crate::event::End;

pub(super) struct RemoveKey;

#[async_trait]
impl Action for RemoveKey {
    fn signature(&self) -> Signature {
        describe::change(
            "fs",
            "remove_key",
            "Takes one setting out of a `.env` or JSON file, in one moment and durably.\n\nIts lines go with it, in JSON its \
             member; all else stays as it is. What is not there stays so. `fs.edit_key` with `add: true` puts it back where \
             it stood and as it was written, comment and all, where it has the value that it had. In JSON the key is a path \
             as in `fs.key`; a value of a list is not removed.",
        )
        .needs("file", Type::Path, "The file.")
        .needs("key", Type::Text, "The name of the setting, or its path in JSON.")
        .effects(Effect::Removes(describe::setting("file", "key")))
        .example(
            r#"
            let before = fs.key(folder / "app.env", key: "POOL")
            do fs.remove_key(folder / "app.env", key: "POOL") undo {
              do fs.edit_key(folder / "app.env", key: "POOL", to: before, add: true)
            } within 30s
            "#,
        )
        .done()
    }

    async fn preview(&self, context: &Context, arguments: &Arguments) -> Option<String> {
        let call = Call::new(context, arguments);
        blocking::preview(context, move |_| {
            edited::preview(&call.file, |text| match call.found(text)? {
                Some(found) => call.without(text, &found),
                None => Ok(text.to_owned()),
            })
        })
        .await
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        let call = Call::new(context, arguments);
        blocking::perform(context, move |stop| call.perform(stop).map(Outcome::done)).await
    }

    async fn settle(&self, context: &Context, arguments: &Arguments) -> Settled {
        let call = Call::new(context, arguments);
        blocking::settle(context, move |stop| {
            let file = Edited::of(&call.file, &call.attempt, stop)?;
            Ok(match call.found(&file.text)? {
                None => done(call.absent()),
                Some(_) => Settled::NotDone(format!("`{}` is still in {}", call.key, call.file.display())),
            })
        })
        .await
    }

    async fn conclude(&self, run_directory: &Path, end: End) -> Vec<Leftover> {
        written::conclude(run_directory, end)
    }
}

struct Call {
    file: PathBuf,
    key: String,
    attempt: Attempt,
}

impl Call {
    fn new(context: &Context, arguments: &Arguments) -> Self {
        Self {
            file: path_of(context, arguments, "file"),
            key: arguments.text("key").unwrap_or_default().to_owned(),
            attempt: Attempt::of(context),
        }
    }

    fn absent(&self) -> String {
        format!("`{}` is not in {}", self.key, self.file.display())
    }

    fn found(&self, text: &str) -> Result<Option<Setting>, String> {
        Setting::find_if_there(&self.file, text, &self.key)
    }

    /// The whole text without the setting.
    fn without(&self, text: &str, setting: &Setting) -> Result<String, String> {
        let place = setting.whole();
        let changed = place.map(|place| put(text, place, ""));
        let changed = changed.filter(|changed| matches!(self.found(changed), Ok(None)));
        changed.ok_or_else(|| {
            format!(
                "{}: `{}` cannot be taken out alone; it is a value of a list, or the lines around it belong to it",
                self.file.display(),
                self.key
            )
        })
    }

    fn perform(&self, stop: &Stop) -> Result<String, String> {
        stop.check()?;
        let file = Edited::of(&self.file, &self.attempt, stop)?;
        let text = &file.text;
        let Some(setting) = self.found(text)? else {
            return Ok(self.absent());
        };
        let changed = self.without(text, &setting)?;
        let line = setting.line(text);
        if let Some(place) = setting.whole() {
            let forms = Forms::of(&self.attempt.run_directory, &file.real)?;
            forms.keep_removed(text, &self.key, setting.value(), place)?;
        }
        file.write(&changed, &self.attempt)?;
        Ok(format!(
            "removed `{}` from line {line} of {}",
            self.key,
            self.file.display()
        ))
    }
}
