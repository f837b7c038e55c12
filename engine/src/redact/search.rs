//! Finds the pieces of secrets in a text, whatever it is written in.
//!
//! From each place the text is read in every way in which it may be meant, for as long as it stays a beginning of a
//! piece; most places fail at their first byte. Then the same in what runs of base64 and the like decode to.
//! Nothing depends on what stands before a secret, and no encoding of a secret is ever written down, so a search costs
//! memory by the length of the secrets and time by the length of the text.

use std::collections::BTreeSet;
use std::ops::Range;

use aho_corasick::Anchored;
use aho_corasick::automaton::{Automaton, StateID};
use aho_corasick::nfa::contiguous::NFA;

use super::codec::{self, CODECS};
use super::dump;
use super::pieces::Piece;
use super::reading::{Reading, introduces, readings};
use super::view::View;

/// So many encodings may lie in each other.
const DEPTH: u8 = 3;
/// A byte of a secret becomes at most about so many: `%26%2339%3B` is eleven, Base64 of it fifteen.
const WRITTEN_BYTES_MAX: usize = 20;
/// A piece that lies in one line of the secret may be broken over so many more lines.
const BREAKS_MAX: u8 = 2;

/// Three escapes in each other have seven backslashes; a piece that begins with more of them is found where they end.
const ROW_MAX: usize = 24;

/// The pieces of a run's secrets.
pub(super) struct Search {
    pieces: NFA,
    is_joined: Vec<bool>,
    /// The state before the first byte.
    start: StateID,
    /// With which bytes a piece may begin.
    begins: [bool; 256],
    /// As many bytes as a piece may have been written with.
    pub(super) reach: usize,
}

/// Where reading has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Reached {
    at: usize,
    state: StateID,
    /// Bytes of the piece.
    taken: usize,
    breaks: u8,
}

/// The ways to read on from one place; kept for the next place.
#[derive(Default)]
struct Ways {
    todo: Vec<Reached>,
    seen: BTreeSet<Reached>,
    readings: Vec<Reading>,
}

impl Search {
    /// `None` where there is nothing to look for.
    pub(super) fn new(pieces: &[Piece]) -> Option<Self> {
        let longest = pieces.iter().map(|piece| piece.text.len()).max()?;
        // Building fails only beyond billions of states.
        let automaton = NFA::new(pieces.iter().map(|piece| &piece.text)).ok()?;
        let start = automaton.start_state(Anchored::Yes).ok()?;
        let mut begins = [false; 256];
        for (byte, begins) in (0..=u8::MAX).zip(&mut begins) {
            let leads_on = |bytes: &[u8]| {
                let next = |state, byte: &u8| automaton.next_state(Anchored::Yes, state, *byte);
                !automaton.is_dead(bytes.iter().fold(start, next))
            };
            // A letter beyond ASCII may stand there in Latin 1, or in UTF-16 beside a zero.
            let letter = char::from(byte).encode_utf8(&mut [0; 2]).to_owned();
            *begins = leads_on(&[byte]) || leads_on(letter.as_bytes()) || introduces(byte);
        }
        Some(Self {
            pieces: automaton,
            is_joined: pieces.iter().map(|piece| piece.is_joined).collect(),
            start,
            begins,
            reach: longest * WRITTEN_BYTES_MAX,
        })
    }

