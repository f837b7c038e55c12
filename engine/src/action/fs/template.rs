//! `fs.template`: gives a file the text of a template with values put in.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::PathBuf;

use async_trait::async_trait;
use backstay_dsl::catalogue::{Signature, Sink};
use backstay_dsl::effect::{Effect, ResourceKind};
use backstay_dsl::types::Type;
use zeroize::Zeroizing;

use super::attempt::Attempt;
use super::key::FILE_BYTES_MAX;
use super::mode::{MODE_DEFAULT, mode_of};
use super::read::text_of;
use super::write::difference;
use super::{other_name, path_of, problem, replace};
use crate::action::common::template::{self, Known};
use crate::action::common::{blocking, describe};
use crate::action::{Action, Arguments, Context, Outcome, Settled};
use crate::value::Value;

pub(super) struct Template;

#[async_trait]
impl Action for Template {
    fn signature(&self) -> Signature {
        describe::change(
            "fs",
            "template",
            "Writes a file from a template, in one moment and durably.\n\nThe template is MiniJinja: `{{ name }}` is the \
             value of that name, as it is; a name without a value is an error, and `{% if … %}`, `{% for … %}` and the usual filters work. \
             A value may be a secret: then the file gets the mode `0600` unless another is said, and no plan shows what it holds. Owner, links and other names of the file are kept as by \
             `fs.write`.",
        )
        .needs("path", Type::Path, "The file that is written; its folder must exist.")
        .takes("text", Type::Text, "The template itself; either this or `file`.")
        .takes("file", Type::Path, "A file that holds the template; either this or `text`.")
        .takes(
            "values",
            Type::Map(Box::new(Type::Text)),
            "The values by name: texts, or what has one, or secrets; none where it is not said.",
        )
        .into(Sink::File)
        .takes(
            "mode",
            Type::Text,
            "Its mode in octal digits; where it is not said that of the file that is there, with a secret `0600`.",
        )
        .effects(Effect::Reads(describe::of(ResourceKind::File, "file")))
        .effects(Effect::Sets {
            resource: describe::of(ResourceKind::File, "path"),
            to: None,
        })
        .example(
            r#"
            let before = fs.read(folder / "site.conf")
            do fs.template(folder / "site.conf", text: "listen {{ port }};\n", values: {"port": "8080"}) undo {
              do fs.write(folder / "site.conf", content: before)
            } within 30s
            "#,
        )
        .done()
    }

    async fn preview(&self, context: &Context, arguments: &Arguments) -> Option<String> {
        let call = Call::new(context, arguments);
        blocking::preview(context, move |_| {
            let new = call.rendered()?;
            let mode = call.mode()?;
            let name = call.path.display();
            let gets = mode.map_or_else(String::new, |mode| {
                format!("{name} gets its content, mode {mode:04o}\n")
            });
            let told = other_name::told(&call.path)?;
            if call.is_secret {
                return Ok((gets + told.as_str()).trim_end().to_owned());
            }
            let old = match std::fs::read(&call.path) {
                Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
                Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
                Err(error) => return Err(problem("read", &call.path, &error)),
            };
            let changes = difference(&name.to_string(), &old, &new, 2);
            Ok(match (old == *new, mode) {
                (true, None) => changes,
                (true, Some(_)) => (gets + told.as_str()).trim_end().to_owned(),
                (false, _) => gets + changes.as_str() + told.as_str(),
            })
        })
        .await
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        let call = Call::new(context, arguments);
        blocking::perform(context, move |stop| {
            let (text, mode) = (call.rendered()?, call.mode()?);
            replace::put(&call.path, text.as_bytes(), mode, &call.attempt, stop)?;
            let name = call.path.display();
            // How long a secret is need not be known.
            Ok(Outcome::done(if call.is_secret {
                format!("wrote {name} from its template")
            } else {
                format!("wrote {} bytes to {name} from its template", text.len())
            }))
        })
        .await
    }

    async fn settle(&self, context: &Context, arguments: &Arguments) -> Settled {
        let call = Call::new(context, arguments);
        blocking::settle(context, move |stop| {
            let (text, mode) = (call.rendered()?, call.mode()?);
            replace::settle(&call.path, text.as_bytes(), mode, &call.attempt, stop)
        })
        .await
    }
}

struct Call {
    path: PathBuf,
    text: Option<String>,
    file: Option<PathBuf>,
    values: BTreeMap<String, Known>,
    /// Whether a value is a secret.
    is_secret: bool,
    mode: Option<String>,
    attempt: Attempt,
}

fn known(value: &Value) -> Known {
    match value {
        Value::Int(number) => Known::Number(*number),
        Value::Port(port) => Known::Number(i64::from(*port)),
        other => Known::Text(Zeroizing::new(other.exposed())),
    }
}

impl Call {
    fn new(context: &Context, arguments: &Arguments) -> Self {
        let values = match arguments.get("values") {
            Some(Value::Map(values)) => values.clone(),
            _ => BTreeMap::new(),
        };
        let is_secret = values.values().any(|value| matches!(value, Value::Secret(_)));
        let default = is_secret.then_some(MODE_DEFAULT);
        Self {
            path: path_of(context, arguments, "path"),
            text: arguments.text("text").map(str::to_owned),
            file: arguments.get("file").map(|_| path_of(context, arguments, "file")),
            values: values
                .iter()
                .map(|(name, value)| (name.clone(), known(value)))
                .collect(),
            is_secret,
            mode: arguments.text("mode").or(default).map(str::to_owned),
            attempt: Attempt::of(context),
        }
    }

    fn mode(&self) -> Result<Option<u32>, String> {
        self.mode.as_deref().map(mode_of).transpose()
    }

    /// The text that the file gets.
    fn rendered(&self) -> Result<Zeroizing<String>, String> {
        match (&self.text, &self.file) {
            (Some(text), None) => template::rendered("the template", text, &self.values),
            (None, Some(file)) => {
                let text = text_of(file, FILE_BYTES_MAX)?;
                template::rendered(&file.display().to_string(), &text, &self.values)
            }
            _ => Err("the template stands either in `text` or in `file`; say one of them".to_owned()),
        }
    }
}
