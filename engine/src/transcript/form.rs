//! The one form in which records are written, told by its grammar in one pass.
//!
//! It is what `serde_json` writes, restricted: no blanks, one spelling of each letter, keys that are ASCII words and
//! stand once, no floats, whole numbers within ±(2^53−1). So nothing is written in two ways, and a text that is in
//! the form is what writing its content again would give.

/// The largest whole number that every reader of JSON holds exactly.
pub(super) const INTEGER_MAX: u64 = (1 << 53) - 1;

/// Arrays and objects lie at most so deep in each other; `serde_json` reads no deeper either.
const DEPTH_MAX: usize = 127;

/// Room for the fields of nearly every record.
const FIELDS_USUAL: usize = 32;

/// Up to so many keys are held against each other without being sorted.
const KEYS_FEW: usize = 16;

/// Whether a key is an ASCII word.
pub(super) fn is_word(key: &str) -> bool {
    key.bytes().all(is_of_word)
}

fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'
}

/// A key of the outermost object, and its value as it stands.
pub(super) type Field<'t> = (&'t str, &'t str);

/// The fields of the object that this text is, in their order; `None` where it is not in the one form.
pub(super) fn fields(text: &[u8]) -> Option<Vec<Field<'_>>> {
    let text = std::str::from_utf8(text).ok()?;
    let mut scan = Scan {
        text,
        at: 0,
        fields: Vec::with_capacity(FIELDS_USUAL),
    };
    scan.object(DEPTH_MAX)?;
    (scan.at == text.len()).then_some(scan.fields)
}

/// A place in a text.
struct Scan<'t> {
    text: &'t str,
    at: usize,
    /// The fields of the objects that are open, each object's behind those of the one around it.
    fields: Vec<Field<'t>>,
}

impl<'t> Scan<'t> {
    fn rest(&self) -> &'t [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Goes past a word that has to stand here.
    fn expect(&mut self, word: &[u8]) -> Option<()> {
        self.rest().starts_with(word).then(|| self.at += word.len())
    }

    fn value(&mut self, depth: usize) -> Option<()> {
        match self.peek()? {
            b'"' => self.string(),
            b'{' => self.object(depth),
            b'[' => self.array(depth),
            b't' => self.expect(b"true"),
            b'f' => self.expect(b"false"),
            b'n' => self.expect(b"null"),
            _ => self.integer(),
        }
    }

    fn array(&mut self, depth: usize) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        self.expect(b"[")?;
        if self.expect(b"]").is_some() {
            return Some(());
        }
        loop {
            self.value(depth)?;
            if self.expect(b"]").is_some() {
                return Some(());
            }
            self.expect(b",")?;
        }
    }

    /// Leaves the fields of the outermost object, and of no other.
    fn object(&mut self, depth: usize) -> Option<()> {
        let inside = depth.checked_sub(1)?;
        let first = self.fields.len();
        self.expect(b"{")?;
        if self.expect(b"}").is_some() {
            return Some(());
        }
        loop {
            let key = self.key()?;
            let start = self.at;
            self.value(inside)?;
            self.fields.push((key, self.text.get(start..self.at)?));
            if self.expect(b"}").is_some() {
                break;
            }
            self.expect(b",")?;
        }
        let is_each_once = each_once(self.fields.get(first..)?);
        if depth < DEPTH_MAX {
            self.fields.truncate(first);
        }
        is_each_once.then_some(())
    }

    /// A key with its colon.
    fn key(&mut self) -> Option<&'t str> {
        self.expect(b"\"")?;
        let start = self.at;
        self.at += self.rest().iter().position(|byte| !is_of_word(*byte))?;
        let key = self.text.get(start..self.at)?;
        self.expect(b"\":")?;
        Some(key)
    }

    fn string(&mut self) -> Option<()> {
        self.expect(b"\"")?;
        loop {
            let special = |byte: &u8| *byte < b' ' || matches!(*byte, b'"' | b'\\');
            self.at += self.rest().iter().position(special)?;
            match self.peek()? {
                b'"' => return self.expect(b"\""),
                b'\\' => self.escape()?,
                _ => return None,
            }
        }
    }

    /// What is not written as itself, in the one way in which it is written.
    fn escape(&mut self) -> Option<()> {
        let length = match self.rest() {
            [_, b'"' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't', ..] => 2,
            [_, b'u', b'0', b'0', b'0', b'0'..=b'7' | b'b' | b'e' | b'f', ..]
            | [_, b'u', b'0', b'0', b'1', b'0'..=b'9' | b'a'..=b'f', ..] => 6,
            _ => return None,
        };
        self.at += length;
        Some(())
    }

    fn integer(&mut self) -> Option<()> {
        let is_negative = self.expect(b"-").is_some();
        let digits = self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
        let number = self.text.get(self.at..self.at + digits)?;
        let magnitude: u64 = number.parse().ok()?;
        let has_one_spelling = if magnitude == 0 {
            digits == 1 && !is_negative
        } else {
            !number.starts_with('0')
        };
        self.at += digits;
        (has_one_spelling && magnitude <= INTEGER_MAX).then_some(())
    }
}

