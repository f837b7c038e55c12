//! Values at run time, and how they stand in records.
//!
//! A [`Secret`] has no display, no debug text and no serialised form.

use std::collections::BTreeMap;
use std::fmt;

use backstay_dsl::effect::{Resource, ResourceKind};
use backstay_dsl::print;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// A value. What has no fixed text (a service, a state) is its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    Text(String),
    Bool(bool),
    Int(i64),
    /// Milliseconds.
    Duration(u64),
    /// Bytes.
    Size(u64),
    Image(String),
    /// `name=version`.
    Package(String),
    /// An absolute path in normal form.
    Path(String),
    Url(String),
    /// `sha256:…`.
    Digest(String),
    Port(u16),
    /// The name of a host.
    Host(String),
    /// A version with an order, in its own form.
    Version(String),
    List(Vec<Value>),
    Map(BTreeMap<String, Value>),
    Record(BTreeMap<String, Value>),
    /// An optional without a value. One with a value is that value.
    Absent,
    /// A secret; never recorded.
    Secret(Secret),
    /// A backup that was made.
    Backup(Backup),
    Service(String),
    State(String),
    Resource(GroundResource),
    Nothing,
}

/// A resource whose keys are known.
pub type GroundResource = Resource<String>;

/// A backup that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backup {
    pub path: String,
    /// SHA-256 of the archive, `sha256:…`.
    pub digest: String,
    /// The protected state it holds.
    pub state: String,
    /// Bytes of the archive.
    pub bytes: u64,
    /// How many entries it holds.
    pub entries: u64,
    /// Where each part of the state lay and goes back to, as the manifest writes paths. An archive that says
    /// another place is not restored: this stands in the record of the run, and the archive lies anywhere.
    pub places: Vec<String>,
}

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    name: String,
    text: Zeroizing<String>,
}

impl Secret {
    /// A secret with the name of the input that it came from.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            text: Zeroizing::new(text.into()),
        }
    }

    /// The name of the input.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text itself: for sinks only.
    pub fn expose(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({})", self.name)
    }
}

/// The answer to a question: a value, or why there is none.
pub type Answer = Result<Value, Unanswered>;

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Unanswered {
    pub reason: String,
    /// Whether it was not asked: only a run will know.
    pub is_open: bool,
}

impl Unanswered {
    pub fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            is_open: false,
        }
    }

    /// What only a run will know, and why.
    pub fn open(reason: impl Into<String>) -> Self {
        Self {
            is_open: true,
            ..Self::new(reason)
        }
    }
}

/// How a value stands in a record: its type's word and its content; no floats, nothing secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "value", rename_all = "snake_case")]
pub enum RecordedValue {
    /// See [`Value::Text`].
    Text(String),
    /// See [`Value::Bool`].
    Bool(bool),
    /// See [`Value::Int`]; as text where it does not fit 53 bits.
    Int(i64),
    /// See [`Value::Int`].
    BigInt(String),
    /// See [`Value::Duration`].
    DurationMs(u64),
    /// See [`Value::Size`].
    SizeBytes(u64),
    /// See [`Value::Image`].
    Image(String),
    /// See [`Value::Package`].
    Package(String),
    /// See [`Value::Path`].
    Path(String),
    /// See [`Value::Url`].
    Url(String),
    /// See [`Value::Digest`].
    Digest(String),
    /// See [`Value::Port`].
    Port(u16),
    /// See [`Value::Host`].
    Host(String),
    /// See [`Value::Version`].
    Version(String),
    /// See [`Value::List`].
    List(Vec<RecordedValue>),
    /// See [`Value::Map`]; pairs, because keys of records are ASCII words.
    Map(Vec<(String, RecordedValue)>),
    /// See [`Value::Record`]; pairs, for the same reason.
    Record(Vec<(String, RecordedValue)>),
    /// See [`Value::Absent`].
    Absent,
    /// A secret, by name.
    Secret(String),
    /// See [`Value::Backup`]; apart, so that every record is not as large as this one.
    Backup(Box<Backup>),
    /// See [`Value::Service`].
    Service(String),
    /// See [`Value::State`].
    State(String),
    /// See [`Value::Resource`]: the word of its kind, then its keys.
    Resource(Vec<String>),
    /// See [`Value::Nothing`].
    Nothing,
}

