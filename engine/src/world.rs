//! The ports: everything outside comes through these few traits.
//!
//! The real bodies are in `world/real/`, the simulated ones in `rehearse/`; one contract suite
//! (`tests/world/`) examines both. The driver sees the world, the clock, the journal and the person only
//! through them.

pub mod real;

use std::collections::BTreeSet;
use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

use async_trait::async_trait;
use backstay_dsl::service_kind::ServiceKind;
use backstay_dsl::topology::Topology;

use crate::action::{Context, GroundCall, Leftover, NoProgram, Outcome, Settled};
use crate::event::{End, Event, SignalChoice, Stamped};
use crate::value::{GroundResource, Value};

/// Performs actions and answers questions.
#[async_trait]
pub trait World: Send + Sync {
    /// Performs an action, or asks a read of the catalogue (its value is in the outcome).
    async fn perform(&self, context: &Context, call: &GroundCall) -> Outcome;

    /// Finds out whether an attempt happened.
    async fn settle(&self, context: &Context, call: &GroundCall) -> Settled;

    /// Whether it has what carries this out.
    fn has(&self, _need: Need<'_>) -> bool {
        true
    }

    /// What a path really is (`is_link`: the link itself, not what it points to); `None` in a world in
    /// which every name is a thing of its own.
    async fn identify(&self, _path: &str, _is_link: bool) -> Option<PathIdentity> {
        None
    }

    /// Whether there is such a thing under its own name; of a kind that has no place in the file system, nothing is
    /// said to be there. An error says why one cannot tell.
    async fn is_there(&self, _thing: &GroundResource) -> Result<bool, String> {
        Ok(false)
    }

    /// Whether the program that an action would start on this machine is there and may be run; else what to check.
    /// Relative paths count from `folder`; of the arguments only those are there that are known before the run.
    async fn program(&self, _folder: &Path, _call: &GroundCall) -> Result<(), NoProgram> {
        Ok(())
    }

    /// What a person types into a shell to do the same by hand, without secrets; `None` where there is no such command.
    /// Relative paths count from `folder`.
    fn by_hand(&self, _folder: &Path, _topology: &Topology<String>, _call: &GroundCall) -> Option<String> {
        None
    }

    /// What it would change, for a person; reads only.
    async fn preview(&self, context: &Context, call: &GroundCall) -> Option<String>;

    /// Why this user surely may not do what a call would, as things are now.
    async fn refuses(&self, _call: &GroundCall) -> Option<String> {
        None
    }

    /// Tells what a killed runner left running to end as `how` says, and gives the processes that there were. An
    /// error: it cannot be told what runs, and what to do about that.
    async fn end_survivors(&self, _left: Left<'_>, _how: Ending) -> Result<BTreeSet<i32>, String> {
        Ok(BTreeSet::new())
    }

    /// Lets every action clear what it kept for as long as the run could need it, and gives what stays. For a run that
    /// has ended.
    async fn conclude(&self, _run_directory: &Path, _end: End) -> Vec<Leftover> {
        Vec::new()
    }
}

/// Something that a plan needs of a world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need<'a> {
    /// Another machine than this one.
    Machine(&'a str),
    /// A kind of service.
    Service(ServiceKind),
    /// An action of the catalogue.
    Action(&'a str),
}

/// What a runner may have left running.
#[derive(Debug, Clone, Copy)]
pub struct Left<'a> {
    pub run: &'a str,
    /// The run's directory.
    pub directory: &'a Path,
    /// Attempts (`run/statement#n`) that have come to their end: what they left may live on.
    pub ended: &'a BTreeSet<String>,
}

/// How what survived its runner is told to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Not at all: they are counted.
    Untold,
    /// It may end in order.
    Asked,
    /// At once.
    Killed,
}

/// What a path really is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathIdentity {
    /// The path without symbolic links; parts that do not exist stand as written.
    pub real_path: String,
    /// Device and inode, where it exists.
    pub object: Option<(u64, u64)>,
    /// Device and inode of the directories that it lies in.
    pub ancestors: Vec<(u64, u64)>,
}

