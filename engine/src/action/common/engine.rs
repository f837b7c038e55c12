//! Waiting for an engine that is just being restarted.

use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::containers::{Containers, Problem, Timeouts};

/// An engine, and how long the actions wait for it.
#[derive(Clone)]
pub(crate) struct RetryingEngine {
    pub(crate) containers: Arc<dyn Containers>,
    pub(crate) timeouts: Timeouts,
}

impl Deref for RetryingEngine {
    type Target = dyn Containers;

    fn deref(&self) -> &Self::Target {
        &*self.containers
    }
}

/// A request on its way.
pub(crate) type Request<'a, T> = Pin<Box<dyn Future<Output = Result<T, Problem>> + Send + 'a>>;

impl RetryingEngine {
    /// Sends a change again while nobody is reached, which does nothing and so can be repeated. What was lost or
    /// refused is not sent again.
    pub(crate) async fn change<'a, T>(
        &'a self,
        change: impl FnMut(&'a dyn Containers) -> Request<'a, T> + Send,
    ) -> Result<T, Problem> {
        self.again(change, self.timeouts.away, Duration::ZERO).await
    }

    /// As [`Self::change`], for a question, or a change that may be made twice: what was lost is asked again too.
    pub(crate) async fn insist<'a, T>(
        &'a self,
        request: impl FnMut(&'a dyn Containers) -> Request<'a, T> + Send,
    ) -> Result<T, Problem> {
        self.again(request, self.timeouts.question, self.timeouts.question)
            .await
    }

    /// As [`Self::change`], for a question inside a change, whose own limit ends it: an engine that hangs for a while
    /// answers in the end.
    pub(crate) async fn ask<'a, T>(
        &'a self,
        question: impl FnMut(&'a dyn Containers) -> Request<'a, T> + Send,
    ) -> Result<T, Problem> {
        self.again(question, self.timeouts.away, self.timeouts.answer).await
    }

    async fn again<'a, T>(
        &'a self,
        mut request: impl FnMut(&'a dyn Containers) -> Request<'a, T> + Send,
        if_unreachable: Duration,
        if_lost: Duration,
    ) -> Result<T, Problem> {
        let since = Instant::now();
        loop {
            let problem = match request(&**self).await {
                Ok(answer) => return Ok(answer),
                Err(problem) => problem,
            };
            let limit = match problem {
                Problem::Unreachable(_) => if_unreachable,
                Problem::Lost(_) => if_lost,
                Problem::Refused { .. } => Duration::ZERO,
            };
            if since.elapsed() >= limit {
                return Err(problem);
            }
            tokio::time::sleep(self.timeouts.retry).await;
        }
    }
}
