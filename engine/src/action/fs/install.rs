//! `fs.install`: puts a file with a mode of its own in place; the one way for a secret to become a file.

use async_trait::async_trait;
use backstay_dsl::catalogue::{Signature, Sink};
use backstay_dsl::effect::{Effect, ResourceKind};
use backstay_dsl::types::Type;
use zeroize::Zeroizing;

use super::attempt::Attempt;
use super::mode::{MODE_DEFAULT, mode_of};
use super::{other_name, path_of, replace};
use crate::action::common::{blocking, describe};
use crate::action::{Action, Arguments, Context, Outcome, Settled};
use crate::value::Value;

pub(super) struct Install;

#[async_trait]
impl Action for Install {
    fn signature(&self) -> Signature {
        describe::change(
            "fs",
            "install",
            "Puts a file with a mode of its own in place; its content may be a secret.\n\nThe file has its mode before \
             it can be seen. The owner of a file that is there stays as it is. A link is followed. A file \
             with another name is written in place, as by `fs.write`.",
        )
        .needs("path", Type::Path, "The file; its folder must exist.")
        .needs("content", Type::Text, "The whole content, a text or a secret.")
        .into(Sink::File)
        .takes(
            "mode",
            Type::Text,
            "Its mode in octal digits; `0600` where it is not said.",
        )
        .effects(Effect::Sets {
            resource: describe::of(ResourceKind::File, "path"),
            to: None,
        })
        .example(
            r#"
            require not fs.exists(folder / "token") else "Take the old token away first"
            do fs.install(folder / "token", content: token, mode: "0600") undo fs.remove(folder / "token") within 30s
            "#,
        )
        .done()
    }

    async fn preview(&self, context: &Context, arguments: &Arguments) -> Option<String> {
        let path = path_of(context, arguments, "path");
        let mode = arguments.text("mode").unwrap_or(MODE_DEFAULT);
        let gets = format!("{} gets its content, mode {mode}\n", path.display());
        blocking::preview(context, move |_| {
            Ok((gets + other_name::told(&path)?.as_str()).trim_end().to_owned())
        })
        .await
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        let path = path_of(context, arguments, "path");
        let (secret_text, mode) = match wanted(arguments) {
            Ok(wanted) => wanted,
            Err(reason) => return Outcome::failed(reason),
        };
        let attempt = Attempt::of(context);
        blocking::perform(context, move |stop| {
            replace::put(&path, secret_text.as_bytes(), Some(mode), &attempt, stop)?;
            Ok(Outcome::done(format!(
                "{} is in place, mode {mode:04o}",
                path.display()
            )))
        })
        .await
    }

    async fn settle(&self, context: &Context, arguments: &Arguments) -> Settled {
        let path = path_of(context, arguments, "path");
        let (secret_text, mode) = match wanted(arguments) {
            Ok(wanted) => wanted,
            Err(reason) => return Settled::NotDone(reason),
        };
        let attempt = Attempt::of(context);
        blocking::settle(context, move |stop| {
            replace::settle(&path, secret_text.as_bytes(), Some(mode), &attempt, stop)
        })
        .await
    }
}

/// Content and mode that are wanted.
fn wanted(arguments: &Arguments) -> Result<(Zeroizing<String>, u32), String> {
    let content = match arguments.get("content") {
        Some(Value::Secret(secret)) => secret.expose().to_owned(),
        _ => arguments.text("content").unwrap_or_default().to_owned(),
    };
    let mode = mode_of(arguments.text("mode").unwrap_or(MODE_DEFAULT))?;
    Ok((Zeroizing::new(content), mode))
}
