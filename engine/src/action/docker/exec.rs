//! `docker.exec`: runs a program inside a service's container that changes something.

use async_trait::async_trait;
use backstay_dsl::catalogue::{Settle, Signature, Sink};
use backstay_dsl::effect::{Cancel, Repeat};
use backstay_dsl::types::Type;

use super::printed::{self, EVIDENCE_BYTES_MAX, bytes_to_ask};
use super::settings::{environment_of, texts};
use super::trouble::{Trouble, clean};
use super::{Engine, target};
use crate::action::common::describe::{self, Describe};
use crate::action::common::typed::shell_line;
use crate::action::{Action, Arguments, Context, Evidence, GroundCall, Outcome, Simulated};
use crate::containers::{Container, ProgramOrder};
use crate::value::Answer;

pub(super) struct Exec(pub(super) Engine);

#[async_trait]
impl Action for Exec {
    fn signature(&self) -> Signature {
        parameters(describe::change(
            "docker",
            "exec",
            "Runs a program inside a service's container; the text declares what it changes.\n\nThe words go to the program \
             as they are, without a shell. It has failed when its exit status is not 0. It cannot be ended from outside: \
             where it does not end in time, nobody knows what it did, and it may run on.",
        ))
        .declares_effects()
        .repeat(Repeat::Once)
        .settle(Settle::Person)
        .partial()
        .cancel(Cancel::Never)
        .done()
    }

    async fn preview(&self, context: &Context, arguments: &Arguments) -> Option<String> {
        let line = clean(context, &shell_line(&texts(arguments, "argv")));
        Some(match target::find(&self.0, context, arguments).await {
            Ok((name, Some(container))) if container.state.is_running => {
                format!("runs {line} inside the container {name}")
            }
            Ok((name, Some(container))) => {
                format!(
                    "runs {line} inside the container {name}, which is {}",
                    container.state.status
                )
            }
            Ok((name, None)) => format!("runs {line} inside the container {name}, which is not there"),
            Err(trouble) => trouble.preview(context),
        })
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        match self.run(context, arguments).await {
            Ok(outcome) => outcome,
            Err(trouble) => trouble.outcome(context),
        }
    }

    fn simulate(&self, call: &GroundCall, production: &mut dyn Simulated) -> Option<Answer> {
        target::simulated(call, production).err().map(Err)
    }
}

impl Exec {
    async fn run(&self, context: &Context, arguments: &Arguments) -> Result<Outcome, Trouble> {
        let container = runs_in(&self.0, context, arguments).await?;
        let program = program_of(arguments, bytes_to_ask(context, EVIDENCE_BYTES_MAX)).map_err(Trouble::Failed)?;
        let (status, said) = self
            .0
            .run_in(&container.id, &program, context.limit)
            .await
            .map_err(Trouble::of_change)?;
        let name = clean(context, program.argv.first().map_or("", String::as_str));
        Ok(ended(context, &name, status, &said))
    }
}

/// The outcome of a program that ended by itself.
pub(super) fn ended(context: &Context, name: &str, status: i64, said: &crate::containers::Printed) -> Outcome {
    let mut evidence = Evidence {
        outputs: printed::evidence(context, said),
        exit: i32::try_from(status).ok(),
        ..Evidence::default()
    };
    if status == 0 {
        evidence.summary = format!("{name} ended well");
        return Outcome::Done(evidence);
    }
    evidence.summary = printed::with_last_line(context, format!("{name} ended with status {status}"), said);
    Outcome::Failed(evidence)
}

/// The running container that a program is to run in.
pub(super) async fn runs_in(engine: &Engine, context: &Context, arguments: &Arguments) -> Result<Container, Trouble> {
    let container = target::must_find(engine, context, arguments).await?;
    if !target::is_own(context, arguments, &container) {
        return Err(target::foreign(&container.name));
    }
    if container.state.status != "running" {
        return Err(Trouble::Failed(format!(
            "the container {} is {}, so no program can run in it; start it first",
            container.name, container.state.status
        )));
    }
    Ok(container)
}

/// The program of a call.
pub(super) fn program_of(arguments: &Arguments, bytes_max: usize) -> Result<ProgramOrder, String> {
    let argv = texts(arguments, "argv");
    if argv.first().is_none_or(String::is_empty) {
        return Err("there is no program to run; write it as the first word of the list".to_owned());
    }
    Ok(ProgramOrder {
        argv,
        environment: environment_of(arguments)?,
        user: arguments.text("user").map(str::to_owned),
        working_directory: arguments.text("cwd").map(str::to_owned),
        bytes_max,
    })
}

/// The parameters of the actions that run a program inside a container.
pub(super) fn parameters(describe: Describe) -> Describe {
    describe
        .needs("service", Type::Service, "A service that runs container(\"NAME\").")
        .needs(
            "argv",
            Type::list(Type::Text),
            "The program and its words, one by one. Never a secret: everybody can read them.",
        )
        .into(Sink::Argv)
        .takes(
            "env",
            Type::Map(Box::new(Type::Text)),
            "Variables beside those of the container; may be secrets.",
        )
        .into(Sink::Env)
        .takes(
            "user",
            Type::Text,
            "Who it runs as (`user` or `user:group`); the container's user where it is not said.",
        )
        .takes(
            "cwd",
            Type::Text,
            "The folder inside that it starts in; the container's where it is not said.",
        )
}
