//! What follows from the plan and is looked up again and again; worked out once.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use crate::plan::Plan;

/// Look-ups into a plan.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Layout {
    steps: BTreeMap<String, usize>,
    holds: BTreeMap<String, usize>,
    /// For each step: its place in one fixed order in which every step stands after those it waits for.
    ranks: Vec<usize>,
    /// For each step: the symptom tables that are for it.
    tables: Vec<Vec<usize>>,
}

impl Layout {
    /// Works it out. Linear in the steps and edges, but for the order (a logarithm).
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
            ranks: ranks(plan),
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

    /// The rank of a step.
    pub(super) fn rank(&self, step: usize) -> usize {
        self.ranks.get(step).copied().unwrap_or(usize::MAX)
    }

    /// The symptom tables of a step.
    pub(super) fn tables(&self, step: usize) -> &[usize] {
        self.tables.get(step).map_or(&[], Vec::as_slice)
    }
}

fn ranks(plan: &Plan) -> Vec<usize> {
    let steps = &plan.runbook.steps;
    let mut waits_for: Vec<usize> = steps.iter().map(|step| step.after.len()).collect();
    let free = waits_for.iter().enumerate().filter(|(_, count)| **count == 0);
    let mut ready: BinaryHeap<Reverse<usize>> = free.map(|(step, _)| Reverse(step)).collect();
    let mut ranks = vec![usize::MAX; steps.len()];
    let mut rank = 0;
    while let Some(Reverse(step)) = ready.pop() {
        if let Some(of_step) = ranks.get_mut(step) {
            *of_step = rank;
            rank += 1;
        }
        for next in plan.dependents.get(step).into_iter().flatten() {
            if let Some(count) = waits_for.get_mut(*next) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    ready.push(Reverse(*next));
                }
            }
        }
    }
    ranks
}
