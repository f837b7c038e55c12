//! Starts a container, and sees that it stays up.

use super::Engine;
use super::call::{Call, short, short_image};
use super::error::Error;
use super::printed::{Said, bytes_to_ask};
use super::{policy, signals, stopped};
use crate::action::common::printed::VALUE_BYTES_MAX;
use crate::containers::{Container, LogEnd, Problem, labels};

/// So many of the last lines are looked at to say why it ended.
const LINES_MAX: u64 = 50;

/// Starts a container where it does not run, sees that it stays up, and gives its restart policy back where it was
/// taken off. Gives one line that says what was seen.
pub(super) async fn start_and_watch(call: Call<'_>, container: &Container) -> Result<String, Error> {
    let Container { id, name, .. } = container;
    let kept = policy::kept(call, id)?;
    stopped::forget(&call.context.run_directory, id);
    let was_started = call.change(|it| it.start(id)).await?;
    let up = watch(call, container, was_started).await?;
    let policy = match kept {
        Some(kept) => {
            let given_back = call.change(|it| it.set_restart_policy(id, &kept)).await;
            given_back.map_err(|error| error.within("it runs, but its restart policy is still off"))?;
            policy::forget(&call.context.run_directory, id);
            format!("; its restart policy {} is on again", policy::in_words(&kept))
        }
        None if container.restart_policy.is_never() => String::new(),
        None => format!(
            "; its restart policy is {}",
            policy::in_words(&container.restart_policy)
        ),
    };
    let verb = if was_started { "runs" } else { "ran already" };
    let (id, image) = (short(id), short_image(&container.image));
    Ok(format!("{name} {verb} as container {id} from {image}{up}{policy}"))
}

/// Watches a container through its probation. Says what could not be seen.
async fn watch(call: Call<'_>, before: &Container, was_started: bool) -> Result<&'static str, Error> {
    let name = &before.name;
    let mut looks = call.looks(call.engine.timeouts.probation);
    let mut first: Option<Container> = None;
    loop {
        let found = call.ask_after(|it| it.container(&before.id)).await?;
        let now = found.ok_or_else(|| format!("{name} was started and is gone"))?;
        if let Some(what) = what_is_wrong(&now, first.as_ref(), before, was_started) {
            return Err(Error::Failed(with_log(call, &now, format!("{name} {what}")).await));
        }
        if looks.is_last() {
            let is_elsewhere = signals::can_be_seen(&now) == Some(false);
            return Ok(if is_elsewhere {
                " (by the engine's word only)"
            } else {
                ""
            });
        }
        first.get_or_insert(now);
        looks.pause().await;
    }
}

/// What is wrong with a container that should be up; `None` where nothing is.
fn what_is_wrong(now: &Container, first: Option<&Container>, before: &Container, was_started: bool) -> Option<String> {
    let state = &now.state;
    let exit = state.exit_code;
    // An engine that starts a container counts from 0 again.
    let restarts_before = if was_started { 0 } else { before.restart_count };
    let started_again = first.is_some_and(|first| first.state.started_at != state.started_at);
    if now.image_id != before.image_id {
        return Some("was replaced by a container of another image".to_owned());
    }
    if state.is_restarting || now.restart_count > restarts_before || started_again {
        // While it runs once more, nothing says how it ended before.
        let how = if state.is_running && !state.is_restarting {
            "it ".to_owned()
        } else {
            format!("it ended with status {exit} and ")
        };
        return Some(format!("does not stay up: {how}is started again and again"));
    }
    if state.status == "paused" {
        return Some(format!("is paused: docker unpause {}", now.name));
    }
    (!state.is_running).then(|| match state.error.as_str() {
        "" => format!("ended at once with status {exit}"),
        why => format!("ended at once with status {exit} ({why})"),
    })
}

/// A line with the last one that the container printed since it was started; what is started again and again has
/// said why before that.
async fn with_log(call: Call<'_>, container: &Container, line: String) -> String {
    let started = container.state.started_at.parse::<jiff::Timestamp>().ok();
    let end = LogEnd {
        // What prints at once may do so in the second before: the engine notes a start after it.
        since_seconds: started
            .map(|started| started.as_second() - 1)
            .filter(|_| !is_looping(container)),
        lines_max: LINES_MAX,
        bytes_max: bytes_to_ask(call.context, VALUE_BYTES_MAX),
    };
    match call.engine.logs(&container.id, &end).await {
        Ok(printed) => Said::new(call.context, printed).with_last_line(line),
        Err(_) => line,
    }
}

fn is_looping(container: &Container) -> bool {
    container.state.is_restarting || container.restart_count > 0
}

/// Removes what earlier statements of this run made in place of a container and did not come to use. Quietly: what
/// cannot be removed is found by its labels.
pub(super) async fn sweep(call: Call<'_>, name: &str, keep: &str) {
    for left in never_started(call, name).await.unwrap_or_default() {
        if left.name != keep {
            let _ = call.engine.remove(&left.id, true).await;
        }
    }
}

/// What statements of this run made in place of a container and never started.
pub(super) async fn never_started(call: Call<'_>, name: &str) -> Result<Vec<Container>, Error> {
    let found = made_and_never_started(call.engine, &call.context.run, name).await;
    found.map_err(Error::of_question)
}

/// What statements of a run made in place of a container and never started.
pub(super) async fn made_and_never_started(engine: &Engine, run: &str, name: &str) -> Result<Vec<Container>, Problem> {
    let prefix = format!("{name}.backstay-");
    let mut found = Vec::new();
    let of_the_run = [(labels::RUN, run)];
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
