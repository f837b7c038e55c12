//! The types of the language (`semantics.md` section 8): closed, without floats, without null.

use std::fmt;
use std::sync::Arc;

/// The type of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    Text,
    Bool,
    /// A whole number of 64 bits; overflow is an error.
    Int,
    /// A length of time in milliseconds.
    Duration,
    /// An amount of bytes.
    Size,
    /// A container image; pinned where it has a digest.
    Image {
        /// Whether it is known to carry a digest.
        pinned: bool,
    },
    /// A package, `name=version`; pinned where the version is exact.
    Package {
        /// Whether it is known to carry an exact version.
        pinned: bool,
    },
    /// A path of the file system.
    Path,
    /// An address, `http` or `https`.
    Url,
    /// `sha256:…`.
    Digest,
    Port,
    Host,
    /// A version that is older or newer than others.
    Version,
    List(Box<Type>),
    /// A map from text to one type.
    Map(Box<Type>),
    Record(Arc<RecordType>),
    /// A value that may be absent: met by `is present` or `default`.
    Optional(Box<Type>),
    /// A text that is never shown.
    Secret,
    /// A backup that was made.
    Backup,
    /// A service of the runbook.
    Service,
    /// Protected state of the runbook.
    State,
    Resource,
    /// The result of an action that gives none.
    Nothing,
    /// The type of what did not type; fits everything, so that one mistake is told once.
    Unknown,
}

/// A type with named fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordType {
    /// Its name: `ReadResult`.
    pub name: String,
    pub fields: Vec<(String, Type)>,
}

impl RecordType {
    /// The type of a field; `None` where there is no such field.
    pub fn field(&self, name: &str) -> Option<&Type> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, ty)| ty)
    }
}

impl Type {
    /// A record type from its name and fields.
    pub fn record(name: &str, fields: &[(&str, Type)]) -> Self {
        let fields = fields
            .iter()
            .map(|(field, ty)| ((*field).to_owned(), ty.clone()))
            .collect();
        Self::Record(Arc::new(RecordType {
            name: name.to_owned(),
            fields,
        }))
    }

    pub fn list(element: Self) -> Self {
        Self::List(Box::new(element))
    }

    /// Whether a value of type `from` may stand where `self` is wanted: the same type, or a subtype
    /// (`pinned image` for `image`). Nothing is converted.
    pub fn accepts(&self, from: &Self) -> bool {
        match (self, from) {
            (Self::Unknown, _)
            | (_, Self::Unknown)
            | (Self::Image { pinned: false }, Self::Image { .. })
            | (Self::Package { pinned: false }, Self::Package { .. }) => true,
            (Self::List(to), Self::List(from))
            | (Self::Map(to), Self::Map(from))
            | (Self::Optional(to), Self::Optional(from)) => to.accepts(from),
            _ => self == from,
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => f.write_str("text"),
            Self::Bool => f.write_str("bool"),
            Self::Int => f.write_str("int"),
            Self::Duration => f.write_str("duration"),
            Self::Size => f.write_str("size"),
            Self::Image { pinned: false } => f.write_str("image"),
            Self::Image { pinned: true } => f.write_str("pinned image"),
            Self::Package { pinned: false } => f.write_str("package"),
            Self::Package { pinned: true } => f.write_str("pinned package"),
            Self::Path => f.write_str("path"),
            Self::Url => f.write_str("url"),
            Self::Digest => f.write_str("digest"),
            Self::Port => f.write_str("port"),
            Self::Host => f.write_str("host"),
            Self::Version => f.write_str("version"),
            Self::List(element) => write!(f, "list of {element}"),
            Self::Map(element) => write!(f, "map of {element}"),
            Self::Record(record) => f.write_str(&record.name),
            Self::Optional(inner) => write!(f, "optional {inner}"),
            Self::Secret => f.write_str("secret"),
            Self::Backup => f.write_str("backup"),
            Self::Service => f.write_str("service"),
            Self::State => f.write_str("state"),
            Self::Resource => f.write_str("resource"),
            Self::Nothing => f.write_str("nothing"),
            Self::Unknown => f.write_str("?"),
        }
    }
}
