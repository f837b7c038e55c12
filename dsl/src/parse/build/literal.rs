//! Texts, numbers with units, digests.

use pest::iterators::Pair;

use super::super::Rule;
use super::Builder;
use crate::ast::{ExprKind, Text};
use crate::diagnostic::Diagnostic;
use crate::source::Spanned;

const DURATION_UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

const SIZE_UNITS: [(&str, u64); 9] = [
    ("B", 1),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

/// Why a number is refused: the message, and what to write.
struct Refusal(String, String);

/// A number as written.
enum Number {
    Int(i64),
    Duration(u64),
    Size(u64),
}

impl Builder<'_, '_> {
    /// A text literal without quotes, escapes and common indentation.
    pub(super) fn text(&mut self, pair: &Pair<'_, Rule>) -> Text {
        let span = self.span(pair);
        let written = pair.as_str();
        let value = if let Some(body) = written.strip_prefix("\"\"\"") {
            dedent(body.strip_suffix("\"\"\"").unwrap_or(body))
        } else {
            let body = written.strip_prefix('"').unwrap_or(written);
            self.unescape(body.strip_suffix('"').unwrap_or(body), span.start as usize + 1)
        };
        Spanned::new(value, span)
    }

    fn unescape(&mut self, body: &str, start: usize) -> String {
        if !body.contains('\\') {
            return body.to_owned();
        }
        let mut value = String::with_capacity(body.len());
        let mut rest = body;
        while let Some(at) = rest.find('\\') {
            value.push_str(&rest[..at]);
            let escape = &rest[at..];
            let place = start + (body.len() - rest.len()) + at;
            let length = match read_escape(escape) {
                Ok((character, length)) => {
                    value.push(character);
                    length
                }
                Err((length, message)) => {
                    let span = self.report.span(place, place + length);
                    self.error(Diagnostic::error("syntax", span, message).help(
                        "a text knows `\\\"`, `\\\\`, `\\n`, `\\t` and `\\u{…}`; a text in `\"\"\"` takes `\\` as it is",
                    ));
                    length
                }
            };
            rest = &escape[length..];
        }
        value.push_str(rest);
        value
    }

    /// A duration in milliseconds. What is no duration is reported and counts as nothing.
    pub(super) fn duration(&mut self, pair: &Pair<'_, Rule>) -> Spanned<u64> {
        let span = self.span(pair);
        let refusal = match read_number(pair.as_str()) {
            Ok(Number::Duration(milliseconds)) => return Spanned::new(milliseconds, span),
            Ok(Number::Int(_)) => Refusal(
                format!("`{}` has no unit, and a duration is wanted here", pair.as_str()),
                format!("write `{0}s`, `{0}m` or `{0}h`", pair.as_str()),
            ),
            Ok(Number::Size(_)) => Refusal(
                format!("`{}` is a size, and a duration is wanted here", pair.as_str()),
                "durations are written `500ms`, `30s`, `5m`, `1h30m`, `2d`".to_owned(),
            ),
            Err(refusal) => refusal,
        };
        self.error(Diagnostic::error("unit", span, refusal.0).help(refusal.1));
        Spanned::new(0, span)
    }

    /// A whole number.
    pub(super) fn integer(&mut self, pair: &Pair<'_, Rule>) -> Spanned<i64> {
        let span = self.span(pair);
        let refusal = match read_number(pair.as_str()) {
            Ok(Number::Int(value)) => return Spanned::new(value, span),
            Ok(_) => Refusal(
                format!("`{}` has a unit, and a count is wanted here", pair.as_str()),
                "write a whole number, such as `3`".to_owned(),
            ),
            Err(refusal) => refusal,
        };
        self.error(Diagnostic::error("unit", span, refusal.0).help(refusal.1));
        Spanned::new(0, span)
    }

    /// A number in an expression: a count, a duration or a size.
    pub(super) fn number(&mut self, pair: &Pair<'_, Rule>) -> ExprKind {
        match read_number(pair.as_str()) {
            Ok(Number::Int(value)) => ExprKind::Int(value),
            Ok(Number::Duration(milliseconds)) => ExprKind::Duration(milliseconds),
            Ok(Number::Size(bytes)) => ExprKind::Size(bytes),
            Err(Refusal(message, help)) => {
                let span = self.span(pair);
                self.error(Diagnostic::error("unit", span, message).help(help));
                ExprKind::Int(0)
            }
        }
    }

    /// `sha256:` and 64 hexadecimal digits.
    pub(super) fn digest(&mut self, pair: &Pair<'_, Rule>) -> ExprKind {
        let written = pair.as_str();
        let digits = written.strip_prefix("sha256:").unwrap_or_default();
        let hexadecimal = digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if digits.len() != 64 || !hexadecimal {
            let span = self.span(pair);
            let message = if hexadecimal {
                format!("this digest has {} digits, and a SHA-256 digest has 64", digits.len())
            } else {
                "a digest is written in the digits `0` to `9` and `a` to `f`".to_owned()
            };
            self.error(Diagnostic::error("syntax", span, message).help("copy the whole digest, all 64 digits of it"));
        }
        ExprKind::Digest(written.to_owned())
    }
}

/// One escape at the beginning of `text`: the character and the length of what was written.
fn read_escape(text: &str) -> Result<(char, usize), (usize, String)> {
    let Some(letter) = text.chars().nth(1) else {
        return Err((text.len(), "a lone `\\` ends this text".to_owned()));
    };
    let simple = match letter {
        '"' => Some('"'),
        '\\' => Some('\\'),
        'n' => Some('\n'),
        't' => Some('\t'),
        _ => None,
    };
    if let Some(character) = simple {
        return Ok((character, 2));
    }
    if letter != 'u' {
        let length = 1 + letter.len_utf8();
        return Err((length, format!("`\\{letter}` means nothing in a text")));
    }
    let digits = text[2..]
        .strip_prefix('{')
        .and_then(|rest| rest.split_once('}'))
        .map(|(digits, _)| digits)
        .filter(|digits| (1..=6).contains(&digits.len()));
    let Some(digits) = digits else {
        return Err((
            2,
            "`\\u` wants the number of a character in braces, such as `\\u{e9}`".to_owned(),
        ));
    };
    let length = digits.len() + 4;
    u32::from_str_radix(digits, 16)
        .ok()
        .and_then(char::from_u32)
        .map(|character| (character, length))
        .ok_or_else(|| (length, format!("`\\u{{{digits}}}` is not the number of a character")))
}

/// Drops the first line end and the indentation that all lines share.
fn dedent(body: &str) -> String {
    let body = body.replace("\r\n", "\n");
    let Some(body) = body.strip_prefix('\n') else {
        return body;
    };
    let indentation = body
        .split('\n')
        .filter(|line| !line.trim().is_empty())
        .map(|line| line.len() - line.trim_start_matches([' ', '\t']).len())
        .min()
        .unwrap_or(0);
    let lines: Vec<&str> = body
        .split('\n')
        .map(|line| {
            if line.trim().is_empty() {
                ""
            } else {
                line.get(indentation..).unwrap_or(line)
            }
        })
        .collect();
    lines.join("\n")
}

fn read_number(written: &str) -> Result<Number, Refusal> {
    if written.contains('.') {
        return Err(Refusal(
            format!("`{written}` has a fraction, and numbers here are whole"),
            "write a smaller unit: `1h30m` for an hour and a half, `1536MiB` for one and a half GiB".to_owned(),
        ));
    }
    let digits = written.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, unit) = written.split_at(digits);
    if unit.is_empty() {
        return digits.parse().map(Number::Int).map_err(|_| too_large(written));
    }
    if let Some((_, factor)) = SIZE_UNITS.iter().find(|(name, _)| *name == unit) {
        return digits
            .parse::<u64>()
            .ok()
            .and_then(|count| count.checked_mul(*factor))
            .filter(|bytes| i64::try_from(*bytes).is_ok())
            .map(Number::Size)
            .ok_or_else(|| too_large(written));
    }
    read_duration(written).map(Number::Duration)
}

