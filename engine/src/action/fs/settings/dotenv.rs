//! Settings in lines of `KEY=VALUE`, as `.env` files of shells and of Compose have them.
//!
//! `export` before the name, blanks around it, values in either kind of quotes (over several lines too) and
//! comments behind them are understood. `$NAME` in a value is text: nothing is expanded. What shells and other readers
//! take apart in different ways, as a line that goes on in the next or sets two things, is refused where it is asked for.

use std::ops::Range;

use super::{Missing, Piece, Setting, Style, line_of};

/// One assignment of the file.
struct Assignment<'t> {
    name: &'t str,
    /// Where its first line begins.
    line: usize,
    place: Range<usize>,
    around: Range<usize>,
    style: Style,
    /// Why readers may not agree on what it is.
    doubt: Option<&'static str>,
}

/// Some readers take the next line for a part of the value.
const GOES_ON: &str = "ends in a backslash and may go on in the next line";
const IS_CONTINUED: &str = "may belong to the line above it, which ends in a backslash";
/// Some readers take it for several settings.
const SETS_MORE: &str = "may set more than one thing";

/// Finds the one assignment of this name.
pub(super) fn find(text: &str, key: &str) -> Result<Setting, Missing> {
    let all = assignments(text)?;
    let mut same = all.iter().filter(|assignment| assignment.name == key);
    let found = same
        .next()
        .ok_or_else(|| Missing::Absent(format!("there is no setting `{key}`{}", suggestion(&all, key))))?;
    if let Some(second) = same.next() {
        return Err(format!(
            "`{key}` is set twice, in lines {} and {}; remove one of them first",
            line_of(text, found.place.start),
            line_of(text, second.place.start)
        )
        .into());
    }
    if let Some(doubt) = found.doubt {
        return Err(format!(
            "line {} {doubt}, so what `{key}` is depends on who reads it; write one setting a line, a value with blanks or \
             backslashes in quotes",
            line_of(text, found.place.start)
        )
        .into());
    }
    Ok(Setting {
        place: found.place.clone(),
        around: found.around.clone(),
        whole: Some(whole(text, found)),
        value: decode(&text[found.place.clone()], found.style),
        style: found.style,
    })
}

/// Where the text begins, behind the mark that some editors write.
fn begin(text: &str) -> usize {
    if text.starts_with('\u{feff}') { 3 } else { 0 }
}

/// The lines of an assignment with the end of the last one; where that has none, with the end of the line before.
fn whole(text: &str, assignment: &Assignment<'_>) -> Range<usize> {
    let (from, value_end) = (assignment.line, assignment.place.end);
    if let Some(length) = text[value_end..].find('\n') {
        return from..value_end + length + 1;
    }
    let before = &text[begin(text)..from];
    let before = before.strip_suffix('\n').unwrap_or(before);
    let before = before.strip_suffix('\r').unwrap_or(before);
    begin(text) + before.len()..text.len()
}

/// A line for a setting that is not there, behind all others.
pub(super) fn new(text: &str, key: &str, to: &str) -> Result<Piece, String> {
    if !is_name(key) {
        return Err(format!("`{key}` is no name for a setting"));
    }
    let line = format!("{key}={}", write(Style::Bare, to)?);
    let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let is_ended = text.ends_with('\n') || text.len() == begin(text);
    let text_of_line = if is_ended {
        format!("{line}{end}")
    } else {
        format!("{end}{line}")
    };
    Ok(Piece {
        at: text.len(),
        text: text_of_line,
    })
}

/// A name that differs in case only.
fn suggestion(all: &[Assignment<'_>], key: &str) -> String {
    all.iter()
        .find(|assignment| assignment.name.eq_ignore_ascii_case(key))
        .map_or_else(String::new, |assignment| format!("; there is `{}`", assignment.name))
}

fn assignments(text: &str) -> Result<Vec<Assignment<'_>>, String> {
    let mut found = Vec::new();
    let mut is_continued = false;
    let mut at = begin(text);
    while at < text.len() {
        let from = at;
        let line_end = text[at..].find('\n').map_or(text.len(), |length| at + length);
        let line = &text[at..line_end];
        let trimmed = line.trim();
        let was_continued = std::mem::replace(&mut is_continued, false);
        if trimmed.is_empty() || trimmed.starts_with('#') {
            at = line_end + 1;
            continue;
        }
        let Some((name, equals)) = name_in(line) else {
            // Compose takes a bare name as "from the environment"; in a value that goes on anything may stand.
            if !is_name(trimmed) && !was_continued {
                return Err(format!("line {} is no KEY=VALUE", line_of(text, at)));
            }
            is_continued = was_continued && goes_on(trimmed);
            at = line_end + 1;
            continue;
        };
        let at_equals = at + equals;
        let (place, style) = value(text, at_equals + 1, line_end)?;
        at = text[place.end..]
            .find('\n')
            .map_or(text.len(), |length| place.end + length + 1);
        let around = at_equals + 1..place.end + blanks_after(text, place.end);
        let written = &text[place.clone()];
        let more = further_names(written, style);
        let is_whole = text[place.end..line_end.max(place.end)]
            .trim_end_matches('\r')
            .is_empty();
        is_continued = style == Style::Bare && is_whole && goes_on(written);
        let doubt = match style {
            _ if was_continued => Some(IS_CONTINUED),
            Style::Bare if is_continued => Some(GOES_ON),
            Style::Double if continues_inside(written) => Some(GOES_ON),
            _ if !more.is_empty() => Some(SETS_MORE),
            _ => None,
        };
        found.extend(std::iter::once(name).chain(more).map(|name| Assignment {
            name,
            line: from,
            place: place.clone(),
            around: around.clone(),
            style,
            doubt,
        }));
    }
    Ok(found)
}

