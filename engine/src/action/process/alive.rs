//! `process.alive`: whether a service has a process.

use async_trait::async_trait;
use backstay_dsl::catalogue::Signature;
use backstay_dsl::effect::{Effect, ResourceKind};
use backstay_dsl::types::Type;

use super::members::{Known, about_service};
use crate::action::common::processes::{Presence, in_words};
use crate::action::common::{blocking, describe};
use crate::action::{Action, Arguments, Context, Evidence, GroundCall, Outcome, Simulated};
use crate::value::{Answer, Value};

pub(super) struct Alive;

#[async_trait]
impl Action for Alive {
    fn signature(&self) -> Signature {
        about_service(describe::read(
            "process",
            "alive",
            "Says whether a service has a living process.\n\nThat it lives does not say that it works: ask it something for \
             that. A process that has ended and was not collected does not count. Where the processes of this machine \
             cannot all be seen there is no answer.",
        ))
        .gives(Type::Bool)
        .effects(Effect::Reads(describe::of(ResourceKind::Service, "service")))
        .example(r#"check "it lives": process.alive(app) within 10s every 1s"#)
        .done()
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        let known = Known::of(context, arguments);
        blocking::perform(context, move |_| {
            let (lives, summary) = match known?.presence() {
                Presence::There(living) => (true, in_words(living.keys())),
                Presence::NotThere => (false, "no process".to_owned()),
                Presence::CannotTell(reason) => return Err(reason),
            };
            Ok(Outcome::Done(Evidence::value(Value::Bool(lives), summary)))
        })
        .await
    }

    fn simulate(&self, call: &GroundCall, production: &mut dyn Simulated) -> Option<Answer> {
        let service = call.arguments.text("service")?;
        Some(Ok(Value::Bool(production.runs(service))))
    }
}
