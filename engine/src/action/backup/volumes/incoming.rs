//! Reads the tar stream in which an engine gives what lies in a container.
//!
//! What such a stream cannot carry: parts of a second, sockets (left out without a word), and of the extended
//! attributes all but capabilities.

use std::collections::BTreeMap;
use std::io::{BufReader, Read};

use tar::{EntryType, Header};

use super::super::bytes::{Hash, encode};
use super::super::manifest::{Entry, EntryKind, is_plain};
use super::super::problem::{Problem, Result, refused, trying};

/// Bytes of a block of tar.
const BLOCK: u64 = 512;
/// The longest description of a member that is read.
const DESCRIPTION_MAX: u64 = 1 << 20;
/// How the names of extended attributes stand in descriptions.
pub(super) const ATTRIBUTE: &str = "SCHILY.xattr.";

/// Something in the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Streamed {
    /// Path below the root; empty for the root.
    pub path: Vec<u8>,
    pub kind: StreamedKind,
    /// Bytes of content that follow.
    pub size: u64,
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    /// Seconds since 1970.
    pub mtime_s: i64,
    pub attributes: Vec<(Vec<u8>, Vec<u8>)>,
}

/// What something in the stream is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum StreamedKind {
    Directory,
    File,
    /// A further name of an earlier file: that one's path.
    HardLink(Vec<u8>),
    /// A symbolic link with its text.
    Symlink(Vec<u8>),
}

impl Streamed {
    /// As an entry of a manifest; the hash is that of its content.
    pub(in super::super) fn entry(&self, part: usize, hash: Hash) -> Entry {
        Entry {
            part,
            path: self.path.clone(),
            kind: match &self.kind {
                StreamedKind::Directory => EntryKind::Directory,
                StreamedKind::File => EntryKind::File { size: self.size, hash },
                StreamedKind::HardLink(to) => EntryKind::HardLink { to: to.clone() },
                StreamedKind::Symlink(target) => EntryKind::Symlink { target: target.clone() },
            },
            mode: self.mode,
            uid: self.uid,
            gid: self.gid,
            mtime_s: self.mtime_s,
            mtime_ns: 0,
            attributes: self.attributes.clone(),
        }
    }
}

/// A stream of the folder `root` of a container.
pub(in super::super) struct Incoming<R> {
    source: BufReader<R>,
    root: &'static str,
    /// What is left of the content of the last member, and of what fills its last block.
    left: u64,
    fill: u64,
}

impl<R: Read> Incoming<R> {
    /// Reads the folder that the engine names `root` in its stream.
    pub(super) fn new(source: R, root: &'static str) -> Self {
        Self {
            source: BufReader::with_capacity(1 << 18, source),
            root,
            left: 0,
            fill: 0,
        }
    }

    /// The next member; `None` at the end. What was not taken of the last one's content is skipped.
    pub(super) fn member(&mut self) -> Result<Option<Streamed>> {
        self.content(&mut |_| Ok(()))?;
        let mut described = Description::default();
        loop {
            let mut header = Header::new_ustar();
            self.source.read_exact(header.as_mut_bytes()).map_err(cut)?;
            if header.as_bytes().iter().all(|byte| *byte == 0) {
                // To its end: only there the engine says that something went wrong.
                std::io::copy(&mut self.source, &mut std::io::sink()).map_err(cut)?;
                return Ok(None);
            }
            let size = header.entry_size().map_err(|_| odd("a size"))?;
            match header.entry_type() {
                EntryType::XHeader => described.add(&self.description(size)?)?,
                EntryType::XGlobalHeader => drop(self.description(size)?),
                EntryType::GNULongName => described.name = Some(text(&self.description(size)?)),
                EntryType::GNULongLink => described.link = Some(text(&self.description(size)?)),
                _ => return self.described(&header, size, &described).map(Some),
            }
        }
    }

    fn description(&mut self, size: u64) -> Result<Vec<u8>> {
        if size > DESCRIPTION_MAX {
            return Err(odd("a description"));
        }
        let mut bytes = Vec::new();
        self.begin(size);
        self.content(&mut |piece| {
            bytes.extend_from_slice(piece);
            Ok(())
        })?;
        Ok(bytes)
    }

    fn begin(&mut self, size: u64) {
        self.left = size;
        self.fill = size.next_multiple_of(BLOCK) - size;
    }

    /// Takes the content of the last member.
    pub(in super::super) fn content(&mut self, sink: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        use std::io::BufRead as _;
        while self.left > 0 {
            let piece = self.source.fill_buf().map_err(cut)?;
            if piece.is_empty() {
                return Err(cut(std::io::ErrorKind::UnexpectedEof.into()));
            }
            let count = piece.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
            sink(&piece[..count])?;
            self.source.consume(count);
            self.left -= count as u64;
        }
        let mut rest = vec![0; usize::try_from(std::mem::take(&mut self.fill)).unwrap_or(0)];
        self.source.read_exact(&mut rest).map_err(cut)
    }

