//! What a plan would do, as data: for a person, and as JSON in the shape that scripts rely on.

use backstay_dsl::model::Retry;
use serde::{Serialize, Serializer};
use serde_json::{Value as Json, json};

/// The report of a dry run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlanReport {
    #[serde(flatten)]
    pub head: Head,
    pub inputs: Vec<InputReport>,
    /// Services and protected states.
    #[serde(rename = "services_and_state")]
    pub things: Vec<ThingReport>,
    #[serde(flatten)]
    pub times: TimesReport,
    /// How things are now: services, anchors.
    pub readings: Vec<Reading>,
    #[serde(serialize_with = "with_lists")]
    pub steps: Vec<StepReport>,
    pub watches: Vec<WatchReport>,
    #[serde(flatten)]
    pub way_back: WayBackReport,
    /// What the run would be refused for as things are now, one sentence each.
    pub obstacles: Vec<String>,
}

impl PlanReport {
    /// The shape that scripts rely on.
    pub fn to_json(&self) -> Json {
        json!(self)
    }
}

/// The steps, each with what its statements are, kind by kind.
fn with_lists<S: Serializer>(steps: &[StepReport], serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct WithLists<'a> {
        #[serde(flatten)]
        step: &'a StepReport,
        notes: Vec<&'a str>,
        changes: Vec<&'a Change>,
        readings: Vec<&'a Reading>,
    }
    serializer.collect_seq(steps.iter().map(|step| WithLists {
        step,
        notes: step.notes().collect(),
        changes: step.changes().collect(),
        readings: step.readings().collect(),
    }))
}

/// What the text says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Head {
    /// `sha256:…`.
    pub digest: String,
    pub runbook: String,
    pub title: String,
    pub doc: String,
    pub version: Option<String>,
    pub owner: Option<String>,
    pub affects: Option<String>,
    /// Which of several this is.
    pub label: Option<String>,
    /// Rules that the text sets aside, each with its reason.
    pub set_aside: Vec<SetAsideReport>,
}

/// A rule that the text sets aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SetAsideReport {
    pub rule: String,
    pub because: String,
}

/// An input with its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InputReport {
    pub name: String,
    /// `None` of a secret, and where an optional one has none.
    pub value: Option<String>,
    #[serde(rename = "secret")]
    pub is_secret: bool,
    pub doc: String,
}

/// A service, or protected state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ThingReport {
    /// The word of its item.
    #[serde(rename = "kind")]
    pub word: &'static str,
    pub id: String,
    pub title: String,
    pub doc: String,
    /// What it is in the real world.
    pub is: Vec<String>,
}

/// The sums of time, milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TimesReport {
    pub window_ms: Option<u64>,
    /// What of it is held back for the way back.
    pub keep_ms: Option<u64>,
    /// Critical path of all budgets.
    pub forward_ms: u64,
    /// Critical path of the budgets up to the last `commits`.
    pub forward_to_commit_ms: u64,
    pub longest_way_back_ms: u64,
    /// What it is made of.
    #[serde(skip)]
    pub way_back_parts: Vec<(String, u64)>,
    /// What is left for healing.
    pub slack_ms: Option<u64>,
}

/// A question and what it gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reading {
    pub label: String,
    /// What the text says of it.
    pub doc: String,
    /// What is asked, shortened.
    pub question: String,
    pub result: ReadingResult,
    pub asked: Asked,
    /// What was seen, or why it is not known.
    pub evidence: String,
}

/// How a reading came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadingResult {
    /// It holds, or has a value.
    Holds,
    DoesNotHold,
    /// It was asked, and has no answer.
    Unanswered,
    /// A plan cannot know it.
    Unknown,
}

/// What an answer is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Asked {
    /// Nothing that the runbook does comes before it: the run asks the same.
    Now,
    /// It was asked now, and the run asks after a change, which may decide it.
    BeforeChange,
    /// It follows from the text, the inputs and what steps set.
    OnPaper,
}

impl Reading {
    /// Whether the run would fail here without having changed anything.
    pub(crate) fn stops(&self) -> bool {
        self.asked == Asked::Now && matches!(self.result, ReadingResult::DoesNotHold | ReadingResult::Unanswered)
    }
}

/// What a step would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepReport {
    pub id: String,
    pub title: String,
    pub doc: String,
    /// The steps it waits for directly.
    pub after: Vec<String>,
    /// Whether it runs before the window.
    pub before_window: bool,
    pub budget_ms: Option<u64>,
    /// What its failure leads to, as its author writes it.
    pub on_failure: String,
    pub would: Would,
    /// Why it would not, or why that is not known.
    pub reason: String,
    /// In the order of the text.
    #[serde(rename = "statements")]
    pub entries: Vec<Entry>,
}

