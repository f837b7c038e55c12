//! Text becomes another type in one place: inputs, what a question gives, what a file holds.
//!
//! Nothing is guessed: what does not parse is an error with a sentence that says what is wanted.

use std::collections::BTreeMap;

use backstay_dsl::types::{RecordType, Type};

use crate::eval::places::Places;
use crate::value::Value;

/// The value of type `wanted` that a text stands for. The error is a sentence for the user, without
/// the text itself (which may be a secret or long).
pub fn parse_as(wanted: &Type, text: &str, places: &Places) -> Result<Value, String> {
    match wanted {
        Type::Text | Type::Unknown => Ok(Value::Text(text.to_owned())),
        Type::Bool => match text {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ => Err("write `true` or `false`".to_owned()),
        },
        Type::Int => text
            .parse()
            .map(Value::Int)
            .map_err(|_| "write a whole number of at most 64 bits".to_owned()),
        Type::Duration => duration(text).map(Value::Duration),
        Type::Size => size(text).map(Value::Size),
        Type::Image { pinned } => image(text, *pinned).map(Value::Image),
        Type::Package { pinned } => package(text, *pinned).map(Value::Package),
        Type::Path => places.path(text).map(Value::Path),
        Type::Url => url(text).map(Value::Url),
        Type::Digest => digest(text).map(Value::Digest),
        Type::Port => match text.parse::<u16>() {
            Ok(port) if port > 0 => Ok(Value::Port(port)),
            _ => Err("write a port from 1 to 65535".to_owned()),
        },
        Type::Host => host(text).map(Value::Host),
        Type::List(element) => list(element, text, places),
        Type::Optional(_) if text.is_empty() => Ok(Value::Absent),
        Type::Optional(inner) => parse_as(inner, text, places),
        Type::Map(_) | Type::Record(_) => {
            let json = serde_json::from_str(text).map_err(|error| format!("it is not valid JSON: {error}"))?;
            from_json(wanted, &json, places)
        }
        Type::Secret | Type::Backup | Type::Service | Type::Member | Type::State | Type::Resource | Type::Nothing => {
            Err(format!("a {wanted} cannot be written as text"))
        }
    }
}

/// The value of type `wanted` that a piece of JSON stands for; texts in it go through [`parse_as`].
/// The error is a sentence for the user.
pub fn from_json(wanted: &Type, json: &serde_json::Value, places: &Places) -> Result<Value, String> {
    use serde_json::Value as Json;
    match (wanted, json) {
        (Type::Optional(_), Json::Null) => Ok(Value::Absent),
        (Type::Optional(inner), json) => from_json(inner, json, places),
        (Type::Bool, Json::Bool(value)) => Ok(Value::Bool(*value)),
        (Type::Int, Json::Number(number)) => number
            .as_i64()
            .map(Value::Int)
            .ok_or_else(|| "a whole number of at most 64 bits is wanted".to_owned()),
        (Type::Port, Json::Number(number)) => parse_as(&Type::Port, &number.to_string(), places),
        (Type::List(element), Json::Array(values)) => values
            .iter()
            .map(|value| from_json(element, value, places))
            .collect::<Result<_, _>>()
            .map(Value::List),
        (Type::Map(element), Json::Object(object)) => object
            .iter()
            .map(|(key, value)| Ok((key.clone(), from_json(element, value, places)?)))
            .collect::<Result<_, _>>()
            .map(Value::Map),
        (Type::Record(record), Json::Object(object)) => record_from(record, object, places),
        (Type::Text | Type::Unknown, Json::String(text)) => Ok(Value::Text(text.clone())),
        (Type::List(_) | Type::Map(_) | Type::Record(_) | Type::Bool | Type::Int, _) => {
            Err(format!("{wanted} is wanted, not {}", json_kind(json)))
        }
        (_, Json::String(text)) => parse_as(wanted, text, places),
        _ => Err(format!("{wanted} is wanted, not {}", json_kind(json))),
    }
}

fn record_from(
    record: &RecordType,
    object: &serde_json::Map<String, serde_json::Value>,
    places: &Places,
) -> Result<Value, String> {
    let mut fields = BTreeMap::new();
    for (name, ty) in &record.fields {
        let json = object.get(name).unwrap_or(&serde_json::Value::Null);
        let value = from_json(ty, json, places).map_err(|reason| format!("field `{name}`: {reason}"))?;
        fields.insert(name.clone(), value);
    }
    Ok(Value::Record(fields))
}

