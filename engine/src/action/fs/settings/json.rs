//! Settings in JSON, by a path of names: `gateway.port`, `members.0.name`; a dot in a name is `\.`.
//!
//! The type of a setting stays what it was: a number is not replaced by a text.

use std::ops::Range;

use serde::de::IgnoredAny;

use super::{Setting, Style, line_of};

/// Finds the plain value at this path.
pub(super) fn find(text: &str, key: &str) -> Result<Setting, String> {
    // What passes here is well-formed, so the scanner below only has to find.
    let mark = if text.starts_with('\u{feff}') { 3 } else { 0 };
    serde_json::from_str::<IgnoredAny>(&text[mark..]).map_err(|error| {
        format!(
            "this is no JSON: line {}, column {} cannot be read",
            error.line(),
            error.column()
        )
    })?;
    let mut scanner = Scanner { text, at: mark };
    let mut place = scanner.value();
    for name in names(key) {
        place = scanner.member(&place, &name, key)?;
    }
    let written = &text[place.clone()];
    let style = match written.as_bytes().first() {
        Some(b'"') => Style::JsonText,
        Some(b't' | b'f') => Style::JsonBool,
        Some(b'n') => Style::JsonNull,
        Some(b'{' | b'[') => return Err(format!("`{key}` is no plain value; name one inside it")),
        _ => Style::JsonNumber,
    };
    let value = match style {
        Style::JsonText => serde_json::from_str(written).map_err(|_| format!("`{key}` cannot be read"))?,
        _ => written.to_owned(),
    };
    let around = place.clone();
    Ok(Setting {
        place,
        around,
        value,
        style,
    })
}

/// A value as it is written in this style.
pub(super) fn write(style: Style, to: &str) -> Result<String, String> {
    let (fits, kind) = match style {
        Style::JsonNumber => (is_number(to), "a number"),
        Style::JsonBool => (matches!(to, "true" | "false"), "true or false"),
        Style::JsonNull => (to == "null", "null"),
        _ => return Ok(serde_json::Value::from(to).to_string()),
    };
    if !fits {
        return Err(format!(
            "the setting is {kind}, the new value is not; a setting keeps its type"
        ));
    }
    Ok(to.to_owned())
}

/// Whether it is written as a number, of whatever size.
fn is_number(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_digit() || first == '-')
        && text.trim() == text
        && serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// The names of a path.
fn names(key: &str) -> Vec<String> {
    let mut names = vec![String::new()];
    let mut characters = key.chars();
    while let Some(character) = characters.next() {
        let last = names.len() - 1;
        match character {
            '.' => names.push(String::new()),
            '\\' => names[last].extend(characters.next()),
            other => names[last].push(other),
        }
    }
    names
}

/// Walks over well-formed JSON.
struct Scanner<'t> {
    text: &'t str,
    at: usize,
}

impl Scanner<'_> {
    fn byte(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or_default()
    }

    fn blanks(&mut self) {
        while matches!(self.byte(), b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
    }

    /// The place of the text that begins here.
    fn string(&mut self) -> Range<usize> {
        let start = self.at;
        self.at += 1;
        while !matches!(self.byte(), b'"' | 0) {
            self.at += if self.byte() == b'\\' { 2 } else { 1 };
        }
        self.at += 1;
        start..self.at.min(self.text.len())
    }

    /// The place of the value that begins behind blanks.
    fn value(&mut self) -> Range<usize> {
        self.blanks();
        let start = self.at;
        match self.byte() {
            b'"' => return self.string(),
            b'{' | b'[' => {
                let mut depth = 0_usize;
                while self.at < self.text.len() {
                    match self.byte() {
                        b'"' => {
                            self.string();
                            continue;
                        }
                        b'{' | b'[' => depth += 1,
                        b'}' | b']' => depth -= 1,
                        _ => {}
                    }
                    self.at += 1;
                    if depth == 0 {
                        break;
                    }
                }
            }
            _ => {
                while !matches!(self.byte(), b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r' | 0) {
                    self.at += 1;
                }
            }
        }
        start..self.at
    }

    /// The place of the member `name` of the object or list at `place`.
    fn member(&mut self, place: &Range<usize>, name: &str, key: &str) -> Result<Range<usize>, String> {
        let absent = || format!("there is no setting `{key}`: `{name}` is not there");
        let is_object = match self.text.as_bytes().get(place.start) {
            Some(b'{') => true,
            Some(b'[') => false,
            _ => return Err(absent()),
        };
        self.at = place.start + 1;
        let mut found: Option<Range<usize>> = None;
        let mut position = 0_usize;
        loop {
            self.blanks();
            if matches!(self.byte(), b'}' | b']' | 0) {
                return found.ok_or_else(absent);
            }
            let is_wanted = if is_object {
                let written = self.string();
                let is_wanted = serde_json::from_str::<String>(&self.text[written]).is_ok_and(|known| known == name);
                self.blanks();
                self.at += 1;
                is_wanted
            } else {
                position.to_string() == name
            };
            let value = self.value();
            if is_wanted {
                if let Some(first) = &found {
                    return Err(format!(
                        "`{key}` is set twice, in lines {} and {}; remove one of them first",
                        line_of(self.text, first.start),
                        line_of(self.text, value.start)
                    ));
                }
                found = Some(value);
            }
            position += 1;
            self.blanks();
            if self.byte() == b',' {
                self.at += 1;
            }
        }
    }
}