const INTEGER_MAX: i64 = (1 << 53) - 1;

impl From<&Value> for RecordedValue {
    fn from(value: &Value) -> Self {
        let pairs =
            |map: &BTreeMap<String, Value>| map.iter().map(|(key, value)| (key.clone(), value.into())).collect();
        match value {
            Value::Text(text) => Self::Text(text.clone()),
            Value::Bool(bool) => Self::Bool(*bool),
            Value::Int(int) if int.abs() <= INTEGER_MAX => Self::Int(*int),
            Value::Int(int) => Self::BigInt(int.to_string()),
            Value::Duration(ms) => Self::DurationMs(*ms),
            Value::Size(bytes) => Self::SizeBytes(*bytes),
            Value::Image(text) => Self::Image(text.clone()),
            Value::Package(text) => Self::Package(text.clone()),
            Value::Path(text) => Self::Path(text.clone()),
            Value::Url(text) => Self::Url(text.clone()),
            Value::Digest(text) => Self::Digest(text.clone()),
            Value::Port(port) => Self::Port(*port),
            Value::Host(text) => Self::Host(text.clone()),
            Value::Version(text) => Self::Version(text.clone()),
            Value::List(values) => Self::List(values.iter().map(Into::into).collect()),
            Value::Map(map) => Self::Map(pairs(map)),
            Value::Record(map) => Self::Record(pairs(map)),
            Value::Absent => Self::Absent,
            Value::Secret(secret) => Self::Secret(secret.name().to_owned()),
            Value::Backup(backup) => Self::Backup(Box::new(backup.clone())),
            Value::Service(name) => Self::Service(name.clone()),
            Value::State(name) => Self::State(name.clone()),
            Value::Resource(resource) => Self::Resource(resource_words::of(resource)),
            Value::Nothing => Self::Nothing,
        }
    }
}

impl RecordedValue {
    /// The value that was recorded. A secret cannot come back: it is [`Value::Nothing`], and the
    /// input that it came from is read again on resume.
    pub fn to_value(&self) -> Value {
        let map = |pairs: &[(String, Self)]| {
            pairs
                .iter()
                .map(|(key, value)| (key.clone(), value.to_value()))
                .collect()
        };
        match self {
            Self::Text(text) => Value::Text(text.clone()),
            Self::Bool(bool) => Value::Bool(*bool),
            Self::Int(int) => Value::Int(*int),
            Self::BigInt(text) => text.parse().map_or(Value::Nothing, Value::Int),
            Self::DurationMs(ms) => Value::Duration(*ms),
            Self::SizeBytes(bytes) => Value::Size(*bytes),
            Self::Image(text) => Value::Image(text.clone()),
            Self::Package(text) => Value::Package(text.clone()),
            Self::Path(text) => Value::Path(text.clone()),
            Self::Url(text) => Value::Url(text.clone()),
            Self::Digest(text) => Value::Digest(text.clone()),
            Self::Port(port) => Value::Port(*port),
            Self::Host(text) => Value::Host(text.clone()),
            Self::Version(text) => Value::Version(text.clone()),
            Self::List(values) => Value::List(values.iter().map(Self::to_value).collect()),
            Self::Map(pairs) => Value::Map(map(pairs)),
            Self::Record(pairs) => Value::Record(map(pairs)),
            Self::Absent => Value::Absent,
            Self::Secret(_) | Self::Nothing => Value::Nothing,
            Self::Backup(backup) => Value::Backup(Backup::clone(backup)),
            Self::Service(name) => Value::Service(name.clone()),
            Self::State(name) => Value::State(name.clone()),
            Self::Resource(words) => resource_words::read(words).map_or(Value::Nothing, Value::Resource),
        }
    }
}

