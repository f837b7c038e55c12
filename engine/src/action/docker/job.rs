//! `docker.job`: a container that is run to its end and waited for.

use std::path::PathBuf;

use async_trait::async_trait;
use backstay_dsl::catalogue::{Signature, Sink};
use backstay_dsl::effect::{Cancel, Repeat};
use backstay_dsl::types::Type;

use super::create_volume::refuse_missing;
use super::exec::ended;
use super::halt::halt;
use super::printed::{EVIDENCE_BYTES_MAX, bytes_to_ask};
use super::run::surroundings;
use super::settings::{names_of_variables, order_of, texts};
use super::target::{is_of_statement, labels_of, look_again, look_up, short_key};
use super::trouble::{Trouble, clean};
use super::{Engine, policy};
use crate::action::common::describe;
use crate::action::common::typed::shell_line;
use crate::action::{Action, Arguments, Context, Evidence, Outcome, Settled};
use crate::containers::{Container, LogEnd, Printed, Problem, RestartPolicy};

/// So much longer than its limit it may take when it is ended, in milliseconds.
const GRACE_MS: u64 = 10_000;
/// So many lines of what it printed are kept.
const LINES_MAX: u64 = 100_000;

pub(super) struct Job(pub(super) Engine);

/// How a job came out, kept before its container is removed.
#[derive(serde::Serialize, serde::Deserialize)]
struct Kept {
    container: String,
    exit: i64,
}

#[async_trait]
impl Action for Job {
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
            .cancel(Cancel::Grace { ms: GRACE_MS })
            .done()
    }

    async fn preview(&self, context: &Context, arguments: &Arguments) -> Option<String> {
        if let Err(reason) = order_of(arguments) {
            return Some(Trouble::Failed(reason).preview(context));
        }
        let mut text = format!("runs a container from {}", arguments.text("image").unwrap_or_default());
        let mut argv = texts(arguments, "entry");
        argv.extend(texts(arguments, "argv"));
        if !argv.is_empty() {
            text = format!("{text} with {}", shell_line(&argv));
        }
        if let Some(mounts) = arguments.get("mounts") {
            text = format!("{text}; mounts {}", mounts.canonical());
        }
        let variables = names_of_variables(arguments);
        if !variables.is_empty() {
            text = format!("{text}; variables {}", variables.join(", "));
        }
        Some(clean(context, &text))
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        match self.run(context, arguments).await {
            Ok(outcome) => outcome,
            Err(trouble) => trouble.outcome(context),
        }
    }

    async fn settle(&self, context: &Context, _arguments: &Arguments) -> Settled {
        match self.find_out(context).await {
            Ok(settled) => settled,
            Err(trouble) => trouble.settled(context),
        }
    }
}

/// What an earlier attempt left.
enum Left {
    /// Nothing, or only what a second run may replace.
    Nothing,
    EndedWell,
    /// Its container, which was not accounted for.
    Container(Box<Container>),
}

/// A job that was set going.
enum Going {
    /// It runs, or has run, as this container.
    Runs(Box<Container>),
    /// There is nothing to be waited for.
    Over(Outcome),
}

impl Job {
    async fn run(&self, context: &Context, arguments: &Arguments) -> Result<Outcome, Trouble> {
        let Ok(container) = tokio::time::timeout(context.limit, self.set_going(context, arguments)).await else {
            let limit = backstay_dsl::units::duration_of(context.limit);
            return Ok(Outcome::unknown(format!(
                "the container engine gave no answer within {limit}"
            )));
        };
        let container = match container? {
            Going::Runs(container) => *container,
            Going::Over(outcome) => return Ok(outcome),
        };
        let waited = tokio::select! {
            ended = self.0.ended(&container.id) => Ok(ended.map_err(Trouble::of_proof)?),
            () = context.cancelled.cancelled(), if context.cancel != Cancel::Never => Err("stopped on request".to_owned()),
            () = tokio::time::sleep(context.limit) => Err(format!("not done within {}", backstay_dsl::units::duration_of(context.limit))),
        };
        match waited {
            Ok(status) => self.account(context, arguments, &container, status).await,
            Err(reason) => self.end_early(context, &container, &reason).await,
        }
    }

