//! Keeps what a program prints: all of it while it is little, its beginning and its end where it is much.
//!
//! Secrets are taken out as the output comes in, before anything is cut: a cut secret would not be found.
//! Only the first bytes are also kept as they were, for the value of a question.

use tokio::io::{AsyncRead, AsyncReadExt};

use crate::action::ShowLine;
use crate::action::common::printed::{self, LINE_CHARACTERS_MAX, VALUE_BYTES_MAX};
use crate::redact::{Redactor, Scrubber};

/// So much of the beginning is kept.
const HEAD_BYTES_MAX: usize = 1024 * 1024;
/// So much of the end is kept beside it.
const TAIL_BYTES_MAX: usize = 1024 * 1024;

/// So much of a line is told.
const LINE_BYTES_MAX: usize = 4096;

/// So much is read and scrubbed at once.
const READ_BYTES_MAX: usize = 8 * 1024;

/// What a program printed on one of its outputs.
pub(crate) struct Capture {
    scrubber: Scrubber,
    raw: Vec<u8>,
    bytes_seen: u64,
    head: Vec<u8>,
    tail: Vec<u8>,
    bytes_left_out: u64,
    heard: Heard,
}

/// What is told line by line while it is printed.
struct Heard {
    tell: Option<ShowLine>,
    /// A line that has not come to its end.
    line: Vec<u8>,
}

impl Heard {
    /// Takes in what was printed next, without secrets.
    fn take(&mut self, clean: &[u8]) {
        if self.tell.is_none() {
            return;
        }
        for piece in clean.split_inclusive(|byte| *byte == b'\n') {
            let room = LINE_BYTES_MAX.saturating_sub(self.line.len());
            self.line.extend_from_slice(&piece[..room.min(piece.len())]);
            if piece.ends_with(b"\n") {
                self.end();
            }
        }
    }

    fn end(&mut self) {
        if let Some(tell) = self.tell.as_ref().filter(|_| !self.line.is_empty()) {
            tell(String::from_utf8_lossy(&self.line).trim_end());
        }
        self.line.clear();
    }
}

impl Capture {
    /// Keeps an output from now on.
    pub(super) fn new(redactor: &Redactor, tell: Option<ShowLine>) -> Self {
        Self {
            scrubber: redactor.scrubber(),
            raw: Vec::new(),
            bytes_seen: 0,
            head: Vec::new(),
            tail: Vec::new(),
            bytes_left_out: 0,
            heard: Heard { tell, line: Vec::new() },
        }
    }

    /// Reads until the output is closed; what is here already stays when this is dropped half-way.
    pub(super) async fn fill(&mut self, output: &mut (impl AsyncRead + Unpin)) {
        let mut buffer = vec![0; READ_BYTES_MAX];
        // An output that cannot be read is one that ended.
        while let Ok(count @ 1..) = output.read(&mut buffer).await {
            self.keep(&buffer[..count]);
            // Looking for secrets is work: limits, signals and the clock get their turn in between.
            tokio::task::yield_now().await;
        }
    }

    fn keep(&mut self, piece: &[u8]) {
        self.bytes_seen += piece.len() as u64;
        let room = VALUE_BYTES_MAX - self.raw.len();
        self.raw.extend_from_slice(&piece[..room.min(piece.len())]);
        let clean = self.scrubber.push(piece);
        self.keep_clean(&clean);
    }

    fn keep_clean(&mut self, clean: &[u8]) {
        self.heard.take(clean);
        let room = HEAD_BYTES_MAX - self.head.len();
        let (head, rest) = clean.split_at(room.min(clean.len()));
        self.head.extend_from_slice(head);
        self.tail.extend_from_slice(rest);
        // Cut rarely, so that the bytes are not moved for every piece.
        if self.tail.len() > 2 * TAIL_BYTES_MAX {
            let excess = self.tail.len() - TAIL_BYTES_MAX;
            self.tail.drain(..excess);
            self.bytes_left_out += excess as u64;
        }
    }

    /// Ends the capture: nothing is held back any more.
    pub(super) fn finish(&mut self) {
        let clean = self.scrubber.finish();
        self.keep_clean(&clean);
        self.heard.end();
    }

    /// All that is kept, without secrets, with a note where something is left out; `None` where it printed
    /// nothing.
    pub(crate) fn evidence(&self) -> Option<Vec<u8>> {
        let mut content = self.head.clone();
        if self.bytes_left_out > 0 {
            content.extend_from_slice(format!("\n[… {} bytes left out …]\n", self.bytes_left_out).as_bytes());
        }
        content.extend_from_slice(&self.tail);
        (!content.is_empty()).then_some(content)
    }

    /// The beginning as it was printed, and whether it was cut. `None` where it was cut and holds a secret: of a cut
    /// one nobody could tell any more that it is one.
    pub(crate) fn value(&self) -> Option<(String, bool)> {
        if self.bytes_seen <= self.raw.len() as u64 {
            return Some((printed::text_of(&self.raw), false));
        }
        let holds_secret = !self.head.starts_with(&self.raw);
        (!holds_secret).then(|| (String::from_utf8_lossy(&self.raw).into_owned(), true))
    }

    /// The last line that is not blank, without secrets.
    pub(crate) fn last_line(&self) -> Option<String> {
        let end = if self.tail.is_empty() { &self.head } else { &self.tail };
        Redactor::NONE.last_line(end, false, LINE_CHARACTERS_MAX)
    }
}
