//! Keeps what a program prints: all of it while it is little, its beginning and its end where it is much.
//!
//! Secrets are taken out as the output comes in, before anything is cut: a cut secret would not be found.
//! Only the first bytes are also kept as they were, for the value of a question.

use tokio::io::{AsyncRead, AsyncReadExt};

use crate::redact::{Redactor, Scrubber};

/// So much of the beginning is kept.
const HEAD_BYTES_MAX: usize = 1024 * 1024;
/// So much of the end is kept beside it.
const TAIL_BYTES_MAX: usize = 1024 * 1024;
/// A line in a message has so many characters at most.
const LINE_CHARACTERS_MAX: usize = 300;
/// A value keeps so much of an output.
const VALUE_BYTES_MAX: usize = 64 * 1024;

/// What a program printed on one of its outputs.
pub(super) struct Capture {
    scrubber: Scrubber,
    raw: Vec<u8>,
    bytes_seen: u64,
    head: Vec<u8>,
    tail: Vec<u8>,
    bytes_left_out: u64,
}

/// The text of an output, as the value of a question.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Text {
    /// The text without one final line end.
    pub(super) text: String,
    pub(super) is_cut: bool,
}

impl Capture {
    /// Keeps an output from now on.
    pub(super) fn new(redactor: &Redactor) -> Self {
        Self {
            scrubber: redactor.scrubber(),
            raw: Vec::new(),
            bytes_seen: 0,
            head: Vec::new(),
            tail: Vec::new(),
            bytes_left_out: 0,
        }
    }

    /// Reads until the output is closed; what is here already stays when this is dropped half-way.
    pub(super) async fn fill(&mut self, output: &mut (impl AsyncRead + Unpin)) {
        let mut buffer = vec![0; 32 * 1024];
        // An output that cannot be read is one that ended.
        while let Ok(count @ 1..) = output.read(&mut buffer).await {
            self.keep(&buffer[..count]);
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
    }

    /// All that is kept, without secrets, with a note where something is left out; `None` where it printed
    /// nothing.
    pub(super) fn evidence(&self) -> Option<Vec<u8>> {
        let mut content = self.head.clone();
        if self.bytes_left_out > 0 {
            content.extend_from_slice(format!("\n[… {} bytes left out …]\n", self.bytes_left_out).as_bytes());
        }
        content.extend_from_slice(&self.tail);
        (!content.is_empty()).then_some(content)
    }

    /// The beginning as it was printed. `None` where it was cut and holds a secret: of a cut one nobody
    /// could tell any more that it is one.
    pub(super) fn value(&self) -> Option<Text> {
        let is_cut = self.bytes_seen > self.raw.len() as u64;
        let mut bytes = self.raw.as_slice();
        if is_cut && !self.head.starts_with(bytes) {
            return None;
        }
        if !is_cut {
            bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
            bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        }
        Some(Text {
            text: String::from_utf8_lossy(bytes).into_owned(),
            is_cut,
        })
    }

    /// The last line that is not blank, without secrets.
    pub(super) fn last_line(&self) -> Option<String> {
        let end = if self.tail.is_empty() { &self.head } else { &self.tail };
        Redactor::NONE.last_line(end, false, LINE_CHARACTERS_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Secret;

    #[test]
    fn beginning_and_end_of_much_are_kept_and_the_cut_is_told() {
        let mut capture = Capture::new(&Redactor::default());
        capture.keep(b"first\n");
        for _ in 0..100 {
            capture.keep(&vec![b'x'; 64 * 1024]);
        }
        capture.keep(b"\nlast\n\n");
        capture.finish();
        let content = capture.evidence().unwrap_or_default();
        assert!(content.starts_with(b"first\n") && content.ends_with(b"\nlast\n\n"));
        assert!(content.len() < HEAD_BYTES_MAX + 2 * TAIL_BYTES_MAX + 100);
        let printed = 6 + 100 * 64 * 1024 + 7;
        let note = format!("[… {} bytes left out …]", printed - HEAD_BYTES_MAX - capture.tail.len());
        assert!(String::from_utf8_lossy(&content).contains(&note), "{note}");
        assert_eq!(capture.last_line().as_deref(), Some("last"));
        assert!(capture.value().is_some_and(|text| text.is_cut));
    }

    #[test]
    fn one_final_line_end_is_cut() {
        let text = |bytes: &[u8]| {
            let mut capture = Capture::new(&Redactor::default());
            capture.keep(bytes);
            capture.value().map(|text| text.text).unwrap_or_default()
        };
        assert_eq!(text(b"a\n\n"), "a\n");
        assert_eq!(text(b"a\r\n"), "a");
        assert_eq!(text(b""), "");
    }

    #[test]
    fn a_secret_at_the_cut_does_not_become_a_value() {
        let secrets = [Secret::new("token", "hunter-2-hunter")];
        let mut capture = Capture::new(&Redactor::new(&secrets));
        capture.keep(&vec![b'x'; VALUE_BYTES_MAX - 4]);
        capture.keep(b"hunter-2-hunter and more");
        capture.finish();
        assert_eq!(capture.value(), None);
        assert!(capture.last_line().is_some_and(|line| !line.contains("hunt")));
    }
}
