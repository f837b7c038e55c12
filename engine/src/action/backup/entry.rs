//! The one form in which entries of protected state come: from a directory of this machine, from a volume through a
//! helper container, and from an archive.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use super::bytes::{Bytes, Hash};
use super::problem::{Result, refused};
use crate::action::common::blocking::Stop;

/// One entry of an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// Which part, from 0.
    pub part: usize,
    /// Path below the part's root; empty for the root.
    pub path: Bytes,
    #[serde(flatten)]
    pub kind: EntryKind,
    /// Permission bits, with set-uid and the like.
    #[serde(serialize_with = "to_octal", deserialize_with = "from_octal")]
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    /// Seconds since 1970, rounded down.
    pub mtime_s: i64,
    /// Nanoseconds beside them.
    pub mtime_ns: u32,
    /// Extended attributes by name, ACLs among them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<(Bytes, Bytes)>,
    /// How many bytes of a file's content are in holes.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub holes: u64,
    /// What `chattr` set, as far as it can be given back.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub marks: u32,
}

fn is_zero<T: Default + PartialEq>(number: &T) -> bool {
    *number == T::default()
}

/// Bytes of an entry's header and of its line in the manifest.
pub(super) const ENTRY_BYTES: u64 = 1024;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum EntryKind {
    Directory,
    File {
        /// Bytes.
        size: u64,
        /// SHA-256 of the content; zero where that was not read.
        #[serde(serialize_with = "to_hex", deserialize_with = "from_hex")]
        sha256: Hash,
    },
    /// A further name of a file that stands earlier in the same part: its path.
    HardLink {
        to: Bytes,
    },
    Symlink {
        to: Bytes,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn to_octal<S: Serializer>(mode: &u32, to: S) -> std::result::Result<S::Ok, S::Error> {
    to.collect_str(&format_args!("{mode:04o}"))
}

fn from_octal<'d, D: Deserializer<'d>>(from: D) -> std::result::Result<u32, D::Error> {
    u32::from_str_radix(&String::deserialize(from)?, 8).map_err(serde::de::Error::custom)
}

fn to_hex<S: Serializer>(hash: &Hash, to: S) -> std::result::Result<S::Ok, S::Error> {
    to.serialize_str(&crate::digest::hex(hash))
}

fn from_hex<'d, D: Deserializer<'d>>(from: D) -> std::result::Result<Hash, D::Error> {
    let hash = crate::digest::from_hex(&String::deserialize(from)?).and_then(|bytes| bytes.try_into().ok());
    hash.ok_or_else(|| serde::de::Error::custom("this is no SHA-256"))
}

/// Takes a piece of content.
pub(super) type Sink<'s> = dyn FnMut(&[u8]) -> Result<()> + 's;
/// Gives the content of a file, exactly as many bytes as its entry says, piece by piece; of other entries nothing. It
/// can be asked once, or left.
pub(super) type Content<'c> = dyn FnMut(&mut Sink<'_>) -> Result<()> + 'c;
/// Takes an entry, whose content has not been read yet.
pub(super) type Take<'t> = dyn FnMut(Entry, &mut Content<'_>) -> Result<()> + 't;

/// Where the entries of a part come from.
pub(super) trait Entries {
    /// Gives every entry, with this number of its part: a directory before what is in it, a file before its further
    /// names.
    fn each(&self, part: usize, stop: &Stop, take: &mut Take<'_>) -> Result<()>;
}

/// Whether contents are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Contents {
    /// Every file is read and hashed.
    Hash,
    /// Only what is known without reading; hashes are zero.
    Skip,
}

/// Exactly what is there.
pub(super) fn scan(source: &dyn Entries, part: usize, contents: Contents, stop: &Stop) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    see(source, part, contents, stop, &mut |entry| entries.push(entry))?;
    Ok(entries)
}

/// The same, one after the other.
pub(super) fn see(
    source: &dyn Entries,
    part: usize,
    contents: Contents,
    stop: &Stop,
    take: &mut dyn FnMut(Entry),
) -> Result<()> {
    source.each(part, stop, &mut |mut entry, content| {
        if contents == Contents::Hash {
            entry.take_content(content, &mut |_| Ok(()))?;
        }
        take(entry);
        Ok(())
    })
}

impl Entry {
    /// A file for its owner alone, of no time, whose content has not been read.
    pub(super) fn file(name: &str, size: u64) -> Self {
        Self {
            part: 0,
            path: Bytes::from(name.as_bytes()),
            kind: EntryKind::File { size, sha256: [0; 32] },
            mode: 0o600,
            uid: 0,
            gid: 0,
            mtime_s: 0,
            mtime_ns: 0,
            attributes: Vec::new(),
            holes: 0,
            marks: 0,
        }
    }

