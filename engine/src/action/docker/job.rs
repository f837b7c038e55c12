//! `docker.job`: a container that is run to its end and waited for.

use std::path::PathBuf;

use async_trait::async_trait;
use backstay_dsl::catalogue::{Signature, Sink};
use backstay_dsl::effect::{Cancel, Repeat};
use backstay_dsl::types::Type;
use backstay_dsl::units;

use super::call::{Call, EngineAction};
use super::create_volume::refuse_missing;
use super::error::{Error, clean};
use super::make::make;
use super::printed::{EVIDENCE_BYTES_MAX, Said, bytes_to_ask};
use super::pull::must_be_here;
use super::run::surroundings;
use super::settings::{names_of_variables, order_of};
use super::stop_and_prove::stop_and_prove;
use crate::action::common::describe;
use crate::action::common::kept;
use crate::action::common::typed::shell_line;
use crate::action::{Evidence, Outcome, Settled};
use crate::containers::{Container, LogEnd, Problem, RestartPolicy, Timeouts};

/// So many lines of what it printed are kept.
const LINES_MAX: u64 = 100_000;

pub(super) struct Job {
    /// How patient it is with what it ends.
    pub timeouts: Timeouts,
}

/// How a job came out, kept before its container is removed.
#[derive(serde::Serialize, serde::Deserialize)]
struct Kept {
    container: String,
    exit: i64,
}

#[async_trait]
impl EngineAction for Job {
    fn signature(&self) -> Signature {
        let described = describe::change(
            "docker",
            "job",
            "Runs a container from an image to its end and waits for it; the text declares what it changes.\n\nIt has failed \
             when its exit status is not 0. At its limit, or when turning back, it is asked to end, then killed. Its \
             container is removed at the end. A second attempt never starts it while the first still runs: it goes on \
             waiting. The image must be here: `docker.pull` fetches it.",
        )
        .needs("image", Type::Image { pinned: true }, "The image, by its digest.")
        .needs("argv", Type::list(Type::Text), "The words that the image's entry point gets, as behind `docker run IMAGE`; never a secret.")
        .into(Sink::Argv)
        .takes(
            "entry",
            Type::list(Type::Text),
            "The program before these words, in place of the image's entry point; an empty list takes that away.",
        )
        .into(Sink::Argv);
        surroundings(described)
            .declares_effects()
            .repeat(Repeat::Keyed)
            .partial()
            .cancel(Cancel::Grace {
                ms: u64::try_from(self.timeouts.job_end().as_millis()).unwrap_or(u64::MAX),
            })
            .example(
                r#"
                do docker.pull(new_image)
                do "Warm the cache": docker.job(image: new_image, argv: ["warm", "/cache"], mounts: {"/cache": "/srv/cache"}, effects: {
                  adds tree("/srv/cache/warm")
                  repeat convergent
                })
                "#,
            )
            .done()
    }

    async fn preview(&self, call: Call<'_>) -> Result<Option<String>, Error> {
        order_of(call.arguments)?;
        let mut text = format!("runs a container from {}", call.text("image"));
        let argv = call.arguments.argv();
        if !argv.is_empty() {
            text = format!("{text} with {}", shell_line(&argv));
        }
        if let Some(mounts) = call.arguments.get("mounts") {
            text = format!("{text}; mounts {}", mounts.canonical());
        }
        let variables = names_of_variables(call.arguments);
        if !variables.is_empty() {
            text = format!("{text}; variables {}", variables.join(", "));
        }
        Ok(Some(text))
    }

    async fn perform(&self, call: Call<'_>) -> Result<Outcome, Error> {
        let container = match call.within_limit(set_going(call)).await? {
            Going::Runs(container) => *container,
            Going::Over(outcome) => return Ok(outcome),
        };
        let limit = call.context.limit;
        let reason = tokio::select! {
            ended = call.engine.ended(&container.id) => {
                return account(call, &container, ended.map_err(Error::of_proof)?).await;
            }
            () = call.context.cancelled.cancelled(), if call.context.cancel != Cancel::Never => "stopped on request".to_owned(),
            () = tokio::time::sleep(limit) => format!("not done within {}", units::duration_of(limit)),
        };
        end_early(call, &container, &reason).await
    }

