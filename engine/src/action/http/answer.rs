//! What an address answered.

use std::collections::BTreeMap;

use backstay_dsl::types::Type;
use reqwest::header::HeaderMap;

use crate::redact::Redactor;
use crate::value::Value;

/// A value keeps so much of an answer.
pub(super) const BODY_BYTES_MAX: usize = 64 * 1024;
/// A header with more than this is left out.
const HEADER_BYTES_MAX: usize = 4 * 1024;
/// Left out too: what opens a session, and what is another each time.
const LEFT_OUT: &[&str] = &["set-cookie", "date", "age"];

/// An answer, whatever its status.
pub(super) struct Answered {
    pub(super) status: u16,
    headers: Value,
    body: String,
    is_cut: bool,
}

impl Answered {
    /// An answer from what was read of its body, which may be more than is kept. Secrets are looked for before it is
    /// cut: of one that is cut first the rest would not be found.
    pub(super) fn new(status: u16, headers: &HeaderMap, body: &[u8], redactor: &Redactor) -> Self {
        let is_cut = body.len() > BODY_BYTES_MAX;
        let body = if is_cut {
            let clean = redactor.scrub_bytes(body);
            String::from_utf8_lossy(&clean[..clean.len().min(BODY_BYTES_MAX)]).into_owned()
        } else {
            String::from_utf8_lossy(body).into_owned()
        };
        Self {
            status,
            headers: kept(headers),
            body,
            is_cut,
        }
    }

    pub(super) fn is_ok(&self) -> bool {
        is_ok(self.status)
    }

    pub(super) fn holds(&self, words: &str) -> bool {
        self.body.contains(words)
    }

    /// The status with the first line of what came with it.
    pub(super) fn beginning(&self) -> String {
        let line = self.body.lines().next().unwrap_or_default();
        format!("status {}: {line}", self.status)
    }

    /// In one line.
    pub(super) fn summary(&self) -> String {
        let cut = if self.is_cut { ", cut at 64 KiB" } else { "" };
        format!("status {}, {} bytes{cut}", self.status, self.body.len())
    }

    pub(super) fn value(self) -> Value {
        value(self.status, self.headers, self.body)
    }
}

fn is_ok(status: u16) -> bool {
    (200..300).contains(&status)
}

fn value(status: u16, headers: Value, body: String) -> Value {
    Value::record([
        ("ok", Value::Bool(is_ok(status))),
        ("status", Value::Int(i64::from(status))),
        ("headers", headers),
        ("body", Value::Text(body)),
    ])
}

/// What a healthy production answers.
pub(super) fn simulated(status: u16) -> Value {
    value(status, Value::Map(BTreeMap::new()), "simulated".to_owned())
}

/// The type of an answer.
pub(super) fn record() -> Type {
    Type::record(
        "HttpResponse",
        &[
            ("ok", Type::Bool),
            ("status", Type::Int),
            ("headers", Type::Map(Box::new(Type::Text))),
            ("body", Type::Text),
        ],
    )
}

/// Headers by their names in small letters; of several with one name the values with a comma between.
pub(super) fn kept(headers: &HeaderMap) -> Value {
    let names = headers.keys().filter(|name| !LEFT_OUT.contains(&name.as_str()));
    let joined = names.map(|name| {
        let values = headers.get_all(name).iter();
        let values: Vec<_> = values.map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
        (name.as_str().to_owned(), values.join(", "))
    });
    let kept = joined.filter(|(_, value)| value.len() <= HEADER_BYTES_MAX);
    Value::Map(kept.map(|(name, value)| (name, Value::Text(value))).collect())
}
