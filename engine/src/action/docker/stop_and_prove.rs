//! Stops a container so that it stays stopped, and proves it by two signals.

use std::time::Duration;

use backstay_dsl::types::Type;
use backstay_dsl::units;

use super::call::Call;
use super::error::Error;
use super::{policy, signals, stopped};
use crate::action::common::describe::Describe;
use crate::containers::{Container, Problem, RestartPolicy};

/// The parameter of actions that stop a container.
pub(super) fn grace(describe: Describe) -> Describe {
    describe.takes(
        "grace",
        Type::Duration,
        "How long it may take to end; the container's own (mostly `10s`) where it is not said.",
    )
}

/// The grace of a container inside a limit: as said, else the container's own.
pub(super) fn within(call: Call<'_>, limit: Duration, container: &Container, said: Option<Duration>) -> Duration {
    let timeouts = &call.engine.timeouts;
    let own = container.stop_grace_ms.map(Duration::from_millis);
    let grace = said.or(own).unwrap_or(timeouts.grace);
    grace.min(limit.saturating_sub(timeouts.reserve))
}

/// Why a container could not be given the time to end that was set for it; `None` where it can, or does not run.
/// It would be killed before, which can cost data.
pub(super) fn too_long(call: Call<'_>, container: &Container) -> Option<Error> {
    let own = container.stop_grace_ms.filter(|_| container.state.is_running)?;
    let own = Duration::from_millis(own);
    let limit = call.context.limit;
    let is_cut = within(call, limit, container, None) < own;
    (is_cut && call.arguments.duration("grace").is_none()).then(|| {
        Error::Failed(format!(
            "{} may take {} to end (its stop timeout), which does not fit into the limit of {}: give the action more time \
             with `within`, or say `grace`",
            container.name,
            units::duration_of(own),
            units::duration_of(limit)
        ))
    })
}

/// Stops a container: its restart policy is kept and taken off, it is asked to end, and is proved to stay stopped.
/// Gives one line that says what was seen.
pub(super) async fn stop_and_prove(call: Call<'_>, container: &Container, grace: Duration) -> Result<String, Error> {
    let taken_off = take_policy_off(call, container).await?;
    let sees = signals::can_be_seen(container);
    let refusal = match call.engine.change(|it| it.stop(&container.id, grace)).await {
        Ok(_) => None,
        Err(problem) if problem.is_missing() => None,
        // An engine that gave up may have stopped it all the same: the proof decides.
        Err(Problem::Refused { message, .. }) => Some(message),
        Err(problem) => return Err(Error::of_change(problem)),
    };
    let proof = prove(call, &container.id, sees).await.map_err(|error| match refusal {
        Some(message) => error.within(&format!("the container engine says: {message}")),
        None => error,
    })?;
    Ok(format!("{proof}{taken_off}"))
}

/// Keeps the policy durably, then takes it off.
async fn take_policy_off(call: Call<'_>, container: &Container) -> Result<String, Error> {
    let note = |policy: &RestartPolicy| {
        let policy = policy::in_words(policy);
        format!("; its restart policy {policy} is kept and off until it is started")
    };
    if container.restart_policy.is_never() {
        let kept = policy::kept(call, &container.id).ok().flatten();
        return Ok(kept.as_ref().map(note).unwrap_or_default());
    }
    policy::keep(call, container)?;
    let never = RestartPolicy::never();
    let mut looks = call.looks(call.engine.timeouts.end);
    loop {
        match call
            .engine
            .change(|it| it.set_restart_policy(&container.id, &never))
            .await
        {
            Ok(()) => break,
            Err(problem) if problem.is_missing() => break,
            // An engine cannot change a container that ends at this moment, as one in a restart loop does.
            Err(Problem::Refused { status: 500.., .. }) if !looks.is_last() => looks.pause().await,
            Err(problem) => return Err(Error::of_change(problem).within("its restart policy could not be taken off")),
        }
    }
    Ok(note(&container.restart_policy))
}

/// How a container is that should be stopped.
enum Seen {
    Gone,
    Stopped(Box<Container>),
    Lives(String),
}

async fn look(call: Call<'_>, id: &str) -> Result<Seen, Error> {
    let found = call.ask_after(|it| it.container(id)).await?;
    let living = signals::living(id).await;
    let pids: Vec<String> = living.iter().take(5).map(i32::to_string).collect();
    let of_it = format!("processes of it live: {}", pids.join(", "));
    Ok(match found {
        None if living.is_empty() => Seen::Gone,
        None => Seen::Lives(format!("the engine does not know it, but {of_it}")),
        Some(container) if container.state.is_running || container.state.is_restarting => {
            Seen::Lives(format!("it is {}", container.state.status))
        }
        Some(container) if living.is_empty() => Seen::Stopped(Box::new(container)),
        Some(container) => Seen::Lives(format!("the engine says {}, but {of_it}", container.state.status)),
    })
}

/// Proves that a container does not run and stays so: by the engine's word and by its processes, twice.
async fn prove(call: Call<'_>, id: &str, sees: Option<bool>) -> Result<String, Error> {
    let gone = || Ok("ended, and the engine removed it".to_owned());
    let mut looks = call.looks(call.engine.timeouts.end);
    let first = loop {
        match look(call, id).await? {
            Seen::Gone => return gone(),
            Seen::Stopped(container) => break container,
            Seen::Lives(how) if looks.is_last() => {
                return Err(Error::Failed(format!("it was told to stop and still lives: {how}")));
            }
            Seen::Lives(_) => looks.pause().await,
        }
    };
    let mut second = first.clone();
    // What an earlier proof saw counts as the first look.
    if !stopped::is_kept(call, &first) {
        tokio::time::sleep(call.engine.timeouts.stays).await;
        second = match look(call, id).await? {
            Seen::Gone => return gone(),
            Seen::Stopped(container) => container,
            Seen::Lives(how) => {
                return Err(Error::Failed(format!(
                    "it was stopped and came back ({how}); find out who starts it"
                )));
            }
        };
    }
    if first.state.finished_at != second.state.finished_at || first.restart_count != second.restart_count {
        let reason = "it was stopped, ran again for a moment and ended; find out who starts it";
        return Err(Error::Failed(reason.to_owned()));
    }
    stopped::keep(call, &second);
    let signals = match sees {
        Some(true) => "the engine and the process table agree",
        Some(false) => "by the engine's word only: its processes cannot be seen from here",
        None => "it had no process before",
    };
    let end = match second.state.exit_code {
        _ if second.state.finished_at.is_empty() => "never ran".to_owned(),
        137 => "ended with status 137 (it was killed)".to_owned(),
        code => format!("ended with status {code}"),
    };
    Ok(format!("{end} and stays stopped ({signals})"))
}

/// Whether a container stays stopped, asked without changing anything: `Ok` says how, `Err` why not.
pub(super) async fn stays_stopped(call: Call<'_>, container: &Container) -> Result<Result<String, String>, Error> {
    if !container.restart_policy.is_never() {
        let policy = policy::in_words(&container.restart_policy);
        return Ok(Err(format!("its restart policy is still {policy}")));
    }
    if let Seen::Lives(how) = look(call, &container.id).await? {
        return Ok(Err(how));
    }
    match prove(call, &container.id, None).await {
        Ok(_) => Ok(Ok("it does not run and stays stopped".to_owned())),
        Err(Error::Failed(reason)) => Ok(Err(reason)),
        Err(unknown) => Err(unknown),
    }
}
