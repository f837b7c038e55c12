//! Takes secrets out of what is kept or shown: by value and in the encodings that secrets travel in.
//!
//! This is the second line. The first is that a secret is a type that has no text. Every match is
//! replaced by `***`; where matches overlap, all of them are. A text without a secret is not changed.
//! What this cannot find: a secret that was hashed, compressed, encrypted or cut.

mod encodings;
mod stream;

use std::borrow::Cow;
use std::sync::Arc;

use aho_corasick::AhoCorasick;

use crate::value::Secret;

pub use stream::Scrubber;

/// What stands in the place of a secret.
pub const MASK: &str = "***";

/// A secret must have this many characters: a shorter one would be found in every text.
pub const SECRET_CHARACTERS_MIN: usize = 6;

/// A secret that is too short to be kept out of anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a secret must have at least {SECRET_CHARACTERS_MIN} characters, this one has {characters}; a shorter one cannot be kept out of the record"
)]
pub struct TooShort {
    pub characters: usize,
}

/// Finds a run's secrets.
#[derive(Clone, Default)]
pub struct Redactor {
    search: Option<Arc<Search>>,
}

/// The automaton over all encodings of all secrets.
struct Search {
    automaton: AhoCorasick,
    longest: usize,
}

impl Redactor {
    /// A redactor of these secrets.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        let patterns: Vec<Vec<u8>> = encodings::of_all(secrets.into_iter().map(Secret::expose));
        let longest = patterns.iter().map(Vec::len).max().unwrap_or(0);
        // Without patterns there is nothing to find; with them, building fails only beyond billions of states.
        let automaton = (longest > 0).then(|| AhoCorasick::new(patterns));
        let search = match automaton {
            Some(Ok(automaton)) => Some(Arc::new(Search { automaton, longest })),
            Some(Err(_)) | None => None,
        };
        Self { search }
    }

    /// Whether there is nothing to find.
    pub fn is_idle(&self) -> bool {
        self.search.is_none()
    }

    /// Refuses a secret that is too short.
    pub fn check(text: &str) -> Result<(), TooShort> {
        let characters = text.trim().chars().count();
        if characters < SECRET_CHARACTERS_MIN {
            return Err(TooShort { characters });
        }
        Ok(())
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

    /// Whether there is a secret in these bytes: whether scrubbing would change them.
    pub fn finds(&self, bytes: &[u8]) -> bool {
        self.search
            .as_ref()
            .is_some_and(|search| search.automaton.is_match(bytes))
    }

    /// The longest that a secret is in any of its encodings: where the beginning of a text was cut off, so many
    /// bytes less one may be the rest of a secret that is not found any more.
    pub fn longest(&self) -> usize {
        self.search.as_ref().map_or(0, |search| search.longest)
    }

    /// A scrubber for what comes in pieces.
    pub fn scrubber(&self) -> Scrubber {
        Scrubber::new(self.clone())
    }
}

#[cfg(test)]
mod tests;
