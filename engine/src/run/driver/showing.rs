//! Showing records, each once it is durable.

use std::mem::take;

use super::{DriveError, Observer};
use crate::event::Stamped;
use crate::world::Durable;

/// What was recorded and is not shown yet.
#[derive(Default)]
pub(super) struct Showing {
    observer: Option<Observer>,
    /// In order; nothing, where `durable` is none.
    waiting: Vec<Stamped>,
    /// Ends when the last record that somebody waits for is durable, and so all before it.
    durable: Option<Durable>,
}

impl Showing {
    pub(super) fn new(observer: Option<Observer>) -> Self {
        Self {
            observer,
            ..Self::default()
        }
    }

    /// Takes in the next record.
    pub(super) fn take_in(&mut self, stamped: &Stamped) {
        if self.durable.is_some() {
            self.waiting.push(stamped.clone());
        } else if let Some(observer) = &mut self.observer {
            observer(stamped);
        }
    }

    /// The next record, and what comes behind it, is shown when this ends.
    pub(super) fn hold_back(&mut self, durable: Durable) {
        self.durable = Some(durable);
    }

    pub(super) fn is_behind(&self) -> bool {
        self.durable.is_some()
    }

    /// Shows everything: all that was handed over is durable.
    pub(super) fn catch_up(&mut self) {
        self.durable = None;
        for stamped in take(&mut self.waiting) {
            self.take_in(&stamped);
        }
    }

    /// Waits until all that somebody waits for is durable, and shows everything. May be dropped and begun again.
    pub(super) async fn until_durable(&mut self) -> Result<(), DriveError> {
        if let Some(durable) = &mut self.durable {
            durable.await?;
            self.catch_up();
        }
        Ok(())
    }
}
