//! `notify.file`: adds a line to a file that people read.

use std::fs::OpenOptions;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use backstay_dsl::catalogue::{Pattern, Signature, Sink};
use backstay_dsl::effect::{Effect, Repeat};
use backstay_dsl::types::Type;

use crate::action::common::child::plain;
use crate::action::common::{blocking, describe};
use crate::action::{Action, Arguments, Context, Evidence, Outcome, Settled};

/// A message that was sent is looked for in so much of the file's end.
const LOOKED_AT_BYTES: u64 = 64 * 1024;

pub(super) struct File;

#[async_trait]
impl Action for File {
    fn signature(&self) -> Signature {
        describe::change(
            "notify",
            "file",
            "Adds a line to a file that people read: time, statement and message.\n\nA statement adds its line once, also \
             when it is repeated. Line ends in the message become blanks. The label of a run (`label` in its header) stands before it.",
        )
        .needs("path", Type::Path, "The file; made where it does not exist.")
        .needs("message", Type::Text, "What people read.")
        .into(Sink::Message)
        .effects(Effect::Tells(Pattern::Parameter("path")))
        .repeat(Repeat::Keyed)
        .limit_ms(10_000)
        .example(r#"do notify.file(folder / "changes.log", message: "the upgrade begins")"#)
        .done()
    }

    async fn preview(&self, context: &Context, arguments: &Arguments) -> Option<String> {
        let path = path_of(context, arguments);
        let message = message(context, arguments);
        Some(format!("adds to {}: {message}", path.display()))
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        let path = path_of(context, arguments);
        let message = message(context, arguments);
        let key = context.key.clone();
        blocking::perform(context, move |stop| {
            stop.check()?;
            if holds(&path, &key)? {
                return Ok(Outcome::done(format!("{} has the message already", path.display())));
            }
            add(&path, &key, &message).map_err(|error| problem(&path, &error))?;
            Ok(Outcome::done(format!("added to {}", path.display())))
        })
        .await
    }

    async fn settle(&self, context: &Context, arguments: &Arguments) -> Settled {
        let path = path_of(context, arguments);
        let key = context.key.clone();
        blocking::settle(context, move |_| {
            if holds(&path, &key)? {
                return Ok(Settled::Done(Evidence::line(format!(
                    "{} has the message",
                    path.display()
                ))));
            }
            Ok(Settled::NotDone(format!("{} has no such message", path.display())))
        })
        .await
    }
}

fn path_of(context: &Context, arguments: &Arguments) -> PathBuf {
    let path = arguments.path("path").unwrap_or_default();
    context.working_directory.join(path)
}

fn problem(path: &Path, error: &std::io::Error) -> String {
    format!("cannot add to {}: {}", path.display(), plain(error))
}

fn add(path: &Path, key: &str, message: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).open(path)?;
    let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ");
    // One call, so that two who write at once do not mix their lines.
    file.write_all(format!("{now}\t{key}\t{message}\n").as_bytes())?;
    file.sync_all()
}

/// The message as it stands in the file, behind the label of the run.
fn message(context: &Context, arguments: &Arguments) -> String {
    let message = arguments.text("message").unwrap_or_default();
    let message = match &context.label {
        Some(label) => format!("[{label}] {message}"),
        None => message.to_owned(),
    };
    message
        .chars()
        .map(|character| if character.is_control() { ' ' } else { character })
        .collect()
}

/// Whether the end of the file holds a line of this statement.
fn holds(path: &Path, key: &str) -> Result<bool, String> {
    let failed = |error| problem(path, &error);
    let mut file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(failed(error)),
    };
    let bytes = file.metadata().map_err(failed)?.len();
    file.seek(SeekFrom::Start(bytes.saturating_sub(LOOKED_AT_BYTES)))
        .map_err(failed)?;
    let mut end = Vec::new();
    file.take(LOOKED_AT_BYTES).read_to_end(&mut end).map_err(failed)?;
    let end = String::from_utf8_lossy(&end);
    Ok(end.lines().any(|line| line.split('\t').nth(1) == Some(key)))
}
