//! Text becomes another type in one place: inputs, what a question gives, what a file holds.
//!
//! Nothing is guessed: what does not parse is an error with a sentence that says what is wanted.

use std::collections::BTreeMap;

use backstay_dsl::literal;
use backstay_dsl::model::Literal;
use backstay_dsl::types::{RecordType, Type};

use crate::eval::places::Places;
use crate::value::Value;

/// The value of type `wanted` that a text stands for. The error is a sentence for the user, without
/// the text itself (which may be a secret or long).
pub fn parse_as(wanted: &Type, text: &str, places: &Places) -> Result<Value, String> {
    match wanted {
        Type::Text | Type::Unknown => Ok(Value::Text(text.to_owned())),
        Type::List(element) => list(element, text, places),
        Type::Optional(_) if text.is_empty() => Ok(Value::Absent),
        Type::Optional(inner) => parse_as(inner, text, places),
        Type::Map(_) | Type::Record(_) => {
            let json = serde_json::from_str(text).map_err(|error| format!("it is not valid JSON: {error}"))?;
            from_json(wanted, &json, places)
        }
        _ => written(&literal::parse(text, wanted)?, places),
    }
}

/// The value that a literal stands for. The error is a sentence for the user.
pub(super) fn written(literal: &Literal, places: &Places) -> Result<Value, String> {
    Ok(match literal {
        Literal::Text(text) => Value::Text(text.clone()),
        Literal::Bool(value) => Value::Bool(*value),
        Literal::Int(value) => Value::Int(*value),
        Literal::Duration(ms) => Value::Duration(*ms),
        Literal::Size(bytes) => Value::Size(*bytes),
        Literal::Digest(text) => Value::Digest(text.clone()),
        Literal::Image(text) => Value::Image(text.clone()),
        Literal::Package(text) => Value::Package(text.clone()),
        Literal::Path(text) => Value::Path(places.path(text)?),
        Literal::Url(text) => Value::Url(text.clone()),
        Literal::Host(text) => Value::Host(text.clone()),
        Literal::Version(text) => Value::Version(text.clone()),
        Literal::Port(port) => Value::Port(*port),
    })
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

pub(super) fn json_kind(json: &serde_json::Value) -> &'static str {
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
        for (ty, good, bad) in [
            (Type::Bool, "true|false", "yes|1|True|"),
            (Type::Int, "0|-7", "1.0||9223372036854775808|1_000"),
            (Type::Duration, "30s|1h30m|250ms", "30|M|30m1h|1M||-5s"),
            (Type::Size, "2GiB|16MiB|512B|2GB", "2||1MiB1GiB|-1B"),
            (Type::Port, "1|65535", "0|65536|-1|http"),
            (Type::Host, "db-a.example|db_a|::1", "a b||-x"),
            (Type::Image { pinned: false }, "app:latest|app", "|-app|a b"),
        ] {
            for text in good.split('|') {
                assert!(parse(&ty, text).is_some(), "{ty} should take {text:?}");
            }
            for text in bad.split('|') {
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