/// What a statement of a step would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// It would ask, and what that gives now.
    Reading(Reading),
    /// It would ask whether the step is wanted; the label says what comes of that.
    #[serde(rename = "reading")]
    Decision(Reading),
    Change(Box<Change>),
    /// What else the approver should know: whom it asks, holds, waits, the point of no return.
    Note(String),
    /// The one undo of the procedure whose actions stand above.
    Undo(WrittenBlock),
}

impl StepReport {
    /// What it would ask.
    pub fn readings(&self) -> impl Iterator<Item = &Reading> {
        self.entries.iter().filter_map(|entry| match entry {
            Entry::Reading(reading) | Entry::Decision(reading) => Some(reading),
            _ => None,
        })
    }

    pub fn changes(&self) -> impl Iterator<Item = &Change> {
        self.entries.iter().filter_map(|entry| match entry {
            Entry::Change(change) => Some(&**change),
            _ => None,
        })
    }

    pub fn notes(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().filter_map(|entry| match entry {
            Entry::Note(note) => Some(note.as_str()),
            _ => None,
        })
    }
}

/// Whether a step would run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Would {
    Run,
    /// It would be passed over.
    Skip,
    /// That is decided when it is its turn.
    Unknown,
}

/// What one action would change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    pub key: String,
    /// What a person knows it by.
    pub title: String,
    pub action: String,
    /// The call as its author writes it, with the values that are known.
    pub call: String,
    /// Its effects in words, with real resources.
    pub effects: Vec<String>,
    /// A diff, where there is one and it can be known now.
    pub preview: Option<String>,
    #[serde(rename = "retries", serialize_with = "retries")]
    pub retry: Option<Retry>,
    pub undo: Option<WrittenBlock>,
    /// Why it has no undo.
    pub no_undo: Option<String>,
}

#[expect(clippy::ref_option, reason = "what serde calls takes the field as it is")]
fn retries<S: Serializer>(retry: &Option<Retry>, serializer: S) -> Result<S::Ok, S::Error> {
    let retries = retry.map(|retry| json!({ "times": retry.times, "every_ms": retry.every_ms }));
    retries.serialize(serializer)
}

/// Statements of a way back, which nobody carries out on paper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WrittenBlock {
    /// The longest they may take together, where they have a time of their own.
    pub within_ms: Option<u64>,
    pub statements: Vec<Written>,
}

/// A statement in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Written {
    pub key: String,
    /// As its author writes it, with the values that are known.
    pub text: String,
    pub undo: Option<WrittenBlock>,
    /// Why it has no undo.
    pub no_undo: Option<String>,
}

/// What must hold all the while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WatchReport {
    pub id: String,
    pub title: String,
    pub doc: String,
    /// The step it begins with.
    pub from: String,
    /// The step it ends with.
    pub until: String,
    /// What is asked and how often, as its author writes it.
    pub check: String,
}

/// Where the run goes when it does not go forward.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WayBackReport {
    /// As the header says, or what counts without it.
    pub on_failure: String,
    pub on_interrupt: String,
    pub rollbacks: Vec<BranchReport>,
    pub parks: Vec<BranchReport>,
    pub holds: Vec<HoldReport>,
    #[serde(rename = "symptoms")]
    pub tables: Vec<TableReport>,
}

/// A way back with a name, or a safe place to stop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BranchReport {
    pub id: String,
    pub title: String,
    pub doc: String,
    /// The step it applies from; `None` of a safe place.
    pub from: Option<String>,
    /// The step it applies until; `None` of a safe place.
    pub until: Option<String>,
    pub budget_ms: Option<u64>,
    pub body: WrittenBlock,
}

/// A temporary state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HoldReport {
    pub id: String,
    pub title: String,
    pub doc: String,
    /// What gives it back, on every ending.
    pub release: WrittenBlock,
}

/// What is looked up when a step fails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableReport {
    pub id: String,
    pub title: String,
    /// The steps it is for.
    pub steps: Vec<String>,
    pub rows: Vec<RowReport>,
}

/// A row of a symptom table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RowReport {
    pub title: String,
    /// The question; `None` for `anything else`.
    #[serde(rename = "seen_when")]
    pub seen: Option<String>,
    pub suspect: String,
    pub budget_ms: Option<u64>,
    pub first: Option<WrittenBlock>,
    /// How often it may be taken again in one run, where the text bounds that.
    pub again: Option<u64>,
    pub otherwise: String,
}
