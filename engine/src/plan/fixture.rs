//! The plan of a runbook, for unit tests.

use backstay_dsl::model::Runbook;

/// The plan of a runbook without inputs and topology.
pub(crate) fn plan(runbook: Runbook) -> super::Plan {
    super::Plan {
        dependents: super::dependents(&runbook),
        statements: super::statements::index(&runbook),
        times: backstay_dsl::time::times(&runbook, &backstay_dsl::order::StepOrder::new(&runbook)),
        runbook: std::sync::Arc::new(runbook),
        inputs: std::collections::BTreeMap::new(),
        topology: std::sync::Arc::default(),
        digest: "sha256:test".to_owned(),
        source_digests: Vec::new(),
    }
}
