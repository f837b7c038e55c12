//! Actions: what every built-in action gives, and what it gets.
//!
//! One file per action, one folder per family. An action gives its signature as data (types, effects),
//! a preview, `perform`, and `settle`: how to find out after a crash or a lost reply whether it
//! happened. Invariants: `perform` of a read changes nothing; what is not `read` has a `settle`, or says
//! [`Settle::Person`](backstay_dsl::catalogue::Settle::Person); nothing here knows of steps, runs or records.

#![expect(clippy::disallowed_methods, reason = "the bodies of actions stand at the edge")]

pub mod backup;
pub(crate) mod common;
mod compose;
pub(crate) mod docker;
pub(crate) mod exec;
pub(crate) mod fs;
pub(crate) mod http;
pub(crate) mod net;
pub(crate) mod notify;
mod package;
pub(crate) mod process;
mod registry;
mod simulated;
pub(crate) mod sqlite;
mod unit;

pub use common::core_dump::forbid_core_dumps;
pub use registry::{builtin, builtin_with, catalogue, without_engine};
pub use simulated::Simulated;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use backstay_dsl::catalogue::{Catalogue, Signature};
use backstay_dsl::effect::{Cancel, Effect};
use backstay_dsl::service_kind::ServiceKind;
use backstay_dsl::topology::Topology;
use tokio_util::sync::CancellationToken;

use crate::event::{EffectKey, End};
use crate::redact::Redactor;
use crate::value::{Answer, GroundResource, Value};

/// One built-in action.
#[async_trait]
pub trait Action: Send + Sync {
    /// What it looks like: types, effects, documentation.
    fn signature(&self) -> Signature;

    /// What it would change, as text for a person (a diff where there is one); reads only.
    /// `None` where the effects say enough.
    async fn preview(&self, _context: &Context, _arguments: &Arguments) -> Option<String> {
        None
    }

    /// Whether the program that it would start on this machine is there and may be run; else what to check. Relative
    /// paths count from `folder`; of the arguments only those are there that are known before the run.
    fn program(&self, _folder: &Path, _arguments: &Arguments) -> Result<(), NoProgram> {
        Ok(())
    }

    /// What a person types into a shell to do the same by hand, without secrets; `None` where there is no such command.
    /// Relative paths count from `folder`.
    fn by_hand(&self, _folder: &Path, _topology: &Topology<String>, _arguments: &Arguments) -> Option<String> {
        None
    }

    /// Does it. A read gives its value in [`Outcome::Done`].
    async fn perform(&self, context: &Context, arguments: &Arguments) -> Outcome;

    /// Finds out whether the attempt of this key happened. Only called for an unknown outcome.
    async fn settle(&self, _context: &Context, _arguments: &Arguments) -> Settled {
        Settled::Undecidable("this action cannot tell whether it happened".to_owned())
    }

    /// What it gives in a simulated production, where its effects do not say that; `None` where they do. An
    /// error: it fails without having done anything. What a change does follows from its effects all the same.
    fn simulate(&self, _call: &GroundCall, _production: &mut dyn Simulated) -> Option<Answer> {
        None
    }

    /// Removes what it kept in a run's directory, or beside what it changed, for as long as the run could
    /// need it, and gives what stays all the same. Called once the run has ended; again if that was cut short.
    /// Where a run is [stuck](End::Stuck), somebody has to look at it: nothing is removed.
    async fn conclude(&self, _run_directory: &Path, _end: End) -> Vec<Leftover> {
        Vec::new()
    }
}

/// What a line of a preview begins with that is not about one change: a plan says it once.
pub(crate) const CAVEAT: &str = "cannot tell ";

/// A program that is not there, or may not be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoProgram {
    /// What is wrong, and what to check.
    pub reason: String,
    /// Where it would be found.
    pub looked_at: Vec<PathBuf>,
}

impl From<String> for NoProgram {
    fn from(reason: String) -> Self {
        Self {
            reason,
            looked_at: Vec::new(),
        }
    }
}

/// What an action kept and did not remove at the end of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    pub thing: GroundResource,
    /// Why it is there, and what to do.
    pub reason: String,
}

impl fmt::Display for Leftover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.thing, self.reason)
    }
}