    /// A job that still runs is waited for within the limit and then ended: it is ours, and nothing else of the run
    /// may begin beside it.
    async fn settle(&self, call: Call<'_>) -> Result<Settled, Error> {
        let kept: Option<Kept> = kept::read(&place(call))?;
        let name = name_of(call);
        let found = call.ask(|it| it.container(&name)).await?;
        let ours = found.filter(|container| call.is_of_statement(container));
        let status = match (&ours, &kept) {
            (Some(container), Some(kept)) if kept.container == container.id => kept.exit,
            (Some(container), _) if container.state.started_at.is_empty() => {
                discard(call, container).await?;
                return Ok(Settled::NotDone("it was made and never started".to_owned()));
            }
            (Some(container), _) => match wait_out(call, container).await? {
                Some(status) => status,
                None => {
                    return Ok(Settled::Undecidable(
                        "it still ran at its limit and was ended".to_owned(),
                    ));
                }
            },
            (None, Some(kept)) => kept.exit,
            (None, None) => return Ok(Settled::NotDone("nothing of this statement is there".to_owned())),
        };
        if status != 0 {
            let line = format!("it ended with status {status}; a second attempt tells why or runs it again");
            return Ok(Settled::Undecidable(line));
        }
        if let Some(container) = ours {
            keep(call, &container, status)?;
            let _ = discard(call, &container).await;
        }
        Ok(Settled::Done(Evidence::line("it ended well")))
    }
}

/// A job that was set going.
enum Going {
    /// It runs, or has run, as this container.
    Runs(Box<Container>),
    /// There is nothing to be waited for.
    Over(Outcome),
}

/// Takes up the container of an earlier attempt, or makes one and starts it.
async fn set_going(call: Call<'_>) -> Result<Going, Error> {
    let kept: Option<Kept> = kept::read(&place(call))?;
    let name = name_of(call);
    let mut found = call.ask(|it| it.container(&name)).await?;
    if let Some(container) = &found {
        if !call.is_of_statement(container) {
            return Err(foreign(&name));
        }
        // What is accounted for was only not removed any more.
        if kept.as_ref().is_some_and(|kept| kept.container == container.id) {
            discard(call, container).await?;
            found = None;
        }
    }
    let container = match found {
        Some(container) => container,
        None if kept.is_some_and(|kept| kept.exit == 0) => {
            return Ok(Going::Over(Outcome::done("an earlier attempt ended well")));
        }
        None => create(call).await?,
    };
    if container.state.started_at.is_empty() {
        if call.context.cancelled.is_cancelled() {
            discard(call, &container).await?;
            return Ok(Going::Over(Outcome::failed("stopped on request before it was started")));
        }
        start(call, &container).await?;
    } else if container.state.is_running {
        let line = "an earlier attempt of it still runs: waiting for that";
        call.context.progress.say(line);
    }
    Ok(Going::Runs(Box::new(container)))
}

async fn create(call: Call<'_>) -> Result<Container, Error> {
    let mut order = order_of(call.arguments)?;
    must_be_here(call, &order.image).await?;
    refuse_missing(call, &order).await?;
    let name = name_of(call);
    order.name.clone_from(&name);
    order.labels = call.labels();
    order.command = Some(call.words("argv")).filter(|argv| !argv.is_empty());
    order.restart_policy = Some(RestartPolicy::never());
    let id = make(call, &order).await?;
    let made = call.ask_after(|it| it.container(&id)).await?;
    made.filter(|made| call.is_of_statement(made))
        .ok_or_else(|| foreign(&name))
}

