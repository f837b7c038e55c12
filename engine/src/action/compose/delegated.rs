//! What is done to the container of a service as to any other: `compose.state`, `stop`, `pull`.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use backstay_dsl::catalogue::Signature;
use backstay_dsl::effect::{Cancel, Effect, ResourceKind};
use backstay_dsl::topology::Topology;
use backstay_dsl::types::Type;

use super::others::Others;
use super::project::by_hand;
use super::{about_service, the_service, with_image};
use crate::action::common::describe;
use crate::action::{Action, Arguments, Context, GroundCall, Outcome, Settled, Simulated};
use crate::value::Answer;

/// An action that another one carries out with the same arguments.
pub(super) struct Delegated {
    signature: fn() -> Signature,
    to: &'static str,
    /// The words of `docker compose` that do the same, before the service.
    by_hand: Option<&'static str>,
}

pub(super) const ALL: [Delegated; 3] = [
    Delegated {
        signature: state,
        to: "docker.state",
        by_hand: None,
    },
    Delegated {
        signature: stop,
        to: "docker.stop",
        by_hand: Some("stop"),
    },
    Delegated {
        signature: pull,
        to: "docker.pull",
        by_hand: None,
    },
];

fn state() -> Signature {
    let fields = [("ok", Type::Bool), ("status", Type::Text), ("exit", Type::Int)];
    about_service(describe::read(
        "compose",
        "state",
        "Says how a service of the project is.\n\n`ok` says whether it runs and is not about to be started again. \
         `status` is the engine's word (created, running, paused, restarting, exited, dead), or absent where it has no \
         container. `exit` is the exit status of what ran last. That it runs does not say that it works.",
    ))
    .gives(Type::record("ComposeState", &fields))
    .effects(Effect::Reads(the_service()))
    .example(r#"check "it runs": compose.state(wiki) is ok within 30s every 1s"#)
    .done()
}

fn stop() -> Signature {
    about_service(describe::change(
        "compose",
        "stop",
        "Stops a service of the project so that it stays stopped, and proves it.\n\nIts restart policy is kept and taken \
         off until it is started, so that not even a restart of the engine brings it back. What shares its network in the \
         project loses it until then, and is made anew with the next start; another container that would be cut off is \
         refused.",
    ))
    .takes("grace", Type::Duration, "How long it may take to end; what the project says where it is not said.")
    .effects(Effect::Stops(the_service()))
    .cancel(Cancel::Never)
    .example(r#"
            do compose.stop(wiki, grace: 30s) undo compose.start(wiki) within 1m
            do compose.start(wiki) undo compose.stop(wiki) within 1m
            check "it runs": compose.state(wiki) is ok within 30s every 1s
            "#)
        .done()
}

fn pull() -> Signature {
    with_image(about_service(describe::change(
        "compose",
        "pull",
        "Fetches an image for a service of the project. Nothing runs with it yet.\n\nWhat is here already is not fetched \
         again. A big image needs more time: `within 10m`.",
    )))
    .effects(Effect::Adds(describe::of(ResourceKind::Image, "image")))
    .limit_ms(90_000)
    .example("do compose.pull(wiki, image: new_image)")
        .done()
}

impl Delegated {
    pub(super) fn on(&'static self, others: &Others) -> Arc<dyn Action> {
        Arc::new(On(self, others.clone()))
    }
}

struct On(&'static Delegated, Others);

#[async_trait]
impl Action for On {
    fn signature(&self) -> Signature {
        (self.0.signature)()
    }

    async fn preview(&self, context: &Context, arguments: &Arguments) -> Option<String> {
        self.1.preview(self.0.to, context, arguments).await
    }

    fn by_hand(&self, folder: &Path, topology: &Topology<String>, arguments: &Arguments) -> Option<String> {
        by_hand(folder, topology, arguments, &[self.0.by_hand?])
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        self.1.perform(self.0.to, context, arguments).await
    }

    async fn settle(&self, context: &Context, arguments: &Arguments) -> Settled {
        self.1.settle(self.0.to, context, arguments).await
    }

    fn simulate(&self, call: &GroundCall, production: &mut dyn Simulated) -> Option<Answer> {
        self.1.get(self.0.to)?.simulate(call, production)
    }
}
