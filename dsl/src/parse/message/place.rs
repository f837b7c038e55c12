//! In what block an error lies, and from where to where its statement reaches.

use super::super::Rule;
use super::super::keywords::{self, Block};
use super::super::scan::{Token, TokenKind};
use super::super::split::Piece;
use super::Failure;

/// What to blank so that the rest can be parsed.
pub(in super::super) struct Repair {
    /// The bytes that the error concerns.
    pub(in super::super) broken: (u32, u32),
    /// The tokens to blank, end exclusive; `None` where the item cannot be saved.
    pub(in super::super) blank: Option<(usize, usize)>,
    /// Whether something new may begin where the grammar stopped.
    pub(in super::super) fresh: bool,
}

/// The braces around a place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Enclosing {
    /// The `{`.
    pub(super) opener: usize,
    /// How deep what stands directly inside lies.
    pub(super) depth: u8,
    pub(super) block: Block,
}

/// Finds what has to be blanked for a failure.
pub(in super::super) fn repair(text: &str, tokens: &[Token], piece: &Piece, failure: &Failure) -> Repair {
    let enclosing = enclosing(text, tokens, piece, failure.token);
    let fresh = enclosing.is_some_and(|enclosing| may_begin(enclosing.block, &failure.expected));
    let blank = match enclosing {
        Some(enclosing) => statement(text, tokens, piece, failure, enclosing),
        None => header(text, tokens, piece, failure),
    };
    let (from, until) = blank.unwrap_or((piece.tokens.start, (failure.token + 1).min(piece.tokens.end)));
    let byte = |token: usize| tokens.get(token).copied();
    let start = byte(from).map_or(0, |token| token.start);
    let end = byte(until.saturating_sub(1)).map_or(start, |token| token.end);
    Repair {
        broken: (start, end.saturating_sub(1)),
        blank,
        fresh,
    }
}

/// Where the statement around a token begins; `None` where it lies in the header of the item.
pub(in super::super) fn statement_around(text: &str, tokens: &[Token], piece: &Piece, at: usize) -> Option<usize> {
    let enclosing = enclosing(text, tokens, piece, at)?;
    (enclosing.opener + 1..=at)
        .rev()
        .find(|index| begins(text, tokens, *index, enclosing))
}

/// The stretch of the statement in which the failure lies.
fn statement(
    text: &str,
    tokens: &[Token],
    piece: &Piece,
    failure: &Failure,
    enclosing: Enclosing,
) -> Option<(usize, usize)> {
    let at = failure.token;
    let fresh = may_begin(enclosing.block, &failure.expected);
    let start =
        if fresh && at < piece.tokens.end && tokens[at].depth == enclosing.depth && !closes(tokens, at, enclosing) {
            at
        } else {
            (enclosing.opener + 1..at)
                .rev()
                .find(|index| begins(text, tokens, *index, enclosing))?
        };
    let mut until = if start == at { at + 1 } else { at };
    while until < piece.tokens.end && !closes(tokens, until, enclosing) {
        let here = &tokens[until];
        let line = here.depth == enclosing.depth && keywords::begins_line(text, tokens, until);
        if line || begins(text, tokens, until, enclosing) {
            break;
        }
        until += 1;
    }
    Some((start, until))
}

/// The stretch of a header from the failure to its brace, or of what follows an item without one.
fn header(text: &str, tokens: &[Token], piece: &Piece, failure: &Failure) -> Option<(usize, usize)> {
    let at = failure.token;
    if at <= piece.tokens.start + 1 || at >= piece.tokens.end {
        return None;
    }
    if failure.expected.contains(&Rule::EOI) {
        let until = (at + 1..piece.tokens.end).find(|index| {
            let token = &tokens[*index];
            let line = token.depth == 0 && keywords::begins_line(text, tokens, *index);
            line || tokens[index - 1].depth == 0 && tokens[index - 1].text(text) == "}"
        });
        return Some((at, until.unwrap_or(piece.tokens.end)));
    }
    let brace =
        (at + 1..piece.tokens.end).find(|index| tokens[*index].depth == 0 && tokens[*index].text(text) == "{")?;
    Some((at, brace))
}

