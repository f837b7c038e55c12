//! `exec.run`: runs a program that changes something.

use std::path::Path;

use async_trait::async_trait;
use backstay_dsl::catalogue::{Settle, Signature, Sink};
use backstay_dsl::effect::{Cancel, Repeat};
use backstay_dsl::topology::Topology;
use backstay_dsl::types::Type;

use crate::action::common::child;
use crate::action::common::describe::{self, Describe};
use crate::action::common::supervised::{self, How, status_in_words};
use crate::action::common::typed::{normal, pasted, typed};
use crate::action::{Action, Arguments, Context, Evidence, NoProgram, Outcome};
use crate::value::Value;

pub(super) struct Run;

#[async_trait]
impl Action for Run {
    fn signature(&self) -> Signature {
        parameters(describe::change(
            "exec",
            "run",
            "Runs a program; the text declares what it changes.\n\nThe words go to the program as they are, without a \
             shell. It has failed when its exit status is not 0. At its limit, or when turning back, it is asked to end, \
             then killed, with everything that it started. What it leaves running when it ends by itself lives on.",
        ))
        .declares_effects()
        .repeat(Repeat::Once)
        .settle(Settle::Person)
        .partial()
        .cancel(Cancel::Grace { ms: 10_000 })
        .example(r#"do "Rebuild the index": exec.run(["index", "--build"], effects: { adds file(folder / "index")  repeat convergent })"#)
        .done()
    }

    async fn preview(&self, context: &Context, arguments: &Arguments) -> Option<String> {
        Some(format!("runs {}", typed(context, arguments)))
    }

    fn program(&self, folder: &Path, arguments: &Arguments) -> Result<(), NoProgram> {
        child::program(folder, arguments)
    }

    fn by_hand(&self, folder: &Path, _topology: &Topology<String>, arguments: &Arguments) -> Option<String> {
        let folder = normal(&folder.join(arguments.path("cwd").unwrap_or_default()));
        let folder = pasted([folder.to_str()?])?;
        let variables = match arguments.get("env") {
            Some(Value::Map(map)) => map.iter().map(variable).collect::<Option<Vec<_>>>()?,
            _ => Vec::new(),
        };
        let env = (!variables.is_empty()).then_some("env");
        let argv = arguments.argv();
        let words = env.into_iter().chain(variables.iter().chain(&argv).map(String::as_str));
        let line = pasted(words).filter(|_| arguments.get("stdin").is_none())?;
        Some(format!("(cd {folder} && {line})"))
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        let ended = match supervised::run(context, arguments, true).await {
            Ok(ended) => ended,
            Err(reason) => return Outcome::failed(reason),
        };
        let name = &ended.name;
        match &ended.how {
            How::Exited(status) => {
                let summary = if status.success() {
                    format!("{name} ended well")
                } else {
                    ended.with_last_line(format!("{name} {}", status_in_words(*status)))
                };
                let evidence = Evidence {
                    exit: status.code(),
                    ..ended.evidence(summary)
                };
                if status.success() {
                    Outcome::Done(evidence)
                } else {
                    Outcome::Failed(evidence)
                }
            }
            How::Ended(reason) => {
                let summary = ended.with_last_line(format!("{name} was ended: {reason}"));
                Outcome::Failed(ended.evidence(summary))
            }
            How::Lost(reason) => Outcome::Unknown(ended.evidence(format!("{name}: {reason}"))),
        }
    }
}

/// A variable as `env` takes it; `None` for a secret.
fn variable((name, value): (&String, &Value)) -> Option<String> {
    (!matches!(value, Value::Secret(_))).then(|| format!("{name}={}", value.canonical()))
}

/// The parameters of both actions of the family.
pub(super) fn parameters(describe: Describe) -> Describe {
    describe
        .argv()
        .env("Variables beside the few that are inherited (PATH, HOME, LANG and the like); may be secrets.")
        .takes("stdin", Type::Text, "What it reads; nothing where it is not said.")
        .into(Sink::Stdin)
        .takes(
            "cwd",
            Type::Path,
            "The folder it starts in; where the program was called where it is not said.",
        )
}
