//! What follows from the plan and is looked up again and again; worked out once.

use std::collections::BTreeMap;

use crate::plan::Plan;

/// Look-ups into a plan.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Layout {
    steps: BTreeMap<String, usize>,
    holds: BTreeMap<String, usize>,
    /// For each step: the symptom tables that are for it.
    tables: Vec<Vec<usize>>,
}

impl Layout {
    /// Works it out. Linear in the steps.
    pub(super) fn new(plan: &Plan) -> Self {
        let runbook = &plan.runbook;
        let names = runbook.steps.iter().enumerate();
        let holds = runbook.holds.iter().enumerate();
        let mut tables = vec![Vec::new(); runbook.steps.len()];
        for (place, table) in runbook.tables.iter().enumerate() {
            for step in &table.steps {
                if let Some(of_step) = tables.get_mut(*step) {
                    of_step.push(place);
                }
            }
        }
        Self {
            steps: names.map(|(place, step)| (step.name.clone(), place)).collect(),
            holds: holds.map(|(place, hold)| (hold.name.clone(), place)).collect(),
            tables,
        }
    }

    /// The place of a step.
    pub(super) fn step(&self, name: &str) -> Option<usize> {
        self.steps.get(name).copied()
    }

    /// The place of a hold.
    pub(super) fn hold(&self, name: &str) -> Option<usize> {
        self.holds.get(name).copied()
    }

    /// The symptom tables of a step.
    pub(super) fn tables(&self, step: usize) -> &[usize] {
        self.tables.get(step).map_or(&[], Vec::as_slice)
    }
}
