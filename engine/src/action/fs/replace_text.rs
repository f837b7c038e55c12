//! `fs.replace`: replaces what a regular expression finds in a file, as often as was expected and not otherwise.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use backstay_dsl::catalogue::{Signature, Sink};
use backstay_dsl::effect::{Effect, Repeat, ResourceKind};
use backstay_dsl::types::Type;
use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

use super::attempt::Attempt;
use super::edited::{self, Edited};
use super::{done, path_of, problem};
use crate::action::common::blocking::Stop;
use crate::action::common::{blocking, describe, kept};
use crate::action::{Action, Arguments, Context, Leftover, Outcome, Settled};
use crate::digest::{sha256, short};
use crate::event::End;
use crate::private_files::make_private;
use crate::value::Value;

/// The folder in a run's directory.
const FOLDER: &str = "replaced";

pub(super) struct ReplaceText;

#[async_trait]
impl Action for ReplaceText {
    fn signature(&self) -> Signature {
        describe::change(
            "fs",
            "replace",
            "Replaces what a regular expression finds in a file, in one moment and durably.\n\nIt must be found exactly as \
             often as `expect` says, else nothing is written. `^` and `$` are begin and end of a line; `(?i)` ignores case, \
             `(?s)` lets a dot be a line end too. In `with`, `$1` and `${name}` are what a group found, and `$$` is a \
             dollar. Mode, owner, links and other names of the file are kept as by `fs.write`.",
        )
        .needs("path", Type::Path, "The file: text in UTF-8.")
        .needs("pattern", Type::Text, "The regular expression.")
        .needs(
            "with",
            Type::Text,
            "What takes the place of each find: a text, or what has one, such as a path or a port.",
        )
        .into(Sink::Setting)
        .needs("expect", Type::Int, "How often it is found, at least once.")
        .effects(Effect::Edits(describe::of(ResourceKind::File, "path")))
        .repeat(Repeat::Keyed)
        .example(
            r#"
            let before = fs.read(folder / "site.conf")
            do fs.replace(folder / "site.conf", pattern: "^listen [0-9]+;$", with: "listen 8080;", expect: 1) undo {
              do fs.write(folder / "site.conf", content: before)
            } within 30s
            "#,
        )
        .done()
    }

    async fn preview(&self, context: &Context, arguments: &Arguments) -> Option<String> {
        let call = Call::new(context, arguments);
        blocking::preview(context, move |_| edited::preview(&call.path, |text| call.changed(text))).await
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        let call = Call::new(context, arguments);
        blocking::perform(context, move |stop| call.perform(stop).map(Outcome::done)).await
    }

    async fn settle(&self, context: &Context, arguments: &Arguments) -> Settled {
        let call = Call::new(context, arguments);
        blocking::settle(context, move |stop| {
            let file = Edited::of(&call.path, &call.attempt, stop)?;
            let name = call.path.display();
            let Some(kept) = call.kept()? else {
                return Ok(Settled::NotDone(format!("{name} was not written")));
            };
            let now = sha256(file.text.as_bytes());
            Ok(if now == kept.after {
                done(format!("{name} holds what was to be written"))
            } else if now == kept.before {
                Settled::NotDone(format!("{name} holds what it held before"))
            } else {
                Settled::Undecidable(format!("{name} was changed by somebody else since"))
            })
        })
        .await
    }

    async fn conclude(&self, run_directory: &Path, end: End) -> Vec<Leftover> {
        kept::conclude(&run_directory.join(FOLDER), end)
    }
}

/// What a file held, by its SHA-256: kept durably before it is written, so that it can be told afterwards whether it was.
#[derive(Serialize, Deserialize)]
struct Kept {
    before: String,
    after: String,
}

struct Call {
    path: PathBuf,
    pattern: String,
    with: String,
    expect: i64,
    attempt: Attempt,
}

impl Call {
    fn new(context: &Context, arguments: &Arguments) -> Self {
        Self {
            path: path_of(context, arguments, "path"),
            pattern: arguments.text("pattern").unwrap_or_default().to_owned(),
            with: arguments.get("with").map(Value::canonical).unwrap_or_default(),
            expect: arguments.int("expect").unwrap_or_default(),
            attempt: Attempt::of(context),
        }
    }

    fn place(&self) -> PathBuf {
        let name = short(&self.attempt.key);
        self.attempt.run_directory.join(FOLDER).join(name)
    }

    fn kept(&self) -> Result<Option<Kept>, String> {
        kept::read(&self.place())
    }

    /// The whole text with each find replaced. No message quotes the file.
    fn changed(&self, text: &str) -> Result<String, String> {
        let expect = usize::try_from(self.expect).ok().filter(|expect| *expect > 0);
        let expect = expect.ok_or("`expect` says how often the pattern is found: once at least")?;
        let pattern = RegexBuilder::new(&self.pattern)
            .multi_line(true)
            .crlf(true)
            .build()
            .map_err(|error| format!("the pattern cannot be understood: {error}"))?;
        if let Some(group) = unknown_group(&pattern, &self.with) {
            return Err(format!(
                "the pattern has no group `{group}`; write `${{1}}` for the first group, `$$` for a dollar"
            ));
        }
        let found = pattern.find_iter(text).count();
        if found != expect {
            return Err(format!(
                "the pattern is found {} in {}, not {}; nothing was written",
                times(found),
                self.path.display(),
                times(expect)
            ));
        }
        Ok(pattern.replace_all(text, self.with.as_str()).into_owned())
    }

    fn perform(&self, stop: &Stop) -> Result<String, String> {
        stop.check()?;
        let file = Edited::of(&self.path, &self.attempt, stop)?;
        let text = &file.text;
        let name = self.path.display();
        if self.kept()?.is_some_and(|kept| kept.after == sha256(text.as_bytes())) {
            return Ok(format!("{name} holds what was to be written already"));
        }
        let changed = self.changed(text)?;
        let kept = Kept {
            before: sha256(text.as_bytes()),
            after: sha256(changed.as_bytes()),
        };
        let folder = self.attempt.run_directory.join(FOLDER);
        make_private(&folder).map_err(|error| problem("make", &folder, &error))?;
        kept::write(&self.place(), &kept)?;
        if changed != *text {
            file.write(&changed, &self.attempt)?;
        }
        Ok(format!(
            "replaced what the pattern finds {} in {name}",
            times(usize::try_from(self.expect).unwrap_or_default())
        ))
    }
}

fn times(count: usize) -> String {
    match count {
        0 => "nowhere".to_owned(),
        1 => "once".to_owned(),
        _ => format!("{count} times"),
    }
}

/// A group that a replacement names and the pattern does not have: nothing would stand in its place.
fn unknown_group<'w>(pattern: &Regex, with: &'w str) -> Option<&'w str> {
    let mut rest = with;
    while let Some(at) = rest.find('$') {
        rest = &rest[at + 1..];
        if let Some(behind) = rest.strip_prefix('$') {
            rest = behind;
            continue;
        }
        let braced = rest.strip_prefix('{').and_then(|inner| inner.split_once('}'));
        let (name, behind) = braced.unwrap_or_else(|| {
            let is_part = |character: char| character.is_ascii_alphanumeric() || character == '_';
            rest.split_at(rest.find(|character| !is_part(character)).unwrap_or(rest.len()))
        });
        rest = behind;
        let is_known = name.parse::<usize>().map_or_else(
            |_| pattern.capture_names().flatten().any(|known| known == name),
            |number| number < pattern.captures_len(),
        );
        if !name.is_empty() && !is_known {
            return Some(name);
        }
    }
    None
}
