//! `fs.write`: gives a file a whole new text.

use async_trait::async_trait;
use backstay_dsl::catalogue::{Pattern, Signature};
use backstay_dsl::effect::{Effect, ResourceKind};
use backstay_dsl::types::Type;

use super::attempt::Attempt;
use super::{other_name, path_of, problem, replace};
use crate::action::common::{blocking, describe};
use crate::action::{Action, Arguments, Context, Outcome, Settled};

pub(super) struct WriteText;

#[async_trait]
impl Action for WriteText {
    fn signature(&self) -> Signature {
        describe::change(
            "fs",
            "write",
            "Writes a text to a file, in one moment and durably.\n\nMode and owner of a file that is there stay as they \
             are. A link is followed. A file with another name (hard links, a file that is mounted by itself) is written \
             in place, which is no one moment. A secret cannot be written: that is what `fs.install` is for.",
        )
        .needs("path", Type::Path, "The file; its folder must exist.")
        .needs("content", Type::Text, "The whole new text.")
        .effects(Effect::Sets {
            resource: describe::of(ResourceKind::File, "path"),
            to: Some(Pattern::Parameter("content")),
        })
        .example(
            r#"
            let before = fs.read(folder / "motd")
            do fs.write(folder / "motd", content: "Maintenance until noon") undo fs.write(folder / "motd", content: before) within 10s
            "#,
        )
        .done()
    }

    async fn preview(&self, context: &Context, arguments: &Arguments) -> Option<String> {
        let path = path_of(context, arguments, "path");
        let new = arguments.text("content").unwrap_or_default().to_owned();
        blocking::preview(context, move |_| {
            let old = match std::fs::read(&path) {
                Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
                Err(error) => return Err(problem("read", &path, &error)),
            };
            let changes = difference(&path.display().to_string(), &old, &new, 2);
            Ok(if old == new {
                changes
            } else {
                changes + other_name::told(&path)?.as_str()
            })
        })
        .await
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        let path = path_of(context, arguments, "path");
        let wanted = arguments.text("content").unwrap_or_default().to_owned();
        let attempt = Attempt::of(context);
        blocking::perform(context, move |stop| {
            replace::put(&path, wanted.as_bytes(), None, &attempt, stop)?;
            Ok(Outcome::done(format!(
                "wrote {} bytes to {}",
                wanted.len(),
                path.display()
            )))
        })
        .await
    }

    async fn settle(&self, context: &Context, arguments: &Arguments) -> Settled {
        let path = path_of(context, arguments, "path");
        let wanted = arguments.text("content").unwrap_or_default().to_owned();
        let attempt = Attempt::of(context);
        blocking::settle(context, move |stop| {
            replace::settle(&path, wanted.as_bytes(), None, &attempt, stop)
        })
        .await
    }
}

/// The difference of two texts as a person reads it, with so many lines around it.
pub(super) fn difference(name: &str, old: &str, new: &str, around: usize) -> String {
    if old == new {
        return format!("{name} stays as it is");
    }
    similar::TextDiff::from_lines(old, new)
        .unified_diff()
        .context_radius(around)
        .header(name, name)
        .to_string()
}
