//! Runs the blocking body of an action on a thread that may block, with a [`Stop`] to ask between pieces.
//!
//! A blocking call cannot be ended from outside. So every body asks its `Stop` between chunks and
//! entries, and ends in order; what one system call takes longer, the world bounds from outside.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::action::{Context, Outcome, Settled};

/// Says to a blocking body whether it should go on.
#[derive(Clone)]
pub(crate) struct Stop {
    asked: Arc<AtomicBool>,
    deadline: Instant,
    limit: Duration,
}

impl Stop {
    /// A stop that nobody asks for before the context's limit.
    #[expect(clippy::disallowed_methods, reason = "the body of an action stands at the edge")]
    fn new(context: &Context) -> Self {
        Self {
            asked: Arc::new(AtomicBool::new(*context.cancelled.borrow())),
            deadline: Instant::now() + context.limit,
            limit: context.limit,
        }
    }

    /// A stop that nothing asks for: for clearing up.
    pub(crate) fn never(&self) -> Self {
        Self {
            asked: Arc::new(AtomicBool::new(false)),
            deadline: self.deadline + Duration::from_hours(1),
            limit: self.limit,
        }
    }

    /// Fails with the reason where the body should end.
    #[expect(clippy::disallowed_methods, reason = "the body of an action stands at the edge")]
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.asked.load(Ordering::Relaxed) {
            return Err("stopped on request before it was done".to_owned());
        }
        if Instant::now() >= self.deadline {
            let limit = crate::units::duration(u64::try_from(self.limit.as_millis()).unwrap_or(u64::MAX));
            return Err(format!("not done within {limit}; give it more time with `within`"));
        }
        Ok(())
    }
}

/// Runs the body of an attempt. An `Err` of the body is a failure in words for a person.
pub(crate) async fn perform<F>(context: &Context, body: F) -> Outcome
where
    F: FnOnce(&Stop) -> Result<Outcome, String> + Send + 'static,
{
    match run(context, body).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(reason)) => Outcome::failed(reason),
        Err(lost) => Outcome::unknown(lost),
    }
}

/// Runs the body of a question about an attempt.
pub(crate) async fn settle<F>(context: &Context, body: F) -> Settled
where
    F: FnOnce(&Stop) -> Result<Settled, String> + Send + 'static,
{
    match run(context, body).await {
        Ok(Ok(settled)) => settled,
        Ok(Err(reason)) | Err(reason) => Settled::Undecidable(reason),
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

async fn run<F, T>(context: &Context, body: F) -> Result<T, String>
where
    F: FnOnce(&Stop) -> T + Send + 'static,
    T: Send + 'static,
{
    let stop = Stop::new(context);
    let asked = stop.asked.clone();
    let mut thread = tokio::task::spawn_blocking(move || body(&stop));
    let joined = tokio::select! {
        joined = &mut thread => joined,
        () = context.cancelled() => {
            asked.store(true, Ordering::Relaxed);
            thread.await
        }
    };
    joined.map_err(|error| format!("the action ended without an answer: {error}"))
}
