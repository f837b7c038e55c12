//! An empty runbook and its plan, for unit tests.

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

/// The plan of a runbook without inputs and topology.
pub(crate) fn plan(runbook: Runbook) -> super::Plan {
    super::Plan {
        dependents: super::dependents(&runbook),
        statements: super::statements::index(&runbook),
        times: backstay_dsl::time::times(&runbook),
        runbook: std::sync::Arc::new(runbook),
        inputs: std::collections::BTreeMap::new(),
        topology: std::sync::Arc::default(),
        digest: "sha256:test".to_owned(),
        source_digests: Vec::new(),
    }
}
