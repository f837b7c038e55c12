//! Base64, base32 and hexadecimal digits: a text is taken apart into runs of their signs, and each run is decoded from
//! each place where a byte may begin. Line ends do not end a run, nor does what stands between pairs of digits.

use super::view::View;

/// A run that is shorter than a piece would be is not decoded.
const BYTES_MIN: usize = super::pieces::PIECE_BYTES_MIN;
/// What six bytes have at least, in any codec.
const SIGNS_MIN: usize = BYTES_MIN * 8 / 6;
/// No sign of a codec.
const NONE: u8 = 0xff;

/// How bytes are written with fewer signs than there are bytes.
pub(super) struct Codec {
    /// How many bits a sign has.
    bits: usize,
    /// With which signs of a run a byte may begin: one of the first so many.
    places: usize,
    /// What each sign stands for.
    values: [u8; 256],
    /// Whether signs may be grouped.
    has_groups: bool,
}

/// Base64 in both alphabets, base32 in both, hexadecimal digits in both cases.
pub(super) static CODECS: [Codec; 4] = [
    Codec::new(
        6,
        4,
        &[
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
        ],
        false,
    ),
    Codec::new(5, 8, &[b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"], false),
    Codec::new(5, 8, &[b"0123456789ABCDEFGHIJKLMNOPQRSTUV"], false),
    Codec::new(4, 2, &[b"0123456789abcdef", b"0123456789ABCDEF"], true),
];

impl Codec {
    const fn new(bits: usize, places: usize, alphabets: &[&[u8]], has_groups: bool) -> Self {
        let mut values = [NONE; 256];
        let mut alphabet = 0;
        while alphabet < alphabets.len() {
            let mut value = 0_u8;
            while (value as usize) < alphabets[alphabet].len() {
                values[alphabets[alphabet][value as usize] as usize] = value;
                value += 1;
            }
            alphabet += 1;
        }
        Self {
            bits,
            places,
            values,
            has_groups,
        }
    }

    /// Shows every text that a run of the view may stand for.
    pub(super) fn decode(&self, view: &View<'_>, show: &mut dyn FnMut(&View<'_>)) {
        let signs_min = (BYTES_MIN * 8).div_ceil(self.bits);
        let (mut values, mut places) = (Vec::new(), Vec::new());
        let mut decoded = Vec::new();
        let mut start = 0;
        let mut at = 0;
        while at <= view.bytes.len() {
            let value = view.bytes.get(at).map_or(NONE, |sign| self.values[usize::from(*sign)]);
            let skipped = if value == NONE || (value == 0 && self.has_groups) {
                self.skipped(&view.bytes, at)
            } else {
                0
            };
            if skipped > 0 {
                at += skipped;
                continue;
            }
            if value != NONE {
                if values.is_empty() {
                    start = at;
                }
                values.push(value);
                places.push(at);
            } else if !values.is_empty() {
                if values.len() >= signs_min && view.has_escape(start, at) {
                    for first in 0..self.places {
                        self.bytes(values.get(first..).unwrap_or_default(), &mut decoded);
                        let places = places.get(first..).unwrap_or_default();
                        show(&View::of_signs(view, places, self.bits, &decoded));
                    }
                }
                values.clear();
                places.clear();
            }
            at += 1;
        }
    }

    /// How many bytes here belong to a run without being signs of it.
    fn skipped(&self, bytes: &[u8], at: usize) -> usize {
        match bytes.get(at..).unwrap_or_default() {
            [b'\n' | b'\r', rest @ ..] => 1 + rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count(),
            [b' ' | b'\t' | b':' | b'-' | b',', ..] if self.has_groups => 1,
            [b'0', b'x', ..] if self.has_groups => 2,
            _ => 0,
        }
    }

    fn bytes(&self, signs: &[u8], bytes: &mut Vec<u8>) {
        bytes.clear();
        let (mut bits, mut held) = (0_u32, 0);
        for value in signs {
            bits = bits << self.bits | u32::from(*value);
            held += self.bits;
            if held >= 8 {
                held -= 8;
                bytes.push(u8::try_from(bits >> held & 0xff).unwrap_or_default());
            }
        }
    }
}

/// Whether there may be a run that is long enough: the signs of Base64 are those of all codecs.
pub(super) fn may_decode(bytes: &[u8]) -> bool {
    let mut run = 0;
    bytes.iter().any(|byte| {
        match byte {
            byte if CODECS[0].values[usize::from(*byte)] != NONE => run += 1,
            b'\n' | b'\r' | b' ' | b'\t' | b':' | b',' | b'%' | b'\\' | b'&' | b';' => {}
            _ => run = 0,
        }
        run >= SIGNS_MIN
    })
}
