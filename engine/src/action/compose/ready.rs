//! `compose.ready`: whether a service can be brought up as its project says now.

use async_trait::async_trait;
use backstay_dsl::catalogue::Signature;
use backstay_dsl::effect::Effect;
use backstay_dsl::types::Type;

use super::bring_up::BringUp;
use super::pin::Pin;
use super::project::Error;
use super::{about_service, the_service};
use crate::action::common::describe;
use crate::action::{Action, Arguments, Context, Outcome};
use crate::value::Value;

pub(super) struct Ready(pub(super) BringUp);

#[async_trait]
impl Action for Ready {
    fn signature(&self) -> Signature {
        let fields = [("ok", Type::Bool), ("reason", Type::Text)];
        about_service(describe::read(
            "compose",
            "ready",
            "Says whether a service of a project could be brought up as its project says now.\n\nIt could not where the project \
             cannot be read or has no such service, where variables are missing that whoever made its container had, \
             where its container was made from other settings than the project has now, or where no setting pins its image. `reason` says which, and what to do. `plan` and `run` ask it before the first \
             change.",
        ))
        .takes("pinned", Type::Bool, "Whether another image is to be pinned too: yes unless said.")
        .gives(Type::record("ComposeReady", &fields))
        .effects(Effect::Reads(the_service()))
        .example("require compose.ready(wiki) is ok else \"Mend the project first\"")
        .done()
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        let reason = match look(&self.0, context, arguments).await {
            Ok(()) => String::new(),
            Err(error) => error.reason().to_owned(),
        };
        Outcome::value(Value::record([
            ("ok", Value::Bool(reason.is_empty())),
            ("reason", Value::Text(reason)),
        ]))
    }
}

/// An image that no project has, to see what follows its pin.
const ANOTHER: &str =
    "backstay.invalid/another@sha256:0000000000000000000000000000000000000000000000000000000000000000";

async fn look(bring_up: &BringUp, context: &Context, arguments: &Arguments) -> Result<(), Error> {
    let project = bring_up.project(context, arguments).await?;
    let pin = Pin::of(&project, arguments).await;
    if arguments.bool("pinned").unwrap_or(true) {
        let pin = pin.as_ref().map_err(Clone::clone)?;
        pin.value(&project, &bring_up.others).await?;
        pin.expect_used(&project, ANOTHER).await?;
    } else {
        let config = project.config(&[], true).await?;
        project.service(&config)?;
    }
    match bring_up.other_changes(&project, pin.ok().as_ref()).await? {
        None => Ok(()),
        Some(more) => Err(Error::Failed(format!(
            "{more}, and no way back would bring those settings back: bring the service up by hand first, or put the project back"
        ))),
    }
}
