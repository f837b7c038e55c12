//! The journal of a run on disk: the body of the [`Journal`] port that real runs use.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use async_trait::async_trait;
use tokio::sync::oneshot;

use crate::event::{End, Event, Stamped};
use crate::private_files::{make_private, sync_folder};
use crate::world::{Clock, Durable, Journal, JournalError};

use super::failpoint::Failpoint;
use super::lines::NO_LINE;
use super::queue::Queue;
use super::reader::{ReadError, Reader};
use super::reserve::Reserve;
use super::writer::{Chain, Reply, Request, Writer};
use super::{RECORDS_FILE, SEAL_FILE, blobs};

/// A transcript being written. Dropping it waits until everything that was handed over is written.
pub struct DiskJournal {
    run_directory: PathBuf,
    clock: Arc<dyn Clock>,
    queue: Arc<Queue>,
    writer: Option<JoinHandle<()>>,
    is_reserve_used: Arc<AtomicBool>,
}

/// A transcript that was opened to go on.
pub struct Opened {
    /// The journal, which goes on behind the last whole record.
    pub journal: DiskJournal,
    /// What has happened so far.
    pub history: Vec<Stamped>,
    /// Bytes of a torn last line that were cut off; that record was never acknowledged.
    pub discarded_bytes: u64,
}

/// Why a transcript cannot be opened to go on.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A file or directory cannot be used.
    #[error("{}: {error}", path.display())]
    File { path: PathBuf, error: io::Error },
    #[error("another process writes {}", path.display())]
    Busy { path: PathBuf },
    /// It cannot be read to its end.
    #[error(transparent)]
    Unreadable(#[from] ReadError),
    /// There is no record in it: the run was killed before it began.
    #[error("the transcript has no records: the run was stopped before it began")]
    Empty,
    #[error("the run has ended")]
    Ended(End),
    /// The writer's thread cannot be started.
    #[error("no thread for the transcript: {0}")]
    Thread(io::Error),
}

impl DiskJournal {
    /// Begins a transcript in this directory, which is made (mode 0700) where it is missing. A transcript
    /// that is there already is an error.
    pub fn create(run_directory: &Path, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let at = |path: &Path| {
            let path = path.to_owned();
            move |error| OpenError::File { path, error }
        };
        make_private(run_directory).map_err(at(run_directory))?;
        let path = run_directory.join(RECORDS_FILE);
        let file = open_options().create_new(true).open(&path).map_err(at(&path))?;
        lock(&file, &path)?;
        sync_folder(run_directory).map_err(at(run_directory))?;
        if let Some(parent) = run_directory.parent() {
            sync_folder(parent).map_err(at(parent))?;
        }
        let chain = Chain {
            run: String::new(),
            records: 0,
            bytes: 0,
            head: NO_LINE.to_owned(),
            end: None,
        };
        Self::start(run_directory, file, chain, clock, true)
    }

    /// Opens the transcript of a run that did not end, or that is stuck, checks all of it, cuts a torn last line, and
    /// goes on behind the last whole record. A run that ended without its seal gets it now.
    pub fn open(run_directory: &Path, clock: Arc<dyn Clock>) -> Result<Opened, OpenError> {
        Self::open_with(run_directory, clock, true)
    }

    /// The same for a way back, which begins also on a full disk: the reserve was taken for it, and given up for it.
    pub fn open_to_turn_back(run_directory: &Path, clock: Arc<dyn Clock>) -> Result<Opened, OpenError> {
        Self::open_with(run_directory, clock, false)
    }

    fn open_with(run_directory: &Path, clock: Arc<dyn Clock>, needs_reserve: bool) -> Result<Opened, OpenError> {
        let path = run_directory.join(RECORDS_FILE);
        let file_error = |error| OpenError::File {
            path: path.clone(),
            error,
        };
        let file = open_options().open(&path).map_err(file_error)?;
        lock(&file, &path)?;
        let History {
            chain,
            events,
            discarded_bytes,
        } = read_history(run_directory, &path)?;
        if discarded_bytes > 0 {
            file.set_len(chain.bytes).map_err(file_error)?;
            file.sync_all().map_err(file_error)?;
        }
        if let Some(end) = chain.end {
            chain.seal(end).write(run_directory).map_err(|error| OpenError::File {
                path: run_directory.join(SEAL_FILE),
                error,
            })?;
            if end != End::Stuck {
                return Err(OpenError::Ended(end));
            }
        }
        if events.is_empty() {
            return Err(OpenError::Empty);
        }
        let journal = Self::start(run_directory, file, chain, clock, needs_reserve)?;
        Ok(Opened {
            journal,
            history: events,
            discarded_bytes,
        })
    }

    /// Whether the disk was full and the reserve had to be used: there is room for some hundred records
    /// more, so the run should come to its end.
    pub fn is_reserve_used(&self) -> bool {
        self.is_reserve_used.load(Ordering::Acquire)
    }

