//! An empty runbook for unit tests.

use backstay_dsl::model::{Disposition, Runbook};

/// A runbook with nothing in it.
pub(crate) fn runbook() -> Runbook {
    Runbook {
        name: "r".to_owned(),
        title: "r".to_owned(),
        doc: String::new(),
        version: None,
        owner: None,
        affects: None,
        window: None,
        on_failure: Disposition::Unwind,
        on_interrupt: Disposition::Unwind,
        inputs: Vec::new(),
        services: Vec::new(),
        states: Vec::new(),
        anchors: Vec::new(),
        holds: Vec::new(),
        steps: Vec::new(),
        rollbacks: Vec::new(),
        parks: Vec::new(),
        tables: Vec::new(),
        scenarios: Vec::new(),
        questions: Vec::new(),
        bindings: Vec::new(),
    }
}
