//! A sample transcript, and the directory that holds it.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use backstay::event::Event;
use backstay::transcript::DiskJournal;
use backstay::world::{Clock, Journal};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::transcript::events::{OUTPUT, OUTPUT_DIGEST, events};

/// A clock that goes on by a millisecond each time somebody looks.
#[derive(Default)]
pub(crate) struct StepClock(AtomicU64);

#[async_trait]
impl Clock for StepClock {
    fn boot_ns(&self) -> u64 {
        // From one week before numbers become texts, to just after.
        9_007_199_254_740_000 + self.0.fetch_add(100, Ordering::Relaxed)
    }

    fn wall_ms(&self) -> i64 {
        1_790_000_000_000 + i64::try_from(self.0.load(Ordering::Relaxed)).unwrap()
    }

    fn boot_id(&self) -> String {
        "boot".to_owned()
    }

    async fn sleep_until(&self, _boot_ns: u64) {}
}

pub(crate) fn clock() -> Arc<dyn Clock> {
    Arc::new(StepClock::default())
}

/// Writes these events as a transcript.
pub(crate) fn write(run_directory: &Path, events: Vec<Event>) {
    let runtime = runtime();
    let journal = DiskJournal::create(run_directory, clock()).unwrap();
    let digest = runtime.block_on(journal.keep_blob(OUTPUT)).unwrap();
    assert_eq!(digest, OUTPUT_DIGEST);
    for event in events {
        runtime.block_on(journal.append(event)).unwrap();
    }
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .build()
        .unwrap()
}

/// A finished transcript: its directory, its records, its seal.
pub(crate) struct Sample {
    pub(crate) directory: TempDir,
    pub(crate) records: Vec<u8>,
    pub(crate) seal: Vec<u8>,
}

pub(crate) fn sample() -> Sample {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), events());
    let records = fs::read(directory.path().join("transcript.jsonl")).unwrap();
    let seal = fs::read(directory.path().join("seal.json")).unwrap();
    Sample {
        directory,
        records,
        seal,
    }
}

impl Sample {
    /// Puts these bytes in the place of the records; `None` for the seal takes it away.
    pub(crate) fn put(&self, records: &[u8], seal: Option<&[u8]>) {
        fs::write(self.directory.path().join("transcript.jsonl"), records).unwrap();
        let path = self.directory.path().join("seal.json");
        match seal {
            Some(seal) => fs::write(path, seal).unwrap(),
            None => drop(fs::remove_file(path)),
        }
    }

    pub(crate) fn verdict(&self) -> &'static str {
        backstay::transcript::verify(self.directory.path(), None, None)
            .unwrap()
            .verdict
            .word()
    }

    /// The lines of the records, each with its line end.
    pub(crate) fn lines(&self) -> Vec<Vec<u8>> {
        self.records
            .split_inclusive(|byte| *byte == b'\n')
            .map(<[u8]>::to_vec)
            .collect()
    }
}

/// The records of a later minor format that say these things: numbered, chained and sealed as they have to be.
pub(crate) fn chained(contents: Vec<Value>) -> (Vec<u8>, Vec<u8>) {
    let (mut records, mut head) = (Vec::new(), "0".repeat(64));
    let count = contents.len();
    for (place, mut content) in contents.into_iter().enumerate() {
        content["seq"] = (place + 1).into();
        content["prev"] = head.into();
        let line = format!("{content}\n");
        let digest = Sha256::digest(line.as_bytes());
        head = digest
            .iter()
            .fold(String::new(), |head, byte| head + format!("{byte:02x}").as_str());
        records.extend_from_slice(line.as_bytes());
    }
    let seal = format!(
        "{{\"format\":1,\"run\":\"upgrade-20261103-221320\",\"records\":{count},\"bytes\":{},\"head\":\"{head}\",\"end\":\"rolled_back\"}}\n",
        records.len()
    );
    (records, seal.into_bytes())
}