async fn start(call: Call<'_>, container: &Container) -> Result<(), Error> {
    match call.engine.change(|it| it.start(&container.id)).await {
        Ok(_) => Ok(()),
        Err(problem @ Problem::Refused { .. }) => {
            let _ = discard(call, container).await;
            Err(Error::of_change(problem).within("it could not be started"))
        }
        Err(problem) => Err(Error::of_change(problem)),
    }
}

/// Keeps how it ended, removes its container, and gives the outcome.
async fn account(call: Call<'_>, container: &Container, status: i64) -> Result<Outcome, Error> {
    let said = said(call, container).await;
    keep(call, container, status).map_err(Error::Unknown)?;
    let words = call.arguments.argv();
    let name = words.first().unwrap_or(&container.image);
    let mut outcome = said.ended(&clean(call.context, name), status);
    if let Err(error) = discard(call, container).await {
        let (Outcome::Done(evidence) | Outcome::Failed(evidence) | Outcome::Unknown(evidence)) = &mut outcome;
        evidence.summary = format!(
            "{}; its container {} could not be removed: {}",
            evidence.summary,
            container.name,
            error.reason()
        );
    }
    Ok(outcome)
}

/// Ends a job that must not go on.
async fn end_early(call: Call<'_>, container: &Container, reason: &str) -> Result<Outcome, Error> {
    let timeouts = &call.engine.timeouts;
    let ending = stop_and_prove(call, container, timeouts.job_grace);
    let stopped = tokio::time::timeout(timeouts.job_end(), ending).await;
    let Ok(stopped) = stopped else {
        return Ok(Outcome::unknown(format!("{reason}, and it could not be ended")));
    };
    let line = stopped.map_err(|error| error.within(reason))?;
    let said = said(call, container).await;
    let _ = discard(call, container).await;
    Ok(Outcome::Failed(Evidence {
        summary: said.with_last_line(format!("{reason}: it {line}")),
        outputs: said.evidence(),
        ..Evidence::default()
    }))
}

/// What it printed; nothing where the engine cannot say.
async fn said(call: Call<'_>, container: &Container) -> Said {
    let end = LogEnd {
        since_seconds: None,
        lines_max: LINES_MAX,
        bytes_max: bytes_to_ask(call.context, EVIDENCE_BYTES_MAX),
    };
    let printed = call.engine.logs(&container.id, &end).await;
    Said::new(call.context, printed.unwrap_or_default())
}

async fn discard(call: Call<'_>, container: &Container) -> Result<(), Error> {
    call.change(|it| it.remove(&container.id, true)).await.map(drop)
}

/// The exit status of a job that may still run; `None` where it had to be ended at the limit.
async fn wait_out(call: Call<'_>, container: &Container) -> Result<Option<i64>, Error> {
    let (timeouts, limit) = (&call.engine.timeouts, call.context.limit);
    let grace = timeouts.job_grace.min(limit / 4);
    let wait = limit.saturating_sub(grace + timeouts.end).max(limit / 4);
    tokio::select! {
        ended = call.engine.ended(&container.id) => ended.map(Some).map_err(Error::of_question),
        () = tokio::time::sleep(wait) => {
            stop_and_prove(call, container, grace).await?;
            discard(call, container).await?;
            Ok(None)
        }
    }
}

/// The name of a statement's job: the same in each attempt, so the engine itself never makes two.
fn name_of(call: Call<'_>) -> String {
    format!("backstay-job-{}", call.short_key())
}

fn foreign(name: &str) -> Error {
    Error::Failed(format!(
        "there is a container {name} already, which this statement did not make; look at it and remove it yourself"
    ))
}

fn place(call: Call<'_>) -> PathBuf {
    let name = format!("docker-job-{}.json", call.short_key());
    call.context.run_directory.join(name)
}

fn keep(call: Call<'_>, container: &Container, exit: i64) -> Result<(), String> {
    let container = container.id.clone();
    kept::write(&place(call), &Kept { container, exit })
}
