//! Functions of the text: values go into a script by what they are, and what comes out is held to the declared type.

use std::collections::BTreeMap;
use std::thread;

use backstay_dsl::model::Function;
use backstay_dsl::script::{Datum, STACK_BYTES, ScriptError};
use backstay_dsl::types::{RecordType, Type};

use super::places::Places;
use super::text::parse_as;
use crate::value::{Answer, Unanswered, Value};

/// What a function gives for these arguments.
pub(super) fn call(function: &Function, arguments: Vec<Value>, places: &Places) -> Answer {
    let name = &function.name;
    let arguments: Vec<Datum> = arguments.into_iter().map(inward).collect::<Result<_, _>>()?;
    let given = run(function, arguments).map_err(|error| {
        let place = error.at.and_then(|(line, column)| function.position(line, column));
        let place = place.map_or_else(String::new, |at| {
            format!(" at line {}, column {} of its file", at.line, at.column)
        });
        Unanswered::new(format!("`{name}` failed{place}: {}", error.message))
    })?;
    outward(&function.result, given, places).map_err(|reason| {
        let line = function.lines.first().map_or(0, |at| at.line);
        Unanswered::new(format!(
            "`{name}` (its script begins at line {line} of its file) gave {reason}"
        ))
    })
}

/// Runs a script where it has room enough, and where its breaking down is no more than a failure of its own.
fn run(function: &Function, arguments: Vec<Datum>) -> Result<Datum, ScriptError> {
    let failed = |message: String| ScriptError {
        at: Some((1, 1)),
        message,
        help: None,
    };
    thread::scope(|scope| {
        let room = thread::Builder::new().stack_size(STACK_BYTES);
        let running = room
            .spawn_scoped(scope, || function.script.call(arguments))
            .map_err(|error| failed(format!("there is no room to run it: {error}")))?;
        running
            .join()
            .unwrap_or_else(|_| Err(failed("the script broke down".to_owned())))
    })
}

fn inward(value: Value) -> Result<Datum, Unanswered> {
    let number = |value: u64| {
        let fits = i64::try_from(value).map(Datum::Int);
        fits.map_err(|_| Unanswered::new("a number that is too large for a script"))
    };
    Ok(match value {
        Value::Absent => Datum::Nothing,
        Value::Bool(value) => Datum::Bool(value),
        Value::Int(value) => Datum::Int(value),
        Value::Port(port) => Datum::Int(port.into()),
        Value::Duration(value) | Value::Size(value) => number(value)?,
        Value::List(values) => Datum::List(values.into_iter().map(inward).collect::<Result<_, _>>()?),
        Value::Map(map) | Value::Record(map) => {
            let pairs = map.into_iter().map(|(key, value)| Ok((key, inward(value)?)));
            Datum::Map(pairs.collect::<Result<_, Unanswered>>()?)
        }
        Value::Text(_)
        | Value::Path(_)
        | Value::Url(_)
        | Value::Host(_)
        | Value::Version(_)
        | Value::Image(_)
        | Value::Package(_)
        | Value::Digest(_) => Datum::Text(value.canonical()),
        Value::Secret(_)
        | Value::Backup(_)
        | Value::Service(_)
        | Value::State(_)
        | Value::Resource(_)
        | Value::Nothing => return Err(Unanswered::new("only plain values go into a function")),
    })
}

/// The value of a declared type. The error ends a sentence that begins with “it gave”.
fn outward(wanted: &Type, given: Datum, places: &Places) -> Result<Value, String> {
    let other = |given: &Datum| format!("{}, and {wanted} is declared", given.kind());
    match (wanted, given) {
        (Type::Optional(_), Datum::Nothing) => Ok(Value::Absent),
        (Type::Optional(inner), given) => outward(inner, given, places),
        (Type::Bool, Datum::Bool(value)) => Ok(Value::Bool(value)),
        (Type::Int, Datum::Int(value)) => Ok(Value::Int(value)),
        (Type::Duration | Type::Size | Type::Port, Datum::Int(value)) => match (wanted, u64::try_from(value)) {
            (Type::Duration, Ok(ms)) => Ok(Value::Duration(ms)),
            (Type::Size, Ok(bytes)) => Ok(Value::Size(bytes)),
            (Type::Port, _) => match u16::try_from(value) {
                Ok(port @ 1..) => Ok(Value::Port(port)),
                _ => Err(format!("{value}, which is no port")),
            },
            _ => Err(format!("{value}, and a {wanted} is not below zero")),
        },
        (Type::Text, Datum::Text(text)) => Ok(Value::Text(text)),
        (Type::List(element), Datum::List(list)) => {
            let values = list.into_iter().map(|one| outward(element, one, places));
            values.collect::<Result<_, _>>().map(Value::List)
        }
        (Type::Map(element), Datum::Map(map)) => {
            let pairs = map
                .into_iter()
                .map(|(key, value)| Ok((key, outward(element, value, places)?)));
            pairs.collect::<Result<_, String>>().map(Value::Map)
        }
        (Type::Record(record), Datum::Map(map)) => record_of(record, map, places),
        (
            Type::Path
            | Type::Url
            | Type::Host
            | Type::Version
            | Type::Image { .. }
            | Type::Package { .. }
            | Type::Digest,
            Datum::Text(text),
        ) => parse_as(wanted, &text, places).map_err(|reason| format!("a text that is no {wanted}: {reason}")),
        (_, given) => Err(other(&given)),
    }
}

fn record_of(record: &RecordType, mut given: BTreeMap<String, Datum>, places: &Places) -> Result<Value, String> {
    let mut fields = BTreeMap::new();
    for (name, ty) in &record.fields {
        let value = given.remove(name).unwrap_or(Datum::Nothing);
        let value = outward(ty, value, places).map_err(|reason| format!("in the field `{name}` {reason}"))?;
        fields.insert(name.clone(), value);
    }
    match given.keys().next() {
        Some(more) => Err(format!("the field `{more}`, which `{}` does not have", record.name)),
        None => Ok(Value::Record(fields)),
    }
}
