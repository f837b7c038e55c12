//! A text as it reads after decoding, with the place in the text as it was given from which each byte came.

use std::borrow::Cow;
use std::ops::Range;

use super::reading::{escapes, readings};

#[derive(Debug, Default)]
pub(super) struct View<'a> {
    pub(super) bytes: Cow<'a, [u8]>,
    places: Places<'a>,
}

#[derive(Debug, Default)]
enum Places<'a> {
    /// Nothing was decoded.
    #[default]
    Given,
    /// The place of each byte.
    Listed(Vec<(usize, usize)>),
    /// The bytes are made of signs of so many bits, which stand there in another view.
    Signs {
        of: &'a View<'a>,
        at: &'a [usize],
        bits: usize,
    },
}

impl<'a> View<'a> {
    /// The text as it was given.
    pub(super) fn given(text: &'a [u8]) -> Self {
        Self {
            bytes: Cow::Borrowed(text),
            places: Places::Given,
        }
    }

    /// Bytes that were made of signs of another view.
    pub(super) fn of_signs(of: &'a View<'a>, at: &'a [usize], bits: usize, bytes: &'a [u8]) -> Self {
        Self {
            bytes: Cow::Borrowed(bytes),
            places: Places::Signs { of, at, bits },
        }
    }

    pub(super) fn push(&mut self, byte: u8, place: Range<usize>) {
        self.bytes.to_mut().push(byte);
        match &mut self.places {
            Places::Listed(places) => places.push((place.start, place.end)),
            places => *places = Places::Listed(vec![(place.start, place.end)]),
        }
    }

    /// Where these bytes came from; there is at least one.
    pub(super) fn range(&self, start: usize, end: usize) -> Range<usize> {
        let last = end.saturating_sub(1);
        match &self.places {
            Places::Given => start..end,
            Places::Listed(places) => {
                let from = places.get(start).map_or(start, |(from, _)| *from);
                from..places.get(last).map_or(end, |(_, to)| *to)
            }
            Places::Signs { of, at, bits } => {
                let sign = |bit: usize| at.get(bit / bits).copied().unwrap_or_default();
                of.range(sign(start * 8), sign(last * 8 + 7) + 1)
            }
        }
    }

    /// Whether one of these bytes stands for an escape.
    pub(super) fn has_escape(&self, start: usize, end: usize) -> bool {
        match &self.places {
            Places::Listed(places) => {
                let mut places = places.get(start..end).unwrap_or_default().iter();
                places.any(|(from, to)| to - from > 1)
            }
            Places::Given | Places::Signs { .. } => true,
        }
    }

    /// The view with each escape replaced by what it most likely stands for; `None` where there is none.
    pub(super) fn without_escapes(&self) -> Option<View<'static>> {
        if !self.bytes.iter().any(|byte| escapes(*byte)) {
            return None;
        }
        let mut plain = View::default();
        let mut found = Vec::new();
        let mut at = 0;
        while let Some(byte) = self.bytes.get(at) {
            if !escapes(*byte) {
                plain.push(*byte, self.range(at, at + 1));
                at += 1;
                continue;
            }
            found.clear();
            readings(&self.bytes, at, 1, &mut found);
            // The longest reading is the escape; itself is the shortest.
            let Some(reading) = found.iter().max_by_key(|reading| reading.next) else {
                break;
            };
            for byte in reading.bytes() {
                plain.push(*byte, self.range(at, reading.next));
            }
            at = reading.next;
        }
        Some(plain)
    }
}