/// Whether each key stands once.
fn each_once(fields: &[Field<'_>]) -> bool {
    if fields.len() <= KEYS_FEW {
        let mut earlier = fields.iter().enumerate();
        return earlier.all(|(place, (key, _))| fields.iter().take(place).all(|(other, _)| other != key));
    }
    let mut keys: Vec<&str> = fields.iter().map(|(key, _)| *key).collect();
    keys.sort_unstable();
    keys.windows(2).all(|pair| pair[0] != pair[1])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    /// The same by reading and writing again.
    fn is_in_form(text: &[u8]) -> bool {
        serde_json::from_slice::<Value>(text)
            .is_ok_and(|value| value.is_object() && is_restricted(&value) && value.to_string().as_bytes() == text)
    }

    fn is_restricted(value: &Value) -> bool {
        match value {
            Value::Number(number) => {
                let magnitude = number.as_u64().or_else(|| number.as_i64().map(i64::unsigned_abs));
                magnitude.is_some_and(|magnitude| magnitude <= INTEGER_MAX)
            }
            Value::Array(values) => values.iter().all(is_restricted),
            Value::Object(fields) => fields.iter().all(|(key, value)| is_word(key) && is_restricted(value)),
            Value::Null | Value::Bool(_) | Value::String(_) => true,
        }
    }

    /// Pieces of which most texts are nearly in the form.
    const PIECES: &[&str] = &[
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"a\":",
        "\"b_1\":",
        "\"A\":",
        "\"é\":",
        "\"\"",
        "\"\":",
        "\"x y\"",
        "\"\u{7f}é\u{2028}\"",
        "0",
        "-0",
        "-1",
        "01",
        "9007199254740991",
        "9007199254740992",
        "-9007199254740991",
        "-9007199254740992",
        "99999999999999999999999",
        "1.0",
        "1e3",
        "-",
        "true",
        "false",
        "null",
        "nul",
        " ",
        "\n",
        "\"",
        "\\",
        "\\n",
        "\\b",
        "\\/",
        "\\u0000",
        "\\u0008",
        "\\u000B",
        "\\u000b",
        "\\u001f",
        "\\u0020",
        "\\u007f",
        "\\u00e9",
        "\\ud83d",
        "\u{1}",
    ];

    fn nested(depth: usize) -> String {
        format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth))
    }

    proptest! {
        #[test]
        fn the_grammar_says_what_writing_again_says(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..9)) {
            let [bare, value, text] = ["{P}", "{\"a\":P}", "{\"a\":\"P\"}"].map(|form| form.replace('P', &pieces.concat()));
            for text in [bare, value, text] {
                prop_assert_eq!(fields(text.as_bytes()).is_some(), is_in_form(text.as_bytes()), "{}", text);
            }
        }

        #[test]
        fn what_is_written_is_in_the_form(text: String, number in -9_007_199_254_740_991_i64..9_007_199_254_740_991) {
            let written = serde_json::json!({"a": text, "b": [{"c": number}, [], {}, null, true]}).to_string();
            let fields = fields(written.as_bytes()).unwrap_or_default();
            prop_assert_eq!(fields.iter().map(|(key, _)| *key).collect::<Vec<_>>(), ["a", "b"]);
            prop_assert_eq!(serde_json::from_str::<String>(fields[0].1).ok(), Some(text));
        }
    }

    #[test]
    fn a_key_that_stands_twice_is_found_among_few_and_many() {
        for keys in [2, 16, 17, 40] {
            let each: Vec<String> = (0..keys).map(|key| format!("\"k{key}\":{{\"a\":1}}")).collect();
            let text = |fields: &[String]| format!("{{\"a\":[{{{}}}]}}", fields.join(","));
            assert!(fields(text(&each).as_bytes()).is_some(), "{keys}");
            let twice = [&each[1..], &each[keys - 1..]].concat();
            assert!(fields(text(&twice).as_bytes()).is_none(), "{keys}");
        }
    }

    #[test]
    fn what_lies_deeper_than_anybody_reads_is_not_in_it() {
        for depth in [1, 125, 126, 127, 128, 100_000] {
            let text = nested(depth);
            assert_eq!(
                fields(text.as_bytes()).is_some(),
                is_in_form(text.as_bytes()),
                "{depth}"
            );
        }
        assert!(fields(b"{\"a\":\"\xff\"}").is_none());
    }
}
