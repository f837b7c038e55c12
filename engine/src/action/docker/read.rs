//! `docker.read`: asks a program inside a service's container a question.

use std::collections::BTreeMap;

use async_trait::async_trait;
use backstay_dsl::catalogue::Signature;
use backstay_dsl::types::Type;

use super::Engine;
use super::exec::{parameters, program_of, runs_in};
use super::printed::{self, VALUE_BYTES_MAX, bytes_to_ask};
use super::trouble::Trouble;
use crate::action::common::describe;
use crate::action::{Action, Arguments, Context, Evidence, Outcome};
use crate::value::Value;

pub(super) struct Read(pub(super) Engine);

#[async_trait]
impl Action for Read {
    fn signature(&self) -> Signature {
        let result = Type::record(
            "ExecResult",
            &[
                ("ok", Type::Bool),
                ("status", Type::Int),
                ("stdout", Type::Text),
                ("stderr", Type::Text),
            ],
        );
        parameters(describe::read(
            "docker",
            "read",
            "Asks a program inside a service's container a question; it must not change anything.\n\n`ok` says whether its \
             exit status is 0. One final line end of each output is cut; of more than 64 KiB the oldest is left out. There \
             is no answer where the container does not run, and where the program does not end in time; it may then run \
             on.",
        ))
        .declares_effects()
        .gives(result)
        .done()
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        match self.ask(context, arguments).await {
            Ok(evidence) => Outcome::Done(evidence),
            Err(Trouble::Failed(reason) | Trouble::Unknown(reason)) => Trouble::Failed(reason).outcome(context),
        }
    }
}

impl Read {
    async fn ask(&self, context: &Context, arguments: &Arguments) -> Result<Evidence, Trouble> {
        let container = runs_in(&self.0, context, arguments).await?;
        let program = program_of(arguments, bytes_to_ask(context, VALUE_BYTES_MAX)).map_err(Trouble::Failed)?;
        let (status, said) = self
            .0
            .run_in(&container.id, &program, context.limit)
            .await
            .map_err(Trouble::of_question)?;
        let name = program.argv.first().map_or("", String::as_str);
        let mut summary = printed::with_last_line(context, format!("{name} ended with status {status}"), &said);
        if said.is_cut {
            summary.push_str(" (of the output only the end is kept)");
        }
        let text = |bytes: &[u8]| Value::Text(printed::value(context, bytes, said.is_cut));
        Ok(Evidence {
            value: Some(Value::Record(BTreeMap::from([
                ("ok".to_owned(), Value::Bool(status == 0)),
                ("status".to_owned(), Value::Int(status)),
                ("stdout".to_owned(), text(&said.stdout)),
                ("stderr".to_owned(), text(&said.stderr)),
            ]))),
            summary,
            outputs: if said.is_cut {
                printed::evidence(context, &said)
            } else {
                Vec::new()
            },
            exit: i32::try_from(status).ok(),
        })
    }
}
