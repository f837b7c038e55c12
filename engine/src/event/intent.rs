//! What an action is about to do.

use backstay_dsl::effect::{Effect, Repeat};
use serde::{Deserialize, Serialize};

use super::effect::EffectKey;

/// An action is about to be performed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    pub key: String,
    /// The attempt, from 1.
    pub n: u32,
    /// `family.name`.
    pub action: String,
    /// What a person knows it by.
    pub title: String,
    /// What it does to which resources; secrets are left out.
    #[serde(with = "super::effect")]
    pub effects: Vec<Effect<EffectKey>>,
    /// The words that a program is called with, in full where they are not very long; secrets are scrubbed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub argv: Vec<String>,
    /// Whether any of that changes production.
    pub changing: bool,
    /// What a second attempt may do.
    #[serde(with = "RepeatWord")]
    pub repeat: Repeat,
    /// A keyed MAC of its arguments.
    pub mac: String,
    /// The longest it may take, milliseconds.
    pub limit_ms: u64,
    /// What it is a part of.
    pub way: IntentWay,
}

/// How a repeat stands in records: by the word that authors write.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Repeat", rename_all = "snake_case")]
enum RepeatWord {
    Read,
    Convergent,
    Keyed,
    Once,
}

/// What an action is a part of; with a name where that stands in the outline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "on", content = "name")]
pub enum IntentWay {
    Forward,
    /// The `first` of a row, which heals a step.
    Row,
    /// The undo of an action or a procedure.
    Undo,
    /// The rollback of this name.
    Rollback(String),
    /// The safe place of this name.
    Park(String),
    /// Taking or releasing the hold of this name.
    Hold(String),
}

impl IntentWay {
    /// Whether the run still goes forward.
    pub fn is_forward(&self) -> bool {
        matches!(self, Self::Forward | Self::Row)
    }
}