    fn described(&mut self, header: &Header, size: u64, described: &Description) -> Result<Streamed> {
        let size = described.number("size")?.unwrap_or(size);
        self.begin(size);
        let fields = header.as_old();
        let name = described
            .name
            .clone()
            .unwrap_or_else(|| header.path_bytes().into_owned());
        let link = described.link.clone().unwrap_or_else(|| text(&fields.linkname));
        let path = self.below_root(&name)?;
        let kind = match header.entry_type() {
            EntryType::Directory => StreamedKind::Directory,
            EntryType::Regular => StreamedKind::File,
            EntryType::Link => StreamedKind::HardLink(self.below_root(&link)?),
            EntryType::Symlink => StreamedKind::Symlink(link),
            other => {
                let word = match other {
                    EntryType::Fifo => "named pipe",
                    EntryType::Char | EntryType::Block => "device",
                    _ => "thing of a kind",
                };
                return refused(format!(
                    "{} in the volume is a {word}, which no backup can keep: stop what made it and remove it",
                    encode(&path)
                ));
            }
        };
        let narrow = |number: Option<u64>, field: std::io::Result<u64>, what| match (number, field) {
            (Some(number), _) | (None, Ok(number)) => u32::try_from(number).map_err(|_| odd(what)),
            (None, Err(_)) => Err(odd(what)),
        };
        let mtime_s = match described.values.get("mtime") {
            Some(time) => seconds(time).ok_or_else(|| odd("a time"))?,
            None => header.mtime().ok().and_then(|time| time.try_into().ok()).unwrap_or(0),
        };
        Ok(Streamed {
            path,
            kind,
            size,
            mode: header.mode().map_err(|_| odd("a mode"))? & 0o7777,
            uid: narrow(described.number("uid")?, header.uid(), "an owner")?,
            gid: narrow(described.number("gid")?, header.gid(), "a group")?,
            mtime_s,
            attributes: described.attributes(),
        })
    }

    fn below_root(&self, name: &[u8]) -> Result<Vec<u8>> {
        let name = name.strip_suffix(b"/").unwrap_or(name);
        let path = match name.strip_prefix(self.root.as_bytes()) {
            Some([]) => &[],
            Some([b'/', path @ ..]) => path,
            _ => return Err(odd("a name")),
        };
        if is_plain(path) {
            Ok(path.to_vec())
        } else {
            Err(odd("a name"))
        }
    }
}

/// What stands before a member because its header has no room for it.
#[derive(Default)]
struct Description {
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    values: BTreeMap<String, Vec<u8>>,
}

impl Description {
    /// Records of the form `LENGTH NAME=VALUE` and a line end; the length counts all of it.
    fn add(&mut self, bytes: &[u8]) -> Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let (record, after) = record(rest).ok_or_else(|| odd("a description"))?;
            rest = after;
            let end = record.iter().position(|byte| *byte == b'=');
            let (name, value) = record.split_at(end.ok_or_else(|| odd("a description"))?);
            let value = value[1..].to_vec();
            match name {
                b"path" => self.name = Some(value),
                b"linkpath" => self.link = Some(value),
                _ => {
                    self.values.insert(String::from_utf8_lossy(name).into_owned(), value);
                }
            }
        }
        Ok(())
    }

    fn number(&self, name: &str) -> Result<Option<u64>> {
        let Some(value) = self.values.get(name) else {
            return Ok(None);
        };
        let number = std::str::from_utf8(value).ok().and_then(|value| value.parse().ok());
        number.map(Some).ok_or_else(|| odd("a number"))
    }

    fn attributes(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let attribute = |(name, value): (&String, &Vec<u8>)| {
            let name = name.strip_prefix(ATTRIBUTE)?;
            Some((name.as_bytes().to_vec(), value.clone()))
        };
        self.values.iter().filter_map(attribute).collect()
    }
}

/// The first record without its length and line end, and what follows it.
fn record(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let blank = bytes.iter().take(20).position(|byte| *byte == b' ')?;
    let length: usize = std::str::from_utf8(&bytes[..blank]).ok()?.parse().ok()?;
    let record = bytes.get(blank + 1..length)?.strip_suffix(b"\n")?;
    Some((record, &bytes[length..]))
}

/// Whole seconds of a time like `-12.5`: the next one below.
fn seconds(time: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(time).ok()?;
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let seconds: i64 = whole.parse().ok()?;
    let is_below = whole.starts_with('-') && part.bytes().any(|digit| digit != b'0');
    seconds.checked_sub(i64::from(is_below))
}

/// A field up to its first zero.
fn text(field: &[u8]) -> Vec<u8> {
    field.split(|byte| *byte == 0).next().unwrap_or_default().to_vec()
}

fn cut(error: std::io::Error) -> Problem {
    trying(|| "the container engine did not give all of the volume".to_owned())(error)
}

fn odd(what: &str) -> Problem {
    Problem::Refused(format!(
        "{what} in what the container engine gave of the volume cannot be read"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_cut_to_the_second_below() {
        let cases = [
            ("5", 5),
            ("5.9", 5),
            ("-5", -5),
            ("-5.0", -5),
            ("-5.1", -6),
            ("-0.5", -1),
        ];
        for (text, expected) in cases {
            assert_eq!(seconds(text.as_bytes()), Some(expected), "{text}");
        }
    }

    #[test]
    fn a_value_may_hold_a_line_end() {
        let mut described = Description::default();
        let records = b"31 SCHILY.xattr.user.a=1\n2=3\nx\n12 uid=1234\n";
        described.add(records).unwrap_or_else(|problem| panic!("{problem}"));
        assert_eq!(described.attributes(), [(b"user.a".to_vec(), b"1\n2=3\nx".to_vec())]);
        assert!(matches!(described.number("uid"), Ok(Some(1234))));
    }
}
