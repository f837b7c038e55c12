//! `docker.run`: makes the container of a service from an image and starts it, in place of the one that is there.

use async_trait::async_trait;
use backstay_dsl::catalogue::{Pattern, Signature, Sink};
use backstay_dsl::effect::{Cancel, Effect, Repeat, ResourceKind};
use backstay_dsl::types::Type;

use super::limit::bounded;
use super::replace::Replacement;
use super::settings::{names_of_variables, order_of};
use super::trouble::{Trouble, clean};
use super::{Engine, policy, target};
use crate::action::common::describe::{self, Describe};
use crate::action::{Action, Arguments, Context, Evidence, Outcome, Settled};
use crate::containers::labels;

/// How long it may take, in milliseconds: a stop with its grace and proof, and a start with its probation.
const LIMIT_MS: u64 = 120_000;

pub(super) struct Run(pub(super) Engine);

#[async_trait]
impl Action for Run {
    fn signature(&self) -> Signature {
        let described = describe::change(
            "docker",
            "run",
            "Makes the container of a service from an image and starts it.\n\nA container of the service that is there already \
             is replaced: what is not said here is taken over from it, as far as it was given to it and did not come from \
             its image. It is stopped first, and removed; its volumes stay. So a way back that runs the old image says again \
             whatever else the way forward changed. The new one carries labels with run, step and \
             statement. It has failed when it ends at once or is started again and again. The image must be here: \
             `docker.pull` fetches it.",
        )
        .needs("service", Type::Service, "A service that runs container(\"NAME\").")
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
                member: describe::of(ResourceKind::Service, "service"),
                with: Some(Pattern::Parameter("image")),
            })
            .repeat(Repeat::Keyed)
            .partial()
            .cancel(Cancel::Never)
            .limit_ms(LIMIT_MS)
            .done()
    }

    async fn preview(&self, context: &Context, arguments: &Arguments) -> Option<String> {
        if let Err(reason) = order_of(arguments) {
            return Some(Trouble::Failed(reason).preview(context));
        }
        let image = arguments.text("image").unwrap_or_default();
        let text = match target::find(&self.0, context, arguments).await {
            Ok((name, None)) => format!("makes the container {name} from {image} and starts it"),
            Ok((name, Some(container))) if !target::is_own(context, arguments, &container) => {
                format!("there is a container {name} already, which is not the service's")
            }
            Ok((name, Some(container))) => {
                let stops = if container.state.is_running {
                    "stops and replaces"
                } else {
                    "replaces"
                };
                format!("{stops} the container {name} ({}) by one from {image}", container.image)
            }
            Err(trouble) => return Some(trouble.preview(context)),
        };
        Some(clean(context, &format!("{text}{}", said(arguments))))
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        match Replacement::new(&self.0, context, arguments) {
            Ok(replacement) => bounded(context, replacement.carry_out()).await,
            Err(reason) => Outcome::failed(reason),
        }
    }

    async fn settle(&self, context: &Context, arguments: &Arguments) -> Settled {
        match self.find_out(context, arguments).await {
            Ok(settled) => settled,
            Err(trouble) => trouble.settled(context),
        }
    }
}

impl Run {
    /// Done: our container has the service's name, the right image, and runs. Not done: the old one is as it was, for
    /// then nothing is to be undone. Anything between is neither; a second attempt takes it up.
    async fn find_out(&self, context: &Context, arguments: &Arguments) -> Result<Settled, Trouble> {
        let (name, found) = target::find_patiently(&self.0, context, arguments).await?;
        let image = arguments.text("image").unwrap_or_default();
        let wanted = self.0.ask(|it| it.image(image)).await.map_err(Trouble::of_question)?;
        let (ours, old) = match found {
            Some(container) if target::is_of_statement(context, &container) => (Some(container), None),
            other => (None, other),
        };
        let Some(container) = ours else {
            let key = [(labels::KEY, context.key.as_str())];
            let made = self.0.ask(|it| it.labelled(&key)).await.map_err(Trouble::of_question)?;
            let Some(made) = made.first() else {
                return Ok(Settled::NotDone("nothing of this statement is there".to_owned()));
            };
            if let Some(old) = old.filter(|old| old.state.is_running)
                && !policy::is_off(&context.run_directory, &old).map_err(Trouble::Failed)?
            {
                return Ok(Settled::NotDone(format!("{made} is made, and {name} runs as it did")));
            }
            return Ok(half_way(&format!("{made} is made and not yet in place")));
        };
        let is_right = wanted.is_some_and(|image| image.id == container.image_id);
        let state = &container.state;
        if !is_right {
            return Ok(half_way(&format!("{name} is of another image")));
        }
        if !state.is_running || state.is_restarting {
            return Ok(half_way(&format!("{name} is in place and is {}", state.status)));
        }
        Ok(Settled::Done(Evidence::line(format!(
            "{name} runs as container {} from {}",
            target::short(&container.id),
            target::short_image(image)
        ))))
    }
}

fn half_way(how: &str) -> Settled {
    Settled::Undecidable(format!("half-way: {how}; a second attempt goes on"))
}

/// What a call says beside the image, for a person: never a value of a variable.
fn said(arguments: &Arguments) -> String {
    let mut parts = Vec::new();
    for name in ["command", "mounts", "ports", "network", "user", "cwd", "restart"] {
        if let Some(value) = arguments.get(name) {
            parts.push(format!("{name} {}", value.canonical()));
        }
    }
    let variables = names_of_variables(arguments);
    if !variables.is_empty() {
        parts.push(format!("variables {}", variables.join(", ")));
    }
    if parts.is_empty() {
        String::new()
    } else {
        format!("; {}", parts.join("; "))
    }
}

/// The parameters that every container takes which is made here.
pub(super) fn surroundings(describe: Describe) -> Describe {
    describe
        .takes(
            "env",
            Type::Map(Box::new(Type::Text)),
            "Variables beside those of the image; may be secrets.",
        )
        .into(Sink::Env)
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