    /// The places of all pieces by their beginnings, overlapping ones as one.
    pub(super) fn find(&self, text: &[u8]) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        self.examine(&View::given(text), DEPTH, &mut found);
        found.sort_unstable_by_key(|range| range.start);
        found.dedup_by(|next, last| {
            let is_overlap = next.start < last.end;
            if is_overlap {
                last.end = last.end.max(next.end);
            }
            is_overlap
        });
        found
    }

    fn examine(&self, view: &View<'_>, depth: u8, found: &mut Vec<Range<usize>>) {
        let mut ways = Ways::default();
        for at in 0..view.bytes.len() {
            if let Some(end) = self.longest_from(&view.bytes, at, depth, &mut ways) {
                found.push(view.range(at, end));
            }
        }
        if depth == DEPTH {
            dump::decode(view, &mut |decoded| self.examine(decoded, depth - 1, found));
        }
        let mut plain = None;
        for left in (0..depth).rev() {
            let written = plain.as_ref().unwrap_or(view);
            if !codec::may_decode(&written.bytes) {
                break;
            }
            for codec in &CODECS {
                codec.decode(written, &mut |decoded| self.examine(decoded, left, found));
            }
            let Some(next) = written.without_escapes() else { break };
            plain = Some(next);
        }
    }

    /// Where the longest piece that begins here ends.
    fn longest_from(&self, text: &[u8], at: usize, depth: u8, ways: &mut Ways) -> Option<usize> {
        let first = text.get(at).copied()?;
        if !self.begins[usize::from(first)] {
            return None;
        }
        // No escape begins with so many of its sign: a long row of them must not be read from each place.
        let row = text.get(at..at + ROW_MAX);
        if introduces(first) && row.is_some_and(|row| row.iter().all(|byte| *byte == first)) {
            return None;
        }
        let mut longest = None;
        ways.seen.clear();
        ways.todo.push(Reached {
            at,
            state: self.start,
            taken: 0,
            breaks: 0,
        });
        while let Some(mut reached) = ways.todo.pop() {
            while let Some(byte) = text.get(reached.at).filter(|byte| is_plain(**byte)) {
                let Some(next) = self.step(reached, &[*byte], reached.at + 1) else {
                    break;
                };
                reached = next;
                self.note(reached, &mut longest);
            }
            if text.get(reached.at).is_some_and(|byte| !is_plain(*byte)) {
                self.branch(text, reached, depth, &mut ways.readings, &mut |next| {
                    if next.taken > reached.taken {
                        self.note(next, &mut longest);
                    }
                    if ways.seen.insert(next) {
                        ways.todo.push(next);
                    }
                });
            }
        }
        longest
    }

    /// Reads on in every way.
    fn branch(&self, text: &[u8], reached: Reached, depth: u8, found: &mut Vec<Reading>, go: &mut dyn FnMut(Reached)) {
        found.clear();
        readings(text, reached.at, depth, found);
        for reading in found {
            if let Some(next) = self.step(reached, reading.bytes(), reading.next) {
                go(next);
            }
            let is_inside = reached.taken > 0;
            let is_break = matches!(reading.single(), Some(b'\n' | b'\r'));
            if is_inside && matches!(reading.single(), Some(b'\'' | b'"' | 0)) {
                go(Reached {
                    at: reading.next,
                    ..reached
                });
            }
            if is_inside && is_break {
                let breaks = reached.breaks.saturating_add(u8::from(reading.single() == Some(b'\n')));
                let next = Reached {
                    at: reading.next,
                    breaks,
                    ..reached
                };
                go(next);
                go(Reached {
                    at: after_blanks(text, next.at),
                    ..next
                });
            }
        }
        // Blanks at the end of a line.
        let end = after_blanks(text, reached.at);
        if end > reached.at && reached.taken > 0 && matches!(text.get(end), Some(b'\n' | b'\r')) {
            go(Reached { at: end, ..reached });
        }
    }

    /// On by these bytes of a piece, where there is one that goes on so.
    fn step(&self, reached: Reached, bytes: &[u8], at: usize) -> Option<Reached> {
        let mut state = reached.state;
        for byte in bytes {
            state = self.pieces.next_state(Anchored::Yes, state, *byte);
            if self.pieces.is_dead(state) {
                return None;
            }
        }
        let taken = reached.taken + bytes.len();
        Some(Reached {
            at,
            state,
            taken,
            ..reached
        })
    }

    /// Notes where a piece ends that was read from its first byte on.
    fn note(&self, reached: Reached, longest: &mut Option<usize>) {
        if !self.pieces.is_match(reached.state) {
            return;
        }
        let is_found = (0..self.pieces.match_len(reached.state)).any(|index| {
            let piece = self.pieces.match_pattern(reached.state, index);
            let may_break = self.is_joined.get(piece.as_usize()).copied().unwrap_or_default();
            self.pieces.pattern_len(piece) == reached.taken && (may_break || reached.breaks <= BREAKS_MAX)
        });
        if is_found {
            *longest = (*longest).max(Some(reached.at));
        }
    }
}

/// Whether a byte stands for itself, and belongs to what is read.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii() && !introduces(byte) && !matches!(byte, b'\'' | b'"' | 0 | b'\n' | b'\r' | b' ' | b'\t')
}

fn after_blanks(text: &[u8], at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    at + rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count()
}
