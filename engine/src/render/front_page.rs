//! The front page of a transcript: what an approver or auditor looks for first.
//!
//! Invariants: it says nothing that is not in a record; secrets stand there by name only. What was seen
//! and done, in order, is the timeline's.

use std::fmt::Write as _;

use crate::event::{EvaluationKind, Event, RunEnd, RunStart, Stamped};
use crate::redact::Redactor;
use crate::value::RecordedValue;

use super::visible;

/// Gathers the front page, record by record.
#[derive(Debug, Clone, Default)]
pub struct FrontPage {
    start: Option<RunStart>,
    recorded: Vec<(String, String, String)>,
    decisions: Vec<String>,
    end: Option<RunEnd>,
}

impl FrontPage {
    /// Takes in the next record.
    pub fn take(&mut self, stamped: &Stamped) {
        match &stamped.event {
            Event::RunStart(start) => self.start = Some((**start).clone()),
            Event::Evaluated { key, what, values, .. } if *what == EvaluationKind::Record => {
                let step = key
                    .statement()
                    .and_then(|key| key.split('/').next())
                    .unwrap_or_default();
                for (name, value) in values {
                    self.recorded.push((name.clone(), shown(value), step.to_owned()));
                }
            }
            Event::Decision { what, because, who, .. } => {
                self.decisions.push(format!("{who}: {what} ({because})"));
            }
            Event::RunEnd(end) => self.end = Some((**end).clone()),
            _ => {}
        }
    }

    /// The page, one fact a line; empty without a first record.
    pub fn text(&self) -> String {
        let Some(start) = &self.start else {
            return String::new();
        };
        let mut lines = vec![
            ("run", start.run.clone()),
            ("operator", format!("{} on {}", start.operator, start.host)),
        ];
        lines.extend(start.label.iter().map(|label| ("label", label.clone())));
        lines.extend(start.ticket.iter().map(|ticket| ("ticket", ticket.clone())));
        let plan = match &start.approved {
            Some(approved) if *approved == start.plan => format!("{approved}, which was approved"),
            Some(approved) => format!("{}; approved was {approved}", start.plan),
            None => start.plan.clone(),
        };
        lines.push(("plan", plan));
        let inputs = start.inputs.iter();
        lines.extend(inputs.map(|(name, value)| ("input", format!("{name} = {}", shown(value)))));
        let set_aside = start.outline.set_aside.iter();
        lines.extend(set_aside.map(|known| ("set aside", format!("{}: {}", known.rule, known.because))));
        let recorded = self.recorded.iter();
        lines.extend(recorded.map(|(name, value, step)| ("recorded", format!("{name} = {value}  (step {step})"))));
        lines.extend(self.decisions.iter().map(|decision| ("decision", decision.clone())));
        let end = match &self.end {
            Some(end) => format!("{}: {}", end.end.word(), end.reason),
            None => "it has not ended".to_owned(),
        };
        lines.push(("end", end));
        let exceptions = self.end.iter().flat_map(|end| &end.exceptions);
        lines.extend(exceptions.map(|exception| ("exception", exception.to_string())));
        let mut text = format!("{}\n", visible(&start.outline.title));
        for (label, fact) in lines {
            // Writing to a text cannot fail.
            let _ = writeln!(text, "  {:<10} {}", format!("{label}:"), visible(&fact));
        }
        text.push('\n');
        text
    }
}

fn shown(value: &RecordedValue) -> String {
    match value {
        RecordedValue::Secret(_) => "(secret, not recorded)".to_owned(),
        value => crate::eval::shown(&Redactor::NONE, &value.to_value()),
    }
}
