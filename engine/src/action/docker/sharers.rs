//! `docker.sharers`: who hangs on the container of a service.

use async_trait::async_trait;
use backstay_dsl::catalogue::Signature;
use backstay_dsl::effect::Effect;
use backstay_dsl::types::Type;

use super::call::{Call, EngineAction, about_service, simulated, the_service};
use super::error::Error;
use super::neighbours::sharers;
use crate::action::common::describe;
use crate::action::{Evidence, GroundCall, Outcome, Simulated};
use crate::containers::Sharer;
use crate::value::{Answer, Value};

pub(super) struct Sharers;

#[async_trait]
impl EngineAction for Sharers {
    fn signature(&self) -> Signature {
        about_service(describe::read(
            "docker",
            "sharers",
            "Gives the containers that hang on a service's container.\n\n`shares` says what they have from it: network, \
             processes, memory (`--network`, `--pid`, `--ipc container:NAME`), or link (`--link NAME`). They lose it when \
             that container is replaced, and all but a link when it is stopped. Those of its own Compose project are not \
             among them.",
        ))
        .gives(Type::list(Type::record(
            "ContainerSharer",
            &[("name", Type::Text), ("shares", Type::Text), ("running", Type::Bool)],
        )))
        .effects(Effect::Reads(the_service()))
        .example(
            r"
            let sharers = docker.sharers(box)
            record sharers
            ",
        )
        .done()
    }

    async fn perform(&self, call: Call<'_>) -> Result<Outcome, Error> {
        let container = call.must_find().await?;
        let sharers = sharers(call, &container).await?;
        let (values, lines): (Vec<Value>, Vec<String>) =
            sharers.iter().map(|sharer| told(sharer, &container.name)).unzip();
        let line = if lines.is_empty() {
            "no other container hangs on it".to_owned()
        } else {
            lines.join(", ")
        };
        Ok(Outcome::Done(Evidence::value(Value::List(values), line)))
    }

    fn simulate(&self, call: &GroundCall, production: &mut dyn Simulated) -> Option<Answer> {
        Some(simulated(call, production).map(|_| Value::List(Vec::new())))
    }
}

fn told(sharer: &Sharer, of: &str) -> (Value, String) {
    let Sharer { name, what, is_running } = sharer;
    let value = Value::record([
        ("name", Value::text(name)),
        ("shares", Value::text(what.word())),
        ("running", Value::Bool(*is_running)),
    ]);
    (value, format!("{name} {what} {of}"))
}
