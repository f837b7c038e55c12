//! Signals of the operating system become controls of the run.
//!
//! `HUP` is taken and does nothing: a lost terminal loses a view, not the run. So is `XFSZ`: a file that may not grow
//! is an error of whoever writes it.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::run::driver::Control;

/// Listens until it is dropped.
pub(crate) struct Listener(Vec<JoinHandle<()>>);

impl Listener {
    /// Begins to listen; signals that cannot be listened to keep their usual meaning.
    pub(crate) fn new(controls: &mpsc::Sender<Control>) -> Self {
        let kinds = [
            (SignalKind::interrupt(), Some("INT")),
            (SignalKind::terminate(), Some("TERM")),
            (SignalKind::quit(), Some("QUIT")),
            (SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()), None),
            (SignalKind::hangup(), None),
        ];
        let tasks = kinds.into_iter().filter_map(|(kind, name)| {
            let mut stream = signal(kind).ok()?;
            let controls = controls.clone();
            Some(tokio::spawn(async move {
                while stream.recv().await.is_some() {
                    let Some(name) = name else { continue };
                    if controls.send(Control::Signal(name.to_owned())).await.is_err() {
                        break;
                    }
                }
            }))
        });
        Self(tasks.collect())
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        for task in &self.0 {
            task.abort();
        }
    }
}
