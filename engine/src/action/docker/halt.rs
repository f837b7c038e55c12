//! Stops a container so that it stays stopped, and proves it by two signals.

use std::time::Duration;

use super::target::look_again;
use super::trouble::Trouble;
use super::{Engine, policy, signals};
use crate::action::{Arguments, Context};
use crate::containers::{Container, Problem, RestartPolicy};

/// The grace of a container inside a limit: as said, else the container's own.
pub(super) fn grace_within(
    engine: &Engine,
    limit: Duration,
    container: &Container,
    said: Option<Duration>,
) -> Duration {
    let own = container.stop_grace_ms.map(Duration::from_millis);
    said.or(own)
        .unwrap_or(engine.patience.grace)
        .min(limit.saturating_sub(engine.patience.reserve))
}

/// Why a container could not be given the time to end that was set for it; `None` where it can, or does not run.
/// It would be killed before, which can cost data.
pub(super) fn too_long(
    engine: &Engine,
    context: &Context,
    arguments: &Arguments,
    container: &Container,
) -> Option<String> {
    let own = container.stop_grace_ms.filter(|_| container.state.is_running)?;
    let is_cut = grace_within(engine, context.limit, container, None) < Duration::from_millis(own);
    (is_cut && arguments.duration("grace").is_none()).then(|| {
        format!(
            "{} may take {} to end (its stop timeout), which does not fit into the limit of {}: give the action more time \
             with `within`, or say `grace`",
            container.name,
            backstay_dsl::units::duration_of(Duration::from_millis(own)),
            backstay_dsl::units::duration_of(context.limit)
        )
    })
}

/// Stops a container: its restart policy is kept and taken off, it is asked to end, and is proved to stay stopped.
/// Gives one line that says what was seen.
pub(super) async fn halt(
    engine: &Engine,
    context: &Context,
    container: &Container,
    grace: Duration,
) -> Result<String, Trouble> {
    let taken_off = take_policy_off(engine, context, container).await?;
    let sees = signals::can_be_seen(container);
    let stopped = engine.change(|it| it.stop(&container.id, grace)).await;
    let refusal = match stopped {
        Ok(_) => None,
        Err(problem) if problem.is_missing() => None,
        // An engine that gave up may have stopped it all the same: the proof decides.
        Err(Problem::Refused { message, .. }) => Some(message),
        Err(problem) => return Err(Trouble::of_change(problem)),
    };
    let proof = prove(engine, &container.id, sees)
        .await
        .map_err(|trouble| match refusal {
            Some(message) => trouble.within(&format!("the container engine says: {message}")),
            None => trouble,
        })?;
    Ok(format!("{proof}{taken_off}"))
}

/// Keeps the policy durably, then takes it off.
async fn take_policy_off(engine: &Engine, context: &Context, container: &Container) -> Result<String, Trouble> {
    if container.restart_policy.is_never() {
        return Ok(match policy::kept(&context.run_directory, &container.id) {
            Ok(Some(kept)) => note(&kept),
            Ok(None) | Err(_) => String::new(),
        });
    }
    policy::keep(&context.run_directory, container).map_err(Trouble::Failed)?;
    let never = RestartPolicy::never();
    let mut left = engine.patience.end;
    loop {
        match engine.change(|it| it.set_restart_policy(&container.id, &never)).await {
            Ok(()) => break,
            Err(problem) if problem.is_missing() => break,
            // An engine cannot change a container that ends at this moment, as one in a restart loop does.
            Err(Problem::Refused { status: 500.., .. }) if !left.is_zero() => {}
            Err(problem) => return Err(Trouble::of_change(problem).within("its restart policy could not be taken off")),
        }
        tokio::time::sleep(engine.patience.look).await;
        left = left.saturating_sub(engine.patience.look);
    }
    Ok(note(&container.restart_policy))
}

fn note(policy: &RestartPolicy) -> String {
    format!(
        "; its restart policy {} is kept and off until it is started",
        policy::in_words(policy)
    )
}

/// How a container is that should be stopped.
enum Look {
    Gone,
    Stopped(Box<Container>),
    Lives(String),
}

async fn look(engine: &Engine, id: &str) -> Result<Look, Trouble> {
    let found = look_again(engine, id).await?;
    let living = signals::living(id).await;
    let Some(container) = found else {
        return Ok(if living.is_empty() {
            Look::Gone
        } else {
            Look::Lives(format!("the engine does not know it, but {}", processes(&living)))
        });
    };
    let state = &container.state;
    if state.is_running || state.is_restarting {
        return Ok(Look::Lives(format!("it is {}", state.status)));
    }
    if !living.is_empty() {
        let line = format!("the engine says {}, but {}", state.status, processes(&living));
        return Ok(Look::Lives(line));
    }
    Ok(Look::Stopped(Box::new(container)))
}

fn processes(living: &std::collections::BTreeSet<i32>) -> String {
    let pids: Vec<String> = living.iter().take(5).map(i32::to_string).collect();
    format!("processes of it live: {}", pids.join(", "))
}

/// Proves that a container does not run and stays so: by the engine's word and by its processes, twice.
pub(super) async fn prove(engine: &Engine, id: &str, sees: Option<bool>) -> Result<String, Trouble> {
    let mut left = engine.patience.end;
    let first = loop {
        match look(engine, id).await? {
            Look::Gone => return Ok("ended, and the engine removed it".to_owned()),
            Look::Stopped(container) => break container,
            Look::Lives(how) if left.is_zero() => {
                return Err(Trouble::Failed(format!("it was told to stop and still lives: {how}")));
            }
            Look::Lives(_) => {}
        }
        tokio::time::sleep(engine.patience.look).await;
        left = left.saturating_sub(engine.patience.look);
    };
    tokio::time::sleep(engine.patience.stays).await;
    let second = match look(engine, id).await? {
        Look::Gone => return Ok("ended, and the engine removed it".to_owned()),
        Look::Stopped(container) => container,
        Look::Lives(how) => {
            return Err(Trouble::Failed(format!(
                "it was stopped and came back ({how}); find out who starts it"
            )));
        }
    };
    let is_same = first.state.finished_at == second.state.finished_at && first.restart_count == second.restart_count;
    if !is_same {
        return Err(Trouble::Failed(
            "it was stopped, ran again for a moment and ended; find out who starts it".to_owned(),
        ));
    }
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
pub(super) async fn stays_stopped(engine: &Engine, container: &Container) -> Result<Result<String, String>, Trouble> {
    if !container.restart_policy.is_never() {
        let policy = policy::in_words(&container.restart_policy);
        return Ok(Err(format!("its restart policy is still {policy}")));
    }
    match look(engine, &container.id).await? {
        Look::Lives(how) => Ok(Err(how)),
        Look::Gone | Look::Stopped(_) => match prove(engine, &container.id, None).await {
            Ok(_) => Ok(Ok("it does not run and stays stopped".to_owned())),
            Err(Trouble::Failed(reason)) => Ok(Err(reason)),
            Err(unknown) => Err(unknown),
        },
    }
}
