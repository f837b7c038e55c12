//! What the functions of the language give. Nothing here asks anything: a value that does not fit is a reason for
//! having no answer.

use backstay_dsl::built_in::BuiltIn;
use backstay_dsl::json_place::{self, Part};
use backstay_dsl::{literal, types::Type};
use serde_json::Value as Json;

use super::places::Places;
use super::text::{json_kind, written};
use crate::digest;
use crate::value::{Answer, Secret, Unanswered, Value};

/// What a function gives for these arguments.
pub(super) fn call(function: BuiltIn, arguments: &[Value], places: &Places) -> Answer {
    let failed = |reason: String| Unanswered::new(format!("`{}`: {reason}", function.name()));
    match (function, arguments) {
        (BuiltIn::Basic, [Value::Text(user), Value::Secret(password)]) => {
            if user.contains(':') {
                return Err(failed("a user's name holds no `:`".to_owned()));
            }
            let pair = format!("{user}:{}", password.expose());
            Ok(header(password, &format!("Basic {}", digest::base64(pair.as_bytes()))))
        }
        (BuiltIn::Bearer, [Value::Secret(token)]) => Ok(header(token, &format!("Bearer {}", token.expose()))),
        (BuiltIn::Count, [Value::List(values)]) => whole(values.len()).map_err(failed),
        (BuiltIn::Digest, [Value::Text(text)]) => Ok(Value::Digest(digest::sha256(text.as_bytes()))),
        (BuiltIn::Entry, [Value::Map(map), Value::Text(name)]) => Ok(map.get(name).cloned().unwrap_or(Value::Absent)),
        (BuiltIn::First, [Value::List(values)]) => Ok(values.first().cloned().unwrap_or(Value::Absent)),
        (BuiltIn::Lines, [Value::Text(text)]) => {
            let lines = text.lines().filter(|line| !line.trim().is_empty());
            Ok(Value::List(lines.map(Value::text).collect()))
        }
        (BuiltIn::Text, [Value::Secret(_)]) => Err(failed("a secret is no text".to_owned())),
        (BuiltIn::Text, [value]) => Ok(Value::Text(value.canonical())),
        (BuiltIn::Version, [Value::Text(text)]) => {
            let read = literal::parse(text, &Type::Version).and_then(|literal| written(&literal, places));
            read.map_err(|reason| failed(format!("the text is none: {reason}")))
        }
        (_, [Value::Text(body), Value::Text(place)]) => in_json(function, body, place).map_err(failed),
        _ => Err(failed("it does not go with these values".to_owned())),
    }
}

/// The value of a header that is as secret as what it is made of, and known by the same name.
fn header(secret: &Secret, text: &str) -> Value {
    Value::Secret(Secret::new(secret.name(), text))
}

fn whole(length: usize) -> Result<Value, String> {
    i64::try_from(length)
        .map(Value::Int)
        .map_err(|_| "a number out of range".to_owned())
}

