//! What may be meant by what stands at a place of a text: itself, or what an escape stands for.
//!
//! No language is asked for: percent, backslash, entity and the rest are read side by side, and the signs of an escape
//! may be escaped themselves. So a text in any mixture of them is read, wherever reading begins.

/// One way to read a place: at most four bytes, and where what follows begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reading {
    bytes: [u8; 4],
    length: usize,
    pub(super) next: usize,
}

impl Reading {
    fn byte(byte: u8, next: usize) -> Self {
        Self {
            bytes: [byte, 0, 0, 0],
            length: 1,
            next,
        }
    }

    fn character(character: char, next: usize) -> Self {
        let mut bytes = [0; 4];
        let length = character.encode_utf8(&mut bytes).len();
        Self { bytes, length, next }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// The only byte, where it is one.
    pub(super) fn single(&self) -> Option<u8> {
        (self.length == 1).then_some(self.bytes[0])
    }
}

/// Whether an escape can begin with this byte.
pub(super) fn introduces(byte: u8) -> bool {
    escapes(byte) || matches!(byte, b'=' | b'+')
}

/// The same without what is mostly meant as it stands.
pub(super) fn escapes(byte: u8) -> bool {
    matches!(byte, b'%' | b'\\' | b'&')
}

/// Adds every reading of a place with at most so many escapes inside each other.
pub(super) fn readings(text: &[u8], at: usize, depth: u8, out: &mut Vec<Reading>) {
    let Some(inner) = read(text, at, depth, out) else {
        return;
    };
    for (introducer, next) in inner.singles(at) {
        if introducer == b'&' {
            inner.unknown_entity(next, out);
        }
    }
}

/// The readings without names of entities that are not known. Gives the reader for the inside of escapes, where one may
/// begin here.
fn read<'a>(text: &'a [u8], at: usize, depth: u8, out: &mut Vec<Reading>) -> Option<Reader<'a>> {
    let byte = *text.get(at)?;
    // A letter beyond ASCII may also stand there in Latin 1, or in UTF-16 beside a zero.
    out.extend(byte_or_character((u32::from(byte), at + 1)));
    let depth = depth.checked_sub(1).filter(|_| introduces(byte))?;
    let reader = Reader { text, depth };
    for (introducer, next) in reader.singles(at) {
        match introducer {
            b'%' => reader.percent(next, out),
            b'\\' => reader.backslash(next, out),
            b'&' => reader.entity(next, out),
            b'=' => reader.quoted_printable(next, out),
            b'+' => out.push(Reading::byte(b' ', next)),
            _ => {}
        }
    }
    Some(reader)
}

/// Reads what belongs to an escape; what it consists of may itself be escaped so often.
struct Reader<'a> {
    text: &'a [u8],
    depth: u8,
}

