//! A plan for a person, from top to bottom: what the text says of itself, the sums of time, how things are now,
//! what each step would do in the order of the text, and the way back.

mod page;
mod way_back;

use backstay_dsl::units::duration;

use crate::plan::report::{
    Asked, Change, Entry, Head, InputReport, PlanReport, Reading, ReadingResult, StepReport, ThingReport, TimesReport,
    WatchReport, Would,
};
use crate::plan::retries;

use page::Page;

/// The report of a dry run as text.
pub fn plan(report: &PlanReport) -> String {
    let mut page = Page::default();
    head(&mut page, &report.head);
    inputs(&mut page, &report.inputs);
    things(&mut page, &report.things);
    times(&mut page, &report.times);
    if !report.readings.is_empty() {
        page.heading("Now");
        for reading in &report.readings {
            page.line(2, &now(reading));
            page.doc(6, &reading.doc);
        }
    }
    page.heading("Steps  (? is asked, ! changes something, < takes it back)");
    for (number, step) in report.steps.iter().enumerate() {
        self::step(&mut page, number + 1, step, &report.way_back.on_failure);
    }
    watches(&mut page, &report.watches);
    way_back::way_back(&mut page, report);
    if !report.obstacles.is_empty() {
        page.heading("The run would be refused:");
        for obstacle in &report.obstacles {
            page.marked(2, "- ", obstacle);
        }
    }
    page.0
}

fn head(page: &mut Page, head: &Head) {
    page.line(0, &format!("{}: {}", head.runbook, head.title));
    page.line(0, &format!("plan {}", head.digest));
    page.doc(2, &head.doc);
    let said = [
        ("version", &head.version),
        ("owner", &head.owner),
        ("affects", &head.affects),
        ("label", &head.label),
    ];
    for (word, said) in said {
        if let Some(said) = said {
            page.marked(2, &format!("{word:<9} "), said);
        }
    }
    for set_aside in &head.set_aside {
        page.marked(2, &format!("set aside {}: ", set_aside.rule), &set_aside.because);
    }
}

fn inputs(page: &mut Page, inputs: &[InputReport]) {
    if inputs.is_empty() {
        return;
    }
    page.heading("Inputs");
    for input in inputs {
        let value = match &input.value {
            Some(value) if value.is_empty() => "\"\"",
            Some(value) => value,
            None if input.is_secret => "(secret, not shown)",
            None => "(none)",
        };
        page.line(2, &format!("{} = {value}", input.name));
        page.doc(6, &input.doc);
    }
}

fn things(page: &mut Page, things: &[ThingReport]) {
    if things.is_empty() {
        return;
    }
    page.heading("Services and protected state");
    for thing in things {
        let ThingReport { word, id, title, .. } = thing;
        page.line(2, &format!("{word} {id} – {title}: {}", thing.is.join(", ")));
        page.doc(6, &thing.doc);
    }
}

fn watches(page: &mut Page, watches: &[WatchReport]) {
    if watches.is_empty() {
        return;
    }
    page.heading("All the while  (one that does not hold fails the step that runs)");
    for watch in watches {
        let (from, until) = (&watch.from, &watch.until);
        page.line(2, &format!("{} – {}: from {from} until {until}", watch.id, watch.title));
        page.doc(6, &watch.doc);
        page.marked(6, "? ", &watch.check);
    }
}

fn times(page: &mut Page, times: &TimesReport) {
    let (Some(window_ms), Some(keep_ms)) = (times.window_ms, times.keep_ms) else {
        return;
    };
    page.heading("Time");
    let (window, keep) = (duration(window_ms), duration(keep_ms));
    page.marked(
        2,
        "window    ",
        &format!("{window}, of which {keep} are kept for the way back"),
    );
    let forward = format!(
        "{} of {} up to the last point of no return; {} in all",
        duration(times.forward_to_commit_ms),
        duration(window_ms.saturating_sub(keep_ms)),
        duration(times.forward_ms)
    );
    page.marked(2, "forward   ", &forward);
    let parts = times.way_back_parts.iter();
    let parts: Vec<String> = parts.map(|(what, ms)| format!("{what} {}", duration(*ms))).collect();
    let parts = if parts.is_empty() {
        String::new()
    } else {
        format!(" = {}", parts.join(" + "))
    };
    let longest = duration(times.longest_way_back_ms);
    page.marked(2, "way back  ", &format!("{longest} of {keep} at the longest{parts}"));
    if let Some(slack_ms) = times.slack_ms {
        page.marked(2, "slack     ", &format!("{} for healing", duration(slack_ms)));
    }
}

