//! Settings in JSON, by a path of names: `gateway.port`, `members.0.name`; a dot in a name is `\.`.
//!
//! The type of a setting stays what it was: a number is not replaced by a text.

use std::ops::Range;

use serde::de::IgnoredAny;

use super::{Missing, Piece, Setting, Style, line_of};

/// Finds the plain value at this path.
pub(super) fn find(text: &str, key: &str) -> Result<Setting, Missing> {
    let mut scanner = Scanner::over(text)?;
    let mut place = scanner.value();
    let mut whole = None;
    for name in names(key) {
        let member = scanner.member(&place, &name, key)?;
        whole = member.whole();
        place = member.value;
    }
    let written = &text[place.clone()];
    let style = match written.as_bytes().first() {
        Some(b'"') => Style::JsonText,
        Some(b't' | b'f') => Style::JsonBool,
        Some(b'n') => Style::JsonNull,
        Some(b'{' | b'[') => return Err(format!("`{key}` is no plain value; name one inside it").into()),
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
        whole,
        value,
        style,
    })
}

/// A member for a setting that is not there: behind the others of its object, which must be there.
pub(super) fn new(text: &str, key: &str, to: &str, is_number: bool) -> Result<Piece, String> {
    let mut scanner = Scanner::over(text)?;
    let mut place = scanner.value();
    let mut path = names(key);
    let name = path.pop().unwrap_or_default();
    for name in path {
        let member = scanner.member(&place, &name, key).map_err(|missing| match missing {
            Missing::Absent(reason) | Missing::Unclear(reason) => reason,
        })?;
        place = member.value;
    }
    if text.as_bytes().get(place.start) != Some(&b'{') {
        return Err(format!(
            "`{key}` would be no member of an object, and only such are added"
        ));
    }
    let written = if is_number && is_number_text(to) {
        to.to_owned()
    } else {
        serde_json::Value::from(to).to_string()
    };
    let name = serde_json::Value::from(name).to_string();
    let mut last = None;
    scanner.entries(&place, |_, name, value| last = name.map(|name| (name, value)));
    Ok(match last {
        None => Piece {
            at: place.start + 1,
            text: format!("{name}: {written}"),
        },
        Some((last, value)) => {
            let blanks = &text[text[..last.start].trim_end().len()..last.start];
            let between = &text[last.end..value.start];
            Piece {
                at: value.end,
                text: format!(",{blanks}{name}{between}{written}"),
            }
        }
    })
}

/// A value as it is written in this style.
pub(super) fn write(style: Style, to: &str) -> Result<String, String> {
    let (fits, kind) = match style {
        Style::JsonNumber => (is_number_text(to), "a number"),
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
fn is_number_text(text: &str) -> bool {
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

/// A member of an object, or a value of a list.
struct Member {
    /// Its name, in an object.
    name: Option<Range<usize>>,
    value: Range<usize>,
    /// Where the value before it ends.
    before: Option<usize>,
    /// Where the name behind it begins.
    behind: Option<usize>,
}

impl Member {
    /// It with one comma.
    fn whole(&self) -> Option<Range<usize>> {
        let name = self.name.as_ref()?;
        Some(match (self.before, self.behind) {
            (_, Some(behind)) => name.start..behind,
            (Some(before), None) => before..self.value.end,
            (None, None) => name.start..self.value.end,
        })
    }
}

/// Walks over well-formed JSON.
struct Scanner<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Scanner<'t> {
    /// At the begin of a text, which is looked at first: what passes is well-formed, so that the rest only has to find.
    fn over(text: &'t str) -> Result<Self, String> {
        let mark = if text.starts_with('\u{feff}') { 3 } else { 0 };
        serde_json::from_str::<IgnoredAny>(&text[mark..]).map_err(|error| {
            format!(
                "this is no JSON: line {}, column {} cannot be read",
                error.line(),
                error.column()
            )
        })?;
        Ok(Self { text, at: mark })
    }

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

    /// Visits what the object or list at `place` holds: its position, the place of its name in an object, that of its
    /// value.
    fn entries(&mut self, place: &Range<usize>, mut visit: impl FnMut(usize, Option<Range<usize>>, Range<usize>)) {
        let is_object = self.text.as_bytes().get(place.start) == Some(&b'{');
        self.at = place.start + 1;
        for position in 0.. {
            self.blanks();
            if matches!(self.byte(), b'}' | b']' | 0) {
                return;
            }
            let name = is_object.then(|| {
                let name = self.string();
                self.blanks();
                self.at += 1;
                name
            });
            let value = self.value();
            visit(position, name, value);
            self.blanks();
            if self.byte() == b',' {
                self.at += 1;
            }
        }
    }

    /// The member `name` of the object or list at `place`.
    fn member(&mut self, place: &Range<usize>, name: &str, key: &str) -> Result<Member, Missing> {
        let absent = || Missing::Absent(format!("there is no setting `{key}`: `{name}` is not there"));
        let text = self.text;
        if !matches!(text.as_bytes().get(place.start), Some(b'{' | b'[')) {
            return Err(absent());
        }
        let (mut found, mut second): (Option<Member>, Option<Range<usize>>) = (None, None);
        let mut before = None;
        self.entries(place, |position, known, value| {
            let is_wanted = match &known {
                Some(known) => serde_json::from_str::<String>(&text[known.clone()]).is_ok_and(|known| known == name),
                None => position.to_string() == name,
            };
            let start = known.as_ref().map_or(value.start, |known| known.start);
            let end = value.end;
            match &mut found {
                Some(_) if is_wanted => second = second.take().or(Some(value)),
                Some(found) => found.behind = found.behind.or(Some(start)),
                None if is_wanted => {
                    found = Some(Member {
                        name: known,
                        value,
                        before,
                        behind: None,
                    });
                }
                None => {}
            }
            before = Some(end);
        });
        match (found, second) {
            (Some(first), Some(second)) => Err(format!(
                "`{key}` is set twice, in lines {} and {}; remove one of them first",
                line_of(text, first.value.start),
                line_of(text, second.start)
            )
            .into()),
            (Some(found), None) => Ok(found),
            (None, _) => Err(absent()),
        }
    }
}
