//! `docker.run`: makes the container of a service from an image and starts it, in place of the one that is there.

use std::path::Path;

use async_trait::async_trait;
use backstay_dsl::catalogue::{Pattern, Signature, Sink};
use backstay_dsl::effect::{Cancel, Effect, Repeat};
use backstay_dsl::types::Type;

use super::Engine;
use super::call::{Call, EngineAction, about_service, short, short_image, the_service};
use super::conclude::conclude;
use super::error::Error;
use super::place::Place;
use super::policy;
use super::replace::Replacement;
use super::settings::{names_of_variables, order_of};
use super::start_and_watch::never_started;
use crate::action::common::describe::{self, Describe};
use crate::action::{Arguments, Evidence, Leftover, Outcome, Settled};
use crate::containers::{Container, labels};
use crate::event::End;

/// How long it may take, in milliseconds: a stop with its grace and proof, and a start with its probation.
const LIMIT_MS: u64 = 120_000;

pub(super) struct Run;

#[async_trait]
impl EngineAction for Run {
    fn signature(&self) -> Signature {
        let described = about_service(describe::change(
            "docker",
            "run",
            "Makes the container of a service from an image and starts it.\n\nA container of the service that is there already \
             is replaced: what is not said here is taken over from it, as far as it was given to it and did not come from \
             its image. It is stopped first and waits under another name; when the run has completed it is removed, and its \
             volumes stay. A way back that says the old image and nothing else starts that very container again, with all \
             that it wrote. A new one carries labels with run, step and statement. It has failed when it ends at once or is started again and again. The image must be here: \
             `docker.pull` fetches it.",
        ))
        .needs("image", Type::Image { pinned: true }, "The image, by its digest.")
        .takes("command", Type::list(Type::Text), "The words that the image's program gets; never a secret.")
        .into(Sink::Argv);
        surroundings(described)
            .takes(
                "ports",
                Type::Map(Box::new(Type::Text)),
                "Ports of this machine that lead into it: \"127.0.0.1:8080\": \"80\".",
            )
            .takes(
                "restart",
                Type::Text,
                "What the engine does when it ends: no, always, unless-stopped, on-failure, on-failure:3.",
            )
            .effects(Effect::Starts {
                member: the_service(),
                with: Some(Pattern::Parameter("image")),
            })
            .repeat(Repeat::Keyed)
            .partial()
            .cancel(Cancel::Never)
            .limit_ms(LIMIT_MS)
            .example(
                r#"
                let old_image = docker.running_image(box)
                require old_image is pinned else "Start it from an image of a registry first"
                do docker.pull(new_image)
                do docker.run(box, image: new_image) undo docker.run(box, image: old_image) within 2m
                check "it runs": docker.state(box) is ok within 30s every 1s
                "#,
            )
            .done()
    }

    async fn preview(&self, call: Call<'_>) -> Result<Option<String>, Error> {
        order_of(call.arguments)?;
        let image = call.text("image");
        let (name, found) = call.find().await?;
        let text = match found {
            None => format!("makes the container {name} from {image} and starts it"),
            Some(container) if !call.is_own(&container) => {
                format!("there is a container {name} already, which is not the service's")
            }
            Some(container) => {
                let stops = if container.state.is_running { "stops and " } else { "" };
                format!(
                    "{stops}replaces the container {name} ({}) by one from {image}",
                    container.image
                )
            }
        };
        Ok(Some(format!("{text}{}", said(call.arguments))))
    }

    async fn perform(&self, call: Call<'_>) -> Result<Outcome, Error> {
        let replacement = Replacement::new(call)?;
        Box::pin(call.bounded(replacement.carry_out())).await
    }

    /// Done: our container has the service's name, the right image, and runs. Not done: the old one is as it was, for
    /// then nothing is to be undone, and what was made in its place is removed. Anything between is neither; a second
    /// attempt takes it up.
    async fn settle(&self, call: Call<'_>) -> Result<Settled, Error> {
        let (name, found) = call.find_with_retries().await?;
        let place = Place::of(call, name)?;
        let image = call.text("image");
        let wanted = call.ask(|it| it.image(image)).await?;
        let container = match found {
            Some(container) if place.is_next(call, &container) => container,
            Some(old) if place.is_as_it_was(call, &old)? => return not_begun(call, &old).await,
            None if place.taken_out.is_empty() && !is_anything_made(call).await? => {
                return Ok(Settled::NotDone("nothing of this statement is there".to_owned()));
            }
            old => {
                let how = old.map_or_else(
                    || "there is no".to_owned(),
                    |old| format!("{} is the old", old.state.status),
                );
                return Ok(half_way(&format!(
                    "{how} container {name}, and the new one is not in place"
                )));
            }
        };
        let state = &container.state;
        if wanted.is_none_or(|image| image.id != container.image_id) {
            return Ok(half_way(&format!("{name} is of another image")));
        }
        if !state.is_running || state.is_restarting {
            return Ok(half_way(&format!("{name} is in place and is {}", state.status)));
        }
        if policy::is_off(call, &container)? {
            return Ok(half_way(&format!("{name} runs, but its restart policy is still off")));
        }
        let (id, image) = (short(&container.id), short_image(image));
        let line = format!("{name} runs as container {id} from {image}");
        Ok(Settled::Done(Evidence::line(line)))
    }

    async fn conclude(&self, engine: &Engine, run_directory: &Path, end: End) -> Vec<Leftover> {
        conclude(engine, run_directory, end).await
    }
}

/// What was made beside the old container is of no use where nothing else was done.
async fn not_begun(call: Call<'_>, old: &Container) -> Result<Settled, Error> {
    let mut left = Vec::new();
    for made in never_started(call, &old.name).await? {
        if call.is_of_statement(&made) && call.change(|it| it.remove(&made.id, true)).await.is_err() {
            left.push(format!("; {} is left behind: docker rm {0}", made.name));
        }
    }
    let (name, status) = (&old.name, &old.state.status);
    Ok(Settled::NotDone(format!(
        "{name} is {status} as it was{}",
        left.concat()
    )))
}

async fn is_anything_made(call: Call<'_>) -> Result<bool, Error> {
    let key = [(labels::KEY, call.context.key.as_str())];
    Ok(!call.ask(|it| it.labelled(&key)).await?.is_empty())
}

fn half_way(how: &str) -> Settled {
    Settled::Undecidable(format!("half-way: {how}; a second attempt goes on"))
}

/// What a call says beside the image, for a person: never a value of a variable.
fn said(arguments: &Arguments) -> String {
    let mut parts = vec![String::new()];
    for name in ["command", "mounts", "ports", "network", "user", "cwd", "restart"] {
        if let Some(value) = arguments.get(name) {
            parts.push(format!("{name} {}", value.canonical()));
        }
    }
    let variables = names_of_variables(arguments);
    if !variables.is_empty() {
        parts.push(format!("variables {}", variables.join(", ")));
    }
    parts.join("; ")
}

/// The parameters that every container takes which is made here.
pub(super) fn surroundings(describe: Describe) -> Describe {
    describe
        .env("Variables beside those of the image; may be secrets.")
        .takes(
            "mounts",
            Type::Map(Box::new(Type::Text)),
            "What is mounted, by place inside: \"/data\": \"app_data\" is a volume, \"/etc/app\": \"/srv/app:ro\" a path \
             that it cannot write.",
        )
        .takes("network", Type::Text, "The network: bridge, host, none, or the name of one.")
        .takes("user", Type::Text, "Who it runs as (`user` or `user:group`); as the image says where it is not said.")
        .takes("cwd", Type::Text, "The folder inside that it starts in; as the image says where it is not said.")
}
