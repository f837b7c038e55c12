//! What a plan would do, as data: for a person and for scripts.

use serde_json::{Value as Json, json};

/// The report of a dry run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanReport {
    pub runbook: String,
    pub title: String,
    pub digest: String,
    pub window_ms: Option<u64>,
    /// What of it is held back for the way back.
    pub keep_ms: Option<u64>,
    /// Critical path of the budgets up to the last `commits`.
    pub forward_to_commit_ms: u64,
    /// Critical path of all budgets.
    pub forward_ms: u64,
    pub longest_way_back_ms: u64,
    /// What it is made of.
    pub way_back_parts: Vec<(String, u64)>,
    /// What is left for healing.
    pub slack_ms: Option<u64>,
    /// How things are now: services, anchors.
    pub readings: Vec<Reading>,
    pub steps: Vec<StepReport>,
    /// Names that the proofs take for two things and that turn out to be one: the run would be refused.
    pub not_apart: Vec<String>,
    /// What else the run would be refused for.
    pub obstacles: Vec<String>,
}

/// A question and what it gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    pub label: String,
    pub result: ReadingResult,
    /// What was seen, or why it is not known.
    pub evidence: String,
}

/// How a reading came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadingResult {
    /// It holds, or has a value.
    Holds,
    DoesNotHold,
    /// It is not known now.
    Unknown,
}

/// What a step would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepReport {
    pub id: String,
    pub title: String,
    /// The steps it waits for directly.
    pub after: Vec<String>,
    /// Whether it runs before the window.
    pub before_window: bool,
    pub budget_ms: Option<u64>,
    pub would: Would,
    /// Why it would not, or why that is not known.
    pub reason: String,
    /// What else the approver should know: whom it asks, holds, waits, the point of no return.
    pub notes: Vec<String>,
    pub changes: Vec<Change>,
    /// What it would ask, and what that gives now.
    pub readings: Vec<Reading>,
}

/// Whether a step would run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Would {
    Run,
    /// It would be passed over.
    Skip,
    /// That is decided when it is its turn.
    Unknown,
}

/// What one action would change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub key: String,
    /// What a person knows it by.
    pub title: String,
    pub action: String,
    /// Its effects in words, with real resources.
    pub effects: Vec<String>,
    /// A diff, where there is one and it can be known now.
    pub preview: Option<String>,
}

impl PlanReport {
    /// The shape that scripts rely on.
    pub fn to_json(&self) -> Json {
        json!({
            "digest": self.digest,
            "runbook": self.runbook,
            "title": self.title,
            "window_ms": self.window_ms,
            "keep_ms": self.keep_ms,
            "forward_ms": self.forward_ms,
            "forward_to_commit_ms": self.forward_to_commit_ms,
            "longest_way_back_ms": self.longest_way_back_ms,
            "slack_ms": self.slack_ms,
            "readings": self.readings.iter().map(Reading::to_json).collect::<Vec<_>>(),
            "steps": self.steps.iter().map(StepReport::to_json).collect::<Vec<_>>(),
            "obstacles": self.obstacles,
        })
    }
}

impl Reading {
    fn to_json(&self) -> Json {
        let result = match self.result {
            ReadingResult::Holds => "holds",
            ReadingResult::DoesNotHold => "does_not_hold",
            ReadingResult::Unknown => "unknown",
        };
        json!({ "label": self.label, "result": result, "evidence": self.evidence })
    }
}

impl StepReport {
    fn to_json(&self) -> Json {
        let changes = self.changes.iter().map(|change| {
            json!({
                "key": change.key,
                "title": change.title,
                "action": change.action,
                "effects": change.effects,
                "preview": change.preview,
            })
        });
        json!({
            "id": self.id,
            "title": self.title,
            "after": self.after,
            "before_window": self.before_window,
            "budget_ms": self.budget_ms,
            "would": match self.would {
                Would::Run => "run",
                Would::Skip => "skip",
                Would::Unknown => "unknown",
            },
            "reason": self.reason,
            "notes": self.notes,
            "changes": changes.collect::<Vec<_>>(),
            "readings": self.readings.iter().map(Reading::to_json).collect::<Vec<_>>(),
        })
    }
}
