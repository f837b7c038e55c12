//! The arithmetic of time (`semantics.md` section 4): two sums that an approver can redo.

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
    /// Window − keep − forward up to the last commits; `None` without a window.
    pub slack_ms: Option<u64>,
    /// For each step, by its place: critical path from its start to the last `commits` (to the end
    /// without one), its own budget included. For rule R1.
    pub remaining_ms: Vec<u64>,
    /// For each step, by its place: when it starts at the latest on the critical path, from the window's start.
    pub latest_start_ms: Vec<u64>,
}
