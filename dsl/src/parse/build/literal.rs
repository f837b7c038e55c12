//! Texts, numbers with units, digests.

use pest::iterators::Pair;

use super::super::Rule;
use super::Builder;
use crate::ast::{ExprKind, Script, Text};
use crate::diagnostic::Diagnostic;
use crate::literal;
use crate::source::Spanned;
use crate::units::{self, Number, Refusal};

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
        if value.contains('\0') {
            let finding = Diagnostic::error("syntax", span, "there is a zero byte in this text");
            self.error(finding.help("no path, argument or setting can hold one; take it out"));
        }
        Spanned::new(value, span)
    }

    /// A text of another language. Its places are those of its lines, so it has no escapes.
    pub(super) fn script(&mut self, pair: &Pair<'_, Rule>) -> Script {
        let text = self.text(pair);
        let Some(body) = pair.as_str().strip_prefix("\"\"\"") else {
            let finding = Diagnostic::error("syntax", text.span, "a script stands between `\"\"\"`");
            self.error(finding.help("in `\"\"\"` a script is taken as it is, without escapes"));
            let lines = Vec::new();
            return Script { text, lines };
        };
        let start = text.span.start as usize + 3;
        let lines = line_starts(body.strip_suffix("\"\"\"").unwrap_or(body));
        let lines = lines.map(|at| self.report.span(start + at, start + at).start).collect();
        Script { text, lines }
    }

    /// A text for people: a title, a label, a reason. It says something.
    pub(super) fn words(&mut self, pair: &Pair<'_, Rule>) -> Text {
        let text = self.text(pair);
        if text.value.trim().is_empty() {
            let finding = Diagnostic::error("missing-clause", text.span, "this text says nothing");
            self.error(finding.help("the approver and the operator read it: write a few words"));
        }
        if let Some(left) = not_filled_in(&text.value) {
            let message = format!("`{left}` is shown as it stands: values are not filled into texts");
            let finding = Diagnostic::warning("not-filled-in", text.span, message);
            let help = "say it in plain words; a value is put on record with `record x`";
            self.report.warn(finding.help(help));
        }
        text
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
        let refusal = match units::read(pair.as_str()) {
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
        if !self.report.is_broken(span.start, span.end) {
            self.error(Diagnostic::error("unit", span, refusal.0).help(refusal.1));
        }
        Spanned::new(0, span)
    }

    /// The same, and more than nothing: no time at all is a mistake.
    pub(super) fn positive_duration(&mut self, pair: &Pair<'_, Rule>) -> Spanned<u64> {
        let duration = self.duration(pair);
        let is_zero = matches!(units::read(pair.as_str()), Ok(Number::Duration(0)));
        if is_zero {
            let message = format!("`{}` is no time at all, so nothing could be done in it", pair.as_str());
            self.error(Diagnostic::error("unit", duration.span, message).help("write a time above zero"));
        }
        duration
    }

    /// A whole number.
    pub(super) fn integer(&mut self, pair: &Pair<'_, Rule>) -> Spanned<i64> {
        let span = self.span(pair);
        let refusal = match units::read(pair.as_str()) {
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
        match units::read(pair.as_str()) {
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
        if literal::digest(written).is_err() {
            let digits = written.strip_prefix("sha256:").unwrap_or_default();
            let hexadecimal = digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
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
    let indentation = indentation(body);
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

/// The characters before each line of these that are in all of them.
fn indentation(body: &str) -> usize {
    body.split('\n')
        .filter(|line| !line.trim().is_empty())
        .map(|line| line.len() - line.trim_start_matches([' ', '\t']).len())
        .min()
        .unwrap_or(0)
}

/// Where each line that [`dedent`] leaves begins.
fn line_starts(body: &str) -> impl Iterator<Item = usize> {
    let first = body
        .find('\n')
        .filter(|at| body[..*at].trim_end_matches('\r').is_empty());
    let indentation = first.map_or(0, |at| indentation(&body[at + 1..]));
    let lines = body.split('\n').scan(0, move |at, line| {
        let start = *at;
        *at += line.len() + 1;
        Some(start + if line.trim().is_empty() { 0 } else { indentation })
    });
    lines.skip(usize::from(first.is_some()))
}

/// The place of a text that other languages would fill in: `${name}`, `{{ name }}`.
fn not_filled_in(text: &str) -> Option<&str> {
    for (open, close) in [("${", "}"), ("{{", "}}")] {
        let Some(start) = text.find(open) else { continue };
        let rest = text.get(start..)?;
        let Some(end) = rest.find(close) else { continue };
        let name = rest.get(open.len()..end)?.trim();
        if !name.is_empty() && name.chars().all(|one| one.is_alphanumeric() || "_.-".contains(one)) {
            return rest.get(..end + close.len());
        }
    }
    None
}
