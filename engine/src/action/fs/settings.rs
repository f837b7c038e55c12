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
    /// All that is there for it alone, and goes with it; nothing in a list, whose other values would get other places.
    whole: Option<Range<usize>>,
    value: String,
    /// How a value is written there.
    style: Style,
}

/// Why a setting was not found.
enum Missing {
    /// It is not there.
    Absent(String),
    /// The file cannot be understood, or not what it says of this setting.
    Unclear(String),
}

impl From<String> for Missing {
    fn from(reason: String) -> Self {
        Self::Unclear(reason)
    }
}

/// A piece of text and where it is put in.
pub(super) struct Piece {
    pub(super) at: usize,
    pub(super) text: String,
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
    /// Finds the setting in the text of the file `path`.
    pub(super) fn find(path: &Path, text: &str, key: &str) -> Result<Self, String> {
        Self::look(path, text, key).map_err(|missing| match missing {
            Missing::Absent(reason) | Missing::Unclear(reason) => format!("{}: {reason}", path.display()),
        })
    }

    /// As [`Self::find`], where it need not be there.
    pub(super) fn find_if_there(path: &Path, text: &str, key: &str) -> Result<Option<Self>, String> {
        match Self::look(path, text, key) {
            Ok(found) => Ok(Some(found)),
            Err(Missing::Absent(_)) => Ok(None),
            Err(Missing::Unclear(reason)) => Err(format!("{}: {reason}", path.display())),
        }
    }

    fn look(path: &Path, text: &str, key: &str) -> Result<Self, Missing> {
        if is_json(path, text) {
            json::find(text, key)
        } else {
            dotenv::find(text, key)
        }
    }

    /// What is put into the text of the file `path` for a setting that is not there: behind all others, written as they
    /// are.
    pub(super) fn addition(path: &Path, text: &str, key: &str, to: &str, is_number: bool) -> Result<Piece, String> {
        if is_json(path, text) {
            json::new(text, key, to, is_number)
        } else {
            dotenv::new(text, key, to)
        }
    }

    /// All that is there for it alone, without which it is not there.
    pub(super) fn whole(&self) -> Option<&Range<usize>> {
        self.whole.as_ref()
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

/// JSON where its name or its first character says so, else lines of `KEY=VALUE`.
fn is_json(path: &Path, text: &str) -> bool {
    let named_json = path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    named_json || text.trim_start_matches('\u{feff}').trim_start().starts_with(['{', '['])
}

/// The text with something else at this place.
pub(super) fn put(text: &str, place: &Range<usize>, written: &str) -> String {
    format!("{}{written}{}", &text[..place.start], &text[place.end..])
}

/// The number of the line that holds a place, from 1.
fn line_of(text: &str, place: usize) -> usize {
    text.as_bytes()[..place].split(|byte| *byte == b'\n').count()
}
