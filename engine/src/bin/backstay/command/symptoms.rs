//! `backstay symptoms FILE "words"`: looks a symptom up without any run.

use std::fmt::Write as _;

use backstay::render::visible;
use backstay::{SymptomEntry, check_file, symptoms};
use backstay_dsl::units;
use serde_json::json;

use crate::arguments::{Format, Symptoms};
use crate::failure::{Failure, exit};
use crate::streams;

pub(super) fn run(arguments: &Symptoms) -> Result<u8, Failure> {
    let (runbook, sources, ..) = check_file(&arguments.file, &backstay::action::catalogue())?.into_valid()?;
    let found = symptoms(&runbook, &sources, &arguments.words.join(" "));
    if arguments.format.format == Format::Json {
        streams::json(&json!({ "symptoms": found }));
    } else if found.is_empty() {
        streams::data(&none(&symptoms(&runbook, &sources, "")));
    } else {
        streams::data(&text(&found));
    }
    Ok(if found.is_empty() { exit::NO } else { 0 })
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
        if let Some(again) = row.again {
            line("again", &format!("at most {again}, each time on newer evidence"));
        }
        line("otherwise", &row.otherwise);
    }
    text
}
