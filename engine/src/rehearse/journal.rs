//! A journal in memory, and the death of a runner at any of its records.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::watch;

use super::SimulatedClock;
use crate::event::{Event, Stamped};
use crate::world::{Clock, Journal, JournalError};

/// When the runner dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kill {
    /// When it is about to write the record of this number, from 1: what it tells of has happened.
    Before(usize),
    /// Once that record is durable, before anything else.
    After(usize),
}

/// Keeps events in memory.
#[derive(Debug)]
pub struct SimulatedJournal {
    clock: Arc<SimulatedClock>,
    events: Mutex<Vec<Stamped>>,
    kill: Mutex<Option<Kill>>,
    has_died: watch::Sender<bool>,
}

impl SimulatedJournal {
    /// An empty journal.
    pub fn new(clock: Arc<SimulatedClock>) -> Arc<Self> {
        Arc::new(Self {
            clock,
            events: Mutex::default(),
            kill: Mutex::default(),
            has_died: watch::Sender::new(false),
        })
    }

    /// A runner begins, and dies there; `None`: nowhere.
    pub fn kill(&self, kill: Option<Kill>) {
        *lock(&self.kill) = kill;
        self.has_died.send_replace(false);
    }

    /// Returns when the runner has died. What runs it has to be dropped then.
    pub async fn died(&self) {
        let mut has_died = self.has_died.subscribe();
        // The sender lives as long as this journal, so there is no error to tell of.
        let _ = has_died.wait_for(|died| *died).await;
    }

    /// What was kept.
    pub fn events(&self) -> Vec<Stamped> {
        lock(&self.events).clone()
    }

    async fn die(&self) {
        self.has_died.send_replace(true);
        std::future::pending::<()>().await;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl Journal for SimulatedJournal {
    async fn append(&self, event: Event) -> Result<Stamped, JournalError> {
        if *self.has_died.borrow() {
            // What a dead runner was about to write is lost.
            std::future::pending::<()>().await;
        }
        let number = lock(&self.events).len() + 1;
        let kill = *lock(&self.kill);
        if kill == Some(Kill::Before(number)) {
            self.die().await;
        }
        let stamped = Stamped {
            at_ms: self.clock.wall_ms(),
            boot_ns: self.clock.boot_ns(),
            event,
        };
        lock(&self.events).push(stamped.clone());
        if kill == Some(Kill::After(number)) {
            self.die().await;
        }
        Ok(stamped)
    }

    async fn keep_blob(&self, content: &[u8]) -> Result<String, JournalError> {
        Ok(crate::digest::sha256(content))
    }
}
