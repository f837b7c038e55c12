//! Takes secrets out of what is kept or shown: by value and in the encodings that secrets travel in.
//!
//! This is the second line. The first is that a secret is a type that has no text. Every match is
//! replaced by `***`; where matches overlap, all of them are. A text without a secret is not changed.
//! What this cannot find: a secret that was hashed, compressed, encrypted or cut.

mod codec;
mod dump;
mod pieces;
mod reading;
mod search;
mod stream;
mod view;

use std::borrow::Cow;
use std::sync::Arc;

use crate::value::{Secret, Value};

use search::Search;
pub use stream::Scrubber;

/// The shortest secret in bytes, without line ends and the blanks around them: a shorter one could not be kept out of
/// the record without scrubbing half of every text.
pub const SECRET_BYTES_MIN: usize = pieces::PIECE_BYTES_MIN;

/// What stands in the place of a secret.
pub const MASK: &str = "***";

/// Finds a run's secrets.
#[derive(Clone, Default)]
pub struct Redactor {
    search: Option<Arc<Search>>,
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Redactor")
    }
}

impl Redactor {
    /// Finds nothing.
    pub const NONE: Self = Self { search: None };

    /// A redactor of these secrets.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        let pieces = pieces::of_all(secrets.into_iter().map(Secret::expose));
        Self {
            search: Search::new(&pieces).map(Arc::new),
        }
    }

    /// A redactor of the secrets among these values.
    pub fn of_values<'a>(values: impl IntoIterator<Item = &'a Value>) -> Self {
        Self::new(values.into_iter().filter_map(|value| match value {
            Value::Secret(secret) => Some(secret),
            _ => None,
        }))
    }

    /// Whether there is nothing to find.
    pub fn is_idle(&self) -> bool {
        self.search.is_none()
    }

    /// Whether so much of a secret can be told from others' text that it can be kept out of the record.
    pub fn is_long_enough(secret: &str) -> bool {
        pieces::telling_bytes(secret) >= SECRET_BYTES_MIN
    }

    /// The text without secrets.
    pub fn scrub_text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if !self.finds(text.as_bytes()) {
            return Cow::Borrowed(text);
        }
        Cow::Owned(String::from_utf8_lossy(&self.scrub_bytes(text.as_bytes())).into_owned())
    }

    /// The bytes without secrets.
    pub fn scrub_bytes(&self, bytes: &[u8]) -> Vec<u8> {
        let mut scrubber = self.scrubber();
        let mut clean = scrubber.push(bytes);
        clean.extend(scrubber.finish());
        clean
    }

    /// The text without secrets, then cut to so many characters. The only way in which a text is shortened: of a
    /// secret that is cut first the rest would not be found.
    pub fn shortened(&self, text: &str, characters_max: usize) -> String {
        let mut clean = self.scrub_text(text).into_owned();
        if clean.len() > characters_max
            && let Some((end, _)) = clean.char_indices().nth(characters_max)
        {
            clean.truncate(end);
            clean.push('…');
        }
        clean
    }

    /// The end of an output without secrets. Where its beginning was cut off, so much goes with it as may be the
    /// rest of a secret.
    pub fn scrub_end(&self, output: &[u8], is_cut: bool) -> Vec<u8> {
        let mut clean = self.scrub_bytes(output);
        if is_cut {
            clean.drain(..self.reach().min(clean.len()));
        }
        clean
    }

    /// The last line of an output that is not blank, without secrets and shortened.
    pub fn last_line(&self, output: &[u8], is_cut: bool, characters_max: usize) -> Option<String> {
        let clean = self.scrub_end(output, is_cut);
        let text = String::from_utf8_lossy(&clean);
        let line = text.lines().rev().find(|line| !line.trim().is_empty())?;
        Some(self.shortened(line.trim(), characters_max))
    }

    /// Whether there is a secret in these bytes: whether scrubbing would change them.
    pub fn finds(&self, bytes: &[u8]) -> bool {
        self.search
            .as_ref()
            .is_some_and(|search| !search.find(bytes).is_empty())
    }

    /// Where the beginning of a text was cut off, so many bytes may be the rest of a secret that is not found any
    /// more.
    pub fn reach(&self) -> usize {
        self.search.as_ref().map_or(0, |search| search.reach)
    }

    /// A scrubber for what comes in pieces.
    pub fn scrubber(&self) -> Scrubber {
        Scrubber::new(self.clone())
    }
}

#[cfg(test)]
mod tests;
