//! `docker.exec` and `docker.read`: programs inside a service's container, that change something or answer.

use async_trait::async_trait;
use backstay_dsl::catalogue::{Settle, Signature};
use backstay_dsl::effect::{Cancel, Repeat};
use backstay_dsl::types::Type;

use super::call::{Call, EngineAction, about_service, simulated};
use super::error::{Error, clean};
use super::printed::{EVIDENCE_BYTES_MAX, Said, bytes_to_ask};
use super::settings::environment_of;
use crate::action::common::describe::{self, Describe};
use crate::action::common::printed::{VALUE_BYTES_MAX, program_result, program_result_type};
use crate::action::common::typed::{pasted, shell_line};
use crate::action::{Arguments, Evidence, GroundCall, Outcome, Simulated};
use crate::containers::{Container, ProgramOrder};
use crate::value::Answer;

pub(super) struct Exec;

pub(super) struct Read;

#[async_trait]
impl EngineAction for Exec {
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
        .example(
            r#"
            do "Build the index": docker.exec(box, ["index", "--build"], effects: {
              adds file(folder / "index")
              repeat convergent
            }) no undo because "an index more harms nobody"
            "#,
        )
        .done()
    }

    async fn preview(&self, call: Call<'_>) -> Result<Option<String>, Error> {
        let line = shell_line(&call.words("argv"));
        let (name, found) = call.find().await?;
        let how = match found {
            Some(container) if container.state.is_running => String::new(),
            Some(container) => format!(", which is {}", container.state.status),
            None => ", which is not there".to_owned(),
        };
        Ok(Some(format!("runs {line} inside the container {name}{how}")))
    }

    fn by_hand(&self, container: &str, arguments: &Arguments) -> Option<String> {
        let is_plain = ["env", "user", "cwd"].iter().all(|name| arguments.get(name).is_none());
        let argv = arguments.argv();
        let words = ["docker", "exec", container].into_iter();
        pasted(words.chain(argv.iter().map(String::as_str))).filter(|_| is_plain)
    }

    async fn perform(&self, call: Call<'_>) -> Result<Outcome, Error> {
        let (name, status, said) = run_inside(call, EVIDENCE_BYTES_MAX).await?;
        Ok(said.ended(&name, status))
    }

    fn simulate(&self, call: &GroundCall, production: &mut dyn Simulated) -> Option<Answer> {
        simulated(call, production).err().map(Err)
    }
}

#[async_trait]
impl EngineAction for Read {
    fn signature(&self) -> Signature {
        parameters(describe::read(
            "docker",
            "read",
            "Asks a program inside a service's container a question; it must not change anything.\n\n`ok` says whether its \
             exit status is 0. One final line end of each output is cut; of more than 64 KiB the oldest is left out. There \
             is no answer where the container does not run, and where the program does not end in time; it may then run \
             on.",
        ))
        .declares_effects()
        .gives(program_result_type())
        .example(r#"check "its database answers": docker.read(box, ["shop", "ping-db"], effects: { reads box }) is ok within 5s"#)
        .done()
    }

    async fn perform(&self, call: Call<'_>) -> Result<Outcome, Error> {
        let asked = run_inside(call, VALUE_BYTES_MAX).await;
        let (name, status, said) = asked.map_err(|error| Error::Failed(error.reason().to_owned()))?;
        let mut summary = said.with_last_line(format!("{name} ended with status {status}"));
        let is_cut = said.printed.is_cut;
        if is_cut {
            summary.push_str(" (of the output only the end is kept)");
        }
        let [stdout, stderr] = said.values();
        Ok(Outcome::Done(Evidence {
            value: Some(program_result(status, stdout, stderr)),
            summary,
            outputs: if is_cut { said.evidence() } else { Vec::new() },
            exit: i32::try_from(status).ok(),
            ..Evidence::default()
        }))
    }
}

/// Runs the program of a call to its end: its name, its exit status, and what it printed.
async fn run_inside(call: Call<'_>, bytes_max: usize) -> Result<(String, i64, Said), Error> {
    let container = call.must_find().await?;
    let container = call.own(Some(container))?.unwrap_or_default();
    if container.state.status != "running" {
        let Container { name, state, .. } = &container;
        let what_to_do = match state.status.as_str() {
            "paused" => format!("docker unpause {name}"),
            _ => "start it first".to_owned(),
        };
        return Err(Error::Failed(format!(
            "the container {name} is {}, so no program can run in it; {what_to_do}",
            state.status
        )));
    }
    let argv = call.words("argv");
    let Some(name) = argv.first().filter(|name| !name.is_empty()) else {
        let reason = "there is no program to run; write it as the first word of the list";
        return Err(Error::Failed(reason.to_owned()));
    };
    let name = clean(call.context, name);
    let program = ProgramOrder {
        argv,
        environment: environment_of(call.arguments)?,
        user: call.arguments.text("user").map(str::to_owned),
        working_directory: call.arguments.text("cwd").map(str::to_owned),
        bytes_max: bytes_to_ask(call.context, bytes_max),
    };
    let ran = call.engine.run_in(&container.id, &program, call.context.limit).await;
    let (status, printed) = ran.map_err(Error::of_change)?;
    Ok((name, status, Said::new(call.context, printed)))
}

fn parameters(describe: Describe) -> Describe {
    about_service(describe)
        .argv()
        .env("Variables beside those of the container; may be secrets.")
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
