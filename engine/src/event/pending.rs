//! What a run is at and waits for at a moment, for whoever watches: no record, but told from what the machine wants.

/// One thing that is under way or waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// The statement's key, or the words for work that is none.
    pub key: String,
    pub what: Awaited,
    /// When it is over by itself, wall milliseconds; `None` where time does not decide it.
    pub until_ms: Option<i64>,
}

/// What is under way or waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Awaited {
    /// An action.
    Action,
    /// A check with this label.
    Check(String),
    /// Whether the service of this name is well.
    Well(String),
    /// Whether the service of this name is as it should be.
    Presence(String),
    /// What must hold all the while, with this title; whether it does not.
    Watch { title: String, is_missed: bool },
    /// The answer of a person.
    Person,
    /// Whether an attempt of unknown outcome was done.
    Settling,
    /// A `wait`, and why time has to pass.
    Wait(String),
    /// The next of further tries.
    Retry { number: u64, times: u64 },
    /// The window.
    Window,
}
