//! Writing, stopping and going on.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use backstay::event::{Event, TimerId};
use backstay::transcript::{DiskJournal, OpenError, Reader, verify};
use backstay::world::Journal as _;

use crate::transcript::events::{events, run_end, run_start};
use crate::transcript::sample::{clock, runtime, sample, write};

#[test]
fn what_is_written_is_read_back() {
    let sample = sample();
    let read: Vec<_> = Reader::open(sample.directory.path())
        .unwrap()
        .map(|record| record.unwrap())
        .collect();
    assert_eq!(
        read.iter()
            .map(|record| record.stamped.event.clone())
            .collect::<Vec<_>>(),
        events()
    );
    assert!(
        read.windows(2)
            .all(|pair| pair[0].stamped.boot_ns < pair[1].stamped.boot_ns)
    );
}

#[test]
fn every_file_is_the_operators_alone() {
    let directory = tempfile::tempdir().unwrap();
    let run = directory.path().join("runs/one");
    let runtime = runtime();
    let journal = DiskJournal::create(&run, clock()).unwrap();
    runtime.block_on(journal.append(run_start())).unwrap();
    let digest = runtime.block_on(journal.keep_blob(b"long output")).unwrap();
    let again = runtime.block_on(journal.keep_blob(b"long output")).unwrap();
    assert_eq!(digest, again);
    assert_eq!(fs::read(run.join("blobs").join(&digest)).unwrap(), b"long output");
    runtime.block_on(journal.append(run_end())).unwrap();
    let mode = |path: &str| fs::metadata(run.join(path)).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode("."), 0o700);
    assert_eq!(mode("blobs"), 0o700);
    assert_eq!(mode("transcript.jsonl"), 0o600);
    assert_eq!(mode("seal.json"), 0o600);
    assert_eq!(mode(&format!("blobs/{digest}")), 0o600);
    assert!(!run.join("reserve").exists(), "the reserve is given back");
}

/// A runner that is killed may leave any prefix of the file; whatever it is, opening cuts back to the
/// last whole record, says how much was cut, and the finished transcript is accepted.
#[test]
fn a_run_goes_on_from_every_cut() {
    let sample = sample();
    let last = sample.lines().last().unwrap().len();
    let open_end = sample.records.len() - last;
    let first = sample.lines()[0].len();
    for bytes in (first..open_end).step_by(37).chain([first, open_end]) {
        let cut = &sample.records[..bytes];
        sample.put(cut, None);
        let whole = cut.iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
        let opened = DiskJournal::open(sample.directory.path(), clock()).unwrap();
        assert_eq!(opened.discarded_bytes, (bytes - whole) as u64);
        assert_eq!(
            opened.history.len(),
            cut[..whole].split_inclusive(|byte| *byte == b'\n').count()
        );
        runtime().block_on(opened.journal.append(run_end())).unwrap();
        drop(opened.journal);
        assert_eq!(sample.verdict(), "unsigned", "cut at {bytes}");
        assert!(
            fs::read(sample.directory.path().join("transcript.jsonl"))
                .unwrap()
                .starts_with(&cut[..whole])
        );
    }
}

#[test]
fn a_run_killed_before_its_seal_gets_it_when_it_is_opened() {
    let sample = sample();
    sample.put(&sample.records, None);
    let Err(OpenError::Ended(end)) = DiskJournal::open(sample.directory.path(), clock()) else {
        panic!("a run that has ended cannot go on");
    };
    assert_eq!(end, backstay::event::End::RolledBack);
    assert_eq!(sample.verdict(), "unsigned");
    assert_eq!(
        fs::read(sample.directory.path().join("seal.json")).unwrap(),
        sample.seal
    );
}

#[test]
fn an_altered_transcript_does_not_go_on() {
    let sample = sample();
    let mut lines = sample.lines();
    lines.truncate(10);
    lines.swap(4, 5);
    sample.put(&lines.concat(), None);
    let opened = DiskJournal::open(sample.directory.path(), clock());
    assert!(matches!(opened, Err(OpenError::Unreadable(_))));
}

#[test]
fn an_empty_transcript_is_named() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), Vec::new());
    assert!(matches!(
        DiskJournal::open(directory.path(), clock()),
        Err(OpenError::Empty)
    ));
    assert_eq!(verify(directory.path(), None, None).unwrap().verdict.word(), "unsealed");
}

#[test]
fn one_process_writes_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let journal = DiskJournal::create(directory.path(), clock()).unwrap();
    runtime().block_on(journal.append(run_start())).unwrap();
    assert!(matches!(
        DiskJournal::open(directory.path(), clock()),
        Err(OpenError::Busy { .. })
    ));
    assert!(matches!(
        DiskJournal::create(directory.path(), clock()),
        Err(OpenError::File { .. })
    ));
    drop(journal);
    assert!(DiskJournal::open(directory.path(), clock()).is_ok());
}

#[test]
fn many_who_write_at_once_make_one_chain() {
    let directory = tempfile::tempdir().unwrap();
    let journal = Arc::new(DiskJournal::create(directory.path(), clock()).unwrap());
    let runtime = runtime();
    runtime.block_on(async {
        journal.append(run_start()).await.unwrap();
        let tasks: Vec<_> = (0..200)
            .map(|number| {
                let journal = Arc::clone(&journal);
                tokio::spawn(async move {
                    let event = Event::Timer(TimerId::Step(number.to_string().into()));
                    if number % 3 == 0 {
                        journal.append_soon(event).await.unwrap();
                    } else {
                        journal.append(event).await.unwrap();
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        journal.append(run_end()).await.unwrap();
        assert!(journal.append(run_end()).await.is_err(), "nothing follows the end");
    });
    let verification = verify(directory.path(), None, None).unwrap();
    assert_eq!((verification.verdict.word(), verification.records), ("unsigned", 202));
}

#[test]
fn a_line_that_never_ends_is_not_read_into_memory() {
    let sample = sample();
    let mut file = fs::OpenOptions::new()
        .append(true)
        .open(sample.directory.path().join("transcript.jsonl"))
        .unwrap();
    let megabyte = vec![b'x'; 1 << 20];
    for _ in 0..6 {
        file.write_all(&megabyte).unwrap();
    }
    assert_eq!(sample.verdict(), "altered");
}