fn too_large(written: &str) -> Refusal {
    Refusal(
        format!("`{written}` is too large"),
        format!("the largest number is {}", i64::MAX),
    )
}

/// `1h30m`: parts from the largest unit to the smallest, each once.
fn read_duration(written: &str) -> Result<u64, Refusal> {
    let mut rest = written;
    let mut total: u64 = 0;
    let mut next_unit = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (count, after) = rest.split_at(digits);
        let letters = after.bytes().take_while(|byte| !byte.is_ascii_digit()).count();
        let (unit, after) = after.split_at(letters);
        let Some(place) = DURATION_UNITS.iter().position(|(name, _)| *name == unit) else {
            return Err(unknown_unit(written, count, unit));
        };
        if place < next_unit {
            return Err(Refusal(
                format!("the parts of `{written}` are out of order"),
                "write the larger unit first, each unit once, such as `1h30m`".to_owned(),
            ));
        }
        next_unit = place + 1;
        total = count
            .parse::<u64>()
            .ok()
            .and_then(|count| count.checked_mul(DURATION_UNITS[place].1))
            .and_then(|part| total.checked_add(part))
            .filter(|total| i64::try_from(*total).is_ok())
            .ok_or_else(|| too_large(written))?;
        rest = after;
    }
    Ok(total)
}

fn unknown_unit(written: &str, count: &str, unit: &str) -> Refusal {
    let help = match unit {
        "" => format!("give the last part its unit, such as `{written}s`"),
        "M" => format!("minutes are `{count}m`; months are not a fixed time and cannot be written"),
        "S" | "H" | "D" | "MS" | "Ms" => format!("units of time are small letters: `{count}{}`", unit.to_lowercase()),
        "sec" | "secs" | "second" | "seconds" => format!("write `{count}s`"),
        "min" | "mins" | "minute" | "minutes" => format!("write `{count}m`"),
        "hr" | "hrs" | "hour" | "hours" => format!("write `{count}h`"),
        "day" | "days" => format!("write `{count}d`"),
        "w" | "week" | "weeks" => format!("write weeks in days: `{count}w` is 7 times `{count}d`"),
        "month" | "months" | "y" | "year" | "years" => "months and years are not a fixed time; write days".to_owned(),
        "us" | "ns" => "the smallest unit of time is `ms`".to_owned(),
        "K" | "k" | "Ki" | "kb" | "kB" | "kib" => {
            format!("sizes are `{count}KiB` (1024 bytes) or `{count}KB` (1000 bytes)")
        }
        "Mi" | "mb" | "Mb" | "mib" => format!("sizes are `{count}MiB` (1024 × 1024 bytes) or `{count}MB` (a million)"),
        "G" | "g" | "Gi" | "gb" | "Gb" | "gib" => {
            format!("sizes are `{count}GiB` (1024³ bytes) or `{count}GB` (a thousand million)")
        }
        "T" | "t" | "Ti" | "tb" | "Tb" | "tib" => format!("sizes are `{count}TiB` or `{count}TB`"),
        _ => "units of time are `ms s m h d`; units of size `KiB MiB GiB TiB` and `KB MB GB TB`".to_owned(),
    };
    let message = if unit.is_empty() {
        format!("the last part of `{written}` has no unit")
    } else {
        format!("`{unit}` in `{written}` is not a unit")
    };
    Refusal(message, help)
}