fn step(page: &mut Page, number: usize, step: &StepReport, on_failure: &str) {
    let number = format!("{number:>3}. ");
    page.marked(0, &number, &format!("{} – {}", step.id, step.title));
    page.doc(5, &step.doc);
    let mut about = Vec::new();
    about.extend(step.budget_ms.map(|ms| format!("budget {}", duration(ms))));
    about.extend(step.before_window.then(|| "before the window".to_owned()));
    about.extend((!step.after.is_empty()).then(|| format!("after {}", step.after.join(", "))));
    if step.on_failure != on_failure {
        about.push(format!("on failure {}", way_back::in_words(&step.on_failure)));
    }
    if !about.is_empty() {
        page.line(5, &about.join(", "));
    }
    if step.would == Would::Unknown {
        page.line(5, &format!("whether it runs is {}", step.reason));
    }
    for entry in &step.entries {
        match entry {
            Entry::Reading(reading) => page.marked(5, "? ", &self::reading(reading)),
            Entry::Decision(reading) => page.marked(5, "? ", &decision(reading)),
            Entry::Note(note) => page.marked(5, "- ", note),
            Entry::Change(change) => self::change(page, change),
            Entry::Undo(undo) => way_back::undo(page, 9, "undo of these", undo),
        }
    }
}

fn change(page: &mut Page, change: &Change) {
    page.marked(5, "! ", &change.call);
    if let Some(retry) = change.retry {
        page.line(9, &retries(retry));
    }
    for effect in &change.effects {
        page.line(9, effect);
    }
    if let Some(preview) = &change.preview {
        page.lines(9, "| ", preview);
    }
    if let Some(undo) = &change.undo {
        way_back::undo(page, 9, "undo", undo);
    }
    if let Some(because) = &change.no_undo {
        page.line(9, &format!("no undo: {because}"));
    }
}

/// How things are now: a heading says when they were asked.
fn now(reading: &Reading) -> String {
    said(reading, "")
}

fn decision(reading: &Reading) -> String {
    match (reading.result, reading.asked) {
        (ReadingResult::Holds | ReadingResult::DoesNotHold, Asked::Now | Asked::OnPaper) => {
            format!("{}{}", reading.label, evidence(": ", reading))
        }
        _ => self::reading(reading),
    }
}

fn reading(reading: &Reading) -> String {
    said(reading, " (asked before the change)")
}

/// What came of a question; `before` says of an answer that a change comes after it.
fn said(reading: &Reading, before: &str) -> String {
    let label = &reading.label;
    let said = match (reading.result, reading.asked) {
        (ReadingResult::Unknown, _) => format!(" ({}){}", reading.question, evidence(" – ", reading)),
        (ReadingResult::Unanswered, Asked::Now) => evidence(" HAS NO ANSWER: ", reading),
        (ReadingResult::Unanswered, Asked::OnPaper) => evidence(" – would have no answer: ", reading),
        (ReadingResult::Unanswered, Asked::BeforeChange) => {
            format!("{}{before}", evidence(" – now no answer: ", reading))
        }
        (_, Asked::BeforeChange) => format!("{}{before}", evidence(" – now ", reading)),
        (ReadingResult::Holds, _) => evidence(": ", reading),
        (ReadingResult::DoesNotHold, Asked::Now) => format!(" DOES NOT HOLD{}", evidence(": ", reading)),
        (ReadingResult::DoesNotHold, Asked::OnPaper) => format!(" – would not hold{}", evidence(": ", reading)),
    };
    format!("{label}{said}")
}

/// What was seen, behind a joint; nothing where nothing is said.
fn evidence(joint: &str, reading: &Reading) -> String {
    if reading.evidence.is_empty() {
        String::new()
    } else {
        format!("{joint}{}", reading.evidence)
    }
}