/// What an action gets beside its arguments.
#[derive(Clone)]
pub struct Context {
    pub run: String,
    /// The attempt's stable key: `run/statement`; the same for each attempt and on resume.
    pub key: String,
    /// The attempt, from 1.
    pub attempt: u32,
    /// The longest it may take. The world also bounds it from outside; an action that can end in
    /// order (a process group, a socket) bounds itself by this.
    pub limit: Duration,
    /// Says when it should stop early; obeyed as `cancel` says.
    pub cancelled: CancellationToken,
    /// How it may be stopped: as the text or the signature says.
    pub cancel: Cancel,
    /// The services and states of the runbook with their real values.
    pub topology: Arc<Topology<String>>,
    /// A directory of this run (0700) for what must outlive the action until the run ends: `STATE/runs/RUN`.
    pub run_directory: PathBuf,
    /// Takes the run's secrets out of what an action keeps of others' output.
    pub redactor: Redactor,
    /// Where the program was called; relative paths of commands start here.
    pub working_directory: PathBuf,
    /// Where the action says how far it is.
    pub progress: Progress,
    /// Which of several this run is, for what it tells people.
    pub label: Option<String>,
    /// Whether the text says why what it keeps may be written meanwhile (`live because`).
    pub is_live: bool,
}

impl Context {
    /// What the service of a call is called, as this kind of service: a container, a mark.
    pub(crate) fn name_of_service(
        &self,
        arguments: &Arguments,
        kind: ServiceKind,
        in_words: &str,
    ) -> Result<&str, String> {
        let service = arguments.text("service").unwrap_or_default();
        let member = self.topology.member(service);
        let runs = &member.ok_or_else(|| format!("there is no service {service}"))?.runs;
        runs.named(kind).map(String::as_str).ok_or_else(|| {
            format!(
                "the service {service} is no {in_words}; the `{}` actions are for services that run {}(\"NAME\")",
                kind.family().unwrap_or_default(),
                kind.word()
            )
        })
    }

    /// The directory that all runs share: `STATE`.
    pub(crate) fn state_directory(&self) -> &Path {
        self.run_directory.ancestors().nth(2).unwrap_or(&self.run_directory)
    }
}

/// Says how far an action is: shown to whoever watches, never recorded, bounded by whoever shows it.
#[derive(Clone, Default)]
pub struct Progress {
    show: Option<ShowLine>,
    /// Is told each line that a program says.
    hear: Option<ShowLine>,
}

pub type ShowLine = Arc<dyn Fn(&str) + Send + Sync>;

impl Progress {
    /// Progress that is handed to `show`, line by line.
    pub fn new(show: ShowLine) -> Self {
        Self {
            show: Some(show),
            hear: None,
        }
    }

    /// The same, which also hands over what programs say.
    #[must_use]
    pub fn hearing(self, hear: Option<ShowLine>) -> Self {
        Self { hear, ..self }
    }

    /// Who is told what programs say.
    pub(crate) fn hears(&self) -> Option<ShowLine> {
        self.hear.clone()
    }

    pub fn say(&self, line: &str) {
        if let Some(show) = &self.show {
            show(line);
        }
    }
}

/// The arguments of a call, by name; checked against the signature already.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Arguments(pub BTreeMap<String, Value>);

impl Arguments {
    /// The argument of this name; `None` where it was not given.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// A text of any of the types that are written as one (text, path, url, image, …).
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.get(name)? {
            Value::Text(text)
            | Value::Path(text)
            | Value::Url(text)
            | Value::Image(text)
            | Value::Package(text)
            | Value::Digest(text)
            | Value::Host(text)
            | Value::Version(text)
            | Value::Service(text)
            | Value::State(text) => Some(text),
            _ => None,
        }
    }

    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.text(name).map(PathBuf::from)
    }

    pub fn duration(&self, name: &str) -> Option<Duration> {
        match self.get(name)? {
            Value::Duration(ms) => Some(Duration::from_millis(*ms)),
            _ => None,
        }
    }

    /// True or false.
    pub fn bool(&self, name: &str) -> Option<bool> {
        match self.get(name)? {
            Value::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// A whole number (a port counts).
    pub fn int(&self, name: &str) -> Option<i64> {
        match self.get(name)? {
            Value::Int(value) => Some(*value),
            Value::Port(port) => Some(i64::from(*port)),
            _ => None,
        }
    }

    /// The words that a program is called with: an entry point where one is given, then `argv`.
    pub fn argv(&self) -> Vec<String> {
        let words = ["entry", "argv"].map(|name| self.words(name).unwrap_or_default());
        words.concat()
    }

    /// A list of words for `argv`.
    pub fn words(&self, name: &str) -> Option<Vec<String>> {
        match self.get(name)? {
            Value::List(values) => Some(values.iter().map(Value::canonical).collect()),
            _ => None,
        }
    }
}

/// How an attempt came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Done(Evidence),
    /// It failed; where the signature says `partial`, a part may have been done.
    Failed(Evidence),
    /// Nobody knows: the reply was lost, the process was killed, the limit ran out.
    Unknown(Evidence),
}

/// What an attempt leaves behind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Evidence {
    pub value: Option<Value>,
    /// What was seen: one line, in words for a person.
    pub summary: String,
    /// Long outputs by name, scrubbed and bounded; they become blobs.
    pub outputs: Vec<(String, Vec<u8>)>,
    /// The exit status of a process.
    pub exit: Option<i32>,
    /// Whether what it would have added was there already.
    pub was_there: bool,
}

