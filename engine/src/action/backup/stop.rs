//! Running the long work of a backup in a thread that can be stopped.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::time::{ClockId, Timespec, clock_gettime};

use super::problem::{Problem, Result};
use crate::action::Context;

/// What stays of the limit for clearing up.
const RESERVE: Duration = Duration::from_millis(200);

/// Time since the machine booted, with what it slept.
pub(super) fn since_boot() -> Duration {
    let Timespec { tv_sec, tv_nsec } = clock_gettime(ClockId::Boottime);
    Duration::new(tv_sec.unsigned_abs(), u32::try_from(tv_nsec).unwrap_or(0))
}

/// Asked often by long work: whether to go on.
#[derive(Clone)]
pub(super) struct Stop {
    wanted: Arc<AtomicBool>,
    until: Option<Duration>,
}

impl Stop {
    /// One that never says stop.
    #[cfg(test)]
    pub(super) fn never() -> Self {
        Self {
            wanted: Arc::default(),
            until: None,
        }
    }

    /// An error once the work should end.
    pub(super) fn check(&self) -> Result<()> {
        if self.wanted.load(Ordering::Relaxed) {
            return Err(Problem::Stopped("it was cancelled"));
        }
        match self.until {
            Some(until) if since_boot() >= until => Err(Problem::Stopped("its time was up")),
            _ => Ok(()),
        }
    }
}

/// Says stop when the waiting side goes away.
struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What a cancellation does to the work.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum OnCancel {
    /// It stops at the next question.
    Stop,
    /// It goes on.
    GoOn,
}

/// Runs `work` in a thread of its own, within the context's limit, and waits for it.
pub(super) async fn in_thread<T: Send + 'static>(
    context: &Context,
    on_cancel: OnCancel,
    work: impl FnOnce(&Stop) -> Result<T> + Send + 'static,
) -> Result<T> {
    let wanted = Arc::new(AtomicBool::new(false));
    let stop = Stop {
        wanted: wanted.clone(),
        until: since_boot().checked_add(context.limit.saturating_sub(RESERVE)),
    };
    let guard = StopOnDrop(wanted);
    let mut thread = tokio::task::spawn_blocking(move || work(&stop));
    let joined = tokio::select! {
        joined = &mut thread => joined,
        () = context.cancelled(), if on_cancel == OnCancel::Stop => {
            guard.0.store(true, Ordering::Relaxed);
            thread.await
        }
    };
    joined.unwrap_or_else(|error| {
        Err(Problem::System {
            what: "the work ended early".to_owned(),
            source: std::io::Error::other(error),
        })
    })
}
