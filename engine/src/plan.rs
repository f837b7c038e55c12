//! A plan: the checked runbook with its inputs, worked out to the last word before anything runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use backstay_dsl::model::{Runbook, Statement};
use backstay_dsl::time::Times;

use crate::topology::Topology;
use crate::value::Value;

/// What is going to be carried out. Everything in it is fixed before the first record.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The checked runbook.
    pub runbook: Arc<Runbook>,
    /// The inputs, validated; secrets among them.
    pub inputs: BTreeMap<String, Value>,
    /// Services and states with their real values.
    pub topology: Arc<Topology>,
    /// The sums of time.
    pub times: Times,
    /// SHA-256 over sources, catalogue, plan format, inputs (secrets by name) and times: `sha256:…`.
    pub digest: String,
    /// Each source: name and SHA-256.
    pub source_digests: Vec<(String, String)>,
    /// For each step, by place: the steps that wait for it.
    pub dependents: Vec<Vec<usize>>,
    /// Every statement of the runbook by its key: steps, undos, ways back, parks, rows, holds.
    pub statements: BTreeMap<String, Arc<Statement>>,
}
