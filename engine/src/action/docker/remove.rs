//! `docker.remove`: removes the container of a service.

use async_trait::async_trait;
use backstay_dsl::catalogue::Signature;
use backstay_dsl::effect::{Cancel, Effect, ResourceKind};
use backstay_dsl::types::Type;

use super::awaken::sweep;
use super::halt::{grace_within, halt, too_long};
use super::limit::bounded;
use super::target::look_up;
use super::trouble::Trouble;
use super::{Engine, policy, target};
use crate::action::common::describe;
use crate::action::{Action, Arguments, Context, Evidence, Outcome, Settled};

pub(super) struct Remove(pub(super) Engine);

#[async_trait]
impl Action for Remove {
    fn signature(&self) -> Signature {
        describe::change(
            "docker",
            "remove",
            "Removes the container of a service; it is stopped first, and its volumes stay.\n\nWhere there is none it is \
             removed already. A container of the same name that is not the service's is refused.",
        )
        .needs("service", Type::Service, "A service that runs container(\"NAME\").")
        .takes("grace", Type::Duration, "How long it may take to end; the container's own (mostly `10s`) where it is not said.")
        .effects(Effect::Removes(describe::of(ResourceKind::Service, "service")))
        .cancel(Cancel::Never)
        .done()
    }

    async fn preview(&self, context: &Context, arguments: &Arguments) -> Option<String> {
        Some(match target::find(&self.0, context, arguments).await {
            Ok((name, None)) => format!("there is no container {name}"),
            Ok((name, Some(container))) if !target::is_own(context, arguments, &container) => {
                format!("there is a container {name} already, which is not the service's")
            }
            Ok((name, Some(container))) => {
                let stops = if container.state.is_running {
                    "stops and removes"
                } else {
                    "removes"
                };
                format!("{stops} the container {name} ({}); its volumes stay", container.image)
            }
            Err(trouble) => trouble.preview(context),
        })
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        bounded(context, self.remove(context, arguments)).await
    }

    async fn settle(&self, context: &Context, arguments: &Arguments) -> Settled {
        match target::find_patiently(&self.0, context, arguments).await {
            Ok((name, None)) => Settled::Done(Evidence::line(format!("there is no container {name}"))),
            Ok((name, Some(container))) => {
                let line = format!("the container {name} is there ({})", container.state.status);
                match policy::is_off(&context.run_directory, &container) {
                    Ok(false) if container.state.is_running => Settled::NotDone(line),
                    // It may have been stopped for that.
                    Ok(_) => Settled::Undecidable(format!("half-way: {line}")),
                    Err(reason) => Settled::Undecidable(reason),
                }
            }
            Err(trouble) => trouble.settled(context),
        }
    }
}

impl Remove {
    async fn remove(&self, context: &Context, arguments: &Arguments) -> Result<String, Trouble> {
        let name = target::name_of(context, arguments).map_err(Trouble::Failed)?;
        let found = look_up(&self.0, &name).await?;
        sweep(&self.0, context, &name, "").await;
        let Some(container) = found else {
            return Ok(format!("there was no container {name}"));
        };
        if !target::is_own(context, arguments, &container) {
            return Err(target::foreign(&name));
        }
        if let Some(reason) = too_long(&self.0, context, arguments, &container) {
            return Err(Trouble::Failed(reason));
        }
        let grace = grace_within(&self.0, context.limit, &container, arguments.duration("grace"));
        let ended = halt(&self.0, context, &container, grace).await?;
        self.0
            .change(|it| it.remove(&container.id, false))
            .await
            .map_err(Trouble::of_change)?;
        policy::forget(&context.run_directory, &container.id);
        Ok(format!("{name} {ended}; removed"))
    }
}
