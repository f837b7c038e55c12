//! Source texts, and places in them.
//!
//! A [`Span`] is two byte offsets in one source; a [`SourceMap`] turns it into lines and columns.
//! Absent on purpose: reading files (that is the engine's, through [`Sources`]).

/// Number of a source text in a [`SourceMap`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SourceId(pub u32);

/// A stretch of one source text: byte offsets, `end` is exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span {
    /// The text it lies in.
    pub source: SourceId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// A span from two byte offsets.
    pub fn new(source: SourceId, start: u32, end: u32) -> Self {
        Self { source, start, end }
    }

    /// The smallest span that holds both; the source of `self` wins.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        Self {
            source: self.source,
            start: self.start.min(other.start),
            end: self.end.max(other.end),
        }
    }
}

/// A value with the place where it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spanned<T> {
    pub value: T,
    pub span: Span,
}

impl<T> Spanned<T> {
    /// Puts a value and its place together.
    pub fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }
}

/// A line and a column, both counted from one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line, from one.
    pub line: usize,
    /// In characters, unless other [`Columns`] were asked for.
    pub column: usize,
}

/// What columns count: people count characters, editors count units of UTF-16 unless they agree on bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Columns {
    Characters,
    Utf16,
    Bytes,
}

/// One source text with its name.
#[derive(Debug, Clone)]
pub struct Source {
    /// What the user calls it: a path, or `std/openclaw/compose`.
    pub name: String,
    pub text: String,
    line_starts: Vec<u32>,
}

/// All texts of one runbook: the runbook itself is number 0, its modules follow in order of loading.
#[derive(Debug, Clone, Default)]
pub struct SourceMap {
    sources: Vec<Source>,
}

impl SourceMap {
    /// Adds a text and returns its number.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> SourceId {
        let text = text.into();
        let newlines = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let line_starts = std::iter::once(0)
            .chain(newlines.map(|(at, _)| offset(at + 1)))
            .collect();
        self.sources.push(Source {
            name: name.into(),
            text,
            line_starts,
        });
        SourceId(offset(self.sources.len() - 1))
    }

    /// The text with this number; `None` for a number of another map.
    pub fn get(&self, id: SourceId) -> Option<&Source> {
        self.sources.get(id.0 as usize)
    }

    /// All texts, in order of loading.
    pub fn iter(&self) -> impl Iterator<Item = (SourceId, &Source)> {
        self.sources
            .iter()
            .enumerate()
            .map(|(index, source)| (SourceId(offset(index)), source))
    }

    /// Where a span begins.
    pub fn start(&self, span: Span) -> Position {
        self.position(span.source, span.start, Columns::Characters)
    }

    /// Where a span ends (the position after its last character).
    pub fn end(&self, span: Span) -> Position {
        self.position(span.source, span.end, Columns::Characters)
    }

    /// The text under a span; empty for a span of another map.
    pub fn text(&self, span: Span) -> &str {
        self.get(span.source)
            .and_then(|source| source.text.get(span.start as usize..span.end as usize))
            .unwrap_or("")
    }

    /// Where a byte lies, for whoever counts columns in another way.
    pub fn position(&self, id: SourceId, at: u32, columns: Columns) -> Position {
        let Some(source) = self.get(id) else {
            return Position { line: 1, column: 1 };
        };
        let line = source
            .line_starts
            .partition_point(|start| *start <= at)
            .saturating_sub(1);
        let start = source.line_starts.get(line).copied().unwrap_or(0) as usize;
        let before = source
            .text
            .get(start..(at as usize).min(source.text.len()))
            .unwrap_or("");
        Position {
            line: line + 1,
            column: 1 + match columns {
                Columns::Characters => before.chars().count(),
                Columns::Utf16 => before.encode_utf16().count(),
                Columns::Bytes => before.len(),
            },
        }
    }
}

/// Where the texts of modules come from: the engine reads files, tests hold them in memory.
pub trait Sources {
    /// The text of `use "./file.runbook"` written in the source named `from`; the answer is the
    /// module's own name (normalised, so that one file has one name) and its text.
    /// The error is a sentence for the user.
    fn relative(&self, from: &str, path: &str) -> Result<(String, String), String>;

    /// The text of `use std.a.b`, given as `["a", "b"]`; `None` where no such module is shipped.
    fn standard(&self, path: &[String]) -> Option<String>;

    /// Names of all shipped modules, for suggestions: `std.a.b`.
    fn standard_names(&self) -> Vec<String>;
}

fn offset(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_what_is_asked_for() {
        let mut sources = SourceMap::default();
        let id = sources.add("a", "x\n\u{e9}\u{1f600}=1");
        let column = |columns| {
            let at = sources.position(id, 8, columns);
            assert_eq!(at.line, 2);
            at.column
        };
        let all = [Columns::Characters, Columns::Utf16, Columns::Bytes].map(column);
        assert_eq!(all, [3, 4, 7]);
    }
}
