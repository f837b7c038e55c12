//! How patient the actions are with an engine and its containers.

use std::time::Duration;

/// How long actions wait, and for how long they watch what they did. The defaults are for production; how long a
/// single request may take is the adapter's own matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For an engine that nobody answers for: a daemon that is restarted is back within seconds.
    pub away: Duration,
    /// The same for a question whose own limit is short.
    pub question: Duration,
    /// For the answer to a question inside a change.
    pub answer: Duration,
    /// Between two requests to an engine that did not answer.
    pub retry: Duration,
    /// Between two looks at a container that should come to something.
    pub look: Duration,
    /// What was started must still run after this time.
    pub probation: Duration,
    /// How long a container may take to end where neither the text nor the container says.
    pub grace: Duration,
    /// The same for a job that is ended early.
    pub job_grace: Duration,
    /// How much of a limit is kept from the grace, for the proof and for an engine that is slow.
    pub reserve: Duration,
    /// How long what was stopped may take to be gone.
    pub end: Duration,
    /// What is stopped must still be stopped after this time.
    pub stays: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            away: Duration::from_secs(15),
            question: Duration::from_secs(8),
            answer: Duration::from_secs(40),
            retry: Duration::from_millis(500),
            look: Duration::from_millis(100),
            probation: Duration::from_secs(1),
            grace: Duration::from_secs(10),
            job_grace: Duration::from_secs(8),
            reserve: Duration::from_secs(8),
            end: Duration::from_secs(5),
            stays: Duration::from_secs(2),
        }
    }
}

impl Timeouts {
    /// How long it may take until a job that is ended early is proved to have ended: what a way back counts for it.
    pub(crate) fn job_end(&self) -> Duration {
        self.job_grace + self.reserve
    }
}