/// The name that a line sets, and where its `=` is.
fn name_in(line: &str) -> Option<(&str, usize)> {
    let equals = line.find('=')?;
    let name = line[..equals].trim();
    let exported = name.strip_prefix("export ").or_else(|| name.strip_prefix("export\t"));
    let name = exported.map_or(name, str::trim_start);
    is_name(name).then_some((name, equals))
}

/// How long what stands between a value and its comment or the end of its line is.
fn blanks_after(text: &str, end: usize) -> usize {
    let rest = text[end..].split('\n').next().unwrap_or_default();
    let rest = rest.strip_suffix('\r').unwrap_or(rest);
    rest.find('#').unwrap_or(rest.len())
}

/// Whether a shell reads on in the next line: an odd number of backslashes ends it.
fn goes_on(written: &str) -> bool {
    written.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1
}

/// Whether a line within double quotes ends so.
fn continues_inside(written: &str) -> bool {
    let mut lines = written.lines().rev();
    lines.next();
    lines.any(goes_on)
}

/// The names that a value without quotes may set beside its own: `1 B=2`.
fn further_names(written: &str, style: Style) -> Vec<&str> {
    let is_variable = |name: &str| {
        is_name(name) && !name.contains(['.', '-']) && !name.starts_with(|first: char| first.is_ascii_digit())
    };
    let words = written
        .split_ascii_whitespace()
        .skip(1)
        .filter(|_| style == Style::Bare);
    words
        .filter_map(|word| word.split_once('='))
        .map(|(name, _)| name)
        .filter(|name| is_variable(name))
        .collect()
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'))
}

/// The place of the value that begins behind `=`.
fn value(text: &str, after_equals: usize, line_end: usize) -> Result<(Range<usize>, Style), String> {
    let line = &text[after_equals..line_end];
    let start = after_equals + (line.len() - line.trim_start().len());
    let style = match text.as_bytes().get(start) {
        Some(b'\'') if start < line_end => Style::Single,
        Some(b'"') if start < line_end => Style::Double,
        _ => return Ok((bare(text, after_equals, line_end), Style::Bare)),
    };
    let quote = text.as_bytes()[start];
    let mut at = start + 1;
    while let Some(byte) = text.as_bytes().get(at) {
        if *byte == quote {
            return rest_is_comment(text, at + 1).map(|()| (start..at + 1, style));
        }
        at += if *byte == b'\\' && style == Style::Double { 2 } else { 1 };
    }
    Err(format!(
        "the quote that opens in line {} is not closed",
        line_of(text, start)
    ))
}

/// A value without quotes: up to a comment or the end of the line, without blanks around.
fn bare(text: &str, after_equals: usize, line_end: usize) -> Range<usize> {
    let line = &text[after_equals..line_end];
    let comment = line
        .char_indices()
        .zip(std::iter::once(' ').chain(line.chars()))
        .find(|((_, character), before)| *character == '#' && before.is_whitespace())
        .map_or(line.len(), |((place, _), _)| place);
    let value = &line[..comment];
    let trimmed = value.trim();
    if trimmed.is_empty() {
        return after_equals..after_equals;
    }
    let start = after_equals + (value.len() - value.trim_start().len());
    start..start + trimmed.len()
}

fn rest_is_comment(text: &str, from: usize) -> Result<(), String> {
    let rest = text[from..].lines().next().unwrap_or_default().trim();
    if rest.is_empty() || rest.starts_with('#') {
        return Ok(());
    }
    Err(format!("line {} goes on behind the closing quote", line_of(text, from)))
}

fn decode(written: &str, style: Style) -> String {
    if style == Style::Bare {
        return written.to_owned();
    }
    let inner = &written[1..written.len() - 1];
    if style == Style::Single {
        return inner.to_owned();
    }
    let mut value = String::new();
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            value.push(character);
            continue;
        }
        match characters.next() {
            Some('n') => value.push('\n'),
            Some('r') => value.push('\r'),
            Some('t') => value.push('\t'),
            Some(special @ ('"' | '\\' | '$' | '`')) => value.push(special),
            Some(other) => value.extend(['\\', other]),
            None => value.push('\\'),
        }
    }
    value
}

/// A value as it is written in this style; quotes are added where a bare value needs them.
pub(super) fn write(style: Style, to: &str) -> Result<String, String> {
    if to.contains('\0') {
        return Err("the new value holds a zero byte, which no setting can".to_owned());
    }
    // What a shell would read otherwise goes into quotes: such files are often read by shells.
    let is_plain = to
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"_-./:@%+,=".contains(&byte) || byte >= 0x80);
    match style {
        Style::Bare if is_plain && to.trim() == to => Ok(to.to_owned()),
        Style::Single if !to.contains('\'') => Ok(format!("'{to}'")),
        Style::Bare if !to.contains(['\'', '\n', '\r']) => Ok(format!("'{to}'")),
        _ => Ok(double(to)),
    }
}

fn double(to: &str) -> String {
    let mut written = String::from("\"");
    for character in to.chars() {
        match character {
            '\n' => written.push_str("\\n"),
            '\r' => written.push_str("\\r"),
            '"' | '\\' | '$' | '`' => written.extend(['\\', character]),
            other => written.push(other),
        }
    }
    written.push('"');
    written
}