/// Whether a token closes the braces.
fn closes(tokens: &[Token], index: usize, enclosing: Enclosing) -> bool {
    tokens[index].kind == TokenKind::Close && tokens[index].depth < enclosing.depth
}

/// Whether something of the block begins at this token.
fn begins(text: &str, tokens: &[Token], index: usize, enclosing: Enclosing) -> bool {
    let token = &tokens[index];
    if token.depth != enclosing.depth {
        return false;
    }
    if enclosing.block == Block::Inputs {
        let named = token.kind == TokenKind::Word && tokens.get(index + 1).is_some_and(|next| next.text(text) == ":");
        let documented = index
            .checked_sub(1)
            .is_some_and(|before| tokens[before].kind == TokenKind::Doc);
        return token.kind == TokenKind::Doc && !documented
            || named && !documented && keywords::may_begin(text, tokens, index);
    }
    keywords::begins_one_of(text, tokens, index, enclosing.block.words())
}

/// Whether the rules tried include the beginning of something new in this block.
pub(super) fn may_begin(block: Block, expected: &[Rule]) -> bool {
    let beginning = match block {
        Block::Header => Rule::version,
        Block::Inputs => Rule::input,
        Block::Service => Rule::runs,
        Block::Protect => Rule::part_kind,
        Block::Hold => Rule::hold_take,
        Block::Statements | Block::Rollback => Rule::do_action,
        Block::Watch => Rule::check,
        Block::Table => Rule::symptom,
        Block::Row => Rule::seen,
        Block::Scenario => Rule::inject,
        Block::Effects => Rule::repeat,
        Block::Steps => Rule::documented_step,
        Block::Other => return false,
    };
    expected.contains(&beginning)
}

/// The innermost braces around a token that hold statements, clauses or the like; maps and
/// brackets inside a statement do not count.
pub(super) fn enclosing(text: &str, tokens: &[Token], piece: &Piece, at: usize) -> Option<Enclosing> {
    let mut depth = depth_at(tokens, piece, at);
    let mut index = at;
    while depth > 0 && index > piece.tokens.start {
        index -= 1;
        let token = &tokens[index];
        if token.kind == TokenKind::Open && token.depth == depth - 1 {
            if token.text(text) == "{" {
                let block = block_of(text, tokens, piece, index);
                if block != Block::Other {
                    return Some(Enclosing {
                        opener: index,
                        depth,
                        block,
                    });
                }
            }
            depth -= 1;
        }
    }
    None
}

/// The innermost bracket of any kind around a token.
pub(super) fn opener(text: &str, tokens: &[Token], piece: &Piece, at: usize) -> Option<u8> {
    let depth = depth_at(tokens, piece, at).checked_sub(1)?;
    (piece.tokens.start..at.min(piece.tokens.end))
        .rev()
        .find(|index| tokens[*index].kind == TokenKind::Open && tokens[*index].depth == depth)
        .map(|index| tokens[index].byte(text))
}

fn depth_at(tokens: &[Token], piece: &Piece, at: usize) -> u8 {
    match tokens.get(at).filter(|_| at < piece.tokens.end) {
        Some(token) if token.kind == TokenKind::Close => token.depth + 1,
        Some(token) => token.depth,
        None => u8::try_from(piece.missing.len()).unwrap_or(0),
    }
}

fn block_of(text: &str, tokens: &[Token], piece: &Piece, brace: usize) -> Block {
    let keyword = tokens[piece.tokens.start].text(text);
    if tokens[brace].depth == 0 {
        return Block::of_item(keyword);
    }
    let word = |back: usize| brace.checked_sub(back).map_or("", |index| tokens[index].text(text));
    match (word(2), word(1)) {
        ("effects", ":") => Block::Effects,
        (_, "undo" | "first") | ("on", _) => Block::Statements,
        ("symptom", _) | ("anything", "else") => Block::Row,
        (_, ":" | "," | "(" | "[" | "." | "healthy" | "give" | "members") => Block::Other,
        _ if keyword == "for" && tokens[brace].depth == 1 => Block::Statements,
        _ => Block::Other,
    }
}
