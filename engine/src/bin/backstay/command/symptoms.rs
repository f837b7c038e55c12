//! `backstay symptoms FILE "words"`: looks a symptom up without any run.

use std::fmt::Write as _;

use backstay::render::visible;
use backstay::{SymptomEntry, check_file, symptoms};
use backstay_dsl::diagnostic::Severity;
use backstay_dsl::units;
use serde_json::{Value, json};

use crate::arguments::{Format, Symptoms};
use crate::failure::{Failure, exit};
use crate::streams;

pub(super) fn run(arguments: &Symptoms) -> Result<u8, Failure> {
    let checked = check_file(&arguments.file, &backstay::action::catalogue())?;
    let has_errors = checked
        .diagnostics
        .iter()
        .any(|found| found.severity == Severity::Error);
    if has_errors || checked.runbook.is_none() {
        return Err(Failure::from(
            checked
                .into_valid()
                .err()
                .ok_or_else(|| Failure::usage("the runbook cannot be read"))?,
        ));
    }
    let found = symptoms(&checked, &arguments.words.join(" "));
    if arguments.format.format == Format::Json {
        let rows: Vec<Value> = found.iter().map(json_of).collect();
        streams::json(&json!({ "symptoms": rows }));
    } else if found.is_empty() {
        streams::data(&none(&symptoms(&checked, "")));
    } else {
        streams::data(&text(&found));
    }
    Ok(if found.is_empty() { exit::NO } else { 0 })
}

fn json_of(row: &SymptomEntry) -> Value {
    json!({
        "table": row.table,
        "table_title": row.table_title,
        "steps": row.steps,
        "title": row.title,
        "suspect": row.suspect,
        "seen_when": row.seen,
        "first": row.first,
        "budget_ms": row.budget_ms,
        "otherwise": row.otherwise,
    })
}

/// Nothing was found: what there is.
fn none(all: &[SymptomEntry]) -> String {
    if all.is_empty() {
        return "the runbook has no symptom tables\n".to_owned();
    }
    let titles = all.iter().map(|row| format!("  {}\n", visible(&row.title)));
    format!("no symptom is about that; there are:\n{}", titles.collect::<String>())
}

fn text(found: &[SymptomEntry]) -> String {
    let mut text = String::new();
    let mut table = None;
    for row in found {
        if table.replace(&row.table) != Some(&row.table) {
            let gap = if text.is_empty() { "" } else { "\n" };
            let (title, steps) = (visible(&row.table_title), row.steps.join(", "));
            // Writing to a text cannot fail.
            let _ = writeln!(text, "{gap}{title} ({}; {steps})", row.table);
        }
        let _ = writeln!(text, "\n  {}", visible(&row.title));
        let mut line = |label: &str, words: &str| {
            let _ = writeln!(text, "    {label:<9}  {}", visible(words));
        };
        if let Some(seen) = &row.seen {
            line("seen when", seen);
        }
        line("suspect", &row.suspect);
        for (at, statement) in row.first.iter().enumerate() {
            line(if at == 0 { "first" } else { "" }, statement);
        }
        if let Some(budget_ms) = row.budget_ms {
            line("within", &units::duration(budget_ms));
        }
        line("otherwise", &row.otherwise);
    }
    text
}
