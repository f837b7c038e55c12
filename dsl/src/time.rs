//! The arithmetic of time (`semantics.md` section 4): two sums that an approver can redo.

use crate::model::{Rollback, Runbook, StatementKind};
use crate::order::StepOrder;

mod cost;

pub(crate) use cost::acts;

pub mod way_back;

/// The sums of a runbook, milliseconds. Zero where the runbook gives no budgets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Times {
    /// Critical path of the budgets up to and with the last step that `commits` (all of it without one).
    pub forward_to_commit_ms: u64,
    /// Critical path of all budgets (steps `before window` left out).
    pub forward_ms: u64,
    /// The longest way back from any point before `commits`.
    pub longest_way_back_ms: u64,
    /// What the longest way back is made of, in words and milliseconds, for a person who checks the sum.
    pub way_back_parts: Vec<(String, u64)>,
    /// Window − keep − forward up to the last commits; `None` without a window, zero where it does not fit.
    pub slack_ms: Option<u64>,
    /// For each step, by its place: critical path from its start to the last `commits` (to the end
    /// without one), its own budget included. For rule R1.
    pub remaining_ms: Vec<u64>,
    /// For each step, by its place: when it starts at the latest on the critical path, from the window's start.
    pub latest_start_ms: Vec<u64>,
}

/// Works out the sums.
pub fn times(runbook: &Runbook, order: &StepOrder) -> Times {
    let forward = Forward::new(runbook, order);
    let commits: Vec<usize> = (0..runbook.steps.len())
        .filter(|step| has_commits(runbook, *step))
        .collect();
    let forward_ms = forward.finish_ms.iter().copied().max().unwrap_or(0);
    let forward_to_commit_ms = commits
        .iter()
        .map(|step| forward.finish_ms[*step])
        .max()
        .unwrap_or(forward_ms);
    let (longest_way_back_ms, way_back_parts) = way_back::longest(runbook, order);
    Times {
        forward_to_commit_ms,
        forward_ms,
        longest_way_back_ms,
        way_back_parts,
        slack_ms: runbook.window.map(|window| {
            let usable_ms = window.window_ms.saturating_sub(window.keep_ms);
            usable_ms.saturating_sub(forward_to_commit_ms)
        }),
        remaining_ms: forward.remaining(runbook, &commits),
        latest_start_ms: forward.start_ms,
    }
}

/// Whether a step has a point of no return.
pub(crate) fn has_commits(runbook: &Runbook, step: usize) -> bool {
    runbook.steps[step].body.commits().is_some()
}

/// Whether the stretch of a way back is over where this step begins.
pub(crate) fn has_ended(order: &StepOrder, branch: &Rollback, step: usize) -> bool {
    order.is_before(branch.until, step)
}

/// The budget of a step as it counts in the sums.
fn budget_ms(runbook: &Runbook, step: usize) -> u64 {
    let step = &runbook.steps[step];
    if step.before_window {
        0
    } else {
        step.budget_ms.unwrap_or(0)
    }
}

/// The way forward: when each step starts and ends when all budgets are used up.
struct Forward {
    /// All steps, each after what it waits for.
    sequence: Vec<usize>,
    /// The steps that each waits for, the one whose people it needs among them.
    before: Vec<Vec<usize>>,
    start_ms: Vec<u64>,
    finish_ms: Vec<u64>,
}

impl Forward {
    fn new(runbook: &Runbook, order: &StepOrder) -> Self {
        let count = runbook.steps.len();
        let mut before = vec![Vec::new(); count];
        for step in 0..count {
            for next in order.next(step) {
                before[*next].push(step);
            }
        }
        let mut forward = Self {
            sequence: order.sequence().to_vec(),
            before,
            start_ms: vec![0; count],
            finish_ms: vec![0; count],
        };
        forward.schedule(runbook);
        // People are serial: steps that ask wait for one another, in the order in which they could start.
        let starts = forward.start_ms.clone();
        forward
            .sequence
            .sort_by_key(|step| (starts[*step], order.position(*step)));
        let mut previous: Option<usize> = None;
        for step in forward.sequence.clone() {
            if !asks(runbook, step) {
                continue;
            }
            if let Some(previous) = previous.filter(|previous| order.may_run_at_once(*previous, step)) {
                forward.before[step].push(previous);
            }
            previous = Some(step);
        }
        forward.schedule(runbook);
        forward
    }

    fn schedule(&mut self, runbook: &Runbook) {
        for step in &self.sequence {
            let before = self.before[*step].iter();
            let start = before.map(|before| self.finish_ms[*before]).max().unwrap_or(0);
            self.start_ms[*step] = start;
            self.finish_ms[*step] = start.saturating_add(budget_ms(runbook, *step));
        }
    }

    /// From the start of each step to the last `commits` behind it; to its own end where none is behind it.
    fn remaining(&self, runbook: &Runbook, commits: &[usize]) -> Vec<u64> {
        let count = self.sequence.len();
        let mut after_ms = vec![0_u64; count];
        let mut leads_to_commit = vec![commits.is_empty(); count];
        for step in commits {
            leads_to_commit[*step] = true;
        }
        let mut remaining = vec![0; count];
        for step in self.sequence.iter().rev() {
            remaining[*step] = after_ms[*step].saturating_add(budget_ms(runbook, *step));
            if !leads_to_commit[*step] {
                continue;
            }
            for before in &self.before[*step] {
                after_ms[*before] = after_ms[*before].max(remaining[*step]);
                leads_to_commit[*before] = true;
            }
        }
        remaining
    }
}

/// Whether a step asks a person, in the window.
fn asks(runbook: &Runbook, step: usize) -> bool {
    let step = &runbook.steps[step];
    let mut statements = step.body.statements.iter();
    !step.before_window && statements.any(|statement| matches!(statement.kind, StatementKind::Ask(_)))
}
