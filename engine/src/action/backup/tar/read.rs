//! Reads a tar stream.

use std::collections::BTreeMap;
use std::io::{self, BufRead};

use ::tar::{EntryType, Header};

use super::super::bytes::Bytes;
use super::super::entry::{Entry, EntryKind, Sink, is_plain};
use super::super::problem::{Problem, Result, damaged, refused, trying};
use super::{BLOCK, HOLES, MARKS, attributes, head, moment, number, records, to_block};

/// The longest description of an entry that is read, in bytes.
const DESCRIPTION_MAX: u64 = 16 << 20;

/// Who wrote a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Origin {
    /// Our own writer: only what it would write is accepted, so that no two readers can differ about it.
    Archive,
    /// A container engine.
    Engine,
}

impl Origin {
    fn odd(self, what: &str) -> Problem {
        match self {
            Self::Archive => Problem::Damaged(format!("{what} in the archive is not as `backup.create` writes it")),
            Self::Engine => Problem::Refused(format!(
                "{what} in what the container engine gave of the volume cannot be read"
            )),
        }
    }

    fn cut(self, error: io::Error) -> Problem {
        match self {
            Self::Archive if error.kind() == io::ErrorKind::UnexpectedEof => {
                Problem::Damaged("the archive is cut off".to_owned())
            }
            Self::Archive => Problem::Damaged(format!("the archive cannot be decompressed: {error}")),
            Self::Engine => trying(|| "the container engine did not give all of the volume".to_owned())(error),
        }
    }
}

/// Gives entries in order.
pub(in super::super) struct Reader<R> {
    source: R,
    from: Origin,
    /// What is left of the content of the last entry, and of what fills its last block.
    left: u64,
    fill: usize,
}

impl<R: BufRead> Reader<R> {
    pub(in super::super) fn new(source: R, from: Origin) -> Self {
        Self {
            source,
            from,
            left: 0,
            fill: 0,
        }
    }

    /// The root and the entry below it; `None` at the end. What was not taken of the last one's content is skipped.
    pub(in super::super) fn entry(&mut self) -> Result<Option<(String, Entry)>> {
        self.content(&mut |_| Ok(()))?;
        let mut read = Vec::new();
        let mut described = BTreeMap::new();
        loop {
            let mut header = Header::new_ustar();
            self.exact(header.as_mut_bytes())?;
            if header.as_bytes().iter().all(|byte| *byte == 0) {
                return self.end(read.is_empty());
            }
            read.extend_from_slice(header.as_bytes());
            let size = header.entry_size().map_err(|_| self.from.odd("a size"))?;
            let name = match header.entry_type() {
                EntryType::XHeader => {
                    let records = records(&self.description(size, &mut read)?);
                    described.extend(records.ok_or_else(|| self.from.odd("a description"))?);
                    continue;
                }
                EntryType::XGlobalHeader => b"".as_slice(),
                EntryType::GNULongName => b"path",
                EntryType::GNULongLink => b"linkpath",
                _ => {
                    let (root, entry) = self.described(&header, size, &described)?;
                    if self.from == Origin::Archive && head(&root, &entry) != read {
                        return Err(self.from.odd("a header"));
                    }
                    return Ok(Some((root, entry)));
                }
            };
            let long = text(&self.description(size, &mut read)?);
            described.insert(name.to_vec(), long);
        }
    }

    fn exact(&mut self, bytes: &mut [u8]) -> Result<()> {
        self.source.read_exact(bytes).map_err(|error| self.from.cut(error))
    }

    fn end(&mut self, is_between: bool) -> Result<Option<(String, Entry)>> {
        // To its end: only there an engine says that something went wrong.
        let mut is_empty = is_between;
        loop {
            let piece = self.source.fill_buf().map_err(|error| self.from.cut(error))?;
            if piece.is_empty() {
                break;
            }
            is_empty &= piece.iter().all(|byte| *byte == 0);
            let count = piece.len();
            self.source.consume(count);
        }
        match self.from {
            Origin::Archive if !is_empty => damaged("the archive holds something after its end"),
            _ => Ok(None),
        }
    }

    fn description(&mut self, size: u64, read: &mut Vec<u8>) -> Result<Vec<u8>> {
        if size > DESCRIPTION_MAX {
            return Err(self.from.odd("a description"));
        }
        let mut bytes = Vec::new();
        self.begin(size);
        let fill = self.fill;
        self.content(&mut |piece| {
            bytes.extend_from_slice(piece);
            Ok(())
        })?;
        read.extend_from_slice(&bytes);
        read.resize(read.len() + fill, 0);
        Ok(bytes)
    }

