//! The records that a simulated run opens with.

use crate::event::{Event, Outline, RunResumed, RunStart};
use crate::plan::Plan;

/// The run begins.
pub fn started(plan: &Plan, boot_id: String) -> Event {
    let window = plan.runbook.window;
    Event::RunStart(Box::new(RunStart {
        format: crate::transcript::FORMAT,
        minor: crate::transcript::MINOR,
        run: "simulated".to_owned(),
        plan: plan.digest.clone(),
        approved: None,
        runbook: plan.runbook.name.clone(),
        label: plan.label.clone(),
        outline: Outline::from(plan.runbook.as_ref()),
        sources: Vec::new(),
        inputs: Vec::new(),
        window_start_ms: None,
        window_ms: window.map(|window| window.window_ms),
        keep_ms: window.map(|window| window.keep_ms),
        boot_id,
        host: "simulated".to_owned(),
        operator: "simulated".to_owned(),
        ticket: None,
        program: "rehearsal".to_owned(),
    }))
}

/// How a run goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resumption {
    /// Milliseconds that nobody was there.
    pub after_ms: u64,
    /// The machine was started again in between.
    pub reboot: bool,
    /// It goes on only to turn back.
    pub turn_back: bool,
    /// Milliseconds by which the window is extended.
    pub extend_ms: u64,
}

impl Default for Resumption {
    /// A second later, as if nothing had been.
    fn default() -> Self {
        Self {
            after_ms: 1000,
            reboot: false,
            turn_back: false,
            extend_ms: 0,
        }
    }
}

/// Another runner goes on.
pub fn resumed(boot_id: String, resumption: Resumption) -> Vec<Event> {
    let resumed = Event::RunResumed(Box::new(RunResumed {
        boot_id,
        host: "simulated".to_owned(),
        operator: "simulated".to_owned(),
        program: "rehearsal".to_owned(),
        discarded_bytes: 0,
        turn_back: resumption.turn_back,
    }));
    let extended = Event::Decision {
        what: "extend".to_owned(),
        because: "agreed".to_owned(),
        who: "simulated".to_owned(),
        extend_ms: resumption.extend_ms,
    };
    let is_extended = resumption.extend_ms > 0;
    std::iter::once(resumed)
        .chain(is_extended.then_some(extended))
        .collect()
}