/// Tells and passes time.
#[async_trait]
pub trait Clock: Send + Sync {
    /// Boot clock, nanoseconds: goes on in suspend, never back.
    fn boot_ns(&self) -> u64;

    /// Wall clock, milliseconds since 1970.
    fn wall_ms(&self) -> i64;

    /// Names this boot.
    fn boot_id(&self) -> String;

    /// Returns when the boot clock has reached this moment.
    async fn sleep_until(&self, boot_ns: u64);

    /// Waits for a while.
    async fn sleep(&self, duration: Duration) {
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.sleep_until(self.boot_ns().saturating_add(nanoseconds)).await;
    }
}

/// Ends when a record is durable.
pub type Durable = Pin<Box<dyn Future<Output = Result<(), JournalError>> + Send>>;

/// Keeps events for ever, in order.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Appends an event and returns when it is durable; the answer carries its times.
    /// An error is final: the run stops at once, nothing is done without a record.
    async fn append(&self, event: Event) -> Result<Stamped, JournalError>;

    /// Appends an event without waiting until it is durable; it is so, in its place, before any later
    /// [`append`](Self::append) returns, and written with that one or at [`write_now`](Self::write_now). For derived records, which a resumed run would derive again.
    async fn append_soon(&self, event: Event) -> Result<Stamped, JournalError> {
        self.append(event).await
    }

    /// Appends an event that is likely to be followed at once by another: both are then made durable together, else
    /// this one at [`write_now`](Self::write_now). `None` where it is durable already. For outcomes, which the intent of the next action follows.
    async fn append_with_next(&self, event: Event) -> Result<(Stamped, Option<Durable>), JournalError> {
        Ok((self.append(event).await?, None))
    }

    /// Nothing follows at once: what was appended and is not written is written now.
    fn write_now(&self) {}

    /// Keeps a long output, durable, and returns its SHA-256.
    async fn keep_blob(&self, content: &[u8]) -> Result<String, JournalError>;
}

/// The journal cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the transcript cannot be written: {reason}")]
pub struct JournalError {
    pub reason: String,
}

/// Answers questions to people.
#[async_trait]
pub trait Person: Send + Sync {
    /// Asks; `None` where nobody can be asked.
    async fn ask(&self, question: &PersonQuestion) -> Option<PersonAnswer>;

    /// Asks what Ctrl-C means, where the run can still turn back or only pause; `None` where nobody can be asked.
    async fn ask_signal(&self, can_turn_back: bool) -> Option<SignalChoice>;

    /// Whether an answer to this could be had: asked before anything changes.
    fn can_answer(&self, question: &PersonQuestion) -> bool;

    /// What is wrong with the answers that were written down beforehand, one sentence each, where these are
    /// all the questions that could ever be asked.
    fn mistakes(&self, _questions: &[PersonQuestion]) -> Vec<String> {
        Vec::new()
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonQuestion {
    pub key: String,
    /// The step it belongs to: title.
    pub step: String,
    pub prompt: String,
    /// What kind of answer is wanted.
    pub wants: PersonWants,
    /// Who is to answer, as people know them.
    pub of: Option<String>,
    /// Whether two people have to say the same.
    pub by_two: bool,
    /// Who has answered already: somebody else has to.
    pub besides: Option<String>,
}

impl PersonQuestion {
    /// Who is to answer, in words behind the question; nothing where anybody may.
    pub fn whom(&self) -> String {
        match (&self.of, self.by_two) {
            (None, false) => String::new(),
            (None, true) => " (by two people)".to_owned(),
            (Some(of), false) => format!(" (of {of})"),
            (Some(of), true) => format!(" (of {of}, by two people)"),
        }
    }
}

/// What kind of answer is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PersonWants {
    Confirm,
    Text,
    /// Whether the attempt of this number of an action, whose outcome is unknown, was done: yes, no.
    Verdict(u32),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonAnswer {
    pub value: Value,
    pub who: String,
    /// `terminal`, `another terminal` or `file`.
    pub via: String,
}
