//! The first look at a text: tokens, so that strings, comments and brackets are known before the
//! grammar runs. Absent: meaning of words, and nesting (see `brackets`).

use crate::ast::Trivia;
use crate::source::{SourceId, Span};

/// What kind of thing a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// A word: name or keyword.
    Word,
    /// A number with its unit.
    Number,
    /// A text in quotes, closed.
    Text,
    /// A text in quotes that never ends: `"` up to the end of its line, `"""` up to the end.
    OpenText,
    /// `/// …` up to the end of its line.
    Doc,
    /// One of `( [ {`.
    Open,
    /// One of `) ] }`.
    Close,
    /// Any other mark that the language knows.
    Mark,
    /// A character that the language does not know; runs of the same one are one token.
    Stray,
}

/// A token: bytes `start..end` of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    /// Whether it is the first on its line.
    pub(super) first_on_line: bool,
    /// How many brackets are open around it; filled in by `brackets`.
    pub(super) depth: u8,
    /// First byte.
    pub(super) start: u32,
    /// One past the last byte.
    pub(super) end: u32,
}

impl Token {
    pub(super) fn text<'a>(&self, text: &'a str) -> &'a str {
        text.get(self.start as usize..self.end as usize).unwrap_or("")
    }

    /// The first byte of the token.
    pub(super) fn byte(&self, text: &str) -> u8 {
        text.as_bytes().get(self.start as usize).copied().unwrap_or(0)
    }
}

/// Cuts a text into tokens, and notes what lies between them: together with white space they are the text.
pub(super) fn scan(source: SourceId, text: &str) -> (Vec<Token>, Trivia) {
    let mut scanner = Scanner {
        text,
        bytes: text.as_bytes(),
        at: 0,
        fresh_line: true,
        line_start: 0,
        source,
        trivia: Trivia::default(),
        tokens: Vec::with_capacity(text.len() / 5),
    };
    if text.starts_with('\u{feff}') {
        scanner.at = '\u{feff}'.len_utf8();
    }
    while let Some(byte) = scanner.bytes.get(scanner.at).copied() {
        scanner.token(byte);
    }
    (scanner.tokens, scanner.trivia)
}

struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    fresh_line: bool,
    line_start: usize,
    source: SourceId,
    trivia: Trivia,
    tokens: Vec<Token>,
}

impl Scanner<'_> {
    fn token(&mut self, byte: u8) {
        match byte {
            b'\n' => self.line_break(),
            b' ' | b'\t' | b'\r' => self.at += 1,
            b'#' => self.comment(),
            b'"' => self.string(),
            b'/' if self.bytes[self.at..].starts_with(b"///") => {
                let end = self.line_end(self.at);
                self.push(TokenKind::Doc, end);
            }
            b'(' | b'[' | b'{' => self.push(TokenKind::Open, self.at + 1),
            b')' | b']' | b'}' => self.push(TokenKind::Close, self.at + 1),
            b'0'..=b'9' => {
                let end = self.number_end();
                self.push(TokenKind::Number, end);
            }
            _ if is_word(byte) => {
                let end = self.run_end(is_word);
                self.push(TokenKind::Word, end);
            }
            b'-' if self.bytes.get(self.at + 1) == Some(&b'>') => self.push(TokenKind::Mark, self.at + 2),
            b'=' | b'!' | b'<' | b'>' if self.bytes.get(self.at + 1) == Some(&b'=') => {
                self.push(TokenKind::Mark, self.at + 2);
            }
            b':' | b',' | b'.' | b'=' | b'<' | b'>' | b'+' | b'-' | b'*' | b'/' => {
                self.push(TokenKind::Mark, self.at + 1);
            }
            _ => self.stray(),
        }
    }

    fn push(&mut self, kind: TokenKind, end: usize) {
        self.tokens.push(Token {
            kind,
            first_on_line: self.fresh_line,
            depth: 0,
            start: offset(self.at),
            end: offset(end),
        });
        self.fresh_line = false;
        self.at = end;
    }

    fn line_break(&mut self) {
        let line_start = offset(self.line_start);
        let last = self.trivia.comments.last();
        if self.fresh_line && last.is_none_or(|comment| comment.start < line_start) {
            self.trivia.blank_lines.push(line_start);
        }
        self.fresh_line = true;
        self.at += 1;
        self.line_start = self.at;
    }

    fn comment(&mut self) {
        let line_end = self.line_end(self.at);
        let end = self.text[..line_end].trim_end_matches('\r').len();
        let comment = Span::new(self.source, offset(self.at), offset(end));
        self.trivia.comments.push(comment);
        self.at = line_end;
    }

    fn line_end(&self, from: usize) -> usize {
        self.bytes[from..]
            .iter()
            .position(|byte| *byte == b'\n')
            .map_or(self.bytes.len(), |length| from + length)
    }

    fn run_end(&self, belongs: impl Fn(u8) -> bool) -> usize {
        self.bytes[self.at..]
            .iter()
            .position(|byte| !belongs(*byte))
            .map_or(self.bytes.len(), |length| self.at + length)
    }

    fn number_end(&self) -> usize {
        let mut end = self.run_end(is_word);
        while self.bytes.get(end) == Some(&b'.') && self.bytes.get(end + 1).is_some_and(u8::is_ascii_digit) {
            end += 1;
            while self.bytes.get(end).copied().is_some_and(is_word) {
                end += 1;
            }
        }
        end
    }

    fn string(&mut self) {
        if self.bytes[self.at..].starts_with(b"\"\"\"") {
            let body = self.at + 3;
            match self.text[body..].find("\"\"\"") {
                Some(length) => self.push(TokenKind::Text, body + length + 3),
                None => self.push(TokenKind::OpenText, self.bytes.len()),
            }
            return;
        }
        let mut end = self.at + 1;
        loop {
            match self.bytes.get(end) {
                Some(b'"') => return self.push(TokenKind::Text, end + 1),
                Some(b'\\') if self.bytes.get(end + 1).is_some_and(|byte| *byte != b'\n') => end += 2,
                Some(b'\n') | None => return self.push(TokenKind::OpenText, end.min(self.bytes.len())),
                Some(_) => end += 1,
            }
        }
    }

    fn stray(&mut self) {
        let Some(found) = self.text[self.at..].chars().next() else {
            self.at = self.bytes.len();
            return;
        };
        let length: usize = self.text[self.at..]
            .chars()
            .take_while(|next| *next == found)
            .map(char::len_utf8)
            .sum();
        self.push(TokenKind::Stray, self.at + length);
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn offset(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}
