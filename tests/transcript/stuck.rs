//! A run that was stuck goes on behind its seal, and no other does.

use std::fs;
use std::io::Write as _;

use backstay::event::{End, Event};
use backstay::transcript::{DiskJournal, OpenError};
use backstay::world::Journal as _;
use serde_json::json;

use crate::transcript::events::{events, run_end, run_start};
use crate::transcript::sample::{Sample, chained, clock, runtime, write};
use crate::transcript::shell;

fn ended(end: End) -> Event {
    let Event::RunEnd(mut record) = run_end() else {
        panic!("the end of a run");
    };
    record.end = end;
    Event::RunEnd(record)
}

fn sample(events: Vec<Event>) -> Sample {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), events);
    let read = |name: &str| fs::read(directory.path().join(name)).unwrap();
    let (records, seal) = (read("transcript.jsonl"), read("seal.json"));
    Sample {
        directory,
        records,
        seal,
    }
}

/// Both verifiers say this.
fn expect(sample: &Sample, verdict: &str, what: &str) {
    assert_eq!(sample.verdict(), verdict, "{what}");
    if shell::can_run("transcript::stuck") {
        assert_eq!(shell::verdict(sample), verdict, "{what}, in sh");
    }
}

#[test]
fn a_run_that_was_stuck_goes_on_and_its_first_seal_stays() {
    let sample = sample(vec![run_start(), ended(End::Stuck)]);
    expect(&sample, "unsigned", "stuck");
    let read = |name: &str| fs::read(sample.directory.path().join(name)).unwrap();
    let add = |event: Event| {
        let opened = DiskJournal::open(sample.directory.path(), clock()).unwrap();
        runtime().block_on(opened.journal.append(event)).unwrap();
    };
    let resumed = events().into_iter().find(|event| matches!(event, Event::RunResumed(_)));

    let half = || {
        let path = sample.directory.path().join("transcript.jsonl");
        let mut file = fs::OpenOptions::new().append(true).open(path).unwrap();
        file.write_all(b"{\"seq\":3").unwrap();
    };
    half();
    expect(&sample, "torn", "killed while it was resumed");
    add(resumed.unwrap());
    expect(&sample, "unsealed", "resumed");
    assert_eq!(read("seal.json"), sample.seal);
    half();
    expect(&sample, "torn", "killed after it was resumed");
    add(ended(End::RolledBack));
    expect(&sample, "unsigned", "rolled back");
    let (records, seals) = (read("transcript.jsonl"), read("seal.json"));
    assert!(seals.starts_with(&sample.seal) && seals.len() > sample.seal.len());

    sample.put(&records, Some(&sample.seal));
    expect(&sample, "unsealed", "the second seal is missing");
    sample.put(&records, Some(&seals[sample.seal.len()..]));
    expect(&sample, "altered", "the first seal is missing");
    sample.put(&records, None);
    expect(&sample, "altered", "both are missing");
    sample.put(&records, Some(&[&seals[..], b"x"].concat()));
    expect(&sample, "altered", "more than the seals");
}

#[test]
fn no_other_run_goes_on() {
    for end in [End::Completed, End::RolledBack, End::Parked, End::Refused] {
        let sample = sample(vec![run_start(), ended(end)]);
        let opened = DiskJournal::open(sample.directory.path(), clock());
        assert!(matches!(opened, Err(OpenError::Ended(known)) if known == end));
        let start = json!({"at": "x", "boot_ns": 1, "kind": "run.start", "format": 1, "minor": 1, "run": "r"});
        let over = json!({"at": "x", "boot_ns": 1, "kind": "run.end", "end": end.word()});
        let resumed = json!({"at": "x", "boot_ns": 1, "kind": "run.resumed"});
        let (records, seal) = chained(vec![start, over, resumed]);
        sample.put(&records, Some(&seal));
        expect(&sample, "altered", end.word());
    }
}
