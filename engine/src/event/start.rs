//! The records with which a run begins and goes on.

use backstay_dsl::model::Runbook;
use serde::{Deserialize, Serialize};

use crate::value::RecordedValue;

/// The first record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunStart {
    /// Format of the transcript: see [`crate::transcript::FORMAT`].
    pub format: u32,
    /// Minor format: see [`crate::transcript::MINOR`].
    pub minor: u32,
    pub run: String,
    /// The plan's digest, `sha256:…`.
    pub plan: String,
    /// The digest that was approved (`--approved`): that of this plan, or it would have been refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved: Option<String>,
    /// The runbook's name; its title and those of its parts are in the outline.
    pub runbook: String,
    /// Which of several this is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What a reader has to know of the runbook.
    pub outline: Outline,
    /// Each source: name and SHA-256.
    pub sources: Vec<(String, String)>,
    /// Each input: name and value; a secret only by name.
    pub inputs: Vec<(String, RecordedValue)>,
    /// When the window starts, wall milliseconds, where `--window-start` says it.
    pub window_start_ms: Option<i64>,
    /// The window, milliseconds.
    pub window_ms: Option<u64>,
    /// What is held back for the way back, milliseconds.
    pub keep_ms: Option<u64>,
    /// The boot, to know whether boot clocks can be compared.
    pub boot_id: String,
    /// The machine that the runner is on.
    pub host: String,
    pub operator: String,
    pub ticket: Option<String>,
    /// Name and version of the program.
    pub program: String,
}

/// What a reader of a transcript has to know of the runbook, so that the record can be read when nobody has
/// the text or a program that understands it any more.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outline {
    pub title: String,
    /// Steps in the order of the text.
    pub steps: Vec<StepOutline>,
    /// Temporary states that are given back on every ending.
    pub holds: Vec<Titled>,
    /// Ways back with a name.
    pub rollbacks: Vec<Titled>,
    pub parks: Vec<Titled>,
    pub services: Vec<Titled>,
    /// Symptom tables with the titles of their rows; a table has no title but its name.
    pub tables: Vec<TableOutline>,
    /// Rules that the text sets aside, in its order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub set_aside: Vec<SetAsideOutline>,
}

/// A rule that the text sets aside at one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetAsideOutline {
    pub rule: String,
    pub because: String,
}

/// A part of a runbook that records call by its id and people by its title.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Titled {
    pub id: String,
    pub title: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepOutline {
    pub id: String,
    pub title: String,
    /// The ids of the steps that it waits for.
    pub after: Vec<String>,
    /// The longest it should take, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_ms: Option<u64>,
    /// Whether it runs before the window starts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub before_window: bool,
}

/// A symptom table of the outline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableOutline {
    pub id: String,
    /// The titles of its rows, from the first.
    pub rows: Vec<String>,
}

impl From<&Runbook> for Outline {
    fn from(runbook: &Runbook) -> Self {
        let titled = |id: &str, title: &str| Titled {
            id: id.to_owned(),
            title: title.to_owned(),
        };
        let name = |step: &usize| runbook.steps.get(*step).map(|step| step.name.clone());
        let steps = runbook.steps.iter().map(|step| StepOutline {
            id: step.name.clone(),
            title: step.title.clone(),
            after: step.after.iter().filter_map(name).collect(),
            budget_ms: step.budget_ms,
            before_window: step.before_window,
        });
        let tables = runbook.tables.iter().map(|table| TableOutline {
            id: table.name.clone(),
            rows: table.rows.iter().map(|row| row.title.clone()).collect(),
        });
        Self {
            title: runbook.title.clone(),
            steps: steps.collect(),
            holds: runbook
                .holds
                .iter()
                .map(|hold| titled(&hold.name, &hold.title))
                .collect(),
            rollbacks: runbook
                .rollbacks
                .iter()
                .map(|way| titled(&way.name, &way.title))
                .collect(),
            parks: runbook
                .parks
                .iter()
                .map(|park| titled(&park.name, &park.title))
                .collect(),
            services: runbook
                .services
                .iter()
                .map(|service| titled(&service.name, &service.title))
                .collect(),
            tables: tables.collect(),
            set_aside: runbook
                .set_aside
                .iter()
                .map(|set_aside| SetAsideOutline {
                    rule: set_aside.slug.clone(),
                    because: set_aside.because.clone(),
                })
                .collect(),
        }
    }
}

/// The run goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunResumed {
    /// The boot, to know whether boot clocks can be compared.
    pub boot_id: String,
    /// The machine that the runner is on.
    pub host: String,
    pub operator: String,
    /// Name and version of the program.
    pub program: String,
    /// Bytes of a torn last record that were cut.
    pub discarded_bytes: u64,
    /// Whether it goes on only to turn back.
    pub turn_back: bool,
}