/// How resources stand in records: each as a list of texts, the word of its kind first (`file@HOST` where it is on
/// another host).
pub(crate) mod resource_words {
    use super::{GroundResource, Resource, ResourceKind};
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn of(resource: &GroundResource) -> Vec<String> {
        let kind = first_word(resource.kind, resource.host.as_deref());
        std::iter::once(kind).chain(resource.key.iter().cloned()).collect()
    }

    pub(super) fn read(words: &[String]) -> Option<GroundResource> {
        let (kind, key) = words.split_first()?;
        let (kind, host) = read_first_word(kind)?;
        Some(Resource {
            host,
            kind,
            key: key.to_vec(),
        })
    }

    pub(crate) fn first_word(kind: ResourceKind, host: Option<&str>) -> String {
        host.map_or_else(|| kind.word().to_owned(), |host| format!("{kind}@{host}"))
    }

    pub(crate) fn read_first_word(word: &str) -> Option<(ResourceKind, Option<String>)> {
        let (kind, host) = word
            .split_once('@')
            .map_or((word, None), |(kind, host)| (kind, Some(host)));
        Some((ResourceKind::from_word(kind)?, host.map(str::to_owned)))
    }

    pub(crate) fn serialize<S: Serializer>(resources: &[GroundResource], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(resources.iter().map(of))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<GroundResource>, D::Error> {
        let lists: Vec<Vec<String>> = Vec::deserialize(deserializer)?;
        let resources = lists.iter().map(|words| read(words));
        resources
            .map(|resource| resource.ok_or_else(|| D::Error::custom("this is no resource")))
            .collect()
    }
}

impl Value {
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub fn record<const N: usize>(fields: [(&str, Self); N]) -> Self {
        Self::Record(BTreeMap::from(fields.map(|(name, value)| (name.to_owned(), value))))
    }

    /// As [`Self::canonical`], of a secret the secret itself: for sinks only.
    pub fn exposed(&self) -> String {
        match self {
            Self::Secret(secret) => secret.expose().to_owned(),
            other => other.canonical(),
        }
    }

    /// A value as its author would write it. A secret gives only its name.
    pub(crate) fn as_written(&self) -> String {
        match self {
            Self::Text(text)
            | Self::Path(text)
            | Self::Url(text)
            | Self::Image(text)
            | Self::Package(text)
            | Self::Version(text)
            | Self::Host(text) => print::quoted(text),
            Self::List(values) => {
                let texts: Vec<_> = values.iter().map(Self::as_written).collect();
                format!("[{}]", texts.join(", "))
            }
            _ => self.canonical(),
        }
    }

    /// The canonical text of a value: what `argv` takes and what a person reads. A secret gives
    /// only its name in angle brackets.
    pub fn canonical(&self) -> String {
        match self {
            Self::Text(text)
            | Self::Image(text)
            | Self::Package(text)
            | Self::Path(text)
            | Self::Url(text)
            | Self::Digest(text)
            | Self::Host(text)
            | Self::Version(text)
            | Self::Service(text)
            | Self::State(text) => text.clone(),
            Self::Bool(value) => value.to_string(),
            Self::Int(value) => value.to_string(),
            Self::Port(port) => port.to_string(),
            Self::Duration(ms) => backstay_dsl::units::duration(*ms),
            Self::Size(bytes) => backstay_dsl::units::size(*bytes),
            Self::List(values) => {
                let texts: Vec<_> = values.iter().map(Self::canonical).collect();
                format!("[{}]", texts.join(", "))
            }
            Self::Map(map) | Self::Record(map) => {
                let texts: Vec<_> = map
                    .iter()
                    .map(|(key, value)| format!("{key}: {}", value.canonical()))
                    .collect();
                format!("{{{}}}", texts.join(", "))
            }
            Self::Absent => "absent".to_owned(),
            Self::Secret(secret) => format!("<secret {}>", secret.name()),
            Self::Backup(backup) => backup.path.clone(),
            Self::Resource(resource) => resource.to_string(),
            Self::Nothing => "nothing".to_owned(),
        }
    }
}