fn json_kind(json: &serde_json::Value) -> &'static str {
    match json {
        serde_json::Value::Null => "nothing",
        serde_json::Value::Bool(_) => "true or false",
        serde_json::Value::Number(_) => "a number",
        serde_json::Value::String(_) => "text",
        serde_json::Value::Array(_) => "a list",
        serde_json::Value::Object(_) => "a map",
    }
}

/// A list is written with commas or line ends between its elements.
fn list(element: &Type, text: &str, places: &Places) -> Result<Value, String> {
    text.split([',', '\n'])
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(|part| parse_as(element, part, places))
        .collect::<Result<_, _>>()
        .map(Value::List)
}

/// Number and unit pairs, largest unit first, each at most once; the sum in the smallest unit.
fn with_units(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let mut rest = text;
    let mut sum: u64 = 0;
    let mut next_unit = 0;
    while !rest.is_empty() {
        let digits = rest.find(|character: char| !character.is_ascii_digit())?;
        let number: u64 = rest.get(..digits)?.parse().ok()?;
        let after = rest.get(digits..)?;
        let length = after
            .find(|character: char| character.is_ascii_digit())
            .unwrap_or(after.len());
        let word = after.get(..length)?;
        let place = units.iter().skip(next_unit).position(|(unit, _)| *unit == word)? + next_unit;
        next_unit = place + 1;
        let (_, factor) = units.get(place)?;
        sum = sum.checked_add(number.checked_mul(*factor)?)?;
        rest = after.get(length..)?;
    }
    Some(sum)
}

fn duration(text: &str) -> Result<u64, String> {
    const UNITS: &[(&str, u64)] = &[
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1000),
        ("ms", 1),
    ];
    match with_units(text, UNITS) {
        Some(ms) if !text.is_empty() => Ok(ms),
        _ => Err("write a duration with its unit, such as 30s, 5m or 1h30m".to_owned()),
    }
}