impl Reader<'_> {
    /// The readings of one byte, each once.
    fn singles(&self, at: usize) -> impl Iterator<Item = (u8, usize)> + use<> {
        let literal = self.text.get(at).copied();
        let mut escaped = Vec::new();
        if self.depth > 0 && literal.is_some_and(introduces) {
            let mut found = Vec::new();
            let _ = read(self.text, at, self.depth, &mut found);
            for reading in found {
                let single = reading.single().map(|byte| (byte, reading.next));
                escaped.extend(single.filter(|single| single.1 > at + 1 && !escaped.contains(single)));
            }
        }
        literal.map(|byte| (byte, at + 1)).into_iter().chain(escaped)
    }

    /// Where the text goes on after this byte.
    fn after(&self, byte: u8, at: usize) -> Option<usize> {
        self.singles(at).find(|(read, _)| *read == byte).map(|(_, next)| next)
    }

    /// A number of `least` to `most` digits, for each length.
    fn numbers(&self, radix: u32, least: usize, most: usize, mut at: usize) -> Vec<(u32, usize)> {
        let mut found = Vec::new();
        let mut number = 0_u32;
        for length in 1..=most {
            let mut digits = self.singles(at);
            let digit = digits.find_map(|(byte, next)| Some((char::from(byte).to_digit(radix)?, next)));
            let Some((digit, next)) = digit else { break };
            number = number.saturating_mul(radix).saturating_add(digit);
            at = next;
            if length >= least {
                found.push((number, at));
            }
        }
        found
    }

    fn percent(&self, at: usize, out: &mut Vec<Reading>) {
        out.extend(self.numbers(16, 2, 2, at).into_iter().flat_map(byte_or_character));
        if let Some(at) = self.after(b'u', at) {
            out.extend(self.numbers(16, 4, 4, at).into_iter().filter_map(character));
        }
    }

    fn quoted_printable(&self, at: usize, out: &mut Vec<Reading>) {
        out.extend(self.numbers(16, 2, 2, at).into_iter().flat_map(byte_or_character));
        let at = self.after(b'\r', at).unwrap_or(at);
        out.extend(self.after(b'\n', at).map(|next| Reading::byte(b'\n', next)));
    }

    fn backslash(&self, at: usize, out: &mut Vec<Reading>) {
        out.extend(self.numbers(8, 1, 3, at).into_iter().flat_map(byte_or_character));
        for (letter, next) in self.singles(at) {
            out.push(Reading::byte(letter, next));
            match letter {
                b'x' => out.extend(self.numbers(16, 1, 2, next).into_iter().flat_map(byte_or_character)),
                b'U' => out.extend(self.numbers(16, 8, 8, next).into_iter().filter_map(character)),
                b'u' => out.extend(self.unit(next)),
                _ => out.extend(control(letter).map(|control| Reading::byte(control, next))),
            }
            if let Some(at) = self.after(b'{', next).filter(|_| matches!(letter, b'x' | b'u')) {
                let numbers = self.numbers(16, 1, 8, at).into_iter();
                let closed = numbers.filter_map(|(code, at)| Some((code, self.after(b'}', at)?)));
                out.extend(closed.filter_map(character));
            }
        }
    }

    /// The character of one unit of UTF-16, or of two.
    fn unit(&self, at: usize) -> Option<Reading> {
        let (high, next) = self.numbers(16, 4, 4, at).pop()?;
        if !(0xd800..0xdc00).contains(&high) {
            return character((high, next));
        }
        let next = self.after(b'u', self.after(b'\\', next)?)?;
        let (low, next) = self.numbers(16, 4, 4, next).pop()?;
        character((0x1_0000 + ((high - 0xd800) << 10) + (low.checked_sub(0xdc00)?), next))
    }

    fn entity(&self, at: usize, out: &mut Vec<Reading>) {
        let closed = |(code, at)| Some((code, self.after(b';', at)?));
        if let Some(at) = self.after(b'#', at) {
            out.extend(
                self.numbers(10, 1, 7, at)
                    .into_iter()
                    .filter_map(closed)
                    .filter_map(character),
            );
            let hexadecimal = self.after(b'x', at).or_else(|| self.after(b'X', at));
            let numbers = hexadecimal.map(|at| self.numbers(16, 1, 6, at)).unwrap_or_default();
            out.extend(numbers.into_iter().filter_map(closed).filter_map(character));
            return;
        }
        if let Some((name, next)) = self.name(at) {
            let known = ENTITIES.iter().find(|(known, _)| known.as_bytes() == name);
            out.extend(known.map(|(_, character)| Reading::byte(*character, next)));
        }
    }

    /// A name that is not known stands for any sign or letter of Latin 1.
    fn unknown_entity(&self, at: usize, out: &mut Vec<Reading>) {
        if let Some((_, next)) = self.name(at) {
            let signs = (b'!'..=b'~').filter(u8::is_ascii_punctuation).map(char::from);
            let characters = signs.chain('\u{a0}'..='\u{ff}');
            out.extend(characters.map(|character| Reading::character(character, next)));
        }
    }

    /// The name of an entity, and where the text goes on after it.
    fn name(&self, at: usize) -> Option<(&[u8], usize)> {
        let rest = self.text.get(at..)?;
        let letters = rest
            .iter()
            .take(ENTITY_NAME_MAX)
            .take_while(|byte| byte.is_ascii_alphanumeric());
        let length = letters.count();
        let next = (length > 0).then(|| self.after(b';', at + length))??;
        Some((rest.get(..length)?, next))
    }
}

const ENTITY_NAME_MAX: usize = 32;
const ENTITIES: [(&str, u8); 5] = [
    ("amp", b'&'),
    ("lt", b'<'),
    ("gt", b'>'),
    ("quot", b'"'),
    ("apos", b'\''),
];

/// A code that may be that of a byte or of a character.
fn byte_or_character((code, next): (u32, usize)) -> impl Iterator<Item = Reading> {
    let byte = u8::try_from(code).ok().map(|byte| Reading::byte(byte, next));
    let character = (code >= 0x80).then(|| character((code, next))).flatten();
    byte.into_iter().chain(character)
}

fn character((code, next): (u32, usize)) -> Option<Reading> {
    char::from_u32(code).map(|character| Reading::character(character, next))
}

/// What a letter after a backslash stands for.
fn control(letter: u8) -> Option<u8> {
    Some(match letter {
        b'a' => 0x07,
        b'b' => 0x08,
        b't' => b'\t',
        b'n' => b'\n',
        b'v' => 0x0b,
        b'f' => 0x0c,
        b'r' => b'\r',
        b'e' | b'E' => 0x1b,
        _ => return None,
    })
}