impl Evidence {
    pub fn line(summary: impl Into<String>) -> Self {
        Self {
            summary: summary.into(),
            ..Self::default()
        }
    }

    pub fn value(value: Value, summary: impl Into<String>) -> Self {
        Self {
            value: Some(value),
            summary: summary.into(),
            ..Self::default()
        }
    }
}

impl Outcome {
    /// Done, with a value.
    pub fn value(value: Value) -> Self {
        let summary = value.canonical();
        Self::Done(Evidence::value(value, summary))
    }

    /// What the answer to a question is.
    pub fn answered(answer: Answer) -> Self {
        answer.map_or_else(|unanswered| Self::failed(unanswered.reason), Self::value)
    }

    /// Done, with one line.
    pub fn done(summary: impl Into<String>) -> Self {
        Self::Done(Evidence::line(summary))
    }

    /// Done, with nothing added: what was wanted is there already.
    pub fn was_there(summary: impl Into<String>) -> Self {
        Self::Done(Evidence {
            was_there: true,
            ..Evidence::line(summary)
        })
    }

    /// Failed, with one line that says what to do.
    pub fn failed(summary: impl Into<String>) -> Self {
        Self::Failed(Evidence::line(summary))
    }

    /// Unknown, with one line.
    pub fn unknown(summary: impl Into<String>) -> Self {
        Self::Unknown(Evidence::line(summary))
    }

    /// What it leaves behind.
    pub fn evidence(&self) -> &Evidence {
        match self {
            Self::Done(evidence) | Self::Failed(evidence) | Self::Unknown(evidence) => evidence,
        }
    }

    /// As the answer to a question: only done with a value is one.
    pub fn into_answer(self) -> Answer {
        match self {
            Self::Done(Evidence { value: Some(value), .. }) => Ok(value),
            Self::Done(evidence) | Self::Failed(evidence) | Self::Unknown(evidence) => {
                Err(crate::value::Unanswered::new(evidence.summary))
            }
        }
    }
}

/// What was found out about an unknown outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// It was done; with its value where it has one.
    Done(Evidence),
    NotDone(String),
    /// It cannot be told, and why.
    Undecidable(String),
}

/// Actions by name, with what the compiler sees of them. Cheap to clone.
///
/// The catalogue may know more: a signature that nothing carries out yet is proved and rehearsed by its effects.
#[derive(Clone, Default)]
pub struct Registry {
    actions: Arc<BTreeMap<String, Arc<dyn Action>>>,
    catalogue: Arc<Catalogue>,
}

impl Registry {
    /// A registry of these actions, and of signatures that nothing carries out yet.
    pub fn new(actions: Vec<Arc<dyn Action>>, signatures: Vec<Signature>) -> Self {
        let known = signatures.into_iter().map(|signature| Signature {
            is_carried_out: false,
            ..signature
        });
        let described: Vec<_> = actions.into_iter().map(|action| (action.signature(), action)).collect();
        let actions = described
            .iter()
            .map(|(signature, action)| (signature.full_name(), Arc::clone(action)));
        Self {
            actions: Arc::new(actions.collect()),
            catalogue: Arc::new(Catalogue::new(
                described.into_iter().map(|(signature, _)| signature).chain(known),
            )),
        }
    }

    /// The action `family.name`; `None` where nothing carries it out.
    pub fn get(&self, name: &str) -> Option<&Arc<dyn Action>> {
        self.actions.get(name)
    }

    /// All of them, by name.
    pub(crate) fn actions(&self) -> impl Iterator<Item = (&str, &Arc<dyn Action>)> {
        self.actions.iter().map(|(name, action)| (name.as_str(), action))
    }

    /// What the compiler sees of them.
    pub fn catalogue(&self) -> &Arc<Catalogue> {
        &self.catalogue
    }
}

/// A call whose arguments are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroundCall {
    /// `family.name`.
    pub action: String,
    pub arguments: Arguments,
    /// What it touches, with real keys.
    pub effects: Vec<Effect<String>>,
    /// What it touches under a key that only its result will give.
    pub of_result: Vec<Effect<EffectKey>>,
    /// For rehearsals: what `healthy E` says.
    pub healthy: Option<Value>,
}

impl GroundCall {
    /// What it does, for people.
    pub fn effects_in_words(&self) -> Vec<String> {
        let known = self.effects.iter().map(ToString::to_string);
        known.chain(self.of_result.iter().map(ToString::to_string)).collect()
    }

    /// The resources it touches.
    pub fn resources(&self) -> impl Iterator<Item = &GroundResource> {
        self.effects.iter().filter_map(Effect::resource)
    }
}
