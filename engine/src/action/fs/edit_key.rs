//! `fs.edit_key`: sets one setting of a file; the rest of the file stays as it was, byte for byte.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use backstay_dsl::catalogue::{Pattern, Signature, Sink};
use backstay_dsl::effect::Effect;
use backstay_dsl::types::Type;

use super::attempt::Attempt;
use super::edited::{self, Edited};
use super::replace::resolve;
use super::settings::{Piece, Setting, put};
use super::written::{self, Forms};
use super::{done, path_of};
use crate::action::common::blocking::Stop;
use crate::action::common::{blocking, describe};
use crate::action::{Action, Arguments, Context, Leftover, Outcome, Settled};
use crate::event::End;
use crate::value::Value;

pub(super) struct EditKey;

#[async_trait]
impl Action for EditKey {
    fn signature(&self) -> Signature {
        describe::change(
            "fs",
            "edit_key",
            "Sets one setting of a `.env` or JSON file, in one moment and durably.\n\nOnly the bytes of the value change: \
             comments, order, quotes, line ends, mode and owner stay. A value that the setting had before in this run \
             comes back as it was written. Edits of one file are one after the other. A \
             file with another name is written in place, as by `fs.write`. The setting must be there, once; with `add: true` it \
             need not be there, and is put behind the others, or where `fs.remove_key` took it from in this run. In \
             JSON the key is a path as in `fs.key`, and the value keeps its type.",
        )
        .needs("file", Type::Path, "The file.")
        .needs("key", Type::Text, "The name of the setting, or its path in JSON.")
        .needs("to", Type::Text, "The new value: a text, or what has one, such as an image or a port.")
        .into(Sink::Setting)
        .takes(
            "add",
            Type::Bool,
            "Whether it is added where it is not there; `false` where it is not said.",
        )
        .effects(Effect::Sets {
            resource: describe::setting("file", "key"),
            to: Some(Pattern::Parameter("to")),
        })
        .example(
            r#"
            let before = fs.key(folder / "app.env", key: "POOL")
            do fs.edit_key(folder / "app.env", key: "POOL", to: "32") undo {
              do fs.edit_key(folder / "app.env", key: "POOL", to: before)
            } within 30s
            "#,
        )
        .done()
    }

    async fn preview(&self, context: &Context, arguments: &Arguments) -> Option<String> {
        let call = Call::new(context, arguments);
        blocking::preview(context, move |_| {
            let forms = Forms::of(&call.attempt.run_directory, &resolve(&call.file)?)?;
            edited::preview(&call.file, |text| call.changed(text, &forms))
        })
        .await
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        let call = Call::new(context, arguments);
        blocking::perform(context, move |stop| {
            stop.check()?;
            edit(&call, stop).map(Outcome::done)
        })
        .await
    }

    async fn settle(&self, context: &Context, arguments: &Arguments) -> Settled {
        let Call {
            file,
            key,
            to,
            add,
            attempt,
            ..
        } = Call::new(context, arguments);
        blocking::settle(context, move |stop| {
            let text = Edited::of(&file, &attempt, stop)?.text;
            let found = if add {
                Setting::find_if_there(&file, &text, &key)?
            } else {
                Some(Setting::find(&file, &text, &key)?)
            };
            let Some(setting) = found else {
                return Ok(Settled::NotDone(format!("`{key}` is not in {}", file.display())));
            };
            let place = format!("`{key}` in line {} of {}", setting.line(&text), file.display());
            if setting.value() == to {
                return Ok(done(format!("{place} has the new value")));
            }
            Ok(Settled::NotDone(format!("{place} has another value")))
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
    to: String,
    /// Whether it was a number.
    is_number: bool,
    add: bool,
    attempt: Attempt,
}

impl Call {
    fn new(context: &Context, arguments: &Arguments) -> Self {
        Self {
            file: path_of(context, arguments, "file"),
            key: arguments.text("key").unwrap_or_default().to_owned(),
            to: arguments.get("to").map(Value::canonical).unwrap_or_default(),
            is_number: arguments.int("to").is_some(),
            add: arguments.bool("add").unwrap_or_default(),
            attempt: Attempt::of(context),
        }
    }

    fn reads_back(&self, changed: &str) -> bool {
        let found = Setting::find(&self.file, changed, &self.key);
        found.is_ok_and(|found| found.value() == self.to)
    }

    /// The whole text with the new value.
    fn changed(&self, text: &str, forms: &Forms) -> Result<String, String> {
        match Setting::find_if_there(&self.file, text, &self.key)? {
            Some(setting) => self.with_value(&setting, text, forms),
            None if self.add => self.with_setting(text, forms),
            None => Setting::find(&self.file, text, &self.key)
                .map(|_| text.to_owned())
                .map_err(|reason| format!("{reason}; `add: true` adds it")),
        }
    }

    /// With a setting that is not there: where and as it was removed in this run, else behind the others.
    fn with_setting(&self, text: &str, forms: &Forms) -> Result<String, String> {
        let put_in = |piece: &Piece| put(text, &(piece.at..piece.at), &piece.text);
        let as_before = forms.of_removed(text, &self.key, &self.to);
        if let Some(changed) = as_before
            .map(|piece| put_in(&piece))
            .filter(|changed| self.reads_back(changed))
        {
            return Ok(changed);
        }
        let piece = Setting::addition(&self.file, text, &self.key, &self.to, self.is_number);
        let changed = piece.map(|piece| put_in(&piece)).and_then(|changed| {
            let is_read_back = self.reads_back(&changed);
            is_read_back.then_some(changed).ok_or_else(|| {
                "it would not be read back from a new line as it is; look at the end of the file".to_owned()
            })
        });
        changed.map_err(|reason| format!("{}: `{}`: {reason}", self.file.display(), self.key))
    }

    /// With another value, written as it was where the setting had it before.
    fn with_value(&self, setting: &Setting, text: &str, forms: &Forms) -> Result<String, String> {
        if setting.value() == self.to {
            return Ok(text.to_owned());
        }
        // The file may be of another kind by now.
        let as_before = forms.of_value(&self.key, &self.to);
        let as_before = as_before.map(|written| setting.put_back(text, written));
        if let Some(changed) = as_before.filter(|changed| self.reads_back(changed)) {
            return Ok(changed);
        }
        let changed = setting.set(text, &self.to).and_then(|changed| {
            let is_read_back = self.reads_back(&changed);
            is_read_back.then_some(changed).ok_or_else(|| {
                "the new value would not be read back from that line as it is; write a blank before its comment"
                    .to_owned()
            })
        });
        changed.map_err(|reason| format!("{}: `{}`: {reason}", self.file.display(), self.key))
    }
}

fn edit(call: &Call, stop: &Stop) -> Result<String, String> {
    let file = Edited::of(&call.file, &call.attempt, stop)?;
    let text = &file.text;
    let forms = Forms::of(&call.attempt.run_directory, &file.real)?;
    let changed = call.changed(text, &forms)?;
    let now = Setting::find(&call.file, &changed, &call.key)?;
    let line = now.line(&changed);
    let place = format!("`{}` in line {line} of {}", call.key, call.file.display());
    if changed == *text {
        return Ok(format!("{place} has that value already"));
    }
    let before_it = Setting::find_if_there(&call.file, text, &call.key)?;
    if let Some(setting) = &before_it {
        forms.keep(&call.key, setting.value(), setting.written(text))?;
    }
    file.write(&changed, &call.attempt)?;
    Ok(match before_it {
        Some(_) => format!("set {place}"),
        None => format!("added {place}"),
    })
}
