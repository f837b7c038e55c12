//! The verifier in `sh` shares no code with ours and comes to the same verdicts.
#![expect(clippy::disallowed_methods, reason = "the other verifier is a process")]

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::left_out::leave_out;
use crate::transcript::alterations::line_edits;
use crate::transcript::events::{OUTPUT, OUTPUT_DIGEST};
use crate::transcript::sample::{Sample, chained, sample};
use backstay::transcript::{ReadError, Reader};
use serde_json::{Value, json};

pub(crate) fn verdict(sample: &Sample) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/verify-transcript.sh");
    let output = Command::new("sh")
        .arg(script)
        .arg(sample.directory.path())
        .output()
        .unwrap();
    let verdict = String::from_utf8(output.stdout).unwrap().trim().to_owned();
    assert_eq!(
        output.status.code(),
        Some(i32::from(verdict != "unsigned")),
        "{verdict}"
    );
    verdict
}

/// Records, a seal, and the verdict on them.
type Case<'bytes> = (&'bytes [u8], Option<&'bytes [u8]>, &'static str);

/// Whether `jq` and `sha256sum` are here; says so loudly where they are not.
pub(crate) fn can_run(test: &str) -> bool {
    let has = |program: &str| {
        Command::new(program)
            .arg("--version")
            .output()
            .is_ok_and(|output| output.status.success())
    };
    let can = has("jq") && has("sha256sum");
    if !can {
        leave_out(test, "jq or sha256sum is missing");
    }
    can
}

#[test]
fn agrees_on_whole_and_unfinished_transcripts() {
    if !can_run("shell::agrees_on_whole_and_unfinished_transcripts") {
        return;
    }
    let sample = sample();
    let (records, seal) = (&sample.records[..], &sample.seal[..]);
    let newer = String::from_utf8(records.to_vec())
        .unwrap()
        .replacen("\"format\":1", "\"format\":2", 1);
    let first_line = &sample.lines()[0][..];
    let cases: [Case<'_>; 9] = [
        (records, Some(seal), "unsigned"),
        (records, None, "unsealed"),
        (records, Some(b""), "altered"),
        (&records[..records.len() - 1], None, "torn"),
        (&records[..records.len() - 1], Some(seal), "altered"),
        (&records[..3], None, "torn"),
        (b"", None, "unsealed"),
        (first_line, Some(seal), "altered"),
        (newer.as_bytes(), Some(seal), "version"),
    ];
    for (number, (records, seal, expected)) in cases.into_iter().enumerate() {
        sample.put(records, seal);
        assert_eq!(
            (verdict(&sample).as_str(), sample.verdict()),
            (expected, expected),
            "case {number}"
        );
    }
}

#[test]
fn agrees_on_kinds_and_fields_of_a_later_minor_format() {
    if !can_run("shell::agrees_on_kinds_and_fields_of_a_later_minor_format") {
        return;
    }
    let sample = sample();
    let lines = sample.lines();
    let mut contents: Vec<Value> = lines.iter().map(|line| serde_json::from_slice(line).unwrap()).collect();
    contents[0]["minor"] = 7.into();
    contents[2]["weather"] = json!({"wind": ["from the", "west"]});
    let mut unknown = contents[3].clone();
    unknown["kind"] = "weather".into();
    unknown["run"] = "in the rain".into();
    contents.insert(4, unknown);
    let (records, seal) = chained(contents.clone());
    sample.put(&records, Some(&seal));
    assert_eq!((verdict(&sample).as_str(), sample.verdict()), ("unsigned", "unsigned"));
    let read: Vec<_> = Reader::open(sample.directory.path()).unwrap().collect();
    assert!(read[..4].iter().all(Result::is_ok));
    assert!(
        matches!(read[4], Err(ReadError::Unknown { seq: 5, .. })),
        "{:?}",
        read[4]
    );

    let mut without = contents.clone();
    without[2].as_object_mut().unwrap().shift_remove("kind");
    let mut no_format = contents;
    no_format[0]["format"] = "1".into();
    for (contents, what) in [(without, "kind"), (no_format, "format")] {
        let (records, seal) = chained(contents);
        sample.put(&records, Some(&seal));
        assert_eq!(
            (verdict(&sample).as_str(), sample.verdict()),
            ("altered", "altered"),
            "{what}"
        );
    }
}

