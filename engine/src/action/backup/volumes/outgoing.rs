//! Writes an archive's entries as the tar stream that an engine unpacks in a container.

use std::io::Write;

use tar::{EntryType, Header};

use super::super::contents::{Incoming, Receive};
use super::super::manifest::{self, Entry, EntryKind};
use super::super::problem::{Problem, Result, damaged, trying};
use super::incoming::ATTRIBUTE;

/// Takes an archive's entries and gives those of one part to the engine.
pub(super) struct Outgoing<'a, W> {
    sink: W,
    root: &'static str,
    part: usize,
    /// What the manifest says of the entries, in their order; it is proved already.
    entries: std::slice::Iter<'a, Entry>,
    /// Bytes that fill the last block of the file that comes in; `None` where it is of another part.
    fill: Option<usize>,
}

impl<'a, W: Write> Outgoing<'a, W> {
    /// The entries of this part, below the folder `root`.
    pub(super) fn new(sink: W, root: &'static str, part: usize, entries: &'a [Entry]) -> Self {
        Self {
            sink,
            root,
            part,
            entries: entries.iter(),
            fill: None,
        }
    }

    /// Ends the stream.
    pub(super) fn finish(mut self) -> Result<()> {
        self.sink
            .write_all(&[0; 1024])
            .and_then(|()| self.sink.flush())
            .map_err(giving)
    }

    fn name(&self, path: &[u8]) -> Vec<u8> {
        let mut name = self.root.as_bytes().to_vec();
        if !path.is_empty() {
            name.push(b'/');
            name.extend_from_slice(path);
        }
        name
    }

    fn member(&mut self, entry: &Entry) -> Result<()> {
        let (kind, size, link) = match &entry.kind {
            EntryKind::Directory => (EntryType::Directory, 0, Vec::new()),
            EntryKind::File { size, .. } => (EntryType::Regular, *size, Vec::new()),
            EntryKind::HardLink { to } => (EntryType::Link, 0, self.name(to)),
            EntryKind::Symlink { target } => (EntryType::Symlink, 0, target.clone()),
        };
        let mut records = Vec::new();
        add(&mut records, b"path", &self.name(&entry.path));
        if !link.is_empty() {
            add(&mut records, b"linkpath", &link);
        }
        add(&mut records, b"uid", entry.uid.to_string().as_bytes());
        add(&mut records, b"gid", entry.gid.to_string().as_bytes());
        add(&mut records, b"size", size.to_string().as_bytes());
        let time = format!("{}.{:09}", entry.mtime_s, entry.mtime_ns);
        add(&mut records, b"mtime", time.as_bytes());
        for (name, value) in &entry.attributes {
            add(&mut records, &[ATTRIBUTE.as_bytes(), name].concat(), value);
        }
        self.header(EntryType::XHeader, records.len() as u64, 0o644)?;
        self.sink.write_all(&records).map_err(giving)?;
        self.sink
            .write_all(&FILL[..to_block(records.len() as u64)])
            .map_err(giving)?;
        self.header(kind, size, entry.mode)?;
        self.fill = Some(to_block(size));
        Ok(())
    }

    fn header(&mut self, kind: EntryType, size: u64, mode: u32) -> Result<()> {
        let mut header = Header::new_ustar();
        let name = self.root.as_bytes();
        header.as_old_mut().name[..name.len()].copy_from_slice(name);
        header.set_entry_type(kind);
        header.set_size(size);
        header.set_mode(mode);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_cksum();
        self.sink.write_all(header.as_bytes()).map_err(giving)
    }
}

/// What fills a block.
const FILL: [u8; 512] = [0; 512];

fn to_block(size: u64) -> usize {
    usize::try_from(size.next_multiple_of(512) - size).unwrap_or(0)
}

fn giving(error: std::io::Error) -> Problem {
    trying(|| "the container engine did not take all of the volume".to_owned())(error)
}

/// Adds `LENGTH NAME=VALUE` and a line end; the length counts its own digits.
fn add(records: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    let rest = name.len() + value.len() + 3;
    let mut length = rest + 1;
    while length.to_string().len() + rest != length {
        length = length.to_string().len() + rest;
    }
    records.extend_from_slice(format!("{length} ").as_bytes());
    records.extend_from_slice(name);
    records.push(b'=');
    records.extend_from_slice(value);
    records.push(b'\n');
}

impl<W: Write> Receive for Outgoing<'_, W> {
    fn header(&mut self, _: &manifest::Header) -> Result<()> {
        Ok(())
    }

    fn entry(&mut self, part: usize, path: &[u8], _: &Incoming) -> Result<()> {
        let Some(entry) = self.entries.next() else {
            return damaged("the archive changed while it was read");
        };
        if (entry.part, entry.path.as_slice()) != (part, path) {
            return damaged("the archive changed while it was read");
        }
        self.fill = None;
        if part == self.part { self.member(entry) } else { Ok(()) }
    }

    fn data(&mut self, bytes: &[u8]) -> Result<()> {
        match self.fill {
            Some(_) => self.sink.write_all(bytes).map_err(giving),
            None => Ok(()),
        }
    }

    fn end(&mut self) -> Result<()> {
        match self.fill.take() {
            Some(fill) => self.sink.write_all(&FILL[..fill]).map_err(giving),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::add;

    #[test]
    fn a_record_counts_its_own_digits() {
        for size in [0, 1, 90, 91, 92, 93, 94, 95, 96, 989, 990, 991, 992, 993, 994, 9_990] {
            let mut records = Vec::new();
            add(&mut records, b"n", &vec![b'x'; size]);
            let length: usize = String::from_utf8_lossy(&records)
                .split(' ')
                .next()
                .and_then(|digits| digits.parse().ok())
                .unwrap_or(0);
            assert_eq!(length, records.len());
        }
    }
}
