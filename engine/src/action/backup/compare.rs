//! Compares what lies somewhere with what the manifest says.

use std::collections::{BTreeMap, BTreeSet};

use super::bytes::encode;
use super::manifest::{Entry, EntryKind};
use super::survey::Contents;

/// The first difference, in words; `None` where both are equal.
pub(super) fn difference(expected: &[Entry], actual: &[Entry], contents: Contents) -> Option<String> {
    let actual_by_name: BTreeMap<_, _> = actual.iter().map(|entry| ((entry.part, &entry.path), entry)).collect();
    if actual_by_name.len() != actual.len() {
        return Some("a name is there twice".to_owned());
    }
    let mut expected_names = BTreeSet::new();
    for entry in expected {
        let name = (entry.part, &entry.path);
        if !expected_names.insert(name) {
            return Some(format!("{} is named twice", shown(entry)));
        }
        match actual_by_name.get(&name) {
            None => return Some(format!("{} is missing", shown(entry))),
            Some(found) => {
                if let Some(what) = different(entry, found, contents) {
                    return Some(format!("{} differs in its {what}", shown(entry)));
                }
            }
        }
    }
    actual
        .iter()
        .find(|entry| !expected_names.contains(&(entry.part, &entry.path)))
        .map(|entry| format!("{} should not be there", shown(entry)))
}

fn shown(entry: &Entry) -> String {
    if entry.path.is_empty() {
        format!("part {}", entry.part + 1)
    } else {
        encode(&entry.path)
    }
}

fn different(expected: &Entry, actual: &Entry, contents: Contents) -> Option<&'static str> {
    let is_same_kind = match (&expected.kind, &actual.kind) {
        (
            EntryKind::File { size, hash },
            EntryKind::File {
                size: size_found,
                hash: hash_found,
            },
        ) => {
            if size != size_found {
                return Some("size");
            }
            if contents == Contents::Hash && hash != hash_found {
                return Some("content");
            }
            true
        }
        (expected, actual) => expected == actual,
    };
    if !is_same_kind {
        return Some("kind or link");
    }
    if expected.mode != actual.mode {
        return Some("mode");
    }
    if (expected.uid, expected.gid) != (actual.uid, actual.gid) {
        return Some("owner");
    }
    if (expected.mtime_s, expected.mtime_ns) != (actual.mtime_s, actual.mtime_ns) {
        return Some("time of change");
    }
    (expected.attributes != actual.attributes).then_some("extended attributes")
}
