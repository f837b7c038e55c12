//! `compose.up`: pins an image where the project takes it from, and brings the service up with it.

use std::path::Path;

use async_trait::async_trait;
use backstay_dsl::catalogue::{Pattern, Signature};
use backstay_dsl::effect::{Cancel, Effect};
use backstay_dsl::topology::Topology;

use super::bring_up::BringUp;
use super::pin::{self, Pin};
use super::project::{Error, Project, by_hand};
use super::{about_service, the_service, with_image};
use crate::action::common::describe;
use crate::action::{Action, Arguments, Context, Evidence, Leftover, Outcome, Settled};
use crate::event::End;

pub(super) struct Up(pub(super) BringUp);

#[async_trait]
impl Action for Up {
    fn signature(&self) -> Signature {
        with_image(about_service(describe::change(
            "compose",
            "up",
            "Pins an image for a service of the project, and brings it up with it: one action.\n\nThe pin is the setting \
             that the service is `pinned by`, else the one variable that its file names as its image, in the project's \
             `.env`. Where the image is the one that ran when this run first changed the pin, the setting gets back what \
             was written there. What the service depends on is not touched; what shares its network in the project is made \
             anew with it. It has failed when the container ends at once or is started again and again.",
        )))
        .effects(Effect::Starts {
            member: the_service(),
            with: Some(Pattern::Parameter("image")),
        })
        .cancel(Cancel::Grace { ms: 30_000 })
        .example(r#"
            let old_image = compose.running_image(wiki)
            do compose.pull(wiki, image: new_image)
            do compose.up(wiki, image: new_image) undo compose.up(wiki, image: old_image) within 2m
            check "it runs": compose.state(wiki) is ok within 30s every 1s
            "#)
        .done()
    }

    async fn preview(&self, context: &Context, arguments: &Arguments) -> Option<String> {
        let said = preview(&self.0, context, arguments).await;
        Some(said.unwrap_or_else(|error| format!("cannot be said yet: {}", error.reason())))
    }

    fn by_hand(&self, folder: &Path, topology: &Topology<String>, arguments: &Arguments) -> Option<String> {
        by_hand(folder, topology, arguments, &["up", "--detach", "--no-deps"])
    }

    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome {
        up(&self.0, context, arguments).await.unwrap_or_else(|outcome| outcome)
    }

    async fn settle(&self, context: &Context, arguments: &Arguments) -> Settled {
        let settled = settle(&self.0, context, arguments).await;
        settled.unwrap_or_else(|error| Settled::Undecidable(error.reason().to_owned()))
    }

    async fn conclude(&self, run_directory: &Path, end: End) -> Vec<Leftover> {
        if end != End::Stuck {
            pin::forget(run_directory);
        }
        Vec::new()
    }
}

/// A call with all that it needs to be looked at.
struct Call<'a> {
    project: Project<'a>,
    pin: Pin,
    image: &'a str,
    /// What is written for the image.
    wanted: String,
}

impl<'a> Call<'a> {
    async fn of(bring_up: &BringUp, context: &'a Context, arguments: &'a Arguments) -> Result<Self, Error> {
        let project = bring_up.project(context, arguments).await?;
        let pin = Pin::of(&project, arguments).await?;
        let image = arguments.text("image").unwrap_or_default();
        let wanted = pin.wanted(&bring_up.engine, image).await?;
        Ok(Self {
            project,
            pin,
            image,
            wanted,
        })
    }

    /// Whether the service runs the image.
    async fn runs_it(&self, bring_up: &BringUp) -> Result<bool, Error> {
        let running = self.project.container(&bring_up.engine).await?;
        let image = bring_up.engine.ask(|it| it.image(self.image)).await?;
        Ok(match (running, image) {
            (Some(running), Some(image)) => running.state.is_running && running.image_id == image.id,
            _ => false,
        })
    }
}

async fn preview(bring_up: &BringUp, context: &Context, arguments: &Arguments) -> Result<String, Error> {
    let call = Call::of(bring_up, context, arguments).await?;
    call.pin.expect_used(&call.project, call.image).await?;
    let mut lines = vec![format!("pins {} by {}", call.wanted, call.pin.place())];
    lines.extend(call.pin.preview(&call.project, &bring_up.others, &call.wanted).await);
    lines.extend(bring_up.other_changes(&call.project, Some(&call.pin)).await?);
    Ok(lines.join("\n"))
}

async fn up(bring_up: &BringUp, context: &Context, arguments: &Arguments) -> Result<Outcome, Outcome> {
    let failed = |error: Error| Outcome::from(error);
    let call = Call::of(bring_up, context, arguments).await.map_err(failed)?;
    let Call {
        project,
        pin,
        image,
        wanted,
    } = &call;
    pin.expect_used(project, image).await.map_err(failed)?;
    bring_up.other_changes(project, Some(pin)).await.map_err(failed)?;
    let container = project.container(&bring_up.engine).await.map_err(failed)?;
    pin.set(project, &bring_up.others, (wanted, container.as_ref())).await?;
    let said = bring_up.perform(project, arguments).await?;
    if call.runs_it(bring_up).await.map_err(failed)? {
        return Ok(Outcome::done(format!("{said}; pinned by {}", pin.place())));
    }
    Err(Outcome::failed(format!(
        "{said}; but that is not {image}: find out from where the project takes its image"
    )))
}

async fn settle(bring_up: &BringUp, context: &Context, arguments: &Arguments) -> Result<Settled, Error> {
    let call = Call::of(bring_up, context, arguments).await?;
    let pinned = call.pin.settle(&call.project, &bring_up.others, &call.wanted).await;
    if !matches!(pinned, Settled::Done(_)) {
        return Ok(pinned);
    }
    if !call.runs_it(bring_up).await? {
        return Ok(Settled::NotDone(format!(
            "`{}` does not run {}",
            call.project.of.service, call.image
        )));
    }
    match bring_up.settle(&call.project, arguments).await? {
        Settled::Done(_) => Ok(Settled::Done(Evidence::line(format!(
            "`{}` runs {}, pinned by {}",
            call.project.of.service,
            call.image,
            call.pin.place()
        )))),
        other => Ok(other),
    }
}
