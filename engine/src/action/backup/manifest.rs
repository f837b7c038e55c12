//! The manifest: what an archive must hold, entry by entry.
//!
//! It is JSON Lines: the header, one line for each entry in the order of the archive, a last line with
//! their number.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use serde::{Deserialize, Serialize};

use super::bytes::Bytes;
use super::entry::{Contents, Entries, Entry, difference, see};
use super::problem::{Problem, Result, damaged, trying};
use crate::action::common::blocking::Stop;

/// The version of the archive's format.
const FORMAT: u32 = 1;

/// What an archive says of itself before its entries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Header {
    pub format: u32,
    /// The program that wrote it.
    pub program: String,
    /// The key of the attempt that made it.
    pub key: String,
    pub state: String,
    /// When it was begun, RFC 3339.
    pub made_at: String,
    /// Bytes of content, before compression.
    pub bytes: u64,
    /// The parts of the state.
    pub parts: Vec<PartHeader>,
}

impl Header {
    /// Of an archive that is made now.
    pub(super) fn new(key: &str, state: &str, parts: Vec<PartHeader>) -> Self {
        Self {
            format: FORMAT,
            program: concat!("backstay ", env!("CARGO_PKG_VERSION")).to_owned(),
            key: key.to_owned(),
            state: state.to_owned(),
            made_at: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            bytes: parts.iter().map(|part| part.bytes).sum(),
            parts,
        }
    }

    /// Where each part really lies.
    pub(super) fn places(&self) -> Vec<String> {
        self.parts.iter().map(|part| part.path.to_string()).collect()
    }

    /// Whether this program reads it.
    pub(super) fn is_known(&self) -> bool {
        self.format == FORMAT
    }
}

/// A part of the state in the header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PartHeader {
    pub kind: PartKind,
    /// Where it really lies.
    pub path: Bytes,
    /// Where the runbook says that it lies; differs where a symbolic link is on the way.
    pub named: Bytes,
    pub present: bool,
    /// Bytes of its content.
    pub bytes: u64,
    /// The volume that it is; none for a path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume: Option<VolumeHeader>,
    /// The places in it that are no part of it, below its root.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<Bytes>,
}

/// A part that is a volume of a container engine.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct VolumeHeader {
    pub name: String,
    /// The driver that keeps it.
    pub driver: String,
    /// Whether the driver was given options. They are not kept: they may hold a password.
    pub has_options: bool,
    pub labels: BTreeMap<String, String>,
    /// Where its engine keeps it; empty where the driver does not say.
    pub mountpoint: String,
    /// Whether a helper container reads and writes it, because its files cannot be reached from here.
    pub through_helper: bool,
}

impl VolumeHeader {
    /// A volume of which nothing is known but its name.
    pub(super) fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            through_helper: true,
            ..Self::default()
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum PartKind {
    /// A directory with all in it.
    Tree,
    File,
}

impl PartKind {
    /// As people say it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Tree => "directory",
            Self::File => "file",
        }
    }
}

const UNREADABLE: &str = "the manifest of the archive cannot be read";

#[derive(Serialize, Deserialize)]
struct LastLine {
    entries: u64,
}

/// A whole manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Manifest {
    pub header: Header,
    /// The entries, in the order of the archive.
    pub entries: Vec<Entry>,
}

