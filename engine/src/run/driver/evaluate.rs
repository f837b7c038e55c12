//! Evaluating: guards, checks, names, rows, `well`. Polling lives inside one piece of work; only the last
//! evidence is recorded.

use std::time::Duration;

use backstay_dsl::model::StatementKind;

use crate::run::machine::Should;
use crate::run::polled::{Missed, Next, Polled};
use crate::run::records::Seen;

use super::shared::{Job, Stopped};

impl Job {
    /// Evaluates the statement of this key.
    pub(super) async fn evaluate(&self) -> Result<(), Stopped> {
        let statement = self.statement()?;
        let start_ns = self.boot_ns();
        let seen = match &statement.kind {
            StatementKind::Check(check) => Some(self.polled(Polled::check(check)).await),
            _ => self.records().evaluate(&self.evaluator(), statement).await,
        };
        self.record_seen(seen.ok_or(Stopped)?, start_ns).await
    }

    /// Evaluates the `seen when` of the row of this key.
    pub(super) async fn row(&self) -> Result<(), Stopped> {
        let start_ns = self.boot_ns();
        let row = self
            .shared
            .plan
            .runbook
            .rows()
            .find(|row| row.key == self.key)
            .ok_or(Stopped)?;
        let seen = self.records().row(&self.evaluator(), row).await;
        self.record_seen(seen, start_ns).await
    }

    /// Asks the `well` of a service, polling as it says.
    pub(super) async fn well(&self, service: &str) -> Result<(), Stopped> {
        let well = Polled::well(&self.shared.plan, service).ok_or(Stopped)?;
        let start_ns = self.boot_ns();
        self.record_seen(self.polled(well).await, start_ns).await
    }

    /// Asks whether a service is as it should be.
    pub(super) async fn presence(&self, service: &str, should: Should) -> Result<(), Stopped> {
        let presence = Polled::presence(&self.shared.plan, service, should).ok_or(Stopped)?;
        let start_ns = self.boot_ns();
        self.record_seen(self.polled(presence).await, start_ns).await
    }

    /// Asks a watch until it has something to say, or its stretch is over.
    pub(super) async fn watch(&self, watch: &str, is_missed: bool) -> Result<(), Stopped> {
        let watch = Polled::watch(&self.shared.plan, watch, is_missed).ok_or(Stopped)?;
        let start_ns = self.boot_ns();
        self.record_seen(self.polled(watch).await, start_ns).await
    }

    pub(super) async fn record_seen(&self, seen: Seen, start_ns: u64) -> Result<(), Stopped> {
        let event = self.records().evaluated(&self.work, seen, self.ms_since(start_ns));
        self.record(event, true).await
    }

    /// The result of a future, or `None` once this work is told to stop: only a watch is.
    async fn unless_stopped<F: Future>(&self, future: F) -> Option<F::Output> {
        tokio::select! {
            biased;
            () = self.cancelled.cancelled() => None,
            output = future => Some(output),
        }
    }

    /// Asks once within its time, or again and again for as long as it says.
    async fn polled(&self, polled: Polled<'_>) -> Seen {
        let end_ns = self
            .boot_ns()
            .saturating_add(polled.within_ms.saturating_mul(1_000_000));
        let left_ms = || end_ns.saturating_sub(self.boot_ns()) / 1_000_000;
        let mut last: Option<Seen> = None;
        let mut missed = Missed::default();
        let mut polls = 0;
        loop {
            let asking = polled.ask(&self.shared.plan, self, self.evaluator(), (polls + 1, left_ms()));
            // The questions of a soak have their own time: the last one begins when all of it is over.
            let seen = if polled.has_own_time() {
                self.unless_stopped(asking).await
            } else {
                self.within(left_ms(), asking).await
            };
            let Some(seen) = seen else {
                return missed.left(&polled, (polls, last));
            };
            polls += 1;
            match missed.next(&polled, seen, left_ms()) {
                Next::Over(seen) => return seen,
                Next::Again { pause_ms, seen } => {
                    last = Some(seen);
                    let pause = self.shared.ports.clock.sleep(Duration::from_millis(pause_ms));
                    if self.unless_stopped(pause).await.is_none() {
                        return missed.left(&polled, (polls, last));
                    }
                }
            }
        }
    }
}