    /// Bytes of content.
    pub(super) fn size(&self) -> u64 {
        match self.kind {
            EntryKind::File { size, .. } => size,
            _ => 0,
        }
    }

    /// Bytes that it takes on a disk, about.
    pub(super) fn room(&self) -> u64 {
        ENTRY_BYTES + self.size().saturating_sub(self.holes)
    }

    /// Hands the content of a file on, and notes its hash.
    pub(super) fn take_content(&mut self, content: &mut Content<'_>, sink: &mut Sink<'_>) -> Result<()> {
        if let EntryKind::File { sha256, .. } = &mut self.kind {
            let mut hasher = Sha256::new();
            content(&mut |piece| {
                hasher.update(piece);
                sink(piece)
            })?;
            *sha256 = hasher.finalize().into();
        }
        Ok(())
    }

    fn name(&self) -> (usize, &Bytes) {
        (self.part, &self.path)
    }

    fn shown(&self) -> String {
        if self.path.is_empty() {
            format!("part {}", self.part + 1)
        } else {
            self.path.to_string()
        }
    }

    /// In what another entry is not as this one says; `None` where it is.
    pub(super) fn different(&self, actual: &Self, contents: Contents) -> Option<&'static str> {
        let in_kind = match (&self.kind, &actual.kind) {
            (
                EntryKind::File { size, sha256 },
                EntryKind::File {
                    size: now,
                    sha256: hash,
                },
            ) => {
                if size != now {
                    return Some("size");
                }
                (contents == Contents::Hash && sha256 != hash).then_some("content")
            }
            (expected, actual) => (expected != actual).then_some("kind or link"),
        };
        let is_as_said = [
            (self.name() == actual.name(), "name"),
            (self.mode == actual.mode, "mode"),
            ((self.uid, self.gid) == (actual.uid, actual.gid), "owner"),
            (
                (self.mtime_s, self.mtime_ns) == (actual.mtime_s, actual.mtime_ns),
                "time of change",
            ),
            (self.attributes == actual.attributes, "extended attributes"),
        ];
        let in_rest = || is_as_said.iter().find(|(is_same, _)| !is_same).map(|(_, what)| *what);
        in_kind.or_else(in_rest)
    }
}

/// The first difference, in words; `None` where both are equal.
pub(super) fn difference<'e>(
    expected: impl IntoIterator<Item = &'e Entry>,
    actual: &[Entry],
    contents: Contents,
) -> Option<String> {
    let found: BTreeMap<_, _> = actual.iter().map(|entry| (entry.name(), entry)).collect();
    if found.len() != actual.len() {
        return Some("a name is there twice".to_owned());
    }
    let mut names = BTreeSet::new();
    for entry in expected {
        if !names.insert(entry.name()) {
            return Some(format!("{} is named twice", entry.shown()));
        }
        match found.get(&entry.name()) {
            None => return Some(format!("{} is missing", entry.shown())),
            Some(found) => {
                if let Some(what) = entry.different(found, contents) {
                    return Some(format!("{} differs in its {what}", entry.shown()));
                }
            }
        }
    }
    let more = actual.iter().find(|entry| !names.contains(&entry.name()));
    more.map(|entry| format!("{} should not be there", entry.shown()))
}

/// The one extended attribute that streams carry both ways.
const CAPABILITY: &[u8] = b"security.capability";
/// Refuses what goes lost on the way through a helper container. Beside these it carries no parts of a second and no sockets.
pub(super) fn refuse_lost<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Result<()> {
    for entry in entries {
        let attribute = entry.attributes.iter().find(|(name, _)| **name != *CAPABILITY);
        let what = match attribute {
            Some((name, _)) => format!("the extended attribute {name}"),
            None if entry.marks != 0 => "marks of `chattr`".to_owned(),
            None if entry.mtime_s < 0 => "a time before 1970".to_owned(),
            None => continue,
        };
        return refused(format!(
            "{} in the volume has {what}, which a helper container cannot give back: run as root on the machine of the container engine",
            entry.path
        ));
    }
    Ok(())
}

/// Whether a path may stand in an archive: below its root, in normal form.
pub(super) fn is_plain(path: &[u8]) -> bool {
    let is_name = |part: &[u8]| !part.is_empty() && part != b"." && part != b".." && !part.contains(&0);
    path.is_empty() || path.split(|byte| *byte == b'/').all(is_name)
}
