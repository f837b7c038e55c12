//! `compose.start`: starts a service with what is pinned.

use std::path::Path;

use async_trait::async_trait;
use backstay_dsl::catalogue::Signature;
use backstay_dsl::effect::{Cancel, Effect};
use backstay_dsl::topology::Topology;

use super::bring_up::BringUp;
use super::pin::Pin;
use super::project::{Error, by_hand};
use super::{about_service, the_service};
use crate::action::common::describe;
use crate::action::{Action, Arguments, Context, Outcome, Settled};

pub(super) struct Start(pub(super) BringUp);

#[async_trait]
impl Action for Start {
    fn signature(&self) -> Signature {
        about_service(describe::change(
            "compose",
            "start",
            "Starts a service of the project with what is pinned, gives it back the restart policy that `compose.stop` took \
             off, and sees that it stays up.\n\nWhat it depends on is not started. One that is not as its project says now \
             is made anew; what shares its network in the project is, too.",
        ))
        .effects(Effect::Starts {
            member: the_service(),
            with: None,
        })
        .cancel(Cancel::Grace { ms: 30_000 })
        .example(r#"
            do compose.stop(wiki, grace: 30s) undo compose.start(wiki) within 1m
            do compose.start(wiki) undo compose.stop(wiki) within 1m
            check "it runs": compose.state(wiki) is ok within 30s every 1s
            "#)
        .done()
    }

    async fn preview(&self, context: &Context, arguments: &Arguments) -> Option<String> {
        let project = self.0.project(context, arguments).await;
        let changes = match &project {
            Ok(project) => {
                let pin = Pin::of(project, arguments).await.ok();
                self.0.other_changes(project, pin.as_ref()).await
            }
            Err(error) => Err(error.clone()),
        };
        match changes {
            Ok(None) => None,
            Ok(Some(more)) => Some(more),
            Err(error) => Some(format!("cannot be said yet: {}", error.reason())),
        }
    }

    fn by_hand(&self, folder: &Path, topology: &Topology<String>, arguments: &Arguments) -> Option<String> {
        by_hand(folder, topology, arguments, &["up", "--detach", "--no-deps"])
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        start(&self.0, context, arguments)
            .await
            .unwrap_or_else(|outcome| outcome)
    }

    async fn settle(&self, context: &Context, arguments: &Arguments) -> Settled {
        let settled = match self.0.project(context, arguments).await {
            Ok(project) => self.0.settle(&project, arguments).await,
            Err(error) => Err(error),
        };
        settled.unwrap_or_else(|error| Settled::Undecidable(error.reason().to_owned()))
    }
}

async fn start(bring_up: &BringUp, context: &Context, arguments: &Arguments) -> Result<Outcome, Outcome> {
    let failed = |error: Error| Outcome::from(error);
    let project = bring_up.project(context, arguments).await.map_err(failed)?;
    let pin = Pin::of(&project, arguments).await.ok();
    bring_up.other_changes(&project, pin.as_ref()).await.map_err(failed)?;
    Ok(Outcome::done(bring_up.perform(&project, arguments).await?))
}
