//! The one writer of a transcript: a thread that appends records and makes them durable.
//!
//! All records that wait are written together and synced once; each waiter goes on when its own is
//! durable. The first error is final: whatever comes later gets the same answer. A write that stops
//! half-way is cut off again; on a full disk the reserve is given up once and the write repeated.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::oneshot;

use crate::digest::sha256_hex;
use crate::event::{End, Event, Stamped};
use crate::world::JournalError;

use super::failpoint::Failpoint;
use super::queue::Queue;
use super::record::Record;
use super::reserve::Reserve;
use super::seal::Seal;

/// A record to be written, and who waits for it.
pub(super) struct Request {
    pub(super) stamped: Stamped,
    /// Nobody waits where there is none: the record is durable with the next one that somebody waits for.
    pub(super) reply: Option<Reply>,
}

/// Is told when the record is durable, or why it cannot be.
pub(super) type Reply = oneshot::Sender<Result<(), JournalError>>;

/// What the writer needs of a file.
pub(super) trait LogFile: Send {
    fn append(&mut self, bytes: &[u8]) -> io::Result<usize>;
    fn sync(&mut self) -> io::Result<()>;
    fn truncate(&mut self, bytes: u64) -> io::Result<()>;
}

impl LogFile for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn truncate(&mut self, bytes: u64) -> io::Result<()> {
        self.set_len(bytes)
    }
}

/// Where the chain stands.
#[derive(Debug, Clone)]
pub(super) struct Chain {
    pub(super) run: String,
    pub(super) records: u64,
    pub(super) bytes: u64,
    pub(super) head: String,
    pub(super) end: Option<End>,
}

impl Chain {
    /// Adds a record and appends its line.
    fn add(&mut self, stamped: Stamped, lines: &mut Vec<u8>) -> Result<(), String> {
        match (&stamped.event, self.end) {
            (Event::RunResumed(_), Some(End::Stuck)) => self.end = None,
            (_, Some(_)) => return Err("the run has ended".to_owned()),
            (Event::RunStart(start), None) => self.run.clone_from(&start.run),
            (Event::RunEnd(end), None) => self.end = Some(end.end),
            _ => {}
        }
        let record = Record {
            seq: self.records + 1,
            prev: self.head.clone(),
            stamped,
        };
        let line = record.encode().map_err(|error| error.to_string())?;
        self.records += 1;
        self.bytes += line.len() as u64;
        self.head = sha256_hex(&line);
        lines.extend_from_slice(&line);
        Ok(())
    }

    pub(super) fn seal(&self, end: End) -> Seal {
        Seal::new(
            self.run.clone(),
            self.records,
            self.bytes,
            self.head.clone(),
            end.word(),
        )
    }
}

/// The writer itself; [`Writer::run`] is the body of its thread.
pub(super) struct Writer<F> {
    pub(super) file: F,
    pub(super) run_directory: PathBuf,
    pub(super) chain: Chain,
    pub(super) reserve: Option<Reserve>,
    pub(super) is_reserve_used: Arc<AtomicBool>,
    pub(super) failure: Option<JournalError>,
    /// With one, each record is written and synced alone.
    pub(super) failpoint: Option<Failpoint>,
}

impl<F: LogFile> Writer<F> {
    /// Writes until nobody is left who could add a record.
    pub(super) fn run(mut self, queue: &Queue) {
        let _closing = Closing(queue);
        while let Some(batch) = queue.take() {
            if self.failpoint.is_none() {
                self.commit(batch);
            } else {
                for request in batch {
                    self.commit(vec![request]);
                }
            }
        }
    }

    /// Writes a batch and answers everybody who waits for a part of it.
    pub(super) fn commit(&mut self, batch: Vec<Request>) {
        let mut stamped = Vec::with_capacity(batch.len());
        let mut replies = Vec::new();
        for request in batch {
            stamped.push(request.stamped);
            replies.extend(request.reply);
        }
        if self.failure.is_none()
            && let Err(reason) = self.write_batch(stamped, !replies.is_empty())
        {
            tracing::error!(%reason, "the transcript cannot be written");
            self.failure = Some(JournalError { reason });
        }
        for reply in replies {
            // Whoever has stopped waiting needs no answer.
            let _ = reply.send(self.failure.clone().map_or(Ok(()), Err));
        }
    }

    fn write_batch(&mut self, batch: Vec<Stamped>, is_awaited: bool) -> Result<(), String> {
        let mut chain = self.chain.clone();
        let mut lines = Vec::new();
        for stamped in batch {
            chain.add(stamped, &mut lines)?;
        }
        self.pass_failpoint(Failpoint::Before(chain.records));
        self.append_or_cut(&lines).map_err(|error| error.to_string())?;
        let has_ended = chain.end.is_some();
        self.chain = chain;
        if is_awaited || has_ended || self.failpoint.is_some() {
            self.file.sync().map_err(|error| error.to_string())?;
        }
        self.pass_failpoint(Failpoint::After(self.chain.records));
        if has_ended {
            self.finish()?;
        }
        Ok(())
    }

    fn pass_failpoint(&self, here: Failpoint) {
        if let Some(failpoint) = self.failpoint {
            failpoint.pass(here);
        }
    }

    fn append_or_cut(&mut self, lines: &[u8]) -> io::Result<()> {
        let Err(error) = self.append_all(lines) else {
            return Ok(());
        };
        // What was written of the lines is taken back, so that no half a record stands in the file. Where
        // even that fails the file ends torn, and whoever reads it says so.
        self.file.truncate(self.chain.bytes)?;
        if !is_full(&error) || !self.reserve.take().is_some_and(|reserve| reserve.release()) {
            return Err(error);
        }
        tracing::warn!("the disk is full; the reserve of the transcript is used from now on");
        self.is_reserve_used.store(true, Ordering::Release);
        self.append_all(lines).or_else(|error| {
            self.file.truncate(self.chain.bytes)?;
            Err(error)
        })
    }

    fn append_all(&mut self, mut rest: &[u8]) -> io::Result<()> {
        while !rest.is_empty() {
            match self.file.append(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => rest = rest.get(written..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Seals the transcript. The last record is durable: a missing seal is made up for by whoever opens it.
    pub(super) fn finish(&mut self) -> Result<(), String> {
        if let Some(reserve) = self.reserve.take() {
            reserve.release();
        }
        match self.chain.end {
            Some(end) => self
                .chain
                .seal(end)
                .write(&self.run_directory)
                .map_err(|error| format!("the seal cannot be written: {error}")),
            None => Ok(()),
        }
    }
}

/// Tells whoever adds a record that nobody writes any more, however that came.
struct Closing<'queue>(&'queue Queue);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

#[cfg(test)]
#[path = "writer/tests.rs"]
mod tests;
