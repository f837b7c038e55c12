//! Looking a symptom up without any run: the rows of a runbook's tables that are about some words, as its author
//! wrote them.

use backstay_dsl::model::{Disposition, Runbook, Statement, SymptomRow, SymptomTable};
use backstay_dsl::source::{SourceMap, Span};

use serde::Serialize;

/// A row of a symptom table, in the words of the text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SymptomEntry {
    /// The name of its table.
    pub table: String,
    /// The title of its table.
    pub table_title: String,
    /// The steps that the table is for.
    pub steps: Vec<String>,
    /// Its own title.
    pub title: String,
    /// What it usually is.
    pub suspect: String,
    /// By what it is recognised; `None` for `anything else`.
    #[serde(rename = "seen_when")]
    pub seen: Option<String>,
    /// What is tried, statement by statement; empty where nothing is.
    pub first: Vec<String>,
    /// The longest that trying may take, in milliseconds.
    pub budget_ms: Option<u64>,
    /// How often it may be taken again in one run, where the text bounds that.
    pub again: Option<u64>,
    /// What happens where that is no help: `unwind`, `rollback NAME`, `park NAME`.
    pub otherwise: String,
}

/// The rows whose title or `suspect` has all of these words, whatever their case, in the order of the text.
pub fn symptoms(runbook: &Runbook, sources: &SourceMap, words: &str) -> Vec<SymptomEntry> {
    let words: Vec<String> = words.split_whitespace().map(str::to_lowercase).collect();
    let is_about = |row: &SymptomRow| {
        let text = format!("{} {}", row.title, row.suspect).to_lowercase();
        words.iter().all(|word| text.contains(word))
    };
    let tables = runbook.tables.iter();
    let rows = tables.flat_map(|table| table.rows.iter().map(move |row| (table, row)));
    rows.filter(|(_, row)| is_about(row))
        .map(|(table, row)| entry(runbook, sources, table, row))
        .collect()
}

fn entry(runbook: &Runbook, sources: &SourceMap, table: &SymptomTable, row: &SymptomRow) -> SymptomEntry {
    let steps = table.steps.iter().filter_map(|place| runbook.steps.get(*place));
    let mut first: Vec<String> = Vec::new();
    let mut before = None;
    for statement in row.first.iter().flat_map(|block| &block.statements) {
        let span = written(statement);
        if before.replace(span) != Some(span) {
            first.push(one_line(sources.text(span)));
        }
    }
    SymptomEntry {
        table: table.name.clone(),
        table_title: table.title.clone(),
        steps: steps.map(|step| step.name.clone()).collect(),
        title: row.title.clone(),
        suspect: row.suspect.clone(),
        seen: row.seen.as_ref().map(|seen| one_line(sources.text(seen.span))),
        first,
        budget_ms: row.budget_ms,
        again: row.again,
        otherwise: match &row.otherwise {
            Disposition::Rollback(name) => format!("rollback {name}"),
            Disposition::Park(name) => format!("park {name}"),
            Disposition::Unwind => "unwind".to_owned(),
            Disposition::Pause => "pause".to_owned(),
            Disposition::Continue(because) => format!("continue: {because}"),
        },
    }
}

/// Where a statement stands in the row itself: what a procedure does stands there as its call.
fn written(statement: &Statement) -> Span {
    statement.calls.first().copied().unwrap_or(statement.span)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
