//! The shapes that scripts rely on (`--format json`): one object each, to which fields may be added.

use backstay_dsl::diagnostic::{Diagnostic, Severity};
use backstay_dsl::source::{Position, SourceMap, Span};
use serde_json::{Value, json};

use crate::event::End;
use crate::transcript::Verification;

use super::Rested;

/// `check`: whether the runbook may be run, and every finding.
pub fn check(sources: &SourceMap, findings: &[Diagnostic]) -> Value {
    let ok = !findings.iter().any(|finding| finding.severity == Severity::Error);
    json!({ "ok": ok, "diagnostics": diagnostics(sources, findings) })
}

/// The findings alone, as errors carry them.
pub fn diagnostics(sources: &SourceMap, findings: &[Diagnostic]) -> Value {
    findings.iter().map(|finding| diagnostic(sources, finding)).collect()
}

fn diagnostic(sources: &SourceMap, finding: &Diagnostic) -> Value {
    let (start, end) = (sources.start(finding.span), sources.end(finding.span));
    let severity = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let help: Vec<&str> = finding.help.iter().map(|help| help.message.as_str()).collect();
    let related: Vec<Value> = finding
        .related
        .iter()
        .map(|(span, label)| place(sources, *span, label))
        .chain(
            finding
                .help
                .iter()
                .filter_map(|help| help.span.map(|span| place(sources, span, &help.message))),
        )
        .collect();
    let trace = finding.trace.iter().map(|scene| {
        let (file, start) = start_of(sources, scene.span);
        json!({ "at": scene.at, "what": scene.what, "file": file, "line": start.line, "column": start.column })
    });
    let suggested = finding
        .help
        .iter()
        .filter_map(|help| Some((help, help.suggestion.as_ref()?)));
    let suggestions = suggested.map(|(help, suggestion)| {
        let edits = suggestion.edits.iter().map(|(span, text)| edit(sources, *span, text));
        json!({ "message": help.message, "edits": edits.collect::<Vec<_>>() })
    });
    json!({
        "slug": finding.slug,
        "severity": severity,
        "message": finding.message,
        "file": sources.get(finding.span.source).map_or("", |source| source.name.as_str()),
        "line": start.line,
        "column": start.column,
        "end_line": end.line,
        "end_column": end.column,
        "help": help,
        "label": finding.label,
        "related": related,
        "trace": trace.collect::<Vec<_>>(),
        "suggestions": suggestions.collect::<Vec<_>>(),
    })
}

fn start_of(sources: &SourceMap, span: Span) -> (&str, Position) {
    let file = sources.get(span.source).map_or("", |source| source.name.as_str());
    (file, sources.start(span))
}

fn edit(sources: &SourceMap, span: Span, text: &str) -> Value {
    let (file, start) = start_of(sources, span);
    let end = sources.end(span);
    json!({
        "file": file,
        "line": start.line,
        "column": start.column,
        "end_line": end.line,
        "end_column": end.column,
        "replacement": text,
    })
}

fn place(sources: &SourceMap, span: Span, message: &str) -> Value {
    let (file, start) = start_of(sources, span);
    json!({
        "file": file,
        "line": start.line,
        "column": start.column,
        "message": message,
    })
}

/// `run`, `resume`: how it ended. What actions did not remove is left behind like what the record names.
pub fn run(rested: &Rested<'_>) -> Value {
    let Rested {
        run,
        end,
        kept,
        course,
        outlook,
        run_directory,
        head,
        ..
    } = *rested;
    let kept = kept.iter().map(|left| &left.thing);
    let failed_at = end
        .failed_at
        .as_ref()
        .map(|failed| json!({ "step": failed.step, "statement": failed.statement, "reason": failed.reason }));
    let mut answer = json!({
        "run": run,
        "end": end.end.word(),
        "exit": end.end.exit_code(),
        "transcript": run_directory.join(crate::transcript::RECORDS_FILE).display().to_string(),
        "head": head,
        "failed_at": failed_at,
        "way_back": end.way_back,
        "reason": end.reason,
        "exceptions": texts(&end.exceptions),
        "leftovers": end.leftovers.iter().chain(kept).map(ToString::to_string).collect::<Vec<_>>(),
        "held": end.held,
        "put_back": end.put_back,
        "not_put_back": texts(&end.not_put_back),
        "is_changed": course.is_changed,
        "healed": course.healed,
        "skipped": course.skipped.iter().map(|(step, because)| json!({
            "step": step,
            "because": because,
        })).collect::<Vec<_>>(),
        "retried": course.retried.iter().map(|(key, (title, tries))| json!({
            "statement": key,
            "title": title,
            "tries": tries,
        })).collect::<Vec<_>>(),
        "changed_now": outlook.map(|outlook| &outlook.changed),
        "held_now": outlook.map(|outlook| &outlook.held),
        "forward_until_ms": outlook.and_then(|outlook| outlook.forward_until_ms),
        "commands_left": end.commands_left.iter().map(|left| left.text.as_str()).collect::<Vec<_>>(),
        "commands_by_hand": end.commands_left.iter().map(|left| rested.by_hand(left)).collect::<Vec<_>>(),
    });
    if let (End::Refused, Some(fields)) = (end.end, answer.as_object_mut()) {
        let help = [format!("what was asked and answered: backstay transcript show {run}")];
        fields.insert(
            "error".to_owned(),
            error_fields(end.end.exit_code(), &end.reason, &help),
        );
    }
    answer
}

fn texts<T: ToString>(items: &[T]) -> Vec<String> {
    items.iter().map(ToString::to_string).collect()
}

/// `turn-back`, `pause` where the runner was asked.
pub fn asked(run: &str, what: &str) -> Value {
    json!({ "run": run, "asked": what })
}

/// `transcript verify`: the judgement.
pub fn verification(verification: &Verification) -> Value {
    json!({
        "verdict": verification.verdict.word(),
        "run": verification.run,
        "records": verification.records,
        "head": verification.head,
        "detail": verification.detail,
    })
}

/// What exits 2, 3, 4 and 75 print.
pub fn error(exit: u8, reason: &str, help: &[String], diagnostics: Option<Value>) -> Value {
    let mut error = error_fields(exit, reason, help);
    if let (Some(diagnostics), Some(fields)) = (diagnostics, error.as_object_mut()) {
        fields.insert("diagnostics".to_owned(), diagnostics);
    }
    json!({ "error": error })
}

fn error_fields(exit: u8, reason: &str, help: &[String]) -> Value {
    json!({ "exit": exit, "reason": reason, "help": help })
}
