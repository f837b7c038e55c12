//! What happened: the records of a run, in memory and on disk (`semantics.md` section 7).
//!
//! An [`Event`] is what the machine folds; a [`Stamped`] event carries its time; the transcript adds
//! the place in the chain. Field names are ASCII words, numbers are whole: `docs/transcript-format.md`.

mod course;
mod effect;
mod end;
mod intent;
mod key;
mod outlook;
mod pending;
mod start;
mod stops;

use serde::{Deserialize, Serialize};

use crate::value::RecordedValue;

pub use course::{Course, Healed};
pub use effect::{EffectKey, known};
pub use end::{CommandLeft, End, Exception, FailedAt, NotPutBack, RunEnd, Task};
pub use intent::{Intent, IntentWay};
pub use key::{Name, TimerId, WellTime, WorkKey};
pub use outlook::Outlook;
pub use pending::{Awaited, Pending};
pub use start::{Outline, RunResumed, RunStart, SetAsideOutline, StepOutline, TableOutline, Titled};
pub use stops::Stops;

/// Whether two names, as people gave them, are one.
pub fn is_one_person(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}

/// An event with its two times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamped {
    /// Wall clock, milliseconds since 1970 (written as RFC 3339 by the transcript).
    pub at_ms: i64,
    /// Boot clock, nanoseconds; runs in suspend.
    pub boot_ns: u64,
    pub event: Event,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind")]
pub enum Event {
    /// The first record.
    #[serde(rename = "run.start")]
    RunStart(Box<RunStart>),
    #[serde(rename = "anchor")]
    Anchor {
        name: String,
        when: AnchorTime,
        /// The answer; `None` with a reason where it had none.
        value: Option<RecordedValue>,
        /// Why there is no answer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// A step changed its state. Derived.
    #[serde(rename = "step")]
    Step {
        id: String,
        state: StepState,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// An action is about to be performed; durable before it starts.
    #[serde(rename = "intent")]
    Intent(Box<Intent>),
    #[serde(rename = "outcome")]
    Outcome(Box<OutcomeRecord>),
    /// An unknown outcome was decided.
    #[serde(rename = "settled")]
    Settled {
        key: String,
        n: u32,
        verdict: Verdict,
        /// Who or what decided it.
        by: SettledBy,
        /// The value, where it was done and gives one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        value: Option<RecordedValue>,
        #[serde(default, skip_serializing_if = "String::is_empty")]
        evidence: String,
    },
    /// An expression was evaluated: a guard, a check, a `let`, a row, a `well`, a watch.
    #[serde(rename = "evaluated")]
    Evaluated {
        /// What it is about; arguments of a `do` that could not be worked out stand under the
        /// statement's key with kind `arguments`.
        key: WorkKey,
        /// The label or title that a person knows it by.
        label: String,
        /// What it was evaluated for.
        what: EvaluationKind,
        result: EvaluationResult,
        /// What was seen, one line.
        evidence: String,
        /// How many times it was asked.
        polls: u32,
        /// The values that were given names or recorded.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        values: Vec<(String, RecordedValue)>,
        /// Milliseconds it took.
        ms: u64,
    },
    /// A person answered, or did not.
    #[serde(rename = "answer")]
    Answer {
        key: String,
        prompt: String,
        /// `None` is silence.
        value: Option<RecordedValue>,
        who: String,
        /// Who was to answer, as people know them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        of: Option<String>,
        /// `terminal`, `another terminal` or `file`.
        via: String,
        /// Whether it came after it mattered.
        late: bool,
    },
    /// A row was chosen, or passed over. Derived.
    #[serde(rename = "symptom")]
    Symptom {
        table: String,
        row: String,
        /// The step that it was examined for.
        step: String,
        chosen: bool,
        /// Whether it is seen, and passed over since it was taken on the same evidence before.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        is_old: bool,
    },
    #[serde(rename = "hold")]
    Hold { name: String, state: HoldState },
    /// The point of no return was passed. Derived.
    #[serde(rename = "commit")]
    Commit { key: String, because: String },
    #[serde(rename = "turn")]
    Turn { cause: String, way: Way },
    /// A signal arrived; or what it means was found out.
    #[serde(rename = "signal")]
    Signal {
        /// `INT`, `TERM`, `QUIT`.
        name: String,
        /// Whether a person is asked now what it means; the record that says so follows, with their choice.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        asked: bool,
        /// What the person at the terminal chose, where one was asked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        choice: Option<SignalChoice>,
    },
    /// The clock stood still, or jumped.
    #[serde(rename = "clock.gap")]
    ClockGap {
        /// Milliseconds that the boot clock went on without us.
        gap_ms: u64,
        /// Whether it cannot be told how much time has passed: the machine was started anew, so only the wall clock
        /// says that.
        uncertain: bool,
        /// Whether the wall clock went back.
        wall_went_back: bool,
        /// By how many milliseconds the wall clock was set, beside the time that passed; below zero: back. After
        /// another start of the machine only what it surely went back.
        #[serde(default, skip_serializing_if = "is_zero")]
        wall_ms: i64,
    },
    #[serde(rename = "timer")]
    Timer(TimerId),
    /// Somebody asked from elsewhere: `backstay turn-back RUN`, `backstay pause RUN`.
    #[serde(rename = "request")]
    Request { what: RequestKind, who: String },
    #[serde(rename = "lock.lost")]
    LockLost { name: String },
    /// A decision of the operator.
    #[serde(rename = "decision")]
    Decision {
        /// What: `extend 1800000`, …
        what: String,
        because: String,
        who: String,
        /// Milliseconds by which the window is extended.
        #[serde(default)]
        extend_ms: u64,
    },
    /// How far the operator wants the run to go in this sitting.
    #[serde(rename = "stops")]
    Stops {
        /// It pauses once the step of this name is done.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<String>,
        /// Each step begins only once a person has said so.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        each_step: bool,
        who: String,
    },
    /// The run stops here and can be resumed.
    #[serde(rename = "run.interrupted")]
    RunInterrupted { reason: String },
    #[serde(rename = "run.resumed")]
    RunResumed(Box<RunResumed>),
    /// The last record.
    #[serde(rename = "run.end")]
    RunEnd(Box<RunEnd>),
}

impl Event {
    /// Whether the machine decides it from what was recorded before, and nobody reports it.
    pub fn is_derived(&self) -> bool {
        matches!(
            self,
            Self::Step { .. }
                | Self::Symptom { .. }
                | Self::Hold { .. }
                | Self::Commit { .. }
                | Self::Turn { .. }
                | Self::RunInterrupted { .. }
                | Self::RunEnd(_)
        )
    }

    /// Whether two derived events decide the same, in whatever words: a program that says it better still
    /// understands the history of an older one.
    pub fn decides_as(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Step { id, state, .. },
                Self::Step {
                    id: known, state: to, ..
                },
            ) => (id, state) == (known, to),
            (Self::Commit { key, .. }, Self::Commit { key: known, .. }) => key == known,
            (Self::Turn { way, .. }, Self::Turn { way: known, .. }) => way == known,
            (Self::RunInterrupted { .. }, Self::RunInterrupted { .. }) => true,
            (Self::RunEnd(end), Self::RunEnd(known)) => end.decides_as(known),
            _ => self == other,
        }
    }
}

