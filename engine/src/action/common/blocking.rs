//! Runs the blocking body of an action on a thread that may block, with a [`Stop`] to ask between pieces.
//!
//! A blocking call cannot be ended from outside. So every body asks its `Stop` between chunks and
//! entries, and ends in order; what one system call takes longer, the world bounds from outside.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::boot::since_boot;
use crate::action::{Context, Outcome, Progress, Settled};

/// The most of a limit that is kept for clearing up; of a short one, a tenth.
const RESERVE_MAX: Duration = Duration::from_millis(200);

/// Says to a blocking body whether it should go on.
#[derive(Clone)]
pub(crate) struct Stop {
    asked: CancellationToken,
    /// Since boot; `None` has no end.
    until: Option<Duration>,
    limit: Duration,
    progress: Progress,
}

/// Why a blocking body ended early.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Stopped {
    #[error("stopped on request before it was done")]
    Asked,
    #[error("not done within {}; give it more time with `within`", backstay_dsl::units::duration_of(*.0))]
    TimeIsUp(Duration),
}

impl From<Stopped> for String {
    fn from(stopped: Stopped) -> Self {
        stopped.to_string()
    }
}

/// The thread of a body ended without an answer: it panicked.
#[derive(Debug, thiserror::Error)]
#[error("the action ended without an answer: {0}")]
pub(crate) struct Lost(tokio::task::JoinError);

impl Stop {
    /// A stop that nothing asks for: for clearing up.
    pub(crate) fn never() -> Self {
        Self {
            asked: CancellationToken::new(),
            until: None,
            limit: Duration::MAX,
            progress: Progress::default(),
        }
    }

    /// A stop that was asked for.
    #[cfg(test)]
    pub(crate) fn asked() -> Self {
        let stop = Self::never();
        stop.asked.cancel();
        stop
    }

    /// Says how far the body is.
    pub(crate) fn say(&self, line: &str) {
        self.progress.say(line);
    }

    /// Fails with the reason where the body should end.
    pub(crate) fn check(&self) -> Result<(), Stopped> {
        if self.asked.is_cancelled() {
            return Err(Stopped::Asked);
        }
        match self.until {
            Some(until) if since_boot() >= until => Err(Stopped::TimeIsUp(self.limit)),
            _ => Ok(()),
        }
    }
}

/// What a cancellation does to the work.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnCancel {
    /// It stops at the next question.
    Stop,
    GoOn,
}

/// Runs `work` in a thread of its own, within the context's limit, and waits for it. When nobody waits any
/// more, the work stops at its next question.
pub(crate) async fn in_thread<T, E>(
    context: &Context,
    on_cancel: OnCancel,
    work: impl FnOnce(&Stop) -> Result<T, E> + Send + 'static,
) -> Result<T, E>
where
    T: Send + 'static,
    E: From<Lost> + Send + 'static,
{
    let asked = match on_cancel {
        OnCancel::Stop => context.cancelled.child_token(),
        OnCancel::GoOn => CancellationToken::new(),
    };
    let stop = Stop {
        asked: asked.clone(),
        until: since_boot().checked_add(context.limit.saturating_sub(RESERVE_MAX.min(context.limit / 10))),
        limit: context.limit,
        progress: context.progress.clone(),
    };
    let _asked_when_nobody_waits = asked.drop_guard();
    let joined = tokio::task::spawn_blocking(move || work(&stop)).await;
    joined.unwrap_or_else(|error| Err(Lost(error).into()))
}

/// Runs the body of an attempt. An `Err` of the body is a failure in words for a person.
pub(crate) async fn perform<F>(context: &Context, body: F) -> Outcome
where
    F: FnOnce(&Stop) -> Result<Outcome, String> + Send + 'static,
{
    match run(context, body).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(reason)) => Outcome::failed(reason),
        Err(lost) => Outcome::unknown(lost.to_string()),
    }
}

/// Runs the body of a question about an attempt.
pub(crate) async fn settle<F>(context: &Context, body: F) -> Settled
where
    F: FnOnce(&Stop) -> Result<Settled, String> + Send + 'static,
{
    match run(context, body).await {
        Ok(Ok(settled)) => settled,
        Ok(Err(reason)) => Settled::Undecidable(reason),
        Err(lost) => Settled::Undecidable(lost.to_string()),
    }
}

/// Runs the body of a preview; what cannot be said is not said.
pub(crate) async fn preview<F>(context: &Context, body: F) -> Option<String>
where
    F: FnOnce(&Stop) -> Result<String, String> + Send + 'static,
{
    match run(context, body).await {
        Ok(Ok(text)) => Some(text),
        Ok(Err(reason)) => Some(format!("cannot be said yet: {reason}")),
        Err(_) => None,
    }
}

async fn run<T: Send + 'static>(context: &Context, body: impl FnOnce(&Stop) -> T + Send + 'static) -> Result<T, Lost> {
    in_thread(context, OnCancel::Stop, |stop| Ok(body(stop))).await
}
