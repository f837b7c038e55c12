//! Requests from other terminals: files in the run's directory that the runner looks for every half second,
//! together with what else may happen behind its back: a lock that is lost, a disk that is full.

#![expect(clippy::disallowed_methods, reason = "requests to a run are files")]

use std::fs;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::event::RequestKind;
use crate::private_files::{make_private, write_private};
use crate::run::directory::RunDirectory;
use crate::run::driver::Control;
use crate::run::lock::Lock;
use crate::transcript::DiskJournal;
use crate::world::Clock;

/// How often requests are looked for.
const POLL: Duration = Duration::from_millis(500);

const KINDS: [(RequestKind, &str); 2] = [(RequestKind::TurnBack, "turn-back"), (RequestKind::Pause, "pause")];

/// Leaves a request for the runner of a run.
pub fn leave(directory: &RunDirectory, what: RequestKind, who: &str) -> io::Result<()> {
    make_private(&directory.file("requests"))?;
    let name = KINDS
        .iter()
        .find(|(kind, _)| *kind == what)
        .map_or("pause", |(_, name)| name);
    let temporary = directory.file("requests").join(format!(".{name}"));
    write_private(&temporary, who.as_bytes())?;
    fs::rename(temporary, directory.file("requests").join(name))
}

/// Forgets requests that nobody took up.
pub(crate) fn forget(directory: &RunDirectory) {
    for (_, name) in KINDS {
        // What is not there need not be forgotten.
        let _ = fs::remove_file(directory.file("requests").join(name));
    }
}

/// Looks for requests, lost locks and a full disk until nobody listens any more.
pub(crate) async fn watch(
    directory: RunDirectory,
    locks: Vec<Lock>,
    clock: Arc<dyn Clock>,
    journal: Arc<DiskJournal>,
    controls: mpsc::Sender<Control>,
) {
    let mut lost = vec![false; locks.len()];
    let mut is_full = false;
    loop {
        clock.sleep(POLL).await;
        for (what, name) in KINDS {
            let path = directory.file("requests").join(name);
            let Ok(who) = fs::read_to_string(&path) else { continue };
            let request = Control::Request {
                what,
                who: who.trim().to_owned(),
            };
            if controls.send(request).await.is_err() {
                return;
            }
            // Where it cannot be removed it is asked for again, which changes nothing.
            let _ = fs::remove_file(&path);
        }
        if journal.is_reserve_used() && !is_full {
            // The reserve is for the last records, not for going on: a person makes room first.
            is_full = true;
            let pause = Control::Request {
                what: RequestKind::Pause,
                who: "the runner (the disk is full)".to_owned(),
            };
            if controls.send(pause).await.is_err() {
                return;
            }
        }
        for (lock, lost) in locks.iter().zip(&mut lost) {
            if !*lost && !lock.is_held() {
                *lost = true;
                if controls.send(Control::LockLost(lock.name.clone())).await.is_err() {
                    return;
                }
            }
        }
        if controls.is_closed() {
            return;
        }
    }
}
