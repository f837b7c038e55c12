//! One setting in a file: where it stands, what it is, and how another value is written in its place.
//!
//! Only the bytes of the value are ever changed: comments, order, quotes, line ends and everything else
//! stay. No message quotes the content of a file, since settings hold passwords.

mod dotenv;
mod json;

use std::ops::Range;
use std::path::Path;

/// A setting that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Setting {
    /// The bytes that hold the value, quotes included.
    place: Range<usize>,
    /// The same with the blanks around it.
    around: Range<usize>,
    value: String,
    /// How a value is written there.
    style: Style,
}

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// `.env`: as it is.
    Bare,
    /// `.env`: between `'`.
    Single,
    /// `.env`: between `"`.
    Double,
    /// JSON: a text.
    JsonText,
    /// JSON: a number.
    JsonNumber,
    /// JSON: `true` or `false`.
    JsonBool,
    /// JSON: `null`.
    JsonNull,
}

impl Setting {
    /// Finds the setting in the text of the file `path`: JSON where its name or its first character says
    /// so, else lines of `KEY=VALUE`.
    pub(super) fn find(path: &Path, text: &str, key: &str) -> Result<Self, String> {
        let named_json = path
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
        let found = if named_json || text.trim_start_matches('\u{feff}').trim_start().starts_with(['{', '[']) {
            json::find(text, key)
        } else {
            dotenv::find(text, key)
        };
        found.map_err(|reason| format!("{}: {reason}", path.display()))
    }

    /// What it is.
    pub(super) fn value(&self) -> &str {
        &self.value
    }

    /// How it is written in the text of the file, with the blanks around it.
    pub(super) fn written<'t>(&self, text: &'t str) -> &'t str {
        &text[self.around.clone()]
    }

    /// The text of the file with it [written](Self::written) so.
    pub(super) fn put_back(&self, text: &str, written: &str) -> String {
        put(text, &self.around, written)
    }

    /// The text of the file with another value in its place; the same text where the value is the same.
    pub(super) fn set(&self, text: &str, to: &str) -> Result<String, String> {
        if self.value == to {
            return Ok(text.to_owned());
        }
        let written = match self.style {
            Style::Bare | Style::Single | Style::Double => dotenv::write(self.style, to)?,
            Style::JsonText | Style::JsonNumber | Style::JsonBool | Style::JsonNull => json::write(self.style, to)?,
        };
        Ok(put(text, &self.place, &written))
    }

    /// The number of the first line of the value, from 1.
    pub(super) fn line(&self, text: &str) -> usize {
        line_of(text, self.place.start)
    }
}

fn put(text: &str, place: &Range<usize>, written: &str) -> String {
    format!("{}{written}{}", &text[..place.start], &text[place.end..])
}

/// The number of the line that holds a place, from 1.
fn line_of(text: &str, place: usize) -> usize {
    text.as_bytes()[..place].split(|byte| *byte == b'\n').count()
}