    /// Takes up the container of an earlier attempt, or makes one and starts it.
    async fn set_going(&self, context: &Context, arguments: &Arguments) -> Result<Going, Trouble> {
        let container = match self.left(context).await? {
            Left::EndedWell => return Ok(Going::Over(Outcome::done("an earlier attempt ended well"))),
            Left::Container(container) => *container,
            Left::Nothing => self.create(context, arguments).await?,
        };
        if container.state.started_at.is_empty() {
            if context.cancelled.is_cancelled() {
                self.discard(&container).await?;
                return Ok(Going::Over(Outcome::failed("stopped on request before it was started")));
            }
            self.start(&container).await?;
        } else if container.state.is_running {
            context
                .progress
                .say("an earlier attempt of it still runs: waiting for that");
        }
        Ok(Going::Runs(Box::new(container)))
    }

    /// What an earlier attempt left.
    async fn left(&self, context: &Context) -> Result<Left, Trouble> {
        let kept = kept(context).map_err(Trouble::Failed)?;
        let name = name_of(context);
        let found = look_up(&self.0, &name).await?;
        let Some(container) = found else {
            let ended_well = kept.is_some_and(|kept| kept.exit == 0);
            return Ok(if ended_well { Left::EndedWell } else { Left::Nothing });
        };
        if !is_of_statement(context, &container) {
            return Err(foreign(&name));
        }
        // What is accounted for was only not removed any more.
        if let Some(kept) = kept.filter(|kept| kept.container == container.id) {
            self.discard(&container).await?;
            return Ok(if kept.exit == 0 { Left::EndedWell } else { Left::Nothing });
        }
        Ok(Left::Container(Box::new(container)))
    }

    async fn create(&self, context: &Context, arguments: &Arguments) -> Result<Container, Trouble> {
        let mut order = order_of(arguments).map_err(Trouble::Failed)?;
        let name = name_of(context);
        let image = self
            .0
            .ask(|it| it.image(&order.image))
            .await
            .map_err(Trouble::of_question)?;
        if image.is_none() {
            return Err(Trouble::Failed(format!(
                "the image {} is not here; pull it first: docker.pull",
                order.image
            )));
        }
        refuse_missing(&self.0, &order).await?;
        order.name.clone_from(&name);
        order.labels = labels_of(context);
        order.command = Some(texts(arguments, "argv")).filter(|argv| !argv.is_empty());
        order.restart_policy = Some(RestartPolicy::never());
        match self.0.change(|it| it.create(&order)).await {
            Ok(_) | Err(Problem::Refused { status: 409, .. }) => {}
            Err(problem) => return Err(Trouble::of_change(problem)),
        }
        let made = look_again(&self.0, &name).await?;
        made.filter(|made| is_of_statement(context, made))
            .ok_or_else(|| foreign(&name))
    }

    async fn start(&self, container: &Container) -> Result<(), Trouble> {
        match self.0.change(|it| it.start(&container.id)).await {
            Ok(_) => Ok(()),
            Err(problem @ Problem::Refused { .. }) => {
                let _ = self.discard(container).await;
                Err(Trouble::of_change(problem).within("it could not be started"))
            }
            Err(problem) => Err(Trouble::of_change(problem)),
        }
    }

    /// Keeps how it ended, removes its container, and gives the outcome.
    async fn account(
        &self,
        context: &Context,
        arguments: &Arguments,
        container: &Container,
        status: i64,
    ) -> Result<Outcome, Trouble> {
        let said = self.said(context, container).await;
        keep(context, container, status).map_err(Trouble::Unknown)?;
        let words = [texts(arguments, "entry"), texts(arguments, "argv")].concat();
        let name = words.into_iter().next().unwrap_or_else(|| container.image.clone());
        let mut outcome = ended(context, &clean(context, &name), status, &said);
        if let Err(Trouble::Failed(reason) | Trouble::Unknown(reason)) = self.discard(container).await {
            let (Outcome::Done(evidence) | Outcome::Failed(evidence) | Outcome::Unknown(evidence)) = &mut outcome;
            evidence.summary = format!(
                "{}; its container {} could not be removed: {reason}",
                evidence.summary, container.name
            );
        }
        Ok(outcome)
    }

