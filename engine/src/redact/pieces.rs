//! What is looked for: a secret line by line, and a long line in pieces, so that what must be held back of a stream
//! is bounded however long a secret is.

use std::collections::BTreeSet;

/// A secret of one line has at least so many bytes: a shorter one would be found in every text.
pub(super) const PIECE_BYTES_MIN: usize = 6;
/// A line of a secret of several is looked for alone from so many bytes: shorter ones stand in others' text too
/// (`users:` in a configuration) and are looked for with their neighbours.
const LINE_BYTES_MIN: usize = 8;
/// A line of more than twice this is cut into pieces of this many bytes.
const PIECE_BYTES: usize = 32;
/// A line that is too short to be looked for alone is looked for with so much of its neighbours.
const JOINED_BYTES: usize = 16;

/// Something to be looked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Piece {
    pub(super) text: String,
    /// It goes over several lines of the secret, so any number of line ends may stand in it.
    pub(super) is_joined: bool,
}

/// How many bytes of a secret can be told from others' text: all but line ends and blanks around them.
pub(super) fn telling_bytes(secret: &str) -> usize {
    lines(secret).map(str::len).sum()
}

fn lines(secret: &str) -> impl Iterator<Item = &str> {
    secret
        .split(['\n', '\r'])
        .map(str::trim)
        .filter(|line| !line.is_empty())
}

/// The pieces of all secrets, each once; every byte of a secret is in one of them.
pub(super) fn of_all<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Vec<Piece> {
    let mut pieces = BTreeSet::new();
    for secret in secrets {
        let alone = alone_from(secret);
        for line in lines(secret).filter(|line| line.len() >= alone) {
            pieces.extend(of_line(line).into_iter().map(|text| (text.to_owned(), false)));
        }
        // As they stand below each other, and as a shell makes one line of them.
        for between in ["", " "] {
            pieces.extend(of_short_lines(secret, between).into_iter().map(|text| (text, true)));
        }
    }
    pieces
        .into_iter()
        .map(|(text, is_joined)| Piece { text, is_joined })
        .collect()
}

/// From how many bytes a line of this secret is looked for alone.
fn alone_from(secret: &str) -> usize {
    if lines(secret).nth(1).is_some() {
        LINE_BYTES_MIN
    } else {
        PIECE_BYTES_MIN
    }
}

fn of_line(line: &str) -> Vec<&str> {
    if line.len() <= 2 * PIECE_BYTES {
        return vec![line];
    }
    let mut pieces = Vec::new();
    let mut start = 0;
    while start + PIECE_BYTES < line.len() {
        let end = line.floor_char_boundary(start + PIECE_BYTES);
        pieces.extend(line.get(start..end));
        start = end;
    }
    pieces.extend(line.get(line.floor_char_boundary(line.len() - PIECE_BYTES)..));
    pieces
}

/// Each short line with what stands before it, and with what stands after it.
fn of_short_lines(secret: &str, between: &str) -> Vec<String> {
    let mut whole = String::new();
    let mut short = Vec::new();
    for line in lines(secret) {
        if !whole.is_empty() {
            whole.push_str(between);
        }
        if line.len() < alone_from(secret) {
            short.push((whole.len(), whole.len() + line.len()));
        }
        whole.push_str(line);
    }
    let windows = short.into_iter().flat_map(|(start, end)| {
        let before = whole.floor_char_boundary(end.saturating_sub(JOINED_BYTES));
        let after = whole.ceil_char_boundary((start + JOINED_BYTES).min(whole.len()));
        [whole.get(before..end), whole.get(start..after)]
    });
    let enough = alone_from(secret).min(whole.len());
    let windows = windows.flatten().filter(|window| window.len() >= enough);
    windows.map(str::to_owned).collect()
}