/// When an anchor is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnchorTime {
    /// Before the first change.
    Start,
    End,
}

/// The states of a step that are recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    Running,
    Done,
    Skipped,
    /// It was not wanted here.
    NotTaken,
    /// A symptom row heals it.
    Healing,
    Failed,
    /// It failed, and its `on failure continue` says to go on.
    Excepted,
    /// It was stopped because the run turned.
    Cancelled,
}

impl StepState {
    /// Whether what waits for a step that ended so may begin.
    pub fn counts_as_done(self) -> bool {
        matches!(self, Self::Done | Self::Skipped | Self::NotTaken | Self::Excepted)
    }
}

/// What became of an action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutcomeRecord {
    pub key: String,
    pub n: u32,
    pub result: OutcomeResult,
    /// Its value, where later statements may need it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<RecordedValue>,
    /// What was seen, one line.
    pub evidence: String,
    /// Long outputs: a name and the SHA-256 of a blob.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blobs: Vec<(String, String)>,
    /// Where it did not come out well: the last lines of each output that has any, by its name, bounded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub said: Vec<(String, Vec<String>)>,
    /// Milliseconds it took.
    pub ms: u64,
    /// The exit status of a process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<i32>,
    /// Whether what it would have added was there already.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub was_there: bool,
}

/// How an action came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeResult {
    Ok,
    /// It failed; it may have done a part.
    Failed,
    Unknown,
}

/// What was decided about an unknown outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Done,
    NotDone,
    Undecidable,
}

/// Who or what decided an unknown outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "who", content = "name")]
pub enum SettledBy {
    Action,
    /// A question of the text was asked.
    Question,
    /// The person of this name said so.
    Person(String),
}

/// What an expression was evaluated for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EvaluationKind {
    /// `require`.
    Require,
    /// `skip when`.
    SkipWhen,
    /// `only when`.
    OnlyWhen,
    /// `let`.
    Let,
    /// `check`.
    Check,
    /// `record`.
    Record,
    /// The arguments of a `do`, where they could not be worked out.
    Arguments,
    /// Whether the undo of a `do` would put things back, where it would not.
    Undo,
    /// `seen when` of a row.
    Row,
    /// `well` at the start, at the end, or after a way back.
    Well,
    /// Whether a service is as it should be when the run ends.
    Presence,
    /// What must hold all the while: that it does not, does again, or what was seen in all.
    Watch,
    /// An obligation, before the first change.
    Obligation,
}

/// How an evaluation came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EvaluationResult {
    /// It holds, or has a value.
    Holds,
    DoesNotHold,
    /// It could not be answered.
    Unanswered,
}

/// The states of a hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldState {
    Taken,
    Free,
    /// It could not be released.
    Stuck,
}

/// Where a run turns to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "to", content = "name")]
pub enum Way {
    /// The branch of this name.
    Rollback(String),
    Unwind,
    /// The safe place of this name.
    Park(String),
    /// Where it stands: past the point of no return.
    Stand,
    /// Nothing has changed: nowhere.
    Refuse,
    Pause,
}

/// What a person chose when Ctrl-C was pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignalChoice {
    TurnBack,
    Pause,
    GoOn,
}

/// What was asked from elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestKind {
    /// `backstay turn-back RUN`.
    TurnBack,
    /// `backstay pause RUN`.
    Pause,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(value: &i64) -> bool {
    *value == 0
}
