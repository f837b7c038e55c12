//! The manifest: what an archive must hold, entry by entry.
//!
//! It is JSON Lines: the header, one line for each entry in the order of the archive, a last line with
//! their number. Names keep every byte (see `bytes`). The lines are twins of the working types.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::bytes::{Hash, decode, encode, from_hex};
use super::problem::{Result, damaged};
use crate::digest::hex;

/// The version of the archive's format.
pub(super) const FORMAT: u32 = 1;

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

/// A part of the state in the header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PartHeader {
    pub kind: PartKind,
    /// Where it really lies, encoded.
    pub path: String,
    /// Where the runbook says that it lies, encoded; differs where a symbolic link is on the way.
    pub named: String,
    pub present: bool,
    /// Bytes of its content.
    pub bytes: u64,
    /// The volume that it is; none for a path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume: Option<VolumeHeader>,
}

/// A part that is a volume of a container engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
            driver: String::new(),
            has_options: false,
            labels: BTreeMap::new(),
            mountpoint: String::new(),
            through_helper: true,
        }
    }
}

/// Tree or file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum PartKind {
    /// A directory with all in it.
    Tree,
    File,
}

/// One entry of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Which part, from 0.
    pub part: usize,
    /// Path below the part's root; empty for the root.
    pub path: Vec<u8>,
    pub kind: EntryKind,
    /// Permission bits, with set-uid and the like.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    /// Seconds since 1970.
    pub mtime_s: i64,
    /// Nanoseconds beside them.
    pub mtime_ns: u32,
    /// Extended attributes by name, ACLs among them.
    pub attributes: Vec<(Vec<u8>, Vec<u8>)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum EntryKind {
    Directory,
    /// A file with its bytes and hash.
    File {
        /// Bytes.
        size: u64,
        /// SHA-256 of the content.
        hash: Hash,
    },
    /// A further name of a file that stands earlier in the same part.
    HardLink {
        /// That file's path below the root.
        to: Vec<u8>,
    },
    Symlink {
        target: Vec<u8>,
    },
}

impl EntryKind {
    fn word(&self) -> &'static str {
        match self {
            Self::Directory => "directory",
            Self::File { .. } => "file",
            Self::HardLink { .. } => "hard link",
            Self::Symlink { .. } => "symlink",
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EntryLine {
    part: usize,
    path: String,
    #[serde(rename = "type")]
    kind: String,
    mode: String,
    uid: u32,
    gid: u32,
    mtime: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    xattrs: Vec<(String, String)>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LastLine {
    entries: u64,
}

impl From<&Entry> for EntryLine {
    fn from(entry: &Entry) -> Self {
        let (size, sha256, to) = match &entry.kind {
            EntryKind::Directory => (None, None, None),
            EntryKind::File { size, hash } => (Some(*size), Some(hex(hash)), None),
            EntryKind::HardLink { to } => (None, None, Some(encode(to))),
            EntryKind::Symlink { target } => (None, None, Some(encode(target))),
        };
        Self {
            part: entry.part,
            path: encode(&entry.path),
            kind: entry.kind.word().to_owned(),
            mode: format!("{:04o}", entry.mode),
            uid: entry.uid,
            gid: entry.gid,
            mtime: format!("{}.{:09}", entry.mtime_s, entry.mtime_ns),
            size,
            sha256,
            to,
            xattrs: entry
                .attributes
                .iter()
                .map(|(name, value)| (encode(name), encode(value)))
                .collect(),
        }
    }
}

impl EntryLine {
    fn entry(self) -> Option<Entry> {
        let kind = match (self.kind.as_str(), self.size, &self.sha256, &self.to) {
            ("directory", None, None, None) => EntryKind::Directory,
            ("file", Some(size), Some(hash), None) => EntryKind::File {
                size,
                hash: from_hex(hash)?,
            },
            ("hard link", None, None, Some(to)) => EntryKind::HardLink { to: decode(to)? },
            ("symlink", None, None, Some(target)) => EntryKind::Symlink {
                target: decode(target)?,
            },
            _ => return None,
        };
        let (seconds, nanoseconds) = self.mtime.split_once('.')?;
        let mut attributes = Vec::new();
        for (name, value) in &self.xattrs {
            attributes.push((decode(name)?, decode(value)?));
        }
        Some(Entry {
            part: self.part,
            path: decode(&self.path)?,
            kind,
            mode: u32::from_str_radix(&self.mode, 8).ok().filter(|mode| *mode <= 0o7777)?,
            uid: self.uid,
            gid: self.gid,
            mtime_s: seconds.parse().ok()?,
            mtime_ns: nanoseconds.parse().ok().filter(|ns| *ns < 1_000_000_000)?,
            attributes,
        })
    }
}

/// A whole manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Manifest {
    pub header: Header,
    /// The entries, in the order of the archive.
    pub entries: Vec<Entry>,
}

impl Manifest {
    /// As JSON Lines.
    pub(super) fn to_bytes(&self) -> serde_json::Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec(&self.header)?;
        bytes.push(b'\n');
        for entry in &self.entries {
            serde_json::to_writer(&mut bytes, &EntryLine::from(entry))?;
            bytes.push(b'\n');
        }
        serde_json::to_writer(
            &mut bytes,
            &LastLine {
                entries: self.entries.len() as u64,
            },
        )?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// From JSON Lines; refuses every line that this program would not have written.
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let Some(bytes) = bytes.strip_suffix(b"\n") else {
            return damaged("the manifest of the archive is cut off");
        };
        let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
        let last = lines
            .pop()
            .and_then(|line| serde_json::from_slice::<LastLine>(line).ok());
        let mut lines = lines.into_iter();
        let header = lines
            .next()
            .and_then(|line| serde_json::from_slice::<Header>(line).ok());
        let (Some(header), Some(last)) = (header, last) else {
            return damaged("the manifest of the archive cannot be read");
        };
        let mut entries = Vec::new();
        let mut seen = BTreeSet::new();
        for (number, line) in lines.enumerate() {
            let entry = serde_json::from_slice::<EntryLine>(line)
                .ok()
                .and_then(EntryLine::entry);
            let Some(entry) = entry else {
                return damaged(format!("entry {} of the archive's manifest cannot be read", number + 1));
            };
            if !seen.insert((entry.part, entry.path.clone())) {
                return damaged(format!("the archive's manifest names {} twice", encode(&entry.path)));
            }
            entries.push(entry);
        }
        if entries.len() as u64 != last.entries {
            return damaged("the manifest of the archive lacks entries");
        }
        Ok(Self { header, entries })
    }
}

/// Whether a path may stand in an archive: below its root, in normal form.
pub(super) fn is_plain(path: &[u8]) -> bool {
    path.is_empty()
        || path
            .split(|byte| *byte == b'/')
            .all(|part| !part.is_empty() && part != b"." && part != b".." && !part.contains(&0))
}