/// What stands at a place of a JSON text.
fn in_json(function: BuiltIn, body: &str, place: &str) -> Result<Value, String> {
    if body.trim().is_empty() {
        return Err("the text is empty, and no JSON".to_owned());
    }
    let document: Json = serde_json::from_str(body).map_err(|error| format!("the text is no JSON: {error}"))?;
    let parts = json_place::read(place)?;
    let found = parts.iter().try_fold(&document, |at, part| match part {
        Part::Field(name) => at.get(name),
        Part::Element(place) => at.get(place),
    });
    let found = found.filter(|found| !found.is_null());
    if function == BuiltIn::JsonHas {
        return Ok(Value::Bool(found.is_some()));
    }
    let Some(found) = found else {
        return Ok(Value::Absent);
    };
    let other = |wanted: &str| {
        Err(format!(
            "{wanted} is wanted at `{place}`, and there is {}",
            json_kind(found)
        ))
    };
    match (function, found) {
        (BuiltIn::JsonText, Json::String(text)) => Ok(Value::Text(text.clone())),
        (BuiltIn::JsonBool, Json::Bool(value)) => Ok(Value::Bool(*value)),
        (BuiltIn::JsonInt, Json::Number(number)) => match number.as_i64() {
            Some(value) => Ok(Value::Int(value)),
            None => other("a whole number of at most 64 bits"),
        },
        (BuiltIn::JsonLength, Json::Array(values)) => whole(values.len()),
        (BuiltIn::JsonLength, Json::Object(fields)) => whole(fields.len()),
        (BuiltIn::JsonText, _) => other("a text"),
        (BuiltIn::JsonBool, _) => other("true or false"),
        (BuiltIn::JsonInt, _) => other("a whole number"),
        _ => other("a list or a map"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn give(function: BuiltIn, arguments: &[Value]) -> Result<Value, String> {
        let places = Places {
            working_directory: "/".into(),
            home: None,
        };
        call(function, arguments, &places).map_err(|unanswered| unanswered.reason)
    }

    #[test]
    fn what_stands_at_a_place_of_json_is_given_or_absent_or_no_answer() {
        let body = r#"{"a": {"b": [{"n": 7, "t": "x", "f": 1.5}]}, "up": true, "none": null}"#;
        let ask = |function, place: &str| give(function, &[Value::text(body), Value::text(place)]);
        assert_eq!(ask(BuiltIn::JsonInt, "a.b[0].n"), Ok(Value::Int(7)));
        assert_eq!(ask(BuiltIn::JsonText, "a.b[0].t"), Ok(Value::text("x")));
        assert_eq!(ask(BuiltIn::JsonBool, "up"), Ok(Value::Bool(true)));
        assert_eq!(ask(BuiltIn::JsonLength, "a.b"), Ok(Value::Int(1)));
        assert_eq!(ask(BuiltIn::JsonLength, ""), Ok(Value::Int(3)));
        for place in ["a.c", "a.b[1].t", "none", "up.more", "a[0]"] {
            assert_eq!(ask(BuiltIn::JsonText, place), Ok(Value::Absent), "{place}");
            assert_eq!(ask(BuiltIn::JsonHas, place), Ok(Value::Bool(false)), "{place}");
        }
        assert_eq!(ask(BuiltIn::JsonHas, "a.b[0]"), Ok(Value::Bool(true)));
        let reason = ask(BuiltIn::JsonText, "a.b[0].n").err();
        assert_eq!(
            reason.as_deref(),
            Some("`json.text`: a text is wanted at `a.b[0].n`, and there is a number")
        );
        assert!(ask(BuiltIn::JsonInt, "a.b[0].f").is_err());
        for (body, reason) in [
            ("<html>", "the text is no JSON: expected value"),
            (" ", "the text is empty"),
        ] {
            let answer = give(BuiltIn::JsonHas, &[Value::text(body), Value::text("a")]);
            assert!(answer.is_err_and(|told| told.contains(reason)), "{body}");
        }
    }

    #[test]
    fn a_header_made_of_a_secret_is_a_secret_of_the_same_name() {
        let secret = Value::Secret(Secret::new("token", "open sesame"));
        let shown = |value: Result<Value, String>| match value {
            Ok(Value::Secret(secret)) => (secret.name().to_owned(), secret.expose().to_owned()),
            _ => (String::new(), String::new()),
        };
        let named = |text: &str| ("token".to_owned(), text.to_owned());
        assert_eq!(
            shown(give(BuiltIn::Bearer, std::slice::from_ref(&secret))),
            named("Bearer open sesame")
        );
        assert_eq!(
            shown(give(BuiltIn::Basic, &[Value::text("Aladdin"), secret.clone()])),
            named("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")
        );
        assert!(give(BuiltIn::Basic, &[Value::text("a:b"), secret]).is_err());
    }

    #[test]
    fn lists_lines_and_versions() {
        let lines = give(BuiltIn::Lines, &[Value::text("a\r\n\n b\n")]);
        assert_eq!(lines, Ok(Value::List(vec![Value::text("a"), Value::text(" b")])));
        let list = lines.unwrap_or(Value::Nothing);
        assert_eq!(give(BuiltIn::First, std::slice::from_ref(&list)), Ok(Value::text("a")));
        assert_eq!(give(BuiltIn::Count, &[list]), Ok(Value::Int(2)));
        assert_eq!(give(BuiltIn::First, &[Value::List(vec![])]), Ok(Value::Absent));
        assert_eq!(
            give(BuiltIn::Version, &[Value::text("v1.2.3\n")]),
            Ok(Value::Version("1.2.3".to_owned()))
        );
        assert!(give(BuiltIn::Version, &[Value::text("14.2-1")]).is_err());
    }
}
