//! The ways in which a secret may be written by a program that did not mean to show it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::digest::hex;

/// Shorter patterns are left out: they would be found in every text.
const PATTERN_BYTES_MIN: usize = 6;
/// A line of a secret of several lines counts as a secret of its own from this length on.
const LINE_CHARACTERS_MIN: usize = 8;

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Every pattern of every secret, each once.
pub(super) fn of_all<'a>(secrets: impl Iterator<Item = &'a str>) -> Vec<Vec<u8>> {
    let mut patterns = BTreeSet::new();
    for secret in secrets {
        let mut forms = BTreeSet::from([secret, secret.trim()]);
        forms.extend(
            secret
                .lines()
                .map(str::trim)
                .filter(|line| line.chars().count() >= LINE_CHARACTERS_MIN),
        );
        for form in forms {
            patterns.extend(of_one(form));
        }
    }
    patterns
        .into_iter()
        .filter(|pattern| pattern.len() >= PATTERN_BYTES_MIN)
        .collect()
}

/// Every way to write one text.
fn of_one(text: &str) -> Vec<Vec<u8>> {
    let mut patterns = vec![text.as_bytes().to_vec()];
    patterns.extend(base64(text.as_bytes()));
    let texts = [
        hex(text.as_bytes()),
        hex(text.as_bytes()).to_uppercase(),
        percent(text, "-._~", true, false),
        percent(text, "-._~", false, false),
        percent(text, "-._~/", true, false),
        percent(text, "-._~!*'()", true, false),
        percent(text, "-._*", true, true),
        json(text, false, false),
        json(text, false, true),
        json(text, true, false),
        text.replace('\'', r"'\''"),
        text.replace('\'', "'\"'\"'"),
        shell_backslashes(text),
        escaped(text, "\\\"$`"),
        escaped(text, "\\\""),
        escaped(text, "\\'"),
        format!("{text:?}").trim_matches('"').to_owned(),
        html(text),
    ];
    patterns.extend(texts.into_iter().map(String::into_bytes));
    patterns
}

/// The middle of the Base64 of anything that holds the bytes, for each of the three places where they may
/// begin in a group; in both alphabets. The characters at the ends also depend on what stands beside.
fn base64(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut patterns = Vec::new();
    for offset in 0..3_usize {
        let mut shifted = vec![0; offset];
        shifted.extend_from_slice(bytes);
        let whole_characters = shifted.len() * 8 / 6;
        let first = (offset * 8).div_ceil(6);
        let middle: Vec<u8> = base64_characters(&shifted).take(whole_characters).skip(first).collect();
        let url = middle
            .iter()
            .map(|character| match character {
                b'+' => b'-',
                b'/' => b'_',
                other => *other,
            })
            .collect();
        patterns.push(middle);
        patterns.push(url);
    }
    patterns
}

fn base64_characters(bytes: &[u8]) -> impl Iterator<Item = u8> + '_ {
    bytes.chunks(3).flat_map(|group| {
        let mut three = [0_u8; 3];
        three[..group.len()].copy_from_slice(group);
        let [a, b, c] = three;
        let places = [a >> 2, (a & 3) << 4 | b >> 4, (b & 15) << 2 | c >> 6, c & 63];
        places.map(|place| BASE64[usize::from(place)])
    })
}

/// Percent-encoding of everything but letters, digits and `kept`; a blank as `+` in forms.
fn percent(text: &str, kept: &str, is_upper: bool, is_form: bool) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        let character = char::from(byte);
        if byte.is_ascii_alphanumeric() || (byte.is_ascii() && kept.contains(character)) {
            encoded.push(character);
        } else if is_form && byte == b' ' {
            encoded.push('+');
        } else {
            let _ = if is_upper {
                write!(encoded, "%{byte:02X}")
            } else {
                write!(encoded, "%{byte:02x}")
            };
        }
        encoded
    })
}

/// The inside of a JSON string; some writers escape all but ASCII, some escape `/`.
fn json(text: &str, is_ascii: bool, escapes_slash: bool) -> String {
    let mut encoded = String::new();
    for character in text.chars() {
        match character {
            '"' => encoded.push_str("\\\""),
            '\\' => encoded.push_str("\\\\"),
            '/' if escapes_slash => encoded.push_str("\\/"),
            '\n' => encoded.push_str("\\n"),
            '\r' => encoded.push_str("\\r"),
            '\t' => encoded.push_str("\\t"),
            '\u{8}' => encoded.push_str("\\b"),
            '\u{c}' => encoded.push_str("\\f"),
            other if u32::from(other) < 0x20 || (is_ascii && !other.is_ascii()) => {
                for unit in other.encode_utf16(&mut [0; 2]) {
                    let _ = write!(encoded, "\\u{unit:04x}");
                }
            }
            other => encoded.push(other),
        }
    }
    encoded
}

/// A backslash before everything that a shell could read otherwise, as `printf %q` writes it.
fn shell_backslashes(text: &str) -> String {
    text.chars().fold(String::new(), |mut quoted, character| {
        if character.is_ascii() && !character.is_ascii_alphanumeric() && !"_-./:=@%+".contains(character) {
            quoted.push('\\');
        }
        quoted.push(character);
        quoted
    })
}

/// A backslash before each of `special`.
fn escaped(text: &str, special: &str) -> String {
    text.chars().fold(String::new(), |mut quoted, character| {
        if special.contains(character) {
            quoted.push('\\');
        }
        quoted.push(character);
        quoted
    })
}

fn html(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}
