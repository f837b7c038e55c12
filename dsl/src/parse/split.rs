//! Cuts a file into its top-level items, so that each is parsed by itself and an error in one
//! leaves the others whole.

use std::ops::Range;

use super::brackets::BracketError;
use super::keywords;
use super::scan::{Token, TokenKind};

/// A stretch of tokens at the top level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    /// Whether it begins with an item keyword; else it is something that belongs nowhere.
    pub(super) is_item: bool,
    /// The `///` lines above it, as places in the tokens.
    pub(super) docs: Range<usize>,
    /// Its tokens, from the keyword on.
    pub(super) tokens: Range<usize>,
    /// The braces that it never closes, as they have to be added at its end.
    pub(super) missing: String,
    /// Its `(` and `[` that are never closed, each with the token before which they should be.
    pub(super) spoiled: Vec<(usize, usize)>,
}

/// Cuts the file, piece by piece. Every token is in exactly one of them.
pub(super) struct Pieces<'a> {
    text: &'a str,
    tokens: &'a [Token],
    unmatched: &'a [BracketError],
    at: usize,
}

impl<'a> Pieces<'a> {
    /// Begins at the first token. The unmatched come in order of [`BracketError::until`].
    pub(super) fn new(text: &'a str, tokens: &'a [Token], unmatched: &'a [BracketError]) -> Self {
        Self {
            text,
            tokens,
            unmatched,
            at: 0,
        }
    }
}

impl Iterator for Pieces<'_> {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        let docs_start = self.at;
        let docs = self.tokens.get(docs_start..).filter(|rest| !rest.is_empty())?;
        let start = docs_start + docs.iter().take_while(|token| token.kind == TokenKind::Doc).count();
        let is_item = keywords::begins_item(self.text, self.tokens, start);
        let end = if is_item {
            item_end(self.text, self.tokens, start)
        } else {
            junk_end(self.text, self.tokens, start)
        };
        let mut piece = Piece {
            is_item,
            docs: docs_start..start,
            tokens: start..end,
            missing: String::new(),
            spoiled: Vec::new(),
        };
        while let Some((error, rest)) = self.unmatched.split_first().filter(|(error, _)| error.until <= end) {
            self.unmatched = rest;
            if !error.never_closed {
                continue;
            }
            if self.tokens[error.bracket].byte(self.text) != b'{' {
                piece.spoiled.push((error.bracket, error.until));
            } else if error.until == end {
                piece.missing.push('}');
            }
        }
        self.at = end;
        Some(piece)
    }
}

/// One past the last token of the item that begins at `start`.
fn item_end(text: &str, tokens: &[Token], start: usize) -> usize {
    let start = (start..tokens.len())
        .find(|at| keywords::begins_item(text, tokens, *at) && tokens[*at].text(text) != "allow")
        .unwrap_or(start);
    let keyword = tokens[start].text(text);
    let ends_with_brace = !matches!(keyword, "use" | "anchor" | "fn" | "runbook");
    let mut index = start + 1;
    while index < tokens.len() {
        let token = &tokens[index];
        if token.depth == 0 {
            if ends_with_brace && token.kind == TokenKind::Close && token.text(text) == "}" {
                return index + 1;
            }
            let before = &tokens[index - 1];
            let after_header = keyword == "runbook" && before.depth == 0 && before.text(text) == "}";
            if after_header || token.kind == TokenKind::Doc || keywords::begins_item(text, tokens, index) {
                return index;
            }
        }
        index += 1;
    }
    tokens.len()
}

/// One past the last token of something that is no item: up to the next item, documentation, or
/// the end of a pair of braces.
fn junk_end(text: &str, tokens: &[Token], start: usize) -> usize {
    let mut index = start;
    while index < tokens.len() {
        let token = &tokens[index];
        if token.depth == 0 && index > start {
            let fresh = token.kind == TokenKind::Doc || keywords::begins_item(text, tokens, index);
            if fresh {
                return index;
            }
        }
        index += 1;
        if token.depth == 0 && token.kind == TokenKind::Close {
            return index;
        }
    }
    tokens.len()
}