#[test]
fn agrees_on_edited_lines() {
    if !can_run("shell::agrees_on_edited_lines") {
        return;
    }
    let sample = sample();
    for (number, (what, lines)) in line_edits(&sample.lines()).into_iter().enumerate() {
        // Every deletion and repetition, and a spread of the swaps.
        if what.contains("swapped") && number % 11 != 0 {
            continue;
        }
        sample.put(&lines.concat(), Some(&sample.seal));
        assert_eq!(verdict(&sample), sample.verdict(), "{what}");
    }
}

#[test]
fn agrees_on_flipped_bits() {
    if !can_run("shell::agrees_on_flipped_bits") {
        return;
    }
    let sample = sample();
    let (mut records, mut seal) = (sample.records.clone(), sample.seal.clone());
    for place in (0..records.len()).step_by(61) {
        let bit = 1 << (place % 8);
        records[place] ^= bit;
        sample.put(&records, Some(&sample.seal));
        assert_eq!(verdict(&sample), sample.verdict(), "bit {bit} of byte {place}");
        records[place] ^= bit;
    }
    for place in (0..seal.len()).step_by(7) {
        seal[place] ^= 1;
        sample.put(&sample.records, Some(&seal));
        assert_eq!(verdict(&sample), sample.verdict(), "byte {place} of the seal");
        seal[place] ^= 1;
    }
}

#[test]
fn agrees_on_outputs() {
    if !can_run("shell::agrees_on_outputs") {
        return;
    }
    let sample = sample();
    let output = sample.directory.path().join("blobs").join(OUTPUT_DIGEST);
    let elsewhere = sample.directory.path().join("elsewhere");
    let changes: [(&str, &dyn Fn()); 5] = [
        ("longer", &|| fs::write(&output, b"long output\n").unwrap()),
        ("removed", &|| fs::remove_file(&output).unwrap()),
        ("a folder", &|| fs::create_dir(&output).unwrap()),
        ("a link", &|| {
            fs::remove_dir(&output).unwrap();
            fs::write(&elsewhere, OUTPUT).unwrap();
            std::os::unix::fs::symlink(&elsewhere, &output).unwrap();
        }),
        ("all of them removed", &|| {
            fs::remove_dir_all(sample.directory.path().join("blobs")).unwrap();
        }),
    ];
    for (what, change) in changes {
        change();
        assert_eq!(
            (verdict(&sample).as_str(), sample.verdict()),
            ("altered", "altered"),
            "{what}"
        );
    }
    // Of a run that has not ended, too.
    sample.put(&sample.records[..sample.records.len() - 1], None);
    assert_eq!((verdict(&sample).as_str(), sample.verdict()), ("altered", "altered"));
}

#[test]
fn agrees_on_how_outputs_are_named() {
    if !can_run("shell::agrees_on_how_outputs_are_named") {
        return;
    }
    let sample = sample();
    let lines = sample.lines();
    let contents: Vec<Value> = lines.iter().map(|line| serde_json::from_slice(line).unwrap()).collect();
    let place = contents
        .iter()
        .position(|content| content["kind"] == "outcome")
        .unwrap();
    for named in [
        json!([["stdout", 5]]),
        json!([["stdout"]]),
        json!([["stdout", "../transcript.jsonl"]]),
        json!([["stdout", "dd"]]),
    ] {
        let mut contents = contents.clone();
        contents[place]["blobs"] = named.clone();
        let (records, seal) = chained(contents);
        sample.put(&records, Some(&seal));
        assert_eq!(
            (verdict(&sample).as_str(), sample.verdict()),
            ("altered", "altered"),
            "{named}"
        );
    }
}
