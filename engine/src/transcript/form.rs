//! The one form in which records are written: a line is read and written again in one pass, and compared.
//!
//! Invariants: keys are ASCII words and stand once; there are no floats; whole numbers lie within ±(2^53−1); nothing
//! is written in two ways. Nothing of a line is kept but its outermost keys.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

/// The largest whole number that every reader of JSON holds exactly.
pub(super) const INTEGER_MAX: u64 = (1 << 53) - 1;

/// Whether a key is an ASCII word.
pub(super) fn is_word(key: &str) -> bool {
    let is_of_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    key.bytes().all(is_of_word)
}

/// The outermost keys of a JSON text in their order; `None` where it is not in the one form. The error is that it
/// is no JSON.
pub(super) fn keys(text: &[u8]) -> serde_json::Result<Option<Vec<&str>>> {
    let mut form = Form {
        again: Vec::with_capacity(text.len()),
        is_other: false,
        keys: Vec::new(),
        depth: 0,
    };
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    form.deserialize(&mut deserializer)?;
    deserializer.end()?;
    let is_same = !form.is_other && form.again == text;
    Ok(is_same.then_some(form.keys))
}

/// A text that is written again while it is read.
struct Form<'de> {
    again: Vec<u8>,
    is_other: bool,
    /// Of the outermost object.
    keys: Vec<&'de str>,
    depth: usize,
}

impl Form<'_> {
    fn write<E: serde::de::Error>(&mut self, value: &(impl serde::Serialize + ?Sized)) -> Result<(), E> {
        serde_json::to_writer(&mut self.again, value).map_err(E::custom)
    }
}

impl<'de> DeserializeSeed<'de> for &mut Form<'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &mut Form<'de> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value without floats")
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<(), E> {
        self.write(&value)
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        self.write(&())
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<(), E> {
        self.is_other |= value > INTEGER_MAX;
        self.write(&value)
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<(), E> {
        self.is_other |= value.unsigned_abs() > INTEGER_MAX;
        self.write(&value)
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<(), E> {
        self.is_other = true;
        Ok(())
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        self.write(text)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<(), A::Error> {
        self.depth += 1;
        self.again.push(b'[');
        let start = self.again.len();
        while values.next_element_seed(&mut *self)?.is_some() {
            self.again.push(b',');
        }
        close(&mut self.again, start, b']');
        self.depth -= 1;
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        self.depth += 1;
        self.again.push(b'{');
        let start = self.again.len();
        let mut seen = BTreeSet::new();
        // A key that is not borrowed has an escape in it, and is no word.
        while let Some(key) = fields.next_key::<&'de str>()? {
            self.is_other |= !is_word(key) || !seen.insert(key);
            if self.depth == 1 {
                self.keys.push(key);
            }
            self.write(key)?;
            self.again.push(b':');
            fields.next_value_seed(&mut *self)?;
            self.again.push(b',');
        }
        close(&mut self.again, start, b'}');
        self.depth -= 1;
        Ok(())
    }
}

/// Ends what began at `start`: the last comma, if there is one, becomes the bracket.
fn close(again: &mut Vec<u8>, start: usize, bracket: u8) {
    if again.len() > start {
        again.pop();
    }
    again.push(bracket);
}
