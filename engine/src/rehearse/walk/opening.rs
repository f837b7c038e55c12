//! The records that a simulated run opens with.

use crate::event::{Event, Outline, RunResumed, RunStart};
use crate::plan::Plan;

/// The run begins.
pub fn started(plan: &Plan, boot_id: String) -> Event {
    let window = plan.runbook.window;
    Event::RunStart(Box::new(RunStart {
        format: 1,
        minor: crate::transcript::MINOR,
        run: "simulated".to_owned(),
        plan: plan.digest.clone(),
        runbook: plan.runbook.name.clone(),
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

/// Another runner goes on.
pub fn resumed(boot_id: String) -> Event {
    Event::RunResumed(Box::new(RunResumed {
        boot_id,
        host: "simulated".to_owned(),
        operator: "simulated".to_owned(),
        program: "rehearsal".to_owned(),
        discarded_bytes: 0,
        turn_back: false,
    }))
}