    /// Ends a job that must not go on.
    async fn end_early(&self, context: &Context, container: &Container, reason: &str) -> Result<Outcome, Trouble> {
        let grace = self.0.patience.job_grace;
        let halted = tokio::time::timeout(grace * 2, halt(&self.0, context, container, grace)).await;
        let line = match halted {
            Ok(line) => line.map_err(|trouble| trouble.within(reason))?,
            Err(_) => return Ok(Outcome::unknown(format!("{reason}, and it could not be ended"))),
        };
        let said = self.said(context, container).await;
        let summary = super::printed::with_last_line(context, format!("{reason}: it {line}"), &said);
        let _ = self.discard(container).await;
        Ok(Outcome::Failed(Evidence {
            summary,
            outputs: super::printed::evidence(context, &said),
            ..Evidence::default()
        }))
    }

    /// What it printed; nothing where the engine cannot say.
    async fn said(&self, context: &Context, container: &Container) -> Printed {
        let end = LogEnd {
            since_seconds: None,
            lines_max: LINES_MAX,
            bytes_max: bytes_to_ask(context, EVIDENCE_BYTES_MAX),
        };
        self.0.logs(&container.id, &end).await.unwrap_or_default()
    }

    async fn discard(&self, container: &Container) -> Result<(), Trouble> {
        let removed = self.0.change(|it| it.remove(&container.id, true)).await;
        removed.map(|_| ()).map_err(Trouble::of_change)
    }

    /// Finds out how an attempt came out. A job that still runs is waited for within the limit and then ended: it is
    /// ours, and nothing else of the run may begin beside it.
    async fn find_out(&self, context: &Context) -> Result<Settled, Trouble> {
        let kept = kept(context).map_err(Trouble::Failed)?;
        let name = name_of(context);
        let found = look_up(&self.0, &name).await?;
        let ours = found.filter(|container| is_of_statement(context, container));
        let status = match (&ours, &kept) {
            (Some(container), Some(kept)) if kept.container == container.id => kept.exit,
            (Some(container), _) if container.state.started_at.is_empty() => {
                self.discard(container).await?;
                return Ok(Settled::NotDone("it was made and never started".to_owned()));
            }
            (Some(container), _) => match self.wait_out(context, container).await? {
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
            keep(context, &container, status).map_err(Trouble::Failed)?;
            let _ = self.discard(&container).await;
        }
        Ok(Settled::Done(Evidence::line("it ended well")))
    }

    /// The exit status of a job that may still run; `None` where it had to be ended at the limit.
    async fn wait_out(&self, context: &Context, container: &Container) -> Result<Option<i64>, Trouble> {
        let grace = self.0.patience.job_grace.min(context.limit / 4);
        let patience = context
            .limit
            .saturating_sub(grace + self.0.patience.end)
            .max(context.limit / 4);
        tokio::select! {
            ended = self.0.ended(&container.id) => ended.map(Some).map_err(Trouble::of_question),
            () = tokio::time::sleep(patience) => {
                halt(&self.0, context, container, grace).await?;
                self.discard(container).await?;
                Ok(None)
            }
        }
    }
}

/// The name of a statement's job: the same in each attempt, so the engine itself never makes two.
fn name_of(context: &Context) -> String {
    format!("backstay-job-{}", short_key(context))
}

fn foreign(name: &str) -> Trouble {
    Trouble::Failed(format!(
        "there is a container {name} already, which this statement did not make; look at it and remove it yourself"
    ))
}

fn place(context: &Context) -> PathBuf {
    context
        .run_directory
        .join(format!("docker-job-{}.json", short_key(context)))
}

fn keep(context: &Context, container: &Container, exit: i64) -> Result<(), String> {
    let kept = Kept {
        container: container.id.clone(),
        exit,
    };
    policy::write_durably(&place(context), &serde_json::to_vec(&kept).unwrap_or_default())
}

fn kept(context: &Context) -> Result<Option<Kept>, String> {
    let path = place(context);
    match std::fs::read(&path) {
        Ok(text) => serde_json::from_slice(&text)
            .map(Some)
            .map_err(|error| format!("{} is damaged ({error}); look at it before going on", path.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("{} cannot be read: {error}", path.display())),
    }
}
