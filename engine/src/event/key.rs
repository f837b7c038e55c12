//! What records and work are about. In memory these are data; in a record, and for people, one text each.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::AnchorTime;

/// The key of a statement or row, or the name of a step; a copy shares the text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
pub struct Name(Arc<str>);

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl From<&Arc<str>> for Name {
    fn from(shared: &Arc<str>) -> Self {
        Self(Arc::clone(shared))
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for Name {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.to_string()
    }
}

/// What a piece of work, or what was evaluated, is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
pub enum WorkKey {
    /// A statement of the plan, or a row of a symptom table, by its key: `cutover/3`, `symptom:usual/2`.
    Statement(Name),
    /// Whether a service is well: `well:SERVICE:WHEN`.
    Well(String, WellTime),
    /// Whether a service is as it should be when the run ends: `presence:SERVICE:WHEN`.
    Presence(String, WellTime),
    /// What must hold all the while: `watch:NAME`.
    Watch(String),
    /// The assumptions of the proofs: `obligations`.
    Obligations,
    /// All anchors: `anchors:start`, `anchors:end`.
    Anchors(AnchorTime),
    /// What a signal means: `signal`.
    Signal,
}

/// When a service is asked whether it is well, or as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WellTime {
    /// Before the first change.
    Start,
    /// At the end of the way forward.
    End,
    Back,
}

impl WorkKey {
    /// The same as text.
    pub fn name(&self) -> Name {
        match self {
            Self::Statement(key) => key.clone(),
            other => other.to_string().into(),
        }
    }

    /// The key of the statement or row.
    pub fn statement(&self) -> Option<&str> {
        match self {
            Self::Statement(key) => Some(key),
            _ => None,
        }
    }

    const FIXED: [(&'static str, Self); 4] = [
        ("signal", Self::Signal),
        ("obligations", Self::Obligations),
        ("anchors:start", Self::Anchors(AnchorTime::Start)),
        ("anchors:end", Self::Anchors(AnchorTime::End)),
    ];
}

impl WellTime {
    const WORDS: [(&'static str, Self); 3] = [("start", Self::Start), ("end", Self::End), ("back", Self::Back)];

    fn word(self) -> &'static str {
        let word = Self::WORDS.iter().find(|(_, known)| *known == self);
        word.map_or("", |(word, _)| word)
    }
}

impl fmt::Display for WorkKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Statement(key) => f.write_str(key),
            Self::Well(service, when) => write!(f, "well:{service}:{}", when.word()),
            Self::Presence(service, when) => write!(f, "presence:{service}:{}", when.word()),
            Self::Watch(watch) => write!(f, "watch:{watch}"),
            fixed => {
                let word = Self::FIXED.iter().find(|(_, known)| known == fixed);
                f.write_str(word.map_or("", |(word, _)| word))
            }
        }
    }
}

impl From<WorkKey> for String {
    fn from(key: WorkKey) -> Self {
        key.to_string()
    }
}

impl From<String> for WorkKey {
    fn from(text: String) -> Self {
        if let Some((_, fixed)) = Self::FIXED.into_iter().find(|(word, _)| *word == text) {
            return fixed;
        }
        if let Some(watch) = text.strip_prefix("watch:") {
            return Self::Watch(watch.to_owned());
        }
        let of_service = text.split_once(':').and_then(|(about, rest)| {
            let (service, word) = rest.rsplit_once(':')?;
            let (_, when) = WellTime::WORDS.into_iter().find(|(known, _)| *known == word)?;
            match about {
                "well" => Some(Self::Well(service.to_owned(), when)),
                "presence" => Some(Self::Presence(service.to_owned(), when)),
                _ => None,
            }
        });
        of_service.unwrap_or_else(|| Self::Statement(text.into()))
    }
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "timer", content = "of")]
pub enum TimerId {
    /// The time to go forward is over.
    TBack,
    Window,
    /// A way back takes longer than its budget; it goes on.
    WayBack,
    /// The budget of this step is used up.
    Step(Name),
    /// This step would begin without the time for it.
    TooLate(Name),
    /// The budget of the row of this key is used up.
    Row(Name),
    /// The `wait` of this key is over.
    Wait(Name),
    /// The statement of this key is tried again.
    Retry(Name),
    /// Nobody has answered the question of this key in time.
    Silence(Name),
}
