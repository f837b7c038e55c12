//! What a service can run as: all that the language knows of each kind, a row each.
//!
//! How a kind is asked, and what it needs of the real world, is in the engine.

use crate::effect::ResourceKind;
use crate::types::Type;

/// The signals by which a service can be asked to end.
pub const STOP_SIGNALS: &[&str] = &["TERM", "INT", "QUIT", "HUP", "USR1", "USR2", "WINCH"];

/// A kind of service, by the word behind `runs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ServiceKind {
    /// Processes that were started by this program, or that fit what the text says of them.
    Process,
    /// A container of a container engine.
    Container,
    /// A service of a Compose project.
    Compose,
    /// A unit of the service manager.
    Unit,
}

struct Facts {
    kind: ServiceKind,
    word: &'static str,
    in_words: &'static str,
    parameters: &'static [(&'static str, Type)],
    /// How operators know one that others may have started.
    known_by: &'static [(&'static str, Type)],
    names_member: Option<ResourceKind>,
    is_pinned_by_image: bool,
    family: Option<&'static str>,
    /// The family of another kind whose questions are for this one too.
    asked_by: Option<&'static str>,
}

/// In the order in which messages name them.
static ALL: [Facts; 4] = [
    Facts {
        kind: ServiceKind::Process,
        word: "process",
        in_words: "a process",
        parameters: &[("name", Type::Text)],
        known_by: &[
            ("pid_file", Type::Path),
            ("port", Type::Port),
            ("executable", Type::Path),
            ("user", Type::Text),
        ],
        names_member: None,
        is_pinned_by_image: false,
        family: Some("process"),
        asked_by: None,
    },
    Facts {
        kind: ServiceKind::Container,
        word: "container",
        in_words: "a container",
        parameters: &[("name", Type::Text)],
        known_by: &[],
        names_member: Some(ResourceKind::Container),
        is_pinned_by_image: true,
        family: Some("docker"),
        asked_by: None,
    },
    Facts {
        kind: ServiceKind::Compose,
        word: "compose",
        in_words: "a service of a Compose project",
        parameters: &[("project", Type::Path), ("name", Type::Text)],
        known_by: &[],
        names_member: None,
        is_pinned_by_image: false,
        family: Some("compose"),
        asked_by: Some("docker"),
    },
    Facts {
        kind: ServiceKind::Unit,
        word: "unit",
        in_words: "a unit of the service manager",
        parameters: &[("name", Type::Text)],
        known_by: &[],
        names_member: Some(ResourceKind::Unit),
        is_pinned_by_image: false,
        family: Some("unit"),
        asked_by: None,
    },
];

impl ServiceKind {
    /// Every kind.
    pub fn all() -> impl Iterator<Item = Self> {
        ALL.iter().map(|facts| facts.kind)
    }

    fn facts(self) -> &'static Facts {
        ALL.iter().find(|facts| facts.kind == self).unwrap_or(&ALL[0])
    }

    /// The word that authors write.
    pub fn word(self) -> &'static str {
        self.facts().word
    }

    /// The kind that a word names.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::all().find(|kind| kind.word() == word)
    }

    /// As a sentence names it: `a container`.
    pub fn in_words(self) -> &'static str {
        self.facts().in_words
    }

    /// What stands in the brackets behind the word, all of it required; the last names the thing itself.
    pub(crate) fn parameters(self) -> &'static [(&'static str, Type)] {
        self.facts().parameters
    }

    /// What may stand there beside it, by name: all that is given must fit what is found.
    pub(crate) fn known_by(self) -> &'static [(&'static str, Type)] {
        self.facts().known_by
    }

    /// Whether it may also be known by words of its command line, and be told how it is asked to stop.
    pub(crate) fn has_command_line(self) -> bool {
        self == Self::Process
    }

    /// The kind of resource by which effects can name what a service runs as.
    pub fn names_member(self) -> Option<ResourceKind> {
        self.facts().names_member
    }

    /// Whether its release is pinned by the image it was made from, where the text does not say by what.
    pub(crate) fn is_pinned_by_image(self) -> bool {
        self.facts().is_pinned_by_image
    }

    /// The family of actions that is for services of this kind.
    pub fn family(self) -> Option<&'static str> {
        self.facts().family
    }

    /// The family of another kind whose questions are for services of this kind too.
    pub fn asked_by(self) -> Option<&'static str> {
        self.facts().asked_by
    }
}
