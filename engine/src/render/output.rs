//! What the programs of a run were called with, and what they said.

use std::fmt::Write as _;

use crate::action::common::typed::shell_line;
use crate::event::{Intent, OutcomeRecord, OutcomeResult};

use super::visible;

/// An attempt and, where a program was called, its words as they would be typed.
pub fn attempt(intent: &Intent) -> String {
    let mut text = format!("{}, attempt {}: {}\n", intent.key, intent.n, visible(&intent.title));
    if !intent.argv.is_empty() {
        let _ = writeln!(text, "  $ {}", visible(&shell_line(&intent.argv)));
    }
    text
}

/// How an attempt came out.
pub fn outcome(outcome: &OutcomeRecord) -> String {
    let word = match outcome.result {
        OutcomeResult::Ok => "ok",
        OutcomeResult::Failed => "FAILED",
        OutcomeResult::Unknown => "unknown",
    };
    let silent = if outcome.blobs.is_empty() {
        "  it said nothing\n"
    } else {
        ""
    };
    format!("  {word}: {}\n{silent}", visible(&outcome.evidence))
}

/// An output by its name, line by line, with nothing in it that steers a terminal.
pub fn output(name: &str, content: &[u8]) -> String {
    let mut text = format!("  {}:\n", visible(name));
    for line in String::from_utf8_lossy(content).lines() {
        let _ = writeln!(text, "  | {}", visible(line));
    }
    text
}