impl Manifest {
    /// The entries of one part.
    pub(super) fn of_part(&self, part: usize) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.part == part)
    }

    /// As JSON Lines.
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.write(&mut bytes)?;
        Ok(bytes)
    }

    fn write(&self, to: &mut impl io::Write) -> Result<()> {
        add(to, &self.header)?;
        self.entries.iter().try_for_each(|entry| add(to, entry))?;
        let entries = self.entries.len() as u64;
        add(to, &LastLine { entries })
    }

    /// From JSON Lines; refuses everything that this program would not have written.
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let lines: Vec<&[u8]> = bytes.trim_ascii_end().split(|byte| *byte == b'\n').collect();
        let (header, entries) = match lines.as_slice() {
            [header, entries @ .., _] => (serde_json::from_slice(header).ok(), entries),
            _ => (None, [].as_slice()),
        };
        let Some(header) = header else {
            return damaged(UNREADABLE);
        };
        let mut manifest = Self {
            header,
            entries: Vec::new(),
        };
        for (number, line) in entries.iter().enumerate() {
            let entry = serde_json::from_slice::<Entry>(line).ok();
            match entry.filter(|entry| entry.mode <= 0o7777 && entry.mtime_ns < 1_000_000_000) {
                Some(entry) => manifest.entries.push(entry),
                None => return damaged(format!("entry {} of the archive's manifest cannot be read", number + 1)),
            }
        }
        if !manifest.is(bytes)? {
            return damaged("the manifest of the archive is not one that `backup.create` writes");
        }
        manifest.refuse_twice()?;
        Ok(manifest)
    }

    /// The manifest that these bytes are, held against the entries that were seen in the archive: in its order, none
    /// missing, none more.
    pub(super) fn of_entries(bytes: &[u8], seen: Vec<Entry>) -> Result<Self> {
        let header = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let Ok(header) = serde_json::from_slice(header) else {
            return damaged(UNREADABLE);
        };
        let manifest = Self { header, entries: seen };
        if !manifest.is(bytes)? {
            return Err(Self::from_bytes(bytes)?.odd(&manifest.entries));
        }
        manifest.refuse_twice()?;
        Ok(manifest)
    }

    /// Whether it is written as these bytes.
    fn is(&self, bytes: &[u8]) -> Result<bool> {
        let mut rest = Rest(Some(bytes));
        self.write(&mut rest)?;
        Ok(rest.0.is_some_and(<[u8]>::is_empty))
    }

    fn refuse_twice(&self) -> Result<()> {
        let mut seen = BTreeSet::new();
        match (self.entries.iter()).find(|entry| !seen.insert((entry.part, &entry.path))) {
            Some(entry) => damaged(format!("the archive's manifest names {} twice", entry.path)),
            None => Ok(()),
        }
    }

    /// In what the entries of an archive are not as it says.
    fn odd(&self, seen: &[Entry]) -> Problem {
        let odd = self.entries.iter().zip(seen).find(|(expected, seen)| expected != seen);
        Problem::Damaged(match odd {
            Some((entry, _)) => format!("{} in the archive is not as its manifest says", entry.path),
            None => format!(
                "the archive holds {} entries, its manifest names {}",
                seen.len(),
                self.entries.len()
            ),
        })
    }
}

/// In what a part of the file system, or of a volume, is not as its manifest says; `None` where it is. It is walked
/// once, since what was seen to differ must not be looked at until it does not; both mostly stand in the same order, and
/// what does is not kept.
pub(super) fn compare(
    manifest: &Manifest,
    actual: &dyn Entries,
    part: usize,
    contents: Contents,
    stop: &Stop,
) -> Result<Option<String>> {
    let mut expected = manifest.of_part(part).peekable();
    let mut rest = Vec::new();
    see(actual, part, contents, stop, &mut |entry| {
        let known = expected.next_if(|known| known.different(&entry, contents).is_none());
        if known.is_none() {
            rest.push(entry);
        }
    })?;
    Ok(difference(expected, &rest, contents))
}

fn add(to: &mut impl io::Write, line: &impl Serialize) -> Result<()> {
    let failed = || "cannot write the manifest".to_owned();
    serde_json::to_writer(&mut *to, line).map_err(trying(failed))?;
    to.write_all(b"\n").map_err(trying(failed))
}

/// What is left of bytes that are written once more; `None` once they differ.
struct Rest<'b>(Option<&'b [u8]>);

impl io::Write for Rest<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.and_then(|rest| rest.strip_prefix(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use std::cell::Cell;

    use super::super::entry::Take;
    use super::*;

    /// What each walk finds, one after the other; the last stays.
    struct Walks(Vec<Vec<Entry>>, Cell<usize>);

    impl Entries for Walks {
        fn each(&self, _: usize, _: &Stop, take: &mut Take<'_>) -> Result<()> {
            let walk = self.1.replace((self.1.get() + 1).min(self.0.len() - 1));
            (self.0[walk].iter()).try_for_each(|entry| take(entry.clone(), &mut |_| Ok(())))
        }
    }

    #[test]
    fn what_was_seen_to_differ_is_not_looked_at_until_it_does_not() {
        let manifest = Manifest {
            header: Header::new("key", "state", Vec::new()),
            entries: vec![Entry::file("a", 1), Entry::file("b", 1), Entry::file("c", 1)],
        };
        let now = |found: &[(&str, u64)]| {
            let found = found.iter().map(|(path, size)| Entry::file(path, *size));
            found.collect::<Vec<_>>()
        };
        let same = now(&[("a", 1), ("b", 1), ("c", 1)]);
        for (found, words) in [
            (same.clone(), None),
            (now(&[("c", 1), ("a", 1), ("b", 1)]), None),
            (now(&[("a", 1), ("b", 2), ("c", 1)]), Some("b differs in its size")),
            (now(&[("a", 1), ("c", 1)]), Some("b is missing")),
            (
                now(&[("a", 1), ("b", 1), ("b2", 1), ("c", 1)]),
                Some("b2 should not be there"),
            ),
            (
                now(&[("a", 1), ("b", 1), ("c", 1), ("a", 1)]),
                Some("a should not be there"),
            ),
        ] {
            let walks = Walks(vec![found, same.clone()], Cell::new(0));
            let stop = Stop::never();
            let difference = compare(&manifest, &walks, 0, Contents::Skip, &stop).unwrap();
            assert_eq!(difference.as_deref(), words);
        }
    }
}
