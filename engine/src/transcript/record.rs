//! One record, one line: `{"seq":…,"prev":…,"at":…,"boot_ns":…,"kind":…,…}` and a line end.
//!
//! The form is restricted on purpose: keys are ASCII words in a fixed order, there are no floats, whole
//! numbers lie within ±(2^53−1). Reading has two parts: [`Line`] is the form, whatever the record says, and
//! is all that verifying needs; [`Line::record`] is what this program makes of it. A later minor format may
//! have kinds and fields that are not known here, and its form is the same.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use super::form::{self, Field, INTEGER_MAX};
use crate::event::{Event, Stamped};

/// A record: an event with its times and its place in the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its number, from 1.
    pub seq: u64,
    /// SHA-256 of the line before it with its line end; 64 zeros in the first.
    pub prev: String,
    pub stamped: Stamped,
}

/// A record cannot be written, or a line is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// The event holds something that the form has no place for.
    #[error("a record cannot hold {0}")]
    Unwritable(String),
    /// The line is not JSON, or lacks what every record has.
    #[error("it is not a record: {0}")]
    NotARecord(String),
    /// The line says something in another form.
    #[error("it is not written in the form of a transcript")]
    OtherForm,
    /// The form is right, but this program does not know what it says.
    #[error("it says something that this program does not know: {0}")]
    Unknown(String),
    /// The line is longer than [`LINE_BYTES_MAX`](super::LINE_BYTES_MAX).
    #[error("it is longer than {} bytes", super::LINE_BYTES_MAX)]
    TooLong,
}

impl Record {
    /// The line of this record, with its line end.
    pub fn encode(&self) -> Result<Vec<u8>, RecordError> {
        let event = serde_json::to_value(&self.stamped.event)
            .map_err(|error| RecordError::Unwritable(format!("this event: {error}")))?;
        restricted(&event)?;
        let mut record = Map::new();
        record.insert("seq".to_owned(), self.seq.into());
        record.insert("prev".to_owned(), self.prev.clone().into());
        record.insert("at".to_owned(), rfc3339(self.stamped.at_ms)?.into());
        record.insert("boot_ns".to_owned(), whole_number(self.stamped.boot_ns));
        if let Value::Object(fields) = event {
            record.extend(fields);
        }
        let mut line = Value::Object(record).to_string().into_bytes();
        line.push(b'\n');
        if line.len() > super::LINE_BYTES_MAX {
            return Err(RecordError::TooLong);
        }
        Ok(line)
    }

    /// The record of a line, which is given with its line end.
    pub fn decode(line: &[u8]) -> Result<Self, RecordError> {
        Line::read(line)?.record()
    }
}

/// A line in the form of a transcript, whatever it says.
pub(super) struct Line<'l> {
    seq: u64,
    prev: Cow<'l, str>,
    kind: Cow<'l, str>,
    at_ms: i64,
    boot_ns: u64,
    fields: Vec<Field<'l>>,
    bytes: &'l [u8],
}

impl<'l> Line<'l> {
    /// Reads a line, which is given with its line end. It is accepted only if writing its content again would give
    /// the same bytes, so repeated keys and other spellings are refused.
    pub(super) fn read(line: &'l [u8]) -> Result<Self, RecordError> {
        if line.len() > super::LINE_BYTES_MAX {
            return Err(RecordError::TooLong);
        }
        let bytes = line.strip_suffix(b"\n").ok_or(RecordError::OtherForm)?;
        let fields = form::fields(bytes).ok_or_else(|| match serde_json::from_slice::<IgnoredAny>(bytes) {
            Ok(_) => RecordError::OtherForm,
            Err(error) => RecordError::NotARecord(error.to_string()),
        })?;
        let [
            ("seq", seq),
            ("prev", prev),
            ("at", at),
            ("boot_ns", boot_ns),
            ("kind", kind),
            ..,
        ] = fields[..]
        else {
            return Err(RecordError::OtherForm);
        };
        let wrong = |key: &str| RecordError::NotARecord(format!("`{key}` is none"));
        let at = text(at).ok_or_else(|| wrong("at"))?;
        let at_ms = at.parse::<Timestamp>().map_err(|_| wrong("at"))?.as_millisecond();
        let whole = boot_ns.trim_matches('"').parse().map_err(|_| wrong("boot_ns"))?;
        // A number that is written as such has one spelling.
        let is_one_spelling = !boot_ns.starts_with('"') || whole > INTEGER_MAX && boot_ns == format!("\"{whole}\"");
        let is_as_written = is_one_spelling && (is_usual_time(&at) || rfc3339(at_ms)? == at);
        if !is_as_written {
            return Err(RecordError::OtherForm);
        }
        Ok(Self {
            seq: seq.parse().map_err(|_| wrong("seq"))?,
            prev: text(prev).ok_or_else(|| wrong("prev"))?,
            kind: text(kind).ok_or_else(|| wrong("kind"))?,
            at_ms,
            boot_ns: whole,
            fields,
            bytes,
        })
    }

