//! Starting and stopping work, so that what runs is what the machine desires.

use std::mem::{Discriminant, discriminant};
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::event::WorkKey;
use crate::run::machine::{Work, WorkKind};

use super::shared::{Job, Stopped};
use super::{DriveError, Driver};

/// Work that is under way.
pub(super) struct Running {
    pub(super) id: u64,
    attempt: u32,
    kind: Discriminant<WorkKind>,
    /// Whether it must not be abandoned: its intent is recorded.
    pub(super) is_intended: bool,
    cancel: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    fn is(&self, work: &Work) -> bool {
        self.attempt == work.attempt && self.kind == discriminant(&work.kind)
    }
}

/// Tells the loop that a task is over, however it ended.
struct Ended {
    id: u64,
    finished: mpsc::UnboundedSender<u64>,
}

impl Drop for Ended {
    fn drop(&mut self) {
        // The loop may be gone already.
        let _ = self.finished.send(self.id);
    }
}

impl Driver {
    /// Starts what is desired and does not run; tells to stop what should; abandons what nobody wants any
    /// more. An action whose intent is recorded is never abandoned: its outcome is waited for.
    /// `desired` is in order of its keys.
    pub(super) fn reconcile(&mut self, desired: &[(WorkKey, Work)]) {
        self.running.retain(|key, running| {
            let wanted = desired.binary_search_by(|(wanted, _)| wanted.cmp(key));
            let is_wanted = wanted.is_ok_and(|place| running.is(&desired[place].1));
            let stays = is_wanted || running.is_intended;
            if !stays {
                running.task.abort();
            }
            stays
        });
        for (key, work) in desired {
            match self.running.get(key) {
                Some(running) if running.is(work) => {
                    if work.cancel {
                        running.cancel.cancel();
                    }
                }
                // The attempt before has not quite ended.
                Some(_) => {}
                None => self.start(key, work),
            }
        }
    }

    fn start(&mut self, key: &WorkKey, work: &Work) {
        let id = self.next_id;
        self.next_id += 1;
        let cancel = CancellationToken::new();
        if work.cancel {
            cancel.cancel();
        }
        let job = Job {
            shared: Arc::clone(&self.shared),
            id,
            work: key.clone(),
            key: key.to_string(),
            attempt: work.attempt,
            cancelled: cancel.clone(),
            reports: self.reports.0.clone(),
        };
        let ended = Ended {
            id,
            finished: self.finished.0.clone(),
        };
        let kind = work.kind.clone();
        let task = tokio::spawn(async move {
            let _ended = ended;
            if job.run(&kind).await.is_err() {
                tracing::debug!(key = job.key, "work stopped without a record");
            }
        });
        let running = Running {
            id,
            attempt: work.attempt,
            kind: discriminant(&work.kind),
            is_intended: false,
            cancel,
            task,
        };
        self.running.insert(key.clone(), running);
    }

    /// Work that ended without its last record is a mistake in this program: nothing may go on.
    pub(super) fn work_ended(&mut self, id: u64) -> Result<(), DriveError> {
        match self.running.iter().find(|(_, running)| running.id == id) {
            Some((key, _)) => Err(DriveError::Internal(format!("the work `{key}` ended without a record"))),
            None => Ok(()),
        }
    }

    /// Drops everything where it stands.
    pub(super) fn drop_work(&mut self) {
        for running in self.running.values() {
            running.cancel.cancel();
            running.task.abort();
        }
        self.running.clear();
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.drop_work();
    }
}

impl Job {
    async fn run(&self, kind: &WorkKind) -> Result<(), Stopped> {
        match kind {
            WorkKind::Perform { limit_ms, way } => self.perform(*limit_ms, way).await,
            WorkKind::Evaluate => self.evaluate().await,
            WorkKind::Row => self.row().await,
            WorkKind::Well { service } => self.well(service).await,
            WorkKind::Presence { service, should } => self.presence(service, *should).await,
            WorkKind::Watch { watch, is_missed } => self.watch(watch, *is_missed).await,
            WorkKind::Obligations => self.obligations().await,
            WorkKind::Anchors { when } => self.anchors(*when).await,
            WorkKind::Ask { besides } => self.ask(besides.clone()).await,
            WorkKind::MayBegin { step } => self.ask_to_begin(step).await,
            WorkKind::Settle { may_wait } => self.settle(*may_wait).await,
            WorkKind::Signal(name) => self.ask_signal(name).await,
        }
    }
}