fn size(text: &str) -> Result<u64, String> {
    const UNITS: &[(&str, u64)] = &[
        ("TiB", 1 << 40),
        ("GiB", 1 << 30),
        ("MiB", 1 << 20),
        ("KiB", 1 << 10),
        ("B", 1),
    ];
    match with_units(text, UNITS) {
        Some(bytes) if !text.is_empty() => Ok(bytes),
        _ => Err("write a size with its unit, such as 512B, 16MiB or 2GiB".to_owned()),
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty()
        && !text
            .chars()
            .any(|character| character.is_whitespace() || character.is_control())
}

fn image(text: &str, must_be_pinned: bool) -> Result<String, String> {
    if !is_word(text) || text.starts_with('-') {
        return Err("write an image reference, such as registry.example/app@sha256:…".to_owned());
    }
    if must_be_pinned && !is_pinned_image(text) {
        return Err("a pinned image is wanted: NAME@sha256: and 64 hexadecimal digits".to_owned());
    }
    Ok(text.to_owned())
}

/// Whether an image reference carries a digest.
pub fn is_pinned_image(text: &str) -> bool {
    text.rsplit_once('@')
        .is_some_and(|(name, digest)| !name.is_empty() && is_digest(digest))
}

fn package(text: &str, must_be_pinned: bool) -> Result<String, String> {
    let is_named = text.split('=').next().is_some_and(is_word) && is_word(text) && !text.starts_with('-');
    if !is_named {
        return Err("write a package as name=version".to_owned());
    }
    if must_be_pinned && !is_pinned_package(text) {
        return Err("a pinned package is wanted: name=version, an exact version without range or tag".to_owned());
    }
    Ok(text.to_owned())
}

/// Whether a package carries an exact version: `name=version`, no range, no tag.
pub fn is_pinned_package(text: &str) -> bool {
    text.split_once('=').is_some_and(|(name, version)| {
        is_word(name)
            && version.starts_with(|first: char| first.is_ascii_digit() || first == 'v')
            && version.contains(|character: char| character.is_ascii_digit())
            && version
                .chars()
                .all(|character| character.is_ascii_alphanumeric() || ".-+:~_".contains(character))
    })
}

fn url(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    match rest {
        Some(rest) if is_word(rest) && !rest.starts_with(['/', '?', '#', ':']) => Ok(text.to_owned()),
        _ => Err("write an address that begins with http:// or https://".to_owned()),
    }
}

fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:")
        .is_some_and(|hex| hex.len() == 64 && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')))
}

fn digest(text: &str) -> Result<String, String> {
    if is_digest(text) {
        Ok(text.to_owned())
    } else {
        Err("write a digest as sha256: and 64 hexadecimal digits in lower case".to_owned())
    }
}

fn host(text: &str) -> Result<String, String> {
    let is_valid = !text.is_empty()
        && text.len() <= 253
        && !text.starts_with('-')
        && text
            .chars()
            .all(|character| character.is_ascii_alphanumeric() || ".-_:[]".contains(character));
    if is_valid {
        Ok(text.to_owned())
    } else {
        Err("write the name or address of a host".to_owned())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]
    use super::*;

    fn places() -> Places {
        Places {
            working_directory: "/home/ada".into(),
            home: Some("/home/op".into()),
        }
    }

    fn parse(ty: &Type, text: &str) -> Option<String> {
        parse_as(ty, text, &places()).ok().map(|value| value.canonical())
    }

    #[test]
    fn every_type_takes_its_own_form_and_nothing_else() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let pinned = format!("app@{digest}");
        for (ty, good, bad) in [
            (Type::Bool, vec!["true", "false"], vec!["yes", "1", "True", ""]),
            (
                Type::Int,
                vec!["0", "-7"],
                vec!["1.0", "", "9223372036854775808", "1_000"],
            ),
            (
                Type::Duration,
                vec!["30s", "1h30m", "250ms"],
                vec!["30", "M", "30m1h", "1M", "", "-5s"],
            ),
            (
                Type::Size,
                vec!["2GiB", "16MiB", "512B"],
                vec!["2GB", "2", "", "1MiB1GiB"],
            ),
            (Type::Port, vec!["1", "65535"], vec!["0", "65536", "-1", "http"]),
            (
                Type::Url,
                vec!["http://127.0.0.1:9000/x"],
                vec!["ftp://x", "http://", "http:// x", "x"],
            ),
            (
                Type::Image { pinned: true },
                vec![&pinned],
                vec!["app:latest", "app", &digest],
            ),
            (
                Type::Package { pinned: true },
                vec!["nginx=1.2.3-1"],
                vec!["nginx", "nginx=latest", "nginx=1.*", "nginx=>=1"],
            ),
            (Type::Digest, vec![&digest], vec!["sha256:abc", "abc"]),
            (Type::Host, vec!["db-a.example", "::1"], vec!["a b", "", "-x"]),
        ] {
            for text in good {
                assert!(parse(&ty, text).is_some(), "{ty} should take {text:?}");
            }
            for text in bad {
                assert!(parse(&ty, text).is_none(), "{ty} should refuse {text:?}");
            }
        }
    }

    #[test]
    fn paths_become_absolute_and_normal() {
        for (written, absolute) in [
            ("~/.app", "/home/op/.app"),
            ("~", "/home/op"),
            ("a//b/./c/../d", "/home/ada/a/b/d"),
            ("/x/../../etc", "/etc"),
            ("a/~", "/home/ada/a/~"),
        ] {
            assert_eq!(parse(&Type::Path, written).unwrap(), absolute);
        }
        assert!(parse(&Type::Path, "~other/x").is_none());
        assert!(parse(&Type::Path, "").is_none());
    }

    #[test]
    fn json_is_taken_by_fields() {
        let ty = Type::record(
            "Status",
            &[("ok", Type::Bool), ("note", Type::Optional(Box::new(Type::Text)))],
        );
        let value = parse_as(&ty, r#"{"ok": true, "more": 1}"#, &places()).unwrap();
        assert_eq!(value.canonical(), "{note: absent, ok: true}");
        let error = parse_as(&ty, r#"{"ok": 1}"#, &places()).unwrap_err();
        assert_eq!(error, "field `ok`: bool is wanted, not a number");
    }
}