    /// What happened, by its word.
    pub(super) fn kind(&self) -> &str {
        &self.kind
    }

    fn field(&self, key: &str) -> Option<&'l str> {
        self.fields
            .iter()
            .find(|(name, _)| *name == key)
            .map(|(_, value)| *value)
    }

    /// A field that is a text; none where it is not there or no text.
    pub(super) fn text(&self, key: &str) -> Option<Cow<'l, str>> {
        text(self.field(key)?)
    }

    /// The SHA-256 of each output that an outcome names; `None` where they are named in another form.
    pub(super) fn outputs(&self) -> Option<Vec<String>> {
        let Some(named) = self.field("blobs").filter(|_| self.kind() == "outcome") else {
            return Some(Vec::new());
        };
        let named: Option<Vec<Vec<Value>>> = serde_json::from_str(named).ok()?;
        let pairs = named.iter().flatten();
        pairs.map(|pair| Some(pair.get(1)?.as_str()?.to_owned())).collect()
    }

    /// The record as this program understands it; fields that it does not know are passed over.
    pub(super) fn record(self) -> Result<Record, RecordError> {
        let event = serde_json::from_slice::<Event>(self.bytes);
        Ok(Record {
            seq: self.seq,
            prev: self.prev.into_owned(),
            stamped: Stamped {
                at_ms: self.at_ms,
                boot_ns: self.boot_ns,
                event: event.map_err(|error| RecordError::Unknown(error.to_string()))?,
            },
        })
    }
}

/// Milliseconds since 1970 as RFC 3339 in UTC, always with three digits of a second.
fn rfc3339(at_ms: i64) -> Result<String, RecordError> {
    Timestamp::from_millisecond(at_ms)
        .map(|at| format!("{at:.3}"))
        .map_err(|_| RecordError::Unwritable(format!("the time {at_ms}")))
}

/// Whether a time, which is one, is written as [`rfc3339`] writes those of four digits of a year.
fn is_usual_time(at: &str) -> bool {
    let like = b"dddd-dd-ddTdd:dd:sd.dddZ";
    let is_like = |(byte, like): (u8, &u8)| match like {
        b'd' => byte.is_ascii_digit(),
        // A leap second is taken for the one before it.
        b's' => matches!(byte, b'0'..=b'5'),
        other => byte == *other,
    };
    at.len() == like.len() && at.bytes().zip(like).all(is_like)
}

/// A number as itself while every reader of JSON can hold it exactly, else as text.
fn whole_number(value: u64) -> Value {
    if value <= INTEGER_MAX {
        value.into()
    } else {
        value.to_string().into()
    }
}

/// The text that a value in the form is; none where it is something else.
fn text(value: &str) -> Option<Cow<'_, str>> {
    let content = value.strip_prefix('"')?.strip_suffix('"')?;
    if content.contains('\\') {
        return serde_json::from_str(value).ok().map(Cow::Owned);
    }
    Some(Cow::Borrowed(content))
}

