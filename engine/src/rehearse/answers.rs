//! Answers of the simulated world: what a store of values, or the type of the answer, makes plausible.

use std::collections::BTreeMap;

use backstay_dsl::types::Type;

use crate::eval::{Places, parse_as};
use crate::value::{Backup, Value};

/// A value of this type that a healthy production could give. `name` tells fields of records apart.
pub(super) fn plausible(ty: &Type, name: &str) -> Value {
    match ty {
        Type::Bool => Value::Bool(true),
        Type::Int => Value::Int(0),
        Type::Duration => Value::Duration(1000),
        Type::Size => Value::Size(1 << 20),
        Type::Image { .. } => Value::Image(format!("simulated/app@sha256:{}", "0".repeat(64))),
        Type::Package { .. } => Value::Package("app=1.0.0".to_owned()),
        Type::Path => Value::Path("/simulated".to_owned()),
        Type::Url => Value::Url("http://127.0.0.1/".to_owned()),
        Type::Digest => Value::Digest(format!("sha256:{}", "0".repeat(64))),
        Type::Port => Value::Port(80),
        Type::Version => Value::Version("1.0.0".to_owned()),
        Type::Host => Value::Host("simulated".to_owned()),
        Type::List(_) => Value::List(Vec::new()),
        Type::Map(_) => Value::Map(BTreeMap::new()),
        Type::Record(record) => {
            let fields = record.fields.iter();
            Value::Record(fields.map(|(name, ty)| (name.clone(), plausible(ty, name))).collect())
        }
        Type::Optional(inner) => plausible(inner, name),
        Type::Backup => Value::Backup(Backup {
            path: "/simulated.tar.zst".to_owned(),
            digest: format!("sha256:{}", "0".repeat(64)),
            state: String::new(),
            bytes: 1,
            entries: 1,
            places: Vec::new(),
        }),
        Type::Text if name == "stderr" => Value::Text(String::new()),
        Type::Text | Type::Unknown => Value::Text("simulated".to_owned()),
        Type::Secret | Type::Service | Type::State | Type::Resource | Type::Nothing => Value::Nothing,
    }
}

/// A text as a value of this type; in a record of a program's answer it is what the program printed.
pub(super) fn typed(ty: &Type, text: &str) -> Result<Value, String> {
    match ty {
        Type::Record(_) => Ok(with_stdout(plausible(ty, ""), text)),
        Type::Optional(inner) => typed(inner, text),
        _ => {
            let places = Places {
                working_directory: "/".into(),
                home: None,
            };
            parse_as(ty, text, &places)
        }
    }
}

/// What a healthy answer says, in the shape of the type: a text is what a program printed.
pub(super) fn healthy(ty: &Type, healthy: &Value) -> Value {
    let plain = plausible(ty, "");
    match (plain, healthy) {
        (Value::Record(mut fields), Value::Record(said)) => {
            fields.extend(said.clone());
            Value::Record(fields)
        }
        (Value::Record(mut fields), Value::Bool(ok)) => {
            fields.insert("ok".to_owned(), Value::Bool(*ok));
            fields.insert("status".to_owned(), Value::Int(i64::from(!*ok)));
            Value::Record(fields)
        }
        (record @ Value::Record(_), said) => with_stdout(record, &said.canonical()),
        (_, said) => said.clone(),
    }
}

fn with_stdout(record: Value, text: &str) -> Value {
    match record {
        Value::Record(mut fields) => {
            for name in ["stdout", "body"] {
                if let Some(field) = fields.get_mut(name) {
                    *field = Value::Text(text.to_owned());
                }
            }
            Value::Record(fields)
        }
        other => other,
    }
}

/// The text that a value carries: what a program printed, else its canonical form.
pub(super) fn text_of(value: &Value) -> String {
    match value {
        Value::Record(fields) => fields.get("stdout").map_or_else(|| value.canonical(), Value::canonical),
        _ => value.canonical(),
    }
}

/// Another value of the same type: what was expected is not so.
pub(super) fn untrue(value: &Value) -> Value {
    match value {
        Value::Bool(value) => Value::Bool(!value),
        Value::Int(value) => Value::Int(value.saturating_add(7)),
        Value::Size(_) => Value::Size(0),
        Value::Duration(_) => Value::Duration(0),
        Value::Text(text) if text.is_empty() => Value::Text("something".to_owned()),
        Value::Text(_) => Value::Text(String::new()),
        Value::Path(path) => Value::Path(format!("{path}/other")),
        Value::Image(_) => Value::Image(format!("simulated/other@sha256:{}", "f".repeat(64))),
        Value::Package(_) => Value::Package("other=9.9.9".to_owned()),
        Value::Digest(_) => Value::Digest(format!("sha256:{}", "f".repeat(64))),
        Value::Port(port) => Value::Port(port.wrapping_add(1)),
        Value::Version(_) => Value::Version("99.9.9".to_owned()),
        Value::Record(fields) => {
            let fields = fields.iter();
            Value::Record(fields.map(|(name, value)| (name.clone(), untrue(value))).collect())
        }
        Value::List(values) if values.is_empty() => Value::List(vec![Value::Int(1)]),
        Value::List(_) => Value::List(Vec::new()),
        other => other.clone(),
    }
}
