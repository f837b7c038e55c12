//! What an engine says happened to the containers that mount a volume.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::support::daemon::Daemon;

/// Listens to everything that an engine says of containers and volumes, as long as it lasts.
pub(crate) struct Watcher {
    directory: tempfile::TempDir,
    listener: Child,
}

/// One container that mounted a volume.
#[derive(Debug, Default, Clone)]
pub(crate) struct Life {
    /// The image that it was made from, as it was named then.
    pub(crate) image: String,
    /// From when to when it ran, in nanoseconds; the last has no end where it still runs.
    pub(crate) spans: Vec<(i64, Option<i64>)>,
}

impl Watcher {
    /// Begins to listen.
    pub(crate) fn new(daemon: &Daemon) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let listener = daemon
            .client_command()
            .args(["events", "--format", "{{json .}}"])
            .stdout(File::create(directory.path().join("events")).unwrap())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let watcher = Self { directory, listener };
        // The first thing that it hears shows that it listens.
        let own = watcher.directory.path().file_name().unwrap();
        let volume = format!("backstay-test-watcher-{}", own.display());
        crate::support::sandbox::wait_until("the watcher hears something", || {
            daemon.docker(&["volume", "create", &volume]);
            daemon.docker(&["volume", "rm", &volume]);
            !watcher.events().is_empty()
        });
        watcher
    }

    fn events(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.directory.path().join("events")).unwrap();
        text.lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }

    /// The containers that could write this volume, by their ids, in so far as they were started.
    pub(crate) fn lives(&self, volume: &str) -> BTreeMap<String, Life> {
        // What was said last may still be on its way.
        std::thread::sleep(Duration::from_millis(100));
        let events = self.events();
        let mut lives: BTreeMap<String, Life> = events
            .iter()
            .filter(|event| event["Type"] == "volume" && event["Action"] == "mount" && event["Actor"]["ID"] == volume)
            .filter(|event| event["Actor"]["Attributes"]["read/write"] == "true")
            .filter_map(|event| event["Actor"]["Attributes"]["container"].as_str())
            .map(|container| (container.to_owned(), Life::default()))
            .collect();
        for event in events.iter().filter(|event| event["Type"] == "container") {
            let id = event["Actor"]["ID"].as_str().unwrap_or_default();
            let Some(life) = lives.get_mut(id) else { continue };
            let time = event["timeNano"].as_i64().unwrap();
            match event["Action"].as_str().unwrap_or_default() {
                "start" => {
                    event["Actor"]["Attributes"]["image"]
                        .as_str()
                        .unwrap_or_default()
                        .clone_into(&mut life.image);
                    life.spans.push((time, None));
                }
                "die" => {
                    if let Some(span) = life.spans.last_mut() {
                        span.1 = Some(time);
                    }
                }
                _ => {}
            }
        }
        lives
    }

    /// Two containers that ran at once with the volume mounted for writing.
    pub(crate) fn two_writers(&self, volume: &str) -> Result<(), String> {
        let lives = self.lives(volume);
        let mut spans: Vec<(i64, i64, &str)> = lives
            .iter()
            .flat_map(|(id, life)| life.spans.iter().map(move |span| (id, span)))
            .map(|(id, (start, end))| (*start, end.unwrap_or(i64::MAX), id.as_str()))
            .collect();
        spans.sort_unstable();
        for pair in spans.windows(2) {
            if pair[1].0 < pair[0].1 && pair[0].2 != pair[1].2 {
                return Err(format!("two containers ran with {volume} at once: {lives:?}"));
            }
        }
        Ok(())
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        drop(self.listener.kill());
        drop(self.listener.wait());
    }
}