    fn start(
        run_directory: &Path,
        file: File,
        chain: Chain,
        clock: Arc<dyn Clock>,
        needs_reserve: bool,
    ) -> Result<Self, OpenError> {
        let reserve = match Reserve::take(run_directory) {
            Err(error) if needs_reserve => {
                let path = run_directory.to_owned();
                return Err(OpenError::File { path, error });
            }
            reserve => reserve.ok(),
        };
        let is_reserve_used = Arc::new(AtomicBool::new(false));
        let writer = Writer {
            file,
            run_directory: run_directory.to_owned(),
            chain,
            reserve,
            is_reserve_used: Arc::clone(&is_reserve_used),
            failure: None,
            failpoint: Failpoint::from_environment(),
        };
        let queue = Arc::new(Queue::default());
        let taken_from = Arc::clone(&queue);
        let thread = std::thread::Builder::new()
            .name("transcript".to_owned())
            .spawn(move || writer.run(&taken_from))
            .map_err(OpenError::Thread)?;
        Ok(Self {
            run_directory: run_directory.to_owned(),
            clock,
            queue,
            writer: Some(thread),
            is_reserve_used,
        })
    }

    fn hand_over(&self, event: Event, reply: Option<Reply>, is_due: bool) -> Result<Stamped, JournalError> {
        let mut handed_over = None;
        let request = || {
            let stamped = Stamped {
                at_ms: self.clock.wall_ms(),
                boot_ns: self.clock.boot_ns(),
                event,
            };
            handed_over = Some(stamped.clone());
            Request { stamped, reply }
        };
        self.queue.push(is_due, request);
        handed_over.ok_or_else(writer_is_gone)
    }
}

#[async_trait]
impl Journal for DiskJournal {
    async fn append(&self, event: Event) -> Result<Stamped, JournalError> {
        let (reply, durable) = oneshot::channel();
        let stamped = self.hand_over(event, Some(reply), true)?;
        durable.await.map_err(|_| writer_is_gone())??;
        Ok(stamped)
    }

    async fn append_soon(&self, event: Event) -> Result<Stamped, JournalError> {
        self.hand_over(event, None, false)
    }

    async fn append_with_next(&self, event: Event) -> Result<(Stamped, Option<Durable>), JournalError> {
        let (reply, durable) = oneshot::channel();
        let stamped = self.hand_over(event, Some(reply), false)?;
        let durable = async { durable.await.map_err(|_| writer_is_gone())? };
        Ok((stamped, Some(Box::pin(durable))))
    }

    fn write_now(&self) {
        self.queue.write_now();
    }

    async fn keep_blob(&self, content: &[u8]) -> Result<String, JournalError> {
        let run_directory = self.run_directory.clone();
        let content = content.to_vec();
        let kept = tokio::task::spawn_blocking(move || blobs::keep(&run_directory, &content)).await;
        match kept {
            Ok(Ok(digest)) => Ok(digest),
            Ok(Err(error)) => Err(JournalError {
                reason: format!("a long output cannot be kept: {error}"),
            }),
            Err(_) => Err(writer_is_gone()),
        }
    }
}

impl Drop for DiskJournal {
    fn drop(&mut self) {
        self.queue.close();
        if let Some(writer) = self.writer.take() {
            // A writer that panicked has told nobody that their record is durable.
            let _ = writer.join();
        }
    }
}

struct History {
    chain: Chain,
    events: Vec<Stamped>,
    discarded_bytes: u64,
}

fn read_history(run_directory: &Path, path: &Path) -> Result<History, OpenError> {
    let mut reader = Reader::open(run_directory).map_err(|error| OpenError::File {
        path: path.to_owned(),
        error,
    })?;
    let mut events = Vec::new();
    let mut run = String::new();
    let mut end = None;
    let mut discarded_bytes = 0;
    for record in reader.by_ref() {
        let record = match record {
            Ok(record) => record,
            Err(ReadError::Torn { bytes }) => {
                discarded_bytes = bytes;
                break;
            }
            Err(error) => return Err(error.into()),
        };
        match &record.stamped.event {
            Event::RunStart(start) => run.clone_from(&start.run),
            Event::RunEnd(run_end) => end = Some(run_end.end),
            Event::RunResumed(_) => end = None,
            _ => {}
        }
        events.push(record.stamped);
    }
    let chain = Chain {
        run,
        records: reader.records(),
        bytes: reader.bytes(),
        head: reader.head().to_owned(),
        end,
    };
    Ok(History {
        chain,
        events,
        discarded_bytes,
    })
}

fn open_options() -> fs::OpenOptions {
    let mut options = fs::OpenOptions::new();
    options.append(true).mode(0o600);
    options
}

fn lock(file: &File, path: &Path) -> Result<(), OpenError> {
    let path = path.to_owned();
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => OpenError::Busy { path },
        TryLockError::Error(error) => OpenError::File { path, error },
    })
}

fn writer_is_gone() -> JournalError {
    JournalError {
        reason: "its writer has stopped".to_owned(),
    }
}
