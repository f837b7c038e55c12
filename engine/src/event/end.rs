//! The record with which a run ends.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::value::GroundResource;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// All steps done, everything well.
    Completed,
    Refused,
    /// Back where it was, and verified.
    RolledBack,
    /// In a safe place that is neither.
    Parked,
    Stuck,
    /// Stopped, resumable. Never in a `run.end`.
    Paused,
}

impl End {
    /// The word that records and scripts have for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Refused => "refused",
            Self::RolledBack => "rolled_back",
            Self::Parked => "parked",
            Self::Stuck => "stuck",
            Self::Paused => "paused",
        }
    }

    /// The exit code of the program (`engine.md`).
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Completed => 0,
            Self::Refused => 4,
            Self::RolledBack => 5,
            Self::Stuck => 6,
            Self::Paused => 7,
            Self::Parked => 8,
        }
    }
}

/// The last record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunEnd {
    pub end: End,
    pub reason: String,
    /// The step and statement that failed first, and why.
    pub failed_at: Option<FailedAt>,
    /// The way back that was taken: the name of a rollback or a safe place, else `unwind`.
    pub way_back: Option<String>,
    /// What the run made and left: for clean-up.
    #[serde(with = "crate::value::resource_words")]
    pub leftovers: Vec<GroundResource>,
    /// Steps that failed and were passed over, and services that are not as they should be.
    pub exceptions: Vec<Exception>,
    /// What is left to do, in order, where a person is needed.
    pub commands_left: Vec<CommandLeft>,
    /// Holds that are still taken, by name.
    pub held: Vec<String>,
    /// Where undos failed: the actions that were put back all the same, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub put_back: Vec<String>,
    /// Where undos failed: the actions that were not put back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_put_back: Vec<NotPutBack>,
}

impl RunEnd {
    /// What stands for the last record where there is none.
    pub(crate) fn paused(reason: String) -> Self {
        Self {
            end: End::Paused,
            reason,
            failed_at: None,
            way_back: None,
            leftovers: Vec::new(),
            exceptions: Vec::new(),
            commands_left: Vec::new(),
            held: Vec::new(),
            put_back: Vec::new(),
            not_put_back: Vec::new(),
        }
    }

    /// Whether all that is left to do has no way back in the text: nothing that resumes the run can do it.
    pub fn is_for_hands(&self) -> bool {
        let mut left = self.commands_left.iter();
        self.end == End::Stuck && left.all(|left| matches!(left.task, Task::TakeBack(_)))
    }

    /// Whether both say the same end, place, way and things to do, in whatever words.
    pub(super) fn decides_as(&self, other: &Self) -> bool {
        fn decision(end: &RunEnd) -> impl PartialEq {
            let failed_at = end.failed_at.as_ref();
            let exceptions = end.exceptions.iter().map(|exception| exception.step.clone());
            let tasks = end.commands_left.iter().map(|left| left.task.clone());
            (
                (end.end, end.way_back.clone(), end.leftovers.clone(), end.held.clone()),
                failed_at.map(|failed| (failed.step.clone(), failed.statement.clone())),
                (exceptions.collect::<Vec<_>>(), tasks.collect::<Vec<_>>()),
            )
        }
        decision(self) == decision(other)
    }
}

/// What failed first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedAt {
    /// The step; empty where it was none.
    pub step: String,
    /// The statement's key; empty where no statement is to blame.
    pub statement: String,
    pub reason: String,
}

/// A step that failed and was passed over; or a service that is not as it should be at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exception {
    /// The step; empty where it is a service.
    pub step: String,
    pub title: String,
    pub reason: String,
    /// Why the run went on: the words of `on failure continue`; of a service why it should be otherwise.
    pub because: String,
}

impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({})", self.title, self.reason, self.because)
    }
}

/// An action that a way back should have put back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotPutBack {
    /// The action as its author would write it, with the values that are known.
    pub what: String,
    /// Why it was not.
    pub because: String,
}

impl fmt::Display for NotPutBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.because)
    }
}

/// Something that a person has to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandLeft {
    /// What is to be done, to what.
    #[serde(flatten)]
    pub task: Task,
    /// The same in words: a statement as its author would write it, with the values that are known.
    pub text: String,
}

impl CommandLeft {
    /// The key of the statement that is to be carried out, where it is one.
    pub(crate) fn statement(&self) -> Option<&str> {
        match &self.task {
            Task::CarryOut(key) => Some(key),
            _ => None,
        }
    }
}

/// What a person has to do, to what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "task", content = "of")]
pub enum Task {
    /// Carry out the statement of this key.
    CarryOut(String),
    /// Take back what the statement of this key did.
    TakeBack(String),
    /// Bring the anchor of this name back to what it answered at the start.
    BringBack(String),
    /// Find out why the service of this name is not well, or not as it should be.
    MakeWell(String),
}
