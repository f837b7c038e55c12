//! Starts a container, and sees that it stays up.

use super::printed::{VALUE_BYTES_MAX, bytes_to_ask, with_last_line};
use super::target::{look_again, short, short_image};
use super::trouble::Trouble;
use super::{Engine, policy, signals};
use crate::action::Context;
use crate::containers::{Container, LogEnd, Problem, labels};

/// So many of the last lines are looked at to say why it ended.
const LINES_MAX: u64 = 50;

/// Starts a container where it does not run, sees that it stays up, and gives its restart policy back where it was
/// taken off. Gives one line that says what was seen.
pub(super) async fn awaken(engine: &Engine, context: &Context, container: &Container) -> Result<String, Trouble> {
    let kept = policy::kept(&context.run_directory, &container.id).map_err(Trouble::Failed)?;
    let was_started = engine
        .change(|it| it.start(&container.id))
        .await
        .map_err(Trouble::of_change)?;
    let up = watch(engine, context, container, was_started).await?;
    let policy = match kept {
        Some(kept) => {
            engine
                .change(|it| it.set_restart_policy(&container.id, &kept))
                .await
                .map_err(|problem| {
                    Trouble::of_change(problem).within("it runs, but its restart policy is still off")
                })?;
            policy::forget(&context.run_directory, &container.id);
            format!("; its restart policy {} is on again", policy::in_words(&kept))
        }
        None if container.restart_policy.is_never() => String::new(),
        None => format!(
            "; its restart policy is {}",
            policy::in_words(&container.restart_policy)
        ),
    };
    let verb = if was_started { "runs" } else { "ran already" };
    Ok(format!(
        "{} {verb} as container {} from {}{up}{policy}",
        container.name,
        short(&container.id),
        short_image(&container.image)
    ))
}

/// Watches a container through its probation. Says what could not be seen.
async fn watch(
    engine: &Engine,
    context: &Context,
    before: &Container,
    was_started: bool,
) -> Result<&'static str, Trouble> {
    let mut left = engine.patience.probation;
    let mut first: Option<Container> = None;
    loop {
        let found = look_again(engine, &before.id).await?;
        let Some(now) = found else {
            return Err(Trouble::Failed(format!("{} was started and is gone", before.name)));
        };
        if let Some(what) = what_is_wrong(&now, first.as_ref(), before, was_started) {
            let line = format!("{} {what}", before.name);
            return Err(Trouble::Failed(with_log(engine, context, &now, line).await));
        }
        if left.is_zero() {
            let is_elsewhere = signals::can_be_seen(&now) == Some(false);
            return Ok(if is_elsewhere {
                " (by the engine's word only)"
            } else {
                ""
            });
        }
        first.get_or_insert(now);
        tokio::time::sleep(engine.patience.look).await;
        left = left.saturating_sub(engine.patience.look);
    }
}

/// What is wrong with a container that should be up; `None` where nothing is.
fn what_is_wrong(now: &Container, first: Option<&Container>, before: &Container, was_started: bool) -> Option<String> {
    let state = &now.state;
    // An engine that starts a container counts from 0 again.
    let restarts_before = if was_started { 0 } else { before.restart_count };
    let started_again = first.is_some_and(|first| first.state.started_at != state.started_at);
    if now.image_id != before.image_id {
        return Some("was replaced by a container of another image".to_owned());
    }
    if state.is_restarting || now.restart_count > restarts_before || started_again {
        return Some(format!(
            "does not stay up: it ended with status {} and is started again and again",
            state.exit_code
        ));
    }
    if state.status == "paused" {
        return Some("is paused; unpause it first".to_owned());
    }
    if !state.is_running {
        let why = if state.error.is_empty() {
            String::new()
        } else {
            format!(" ({})", state.error)
        };
        return Some(format!("ended at once with status {}{why}", state.exit_code));
    }
    None
}

/// A line with the last one that the container printed since it was started.
async fn with_log(engine: &Engine, context: &Context, container: &Container, line: String) -> String {
    let started = container.state.started_at.parse::<jiff::Timestamp>().ok();
    let end = LogEnd {
        since_seconds: started.map(jiff::Timestamp::as_second),
        lines_max: LINES_MAX,
        bytes_max: bytes_to_ask(context, VALUE_BYTES_MAX),
    };
    match engine.logs(&container.id, &end).await {
        Ok(printed) => with_last_line(context, line, &printed),
        Err(_) => line,
    }
}

/// Removes what earlier statements of this run made in place of a container and did not come to use. Quietly: what
/// cannot be removed is found by its labels.
pub(super) async fn sweep(engine: &Engine, context: &Context, name: &str, keep: &str) {
    for left in waiting(engine, context, name).await.unwrap_or_default() {
        if left.name != keep {
            let _ = engine.remove(&left.id, false).await;
        }
    }
}

/// What statements of this run made in place of a container and never started.
pub(super) async fn waiting(engine: &Engine, context: &Context, name: &str) -> Result<Vec<Container>, Problem> {
    let prefix = format!("{name}.backstay-");
    let mut found = Vec::new();
    let of_the_run = [(labels::RUN, context.run.as_str())];
    for left in engine.ask(|it| it.labelled(&of_the_run)).await? {
        if left.starts_with(&prefix)
            && let Some(container) = engine.ask(|it| it.container(&left)).await?
            && !container.state.is_running
            && container.state.started_at.is_empty()
        {
            found.push(container);
        }
    }
    Ok(found)
}
