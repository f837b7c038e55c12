//! Writes a tar stream.

use std::io::{self, Write};

use super::super::entry::{Content, Entry};
use super::super::problem::{Problem, Result, trying};
use super::{BLOCK, head, to_block};

/// Writes entries in order.
pub(in super::super) struct Writer<W> {
    sink: W,
    /// What is told where the sink takes no more.
    failed: &'static str,
}

impl<W: Write> Writer<W> {
    pub(in super::super) fn new(sink: W, failed: &'static str) -> Self {
        Self { sink, failed }
    }

    fn failed(&self) -> impl FnOnce(io::Error) -> Problem + use<W> {
        let failed = self.failed;
        trying(move || failed.to_owned())
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.sink.write_all(bytes).map_err(self.failed())
    }

    /// Writes an entry below `root`, and notes the hash of its content.
    pub(in super::super) fn entry(&mut self, root: &str, entry: &mut Entry, content: &mut Content<'_>) -> Result<()> {
        self.put(&head(root, entry))?;
        entry.take_content(content, &mut |piece| self.put(piece))?;
        self.put(&[0; BLOCK][..to_block(entry.size())])
    }

    /// Writes a file of ours.
    pub(in super::super) fn own(&mut self, root: &str, name: &str, content: &[u8]) -> Result<()> {
        let mut entry = Entry::file(name, content.len() as u64);
        self.entry(root, &mut entry, &mut |sink| sink(content))
    }

    /// Ends the stream and gives back what it was written to.
    pub(in super::super) fn finish(mut self) -> Result<W> {
        self.put(&[0; 2 * BLOCK])?;
        self.sink.flush().map_err(self.failed())?;
        Ok(self.sink)
    }
}