fn restricted(value: &Value) -> Result<(), RecordError> {
    match value {
        Value::Number(number) => {
            let magnitude = number.as_u64().or_else(|| number.as_i64().map(i64::unsigned_abs));
            match magnitude {
                Some(magnitude) if magnitude <= INTEGER_MAX => Ok(()),
                _ => Err(RecordError::Unwritable(format!("the number {number}"))),
            }
        }
        Value::Array(values) => values.iter().try_for_each(restricted),
        Value::Object(fields) => fields.iter().try_for_each(|(key, value)| {
            if form::is_word(key) {
                restricted(value)
            } else {
                Err(RecordError::Unwritable(format!("the key `{key}`")))
            }
        }),
        Value::Null | Value::Bool(_) | Value::String(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

    use super::*;
    use crate::event::TimerId;

    fn record(boot_ns: u64) -> Record {
        Record {
            seq: 7,
            prev: super::super::lines::NO_LINE.to_owned(),
            stamped: Stamped {
                at_ms: 1_700_000_000_000,
                boot_ns,
                event: Event::Timer(TimerId::Wait("a/1 \u{1b}[31m \"é\"\n".into())),
            },
        }
    }

    #[test]
    fn a_record_has_one_form() {
        let line = record(5).encode().unwrap();
        assert_eq!(
            String::from_utf8(line.clone()).unwrap(),
            format!(
                "{{\"seq\":7,\"prev\":\"{}\",\"at\":\"2023-11-14T22:13:20.000Z\",\"boot_ns\":5,\"kind\":\"timer\",\
                 \"timer\":\"wait\",\"of\":\"a/1 \\u001b[31m \\\"é\\\"\\n\"}}\n",
                super::super::lines::NO_LINE
            )
        );
        assert_eq!(Record::decode(&line).unwrap(), record(5));
    }

    #[test]
    fn numbers_beyond_53_bits_become_text() {
        let line = record(INTEGER_MAX + 1).encode().unwrap();
        assert!(
            String::from_utf8(line.clone())
                .unwrap()
                .contains("\"boot_ns\":\"9007199254740992\"")
        );
        assert_eq!(Record::decode(&line).unwrap(), record(INTEGER_MAX + 1));
        let long_wait = Event::Decision {
            what: "extend".to_owned(),
            because: String::new(),
            who: String::new(),
            extend_ms: u64::MAX,
        };
        let mut unwritable = record(1);
        unwritable.stamped.event = long_wait;
        assert!(matches!(unwritable.encode(), Err(RecordError::Unwritable(_))));
    }

    #[test]
    fn other_spellings_are_refused() {
        let line = String::from_utf8(record(5).encode().unwrap()).unwrap();
        for other in [
            line.replace("\"seq\":7", "\"seq\": 7"),
            line.replace("\"seq\":7", "\"seq\":7,\"seq\":7"),
            line.replace("20.000Z", "20Z"),
            line.replace("20.000Z", "60.000Z"),
            line.replace("T22", "t22"),
            line.replace("T22", " 22"),
            line.replace("-14T", "-31T"),
            line.replace("20.000Z", "20.000+00:00"),
            line.replace("\"boot_ns\":5", "\"boot_ns\":\"+9007199254740992\""),
            line.replace("\"boot_ns\":5", "\"boot_ns\":\"5\""),
            line.replace("\"boot_ns\":5", "\"boot_ns\":5.0"),
            line.replace("\"kind\":\"timer\"", "\"kind\":5"),
            line.replace(",\"kind\":\"timer\"", ""),
            line.replace("\"timer\":\"wait\"", "\"timer\":\"wait\",\"Key\":1"),
            line.replace("\"timer\":\"wait\"", "\"timer\":\"wait\",\"part\":0.5"),
            line.replace("\"seq\":7", "\"seq\":-7"),
            line.trim_end().to_owned(),
            format!("{line}\n"),
        ] {
            assert!(Record::decode(other.as_bytes()).is_err(), "{other}");
        }
    }

    #[test]
    fn what_a_later_format_adds_has_the_form_and_is_passed_over_or_told() {
        let line = String::from_utf8(record(5).encode().unwrap()).unwrap();
        let with_field = line.replace("\"timer\":\"wait\"", "\"timer\":\"wait\",\"more\":[1]");
        assert_eq!(Record::decode(with_field.as_bytes()).unwrap(), record(5));
        let of_kind = line.replace("\"kind\":\"timer\"", "\"kind\":\"weather\"");
        assert_eq!(Line::read(of_kind.as_bytes()).unwrap().kind(), "weather");
        assert!(matches!(
            Record::decode(of_kind.as_bytes()),
            Err(RecordError::Unknown(_))
        ));
    }
}
