//! Whatever is done to a finished transcript, it is not accepted.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt as _;

use crate::transcript::sample::{Sample, sample};

#[test]
fn an_unaltered_transcript_is_accepted() {
    let sample = sample();
    let verification = backstay::transcript::verify(sample.directory.path(), None, None).unwrap();
    assert_eq!(verification.verdict.word(), "unsigned");
    assert_eq!(verification.records, super::events::events().len() as u64);
    assert!(String::from_utf8_lossy(&sample.seal).contains(&verification.head));
}

/// Half of the flips on each of two threads: this is the longest test here.
#[test]
fn no_single_flipped_bit_is_accepted() {
    std::thread::scope(|scope| {
        for parity in 0..2 {
            scope.spawn(move || flip_every_second_byte(&sample(), parity));
        }
    });
}

fn flip_every_second_byte(sample: &Sample, parity: usize) {
    let records = OpenOptions::new()
        .write(true)
        .open(sample.directory.path().join("transcript.jsonl"))
        .unwrap();
    for (place, byte) in sample.records.iter().enumerate().skip(parity).step_by(2) {
        for bit in 0..8 {
            records.write_all_at(&[byte ^ (1 << bit)], place as u64).unwrap();
            assert_ne!(sample.verdict(), "unsigned", "bit {bit} of byte {place}");
        }
        records.write_all_at(&[*byte], place as u64).unwrap();
    }
    assert_eq!(sample.verdict(), "unsigned", "the bytes were not put back");
}

#[test]
fn no_flipped_bit_of_the_seal_is_accepted() {
    let sample = sample();
    let mut seal = sample.seal.clone();
    for place in 0..seal.len() {
        for bit in 0..8 {
            seal[place] ^= 1 << bit;
            sample.put(&sample.records, Some(&seal));
            let verdict = sample.verdict();
            assert!(
                matches!(verdict, "altered" | "version"),
                "bit {bit} of byte {place}: {verdict}"
            );
            seal[place] ^= 1 << bit;
        }
    }
}

#[test]
fn no_cut_is_accepted() {
    let sample = sample();
    for bytes in 0..sample.records.len() {
        let cut = &sample.records[..bytes];
        sample.put(cut, Some(&sample.seal));
        assert_eq!(sample.verdict(), "altered", "sealed, cut at {bytes}");
        sample.put(cut, None);
        let expected = if cut.is_empty() || cut.ends_with(b"\n") {
            "unsealed"
        } else {
            "torn"
        };
        assert_eq!(sample.verdict(), expected, "unsealed, cut at {bytes}");
    }
}

#[test]
fn a_transcript_without_its_seal_is_not_accepted() {
    let sample = sample();
    sample.put(&sample.records, None);
    assert_eq!(sample.verdict(), "unsealed");
    sample.put(&sample.records, Some(b""));
    assert_eq!(sample.verdict(), "altered");
    sample.put(&sample.records, Some(&sample.seal[..sample.seal.len() - 1]));
    assert_eq!(sample.verdict(), "altered");
}

#[test]
fn no_swap_deletion_or_repetition_of_lines_is_accepted() {
    let sample = sample();
    for (what, lines) in line_edits(&sample.lines()) {
        sample.put(&lines.concat(), Some(&sample.seal));
        assert_eq!(sample.verdict(), "altered", "{what}");
    }
}

/// Every swap of two lines, every deletion, every repetition, each with a name.
pub(crate) fn line_edits(lines: &[Vec<u8>]) -> Vec<(String, Vec<Vec<u8>>)> {
    let mut edits = Vec::new();
    for first in 0..lines.len() {
        let mut without = lines.to_vec();
        without.remove(first);
        edits.push((format!("line {first} deleted"), without));
        let mut twice = lines.to_vec();
        twice.insert(first, lines[first].clone());
        edits.push((format!("line {first} repeated"), twice));
        for second in first + 1..lines.len() {
            let mut swapped = lines.to_vec();
            swapped.swap(first, second);
            edits.push((format!("lines {first} and {second} swapped"), swapped));
        }
    }
    edits
}

#[test]
fn another_format_is_named_as_such() {
    let sample = sample();
    let records = String::from_utf8(sample.records.clone()).unwrap();
    sample.put(
        records.replacen("\"format\":1", "\"format\":2", 1).as_bytes(),
        Some(&sample.seal),
    );
    assert_eq!(sample.verdict(), "version");
}
