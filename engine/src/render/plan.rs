//! A plan for a person: the sums of time, how things are now, and what each step would do.

use std::fmt::Write as _;

use crate::plan::report::{Change, PlanReport, Reading, ReadingResult, StepReport, Would};
use backstay_dsl::units::duration;

use super::visible;

/// The report of a dry run as text.
pub fn plan(report: &PlanReport) -> String {
    let mut text = format!("{}: {}\n", visible(&report.runbook), visible(&report.title));
    // Writing to a text cannot fail.
    let _ = writeln!(text, "plan {}\n", report.digest);
    sums(&mut text, report);
    if !report.readings.is_empty() {
        text.push_str("Now\n");
        for reading in &report.readings {
            let _ = writeln!(text, "  {}", self::reading(reading));
        }
        text.push('\n');
    }
    text.push_str("Steps\n");
    for (number, step) in report.steps.iter().enumerate() {
        self::step(&mut text, number + 1, step);
    }
    if !report.obstacles.is_empty() {
        text.push_str("\nThe run would be refused:\n");
        for obstacle in &report.obstacles {
            let _ = writeln!(text, "  {}", visible(obstacle));
        }
    }
    text
}

fn sums(text: &mut String, report: &PlanReport) {
    let (Some(window_ms), Some(keep_ms)) = (report.window_ms, report.keep_ms) else {
        return;
    };
    let _ = writeln!(
        text,
        "Time\n  window    {}, of which {} are kept for the way back",
        duration(window_ms),
        duration(keep_ms)
    );
    let _ = writeln!(
        text,
        "  forward   {} of {} up to the last point of no return; {} in all",
        duration(report.forward_to_commit_ms),
        duration(window_ms.saturating_sub(keep_ms)),
        duration(report.forward_ms)
    );
    let parts: Vec<String> = report
        .way_back_parts
        .iter()
        .map(|(what, ms)| format!("{} {}", visible(what), duration(*ms)))
        .collect();
    let parts = if parts.is_empty() {
        String::new()
    } else {
        format!(" = {}", parts.join(" + "))
    };
    let _ = writeln!(
        text,
        "  way back  {} of {} at the longest{parts}",
        duration(report.longest_way_back_ms),
        duration(keep_ms)
    );
    if let Some(slack_ms) = report.slack_ms {
        let _ = writeln!(text, "  slack     {} for healing", duration(slack_ms));
    }
    text.push('\n');
}

fn step(text: &mut String, number: usize, step: &StepReport) {
    let budget = step
        .budget_ms
        .map_or(String::new(), |ms| format!(", budget {}", duration(ms)));
    let before = if step.before_window { ", before the window" } else { "" };
    let after = if step.after.is_empty() {
        String::new()
    } else {
        format!(", after {}", step.after.join(", "))
    };
    let reason = if step.reason.is_empty() {
        String::new()
    } else {
        format!(": {}", visible(&step.reason))
    };
    let would = match step.would {
        Would::Run => String::new(),
        Would::Skip => format!("\n     would be passed over{reason}"),
        Would::Unknown => format!("\n     whether it runs is not known yet{reason}"),
    };
    let _ = writeln!(
        text,
        "{number:>3}. {} – {}{budget}{after}{before}{would}",
        visible(&step.id),
        visible(&step.title)
    );
    for note in &step.notes {
        let _ = writeln!(text, "     - {}", visible(note));
    }
    for reading in &step.readings {
        let _ = writeln!(text, "     ? {}", self::reading(reading));
    }
    for change in &step.changes {
        self::change(text, change);
    }
}

fn change(text: &mut String, change: &Change) {
    let action = if change.title == change.action {
        String::new()
    } else {
        format!(" ({})", visible(&change.action))
    };
    let _ = writeln!(text, "     ! {}{action}", visible(&change.title));
    for effect in &change.effects {
        let _ = writeln!(text, "         {}", visible(effect));
    }
    for line in change.preview.iter().flat_map(|preview| preview.lines()) {
        let _ = writeln!(text, "         | {}", visible(line));
    }
}

fn reading(reading: &Reading) -> String {
    let evidence = if reading.evidence.is_empty() {
        String::new()
    } else {
        format!(": {}", visible(&reading.evidence))
    };
    let result = match reading.result {
        ReadingResult::Holds => "",
        ReadingResult::DoesNotHold => " DOES NOT HOLD",
        ReadingResult::Unknown => " – not known now",
    };
    format!("{}{result}{evidence}", visible(&reading.label))
}
