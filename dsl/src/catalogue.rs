//! The catalogue: what every built-in action looks like to the compiler.
//!
//! The engine fills it (one file per action gives one [`Signature`]); the compiler only reads it.

use std::collections::BTreeMap;
use std::fmt;

use crate::effect::{Cancel, Effect, Repeat};
use crate::types::Type;

/// A key of a resource in a signature: over the action's parameters and its result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pattern {
    Text(&'static str),
    /// The argument of this name.
    Parameter(&'static str),
    Result,
    ResultField(&'static str),
    /// The arguments of these names as `host:port`.
    Address(&'static str, &'static str),
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "\"{text}\""),
            Self::Parameter(name) => f.write_str(name),
            Self::Result => f.write_str("result"),
            Self::ResultField(field) => write!(f, "result.{field}"),
            Self::Address(host, port) => write!(f, "{host}:{port}"),
        }
    }
}

/// Where the value of a parameter goes; decides whether a secret may go there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sink {
    /// The arguments of a process: never a secret, everybody can read them. A parameter of type
    /// `list of text` with this sink also takes elements of type path, url, host, port, int, image and
    /// package (each in canonical form), mixed as they come.
    Argv,
    /// The environment of one named child.
    Env,
    /// Standard input of a child.
    Stdin,
    /// A header of a request.
    Header,
    /// The body of a request.
    Body,
    /// A file with a mode of its own.
    File,
    /// A message to people: never a secret.
    Message,
    /// The value of a setting, which everybody may read: never a secret. A parameter of type `text` with this sink
    /// also takes a path, url, host, port, int, image or package, in canonical form.
    Setting,
}

impl Sink {
    /// Whether a secret may go there.
    pub fn takes_secrets(self) -> bool {
        !matches!(self, Self::Argv | Self::Message | Self::Setting)
    }
}

/// One parameter of an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Its name; the first parameter's may be left out in a call.
    pub name: &'static str,
    /// What it takes. A parameter with a sink that takes secrets accepts `secret` beside this type.
    pub ty: Type,
    /// Whether it must be given.
    pub required: bool,
    /// Where its value goes, where that matters for secrets.
    pub sink: Option<Sink>,
    /// Whether it is the longest that one attempt may take.
    pub is_limit: bool,
    /// Whether it hands over a key by which a repetition is known: where it is given, the action is `keyed`.
    pub is_key: bool,
    /// The only texts that it takes; any where there are none.
    pub choices: &'static [&'static str],
    /// One sentence for help; says the default of an optional parameter.
    pub doc: &'static str,
}

/// How an unknown outcome is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settle {
    /// There is nothing to decide: it only looks.
    NotNeeded,
    /// By the action's own question to the world.
    Action,
    /// By a person, unless the text names a question.
    Person,
}

/// What an action looks like.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own about an action")]
pub struct Signature {
    /// Its family: `fs`.
    pub family: &'static str,
    /// Its name in the family: `link`.
    pub name: &'static str,
    /// Documentation: the first line is a summary.
    pub doc: &'static str,
    /// Statements of a step that show it at work; empty in a catalogue that nobody reads.
    pub example: &'static str,
    /// What it takes, in order.
    pub parameters: Vec<Parameter>,
    pub result: Type,
    /// What it touches. Empty for an action whose effects the text declares.
    pub effects: Vec<Effect<Pattern>>,
    /// Whether the text declares the effects (`effects: { … }`): the `exec` family.
    pub declares_effects: bool,
    /// A read that can leave marks: allowed in `check`, `seen when`, `well` only.
    pub leaves_traces: bool,
    /// The longest one attempt may take where the text has no `within`, in milliseconds.
    /// The usual values: 60 000 for a change, 10 000 for a read.
    pub limit_ms: u64,
    pub repeat: Repeat,
    /// How an unknown outcome is decided.
    pub settle: Settle,
    /// Whether it may stop half-way.
    pub is_partial: bool,
    /// What turning back may do while it runs.
    pub cancel: Cancel,
    /// Whether anything carries it out; else it is known by its effects alone, which prove, show and rehearse it.
    pub is_carried_out: bool,
}

impl Signature {
    /// Its example without the indentation that all its lines share.
    pub fn example_lines(&self) -> impl Iterator<Item = &'static str> {
        let lines = || self.example.lines().filter(|line| !line.trim().is_empty());
        let indentation = lines()
            .map(|line| line.len() - line.trim_start().len())
            .min()
            .unwrap_or(0);
        lines().map(move |line| &line[indentation..])
    }

    /// `family.name`.
    pub fn full_name(&self) -> String {
        format!("{}.{}", self.family, self.name)
    }

    /// Whether it only looks: such an action is an expression, the others need `do`.
    pub fn is_read(&self) -> bool {
        self.repeat == Repeat::Read
    }

    /// The parameter of this name; `None` where there is none.
    pub fn parameter(&self, name: &str) -> Option<&Parameter> {
        self.parameters.iter().find(|parameter| parameter.name == name)
    }
}

/// All actions, by full name.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    actions: BTreeMap<String, Signature>,
}

impl Catalogue {
    /// A catalogue of these actions; of two with one name the later stays.
    pub fn new(signatures: impl IntoIterator<Item = Signature>) -> Self {
        Self {
            actions: signatures
                .into_iter()
                .map(|signature| (signature.full_name(), signature))
                .collect(),
        }
    }

    /// The action `family.name`; `None` where there is none.
    pub fn get(&self, full_name: &str) -> Option<&Signature> {
        self.actions.get(full_name)
    }

    /// All actions, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Signature> {
        self.actions.values()
    }
}
