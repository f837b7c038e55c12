//! The plan of a runbook, for unit tests.

use backstay_dsl::model::Runbook;

/// The plan of a runbook without inputs and topology.
pub(crate) fn plan(runbook: Runbook) -> super::Plan {
    let runbook = std::sync::Arc::new(runbook);
    super::Plan {
        times: backstay_dsl::time::times(&runbook, &backstay_dsl::order::StepOrder::new(&runbook)),
        program: super::Program::new(runbook.clone()),
        runbook,
        redactor: super::Redactor::default(),
        inputs: std::collections::BTreeMap::new(),
        label: None,
        hosts: std::collections::BTreeMap::new(),
        topology: std::sync::Arc::default(),
        digest: "sha256:test".to_owned(),
        source_digests: Vec::new(),
        places: crate::eval::Places {
            working_directory: "/".into(),
            home: None,
        },
    }
}
