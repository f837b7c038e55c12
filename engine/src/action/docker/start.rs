//! `docker.start`: starts the container of a service, and sees that it stays up.

use async_trait::async_trait;
use backstay_dsl::catalogue::Signature;
use backstay_dsl::effect::{Cancel, Effect, ResourceKind};
use backstay_dsl::types::Type;

use super::awaken::{awaken, sweep};
use super::limit::bounded;
use super::target::look_up;
use super::trouble::Trouble;
use super::{Engine, policy, target};
use crate::action::common::describe;
use crate::action::{Action, Arguments, Context, Evidence, GroundCall, Outcome, Settled, Simulated};
use crate::value::Answer;

pub(super) struct Start(pub(super) Engine);

#[async_trait]
impl Action for Start {
    fn signature(&self) -> Signature {
        describe::change(
            "docker",
            "start",
            "Starts the container of a service, and gives it back the restart policy that `docker.stop` took off.\n\nIt has \
             failed when the container ends at once or is started again and again. What runs already is not started a \
             second time. To know that it works, check that the service is well.",
        )
        .needs("service", Type::Service, "A service that runs container(\"NAME\").")
        .effects(Effect::Starts {
            member: describe::of(ResourceKind::Service, "service"),
            with: None,
        })
        .cancel(Cancel::Never)
        .done()
    }

    async fn preview(&self, context: &Context, arguments: &Arguments) -> Option<String> {
        Some(match target::find(&self.0, context, arguments).await {
            Ok((name, None)) => format!("there is no container {name} to start"),
            Ok((name, Some(container))) if container.state.is_running => format!("{name} runs already"),
            Ok((name, Some(container))) => {
                let back = match policy::kept(&context.run_directory, &container.id) {
                    Ok(Some(kept)) => format!(" and gives its restart policy {} back", policy::in_words(&kept)),
                    Ok(None) | Err(_) => String::new(),
                };
                format!("starts the container {name} ({}){back}", container.image)
            }
            Err(trouble) => trouble.preview(context),
        })
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        bounded(context, self.start(context, arguments)).await
    }

    async fn settle(&self, context: &Context, arguments: &Arguments) -> Settled {
        let container = match target::find_patiently(&self.0, context, arguments).await {
            Ok((_, Some(container))) => container,
            Ok((name, None)) => return Settled::NotDone(format!("there is no container {name}")),
            Err(trouble) => return trouble.settled(context),
        };
        let state = &container.state;
        if !state.is_running || state.is_restarting {
            return Settled::NotDone(format!("{} is {}", container.name, state.status));
        }
        match policy::is_off(&context.run_directory, &container) {
            Ok(true) => Settled::Undecidable(format!(
                "half-way: {} runs, but its restart policy is still off",
                container.name
            )),
            Ok(false) => Settled::Done(Evidence::line(format!("{} runs", container.name))),
            Err(reason) => Settled::Undecidable(reason),
        }
    }

    fn simulate(&self, call: &GroundCall, production: &mut dyn Simulated) -> Option<Answer> {
        target::simulated(call, production).err().map(Err)
    }
}

impl Start {
    async fn start(&self, context: &Context, arguments: &Arguments) -> Result<String, Trouble> {
        let name = target::name_of(context, arguments).map_err(Trouble::Failed)?;
        let found = look_up(&self.0, &name).await?;
        let container = found.ok_or_else(|| {
            Trouble::Failed(format!(
                "there is no container {name} to start; make it with docker.run"
            ))
        })?;
        if !target::is_own(context, arguments, &container) {
            return Err(target::foreign(&name));
        }
        sweep(&self.0, context, &name, "").await;
        awaken(&self.0, context, &container).await
    }
}
