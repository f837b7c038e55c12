//! Requests from other terminals: files in the run's directory that the runner looks for every half second,
//! together with what else may happen behind its back: a lock that is lost, a disk that is full.

#![expect(clippy::disallowed_methods, reason = "requests to a run are files")]

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;

use crate::event::{Event, RequestKind};
use crate::private_files::{make_private, read_plain, write_private};
use crate::run::claims::Holdings;
use crate::run::directory::RunDirectory;
use crate::run::driver::{Control, Observer};
use crate::transcript::DiskJournal;
use crate::world::Clock;

/// How often requests are looked for.
const POLL: Duration = Duration::from_millis(500);

/// The longest name of whoever asks that is read.
const REQUEST_BYTES_MAX: u64 = 4096;

const KINDS: [(RequestKind, &str); 2] = [(RequestKind::TurnBack, "turn-back"), (RequestKind::Pause, "pause")];

/// The requests to one run.
#[derive(Clone)]
pub(crate) struct Requests {
    directory: RunDirectory,
    /// What was handed over and is not recorded yet.
    handed_over: Arc<Mutex<BTreeSet<&'static str>>>,
}

impl Requests {
    pub(crate) fn new(directory: RunDirectory) -> Self {
        Self {
            directory,
            handed_over: Arc::default(),
        }
    }

    /// Leaves a request for the runner.
    pub(crate) fn leave(&self, what: RequestKind, who: &str) -> io::Result<()> {
        make_private(&self.directory.file("requests"))?;
        write_private(&self.file(name(what)), who.as_bytes())
    }

    /// Forgets that somebody wanted the run to pause, for a runner that goes on because somebody wants it to. A wish
    /// to turn back that its runner did not live to hear stays.
    pub(crate) fn forget_pauses(&self) {
        // What is not there need not be forgotten.
        let _ = fs::remove_file(self.file(name(RequestKind::Pause)));
    }

    /// Hands over what was asked and is not handed over yet.
    pub(crate) async fn hand_over(&self, controls: &mpsc::Sender<Control>) {
        for (what, name) in KINDS {
            let Ok(who) = read(&self.file(name)) else { continue };
            if !self.waiting().insert(name) {
                continue;
            }
            let who = who.trim().to_owned();
            // A driver that is gone has no use for it; the next one finds it.
            let _ = controls.send(Control::Request { what, who }).await;
        }
    }

    /// Removes each request once it is recorded, and hands every event on.
    pub(crate) fn observer(self, next: Option<Observer>) -> Observer {
        let mut next = next;
        Box::new(move |stamped| {
            if let Event::Request { what, .. } = &stamped.event {
                // Where it cannot be removed it is not asked for again by this runner.
                if fs::remove_file(self.file(name(*what))).is_ok() {
                    self.waiting().remove(name(*what));
                }
            }
            if let Some(next) = &mut next {
                next(stamped);
            }
        })
    }

    /// Looks for requests, lost locks and a full disk until nobody listens any more.
    pub(crate) async fn watch(
        self,
        holdings: Arc<Holdings>,
        clock: Arc<dyn Clock>,
        journal: Arc<DiskJournal>,
        controls: mpsc::Sender<Control>,
    ) {
        let mut lost: BTreeSet<String> = BTreeSet::new();
        let mut is_full = false;
        while !controls.is_closed() {
            clock.sleep(POLL).await;
            self.hand_over(&controls).await;
            let mut found = Vec::new();
            if journal.is_reserve_used() && !is_full {
                // The reserve is for the last records, not for going on: a person makes room first.
                is_full = true;
                found.push(Control::Request {
                    what: RequestKind::Pause,
                    who: "the runner (the disk is full)".to_owned(),
                });
            }
            for lock in holdings.locks().filter(|lock| !lock.is_held()) {
                if lost.insert(lock.name.clone()) {
                    found.push(Control::LockLost(lock.name.clone()));
                }
            }
            for control in found {
                let _ = controls.send(control).await;
            }
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.file("requests").join(name)
    }

    fn waiting(&self) -> MutexGuard<'_, BTreeSet<&'static str>> {
        self.handed_over.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn name(what: RequestKind) -> &'static str {
    let found = KINDS.iter().find(|(kind, _)| *kind == what);
    found.map_or("pause", |(_, name)| name)
}

fn read(path: &Path) -> io::Result<String> {
    let content = read_plain(path, REQUEST_BYTES_MAX)?;
    Ok(String::from_utf8_lossy(&content).into_owned())
}
