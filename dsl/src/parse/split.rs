//! Cuts a file into its top-level items, so that each is parsed by itself and an error in one
//! leaves the others whole.

use std::ops::Range;

use super::brackets::Fault;
use super::scan::{Token, TokenKind};
use super::words;

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
}

/// Cuts the file. Every token is in exactly one piece.
pub(super) fn split(text: &str, tokens: &[Token], faults: &[Fault]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut at = 0;
    let mut faults = faults.iter().filter(|fault| fault.never_closed).peekable();
    while at < tokens.len() {
        let docs_start = at;
        while at < tokens.len() && tokens[at].kind == TokenKind::Doc {
            at += 1;
        }
        let start = at;
        let is_item = words::begins_item(text, tokens, start);
        let end = if is_item {
            item_end(text, tokens, start)
        } else {
            junk_end(text, tokens, start)
        };
        let mut missing = String::new();
        while let Some(fault) = faults.next_if(|fault| fault.until <= end) {
            if fault.until == end {
                missing.push(match tokens[fault.bracket].byte(text) {
                    b'(' => ')',
                    b'[' => ']',
                    _ => '}',
                });
            }
        }
        pieces.push(Piece {
            is_item,
            docs: docs_start..start,
            tokens: start..end,
            missing,
        });
        at = end;
    }
    pieces
}

/// One past the last token of the item that begins at `start`.
fn item_end(text: &str, tokens: &[Token], start: usize) -> usize {
    let keyword = tokens[start].text(text);
    let ends_with_brace = !matches!(keyword, "use" | "anchor" | "fn" | "runbook");
    let mut index = start + 1;
    while index < tokens.len() {
        let token = &tokens[index];
        if token.depth == 0 {
            if ends_with_brace && token.kind == TokenKind::Close && token.text(text) == "}" {
                return index + 1;
            }
            let after_header = keyword == "runbook" && tokens[index - 1].text(text) == "}";
            if after_header || token.kind == TokenKind::Doc || words::begins_item(text, tokens, index) {
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
            let fresh = token.kind == TokenKind::Doc || words::begins_item(text, tokens, index);
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