    fn begin(&mut self, size: u64) {
        self.left = size;
        self.fill = to_block(size);
    }

    /// Takes what is left of the content of the last entry.
    pub(in super::super) fn content(&mut self, sink: &mut Sink<'_>) -> Result<()> {
        while self.left > 0 {
            let piece = self.source.fill_buf().map_err(|error| self.from.cut(error))?;
            if piece.is_empty() {
                return Err(self.from.cut(io::ErrorKind::UnexpectedEof.into()));
            }
            let count = piece.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
            sink(&piece[..count])?;
            self.source.consume(count);
            self.left -= count as u64;
        }
        let mut rest = [0; BLOCK];
        let fill = std::mem::take(&mut self.fill);
        self.exact(&mut rest[..fill])
    }

    fn described(
        &mut self,
        header: &Header,
        size: u64,
        described: &BTreeMap<Vec<u8>, Vec<u8>>,
    ) -> Result<(String, Entry)> {
        let from = self.from;
        let value = |name: &str| described.get(name.as_bytes());
        let size = match value("size") {
            Some(digits) => number(digits).ok_or_else(|| from.odd("a size"))?,
            None => size,
        };
        self.begin(size);
        let name = value("path")
            .cloned()
            .unwrap_or_else(|| header.path_bytes().into_owned());
        let link = value("linkpath").cloned();
        let link = link.unwrap_or_else(|| text(&header.as_old().linkname));
        let (root, path) = below(&name).ok_or_else(|| from.odd("a name"))?;
        let kind = match header.entry_type() {
            EntryType::Directory => EntryKind::Directory,
            EntryType::Regular => EntryKind::File { size, sha256: [0; 32] },
            EntryType::Symlink => EntryKind::Symlink { to: Bytes(link) },
            EntryType::Link => match below(&link) {
                Some((other, to)) if other == root => EntryKind::HardLink { to },
                _ => return Err(from.odd(&format!("the hard link {path}, which leaves its place,"))),
            },
            other => {
                let word = match other {
                    EntryType::Fifo => "named pipe",
                    EntryType::Char | EntryType::Block => "device",
                    _ => "thing of a kind",
                };
                return match from {
                    Origin::Archive => Err(from.odd(&format!("a {word}"))),
                    Origin::Engine => refused(format!(
                        "{path} in the volume is a {word}, which no backup can keep: stop what made it and remove it"
                    )),
                };
            }
        };
        let owner = |name: &str, field: io::Result<u64>| {
            let owner = match value(name) {
                Some(digits) => number(digits),
                None => field.ok().and_then(|owner| owner.try_into().ok()),
            };
            owner.ok_or_else(|| from.odd("an owner"))
        };
        let in_header = || Some((header.mtime().ok()?.try_into().ok()?, 0));
        let changed = value("mtime").map_or_else(in_header, |time| moment(time));
        let changed = changed.ok_or_else(|| from.odd("a time"))?;
        let entry = Entry {
            part: 0,
            path,
            kind,
            mode: header.mode().map_err(|_| from.odd("a mode"))? & 0o7777,
            uid: owner("uid", header.uid())?,
            gid: owner("gid", header.gid())?,
            mtime_s: changed.0,
            mtime_ns: changed.1,
            attributes: attributes(described).ok_or_else(|| from.odd("an extended attribute"))?,
            holes: value(HOLES)
                .map_or(Some(0), |digits| number(digits))
                .ok_or_else(|| from.odd("a hole"))?,
            marks: value(MARKS)
                .map_or(Some(0), |digits| number(digits))
                .ok_or_else(|| from.odd("a mark"))?,
        };
        Ok((root, entry))
    }
}

/// The root that a name begins with, and the path below it.
fn below(name: &[u8]) -> Option<(String, Bytes)> {
    let name = name.strip_suffix(b"/").unwrap_or(name);
    let end = name.iter().position(|byte| *byte == b'/');
    let (root, path) = match end {
        Some(end) => (&name[..end], &name[end + 1..]),
        None => (name, b"".as_slice()),
    };
    let is_path = end.is_none_or(|_| !path.is_empty()) && is_plain(path);
    let root = String::from_utf8(root.to_vec()).ok()?;
    is_path.then(|| (root, path.into()))
}

/// A field up to its first zero.
fn text(field: &[u8]) -> Vec<u8> {
    field.split(|byte| *byte == 0).next().unwrap_or_default().to_vec()
}
