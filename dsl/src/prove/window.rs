//! `window-too-short`: the change, or the longest way back from it, does not fit the window.
//!
//! An approver can redo both sums, so the parts are told.

use crate::diagnostic::{Diagnostic, Diagnostics, listed};
use crate::prove::Case;
use crate::time::has_commits;
use crate::units::duration;

pub(super) fn check(case: &Case<'_>, diagnostics: &mut Diagnostics) {
    let Some(window) = case.runbook.window else { return };
    if case.earlier.lie_in(window.span) {
        return;
    }
    if window.keep_ms > window.window_ms {
        let (whole, kept) = (duration(window.window_ms), duration(window.keep_ms));
        let message = format!("{kept} are kept for the way back, and the whole window is {whole}");
        let help = "what is kept is a part of the window: make the window longer, or keep less";
        diagnostics.push(Diagnostic::error("window-too-short", window.span, message).help(help));
        return;
    }
    let times = case.times;
    let usable_ms = window.window_ms.saturating_sub(window.keep_ms);
    let mut wrong = Vec::new();
    let mut helps = Vec::new();
    if times.forward_to_commit_ms > usable_ms {
        let needs = duration(times.forward_to_commit_ms);
        let usable = duration(usable_ms);
        wrong.push(format!(
            "the way forward needs {needs}, and the window leaves {usable} for it"
        ));
        helps.push(format!("way forward: {}", path(case, true)));
    }
    if times.forward_ms > window.window_ms {
        let (needs, whole) = (duration(times.forward_ms), duration(window.window_ms));
        wrong.push(format!(
            "all steps together need {needs}, and the whole window is {whole}"
        ));
        if helps.is_empty() {
            helps.push(format!("all steps: {}", path(case, false)));
        }
    }
    if times.longest_way_back_ms > window.keep_ms && case.earlier.keep_names() {
        let (needs, kept) = (duration(times.longest_way_back_ms), duration(window.keep_ms));
        wrong.push(format!(
            "the longest way back needs {needs}, and {kept} are kept for it"
        ));
        let parts = times.way_back_parts.iter();
        let parts: Vec<String> = parts.map(|(words, ms)| format!("{words} {}", duration(*ms))).collect();
        helps.push(format!("longest way back: {}", listed(&parts, " + ")));
    }
    if wrong.is_empty() {
        return;
    }
    let mut diagnostic = Diagnostic::error("window-too-short", window.span, wrong.join("; "));
    for help in helps {
        diagnostic = diagnostic.help(help);
    }
    let help = "give the window more time, or the steps and ways back tighter budgets";
    let keep_ms = times.longest_way_back_ms.max(window.keep_ms);
    let window_ms = times.forward_to_commit_ms.saturating_add(keep_ms).max(times.forward_ms);
    let [whole, keep] = [window_ms.max(window.window_ms), keep_ms].map(|ms| duration(ms.next_multiple_of(1000)));
    diagnostics.push(diagnostic.suggest(help, window.span, format!("{whole} keep {keep}")));
}

/// The steps of the critical path with their budgets, to the last `commits` or to the end.
fn path(case: &Case<'_>, to_commit: bool) -> String {
    let steps = &case.runbook.steps;
    let budget = |step: usize| {
        let step = &steps[step];
        if step.before_window {
            0
        } else {
            step.budget_ms.unwrap_or(0)
        }
    };
    let finish = |step: usize| case.times.latest_start_ms[step].saturating_add(budget(step));
    let all = 0..steps.len();
    let has_any = all.clone().any(|step| has_commits(case.runbook, step));
    let ends = all.filter(|step| !to_commit || !has_any || has_commits(case.runbook, *step));
    let mut at = ends.max_by_key(|step| (finish(*step), std::cmp::Reverse(*step)));
    let mut parts = Vec::new();
    while let Some(step) = at {
        if budget(step) > 0 {
            parts.push(format!("{} {}", steps[step].name, duration(budget(step))));
        }
        let start = case.times.latest_start_ms[step];
        let others = (0..steps.len()).filter(|other| case.order.may_run_at_once(step, *other));
        let mut before = steps[step].after.iter().copied().chain(others);
        at = before.find(|before| start > 0 && budget(*before) > 0 && finish(*before) == start);
    }
    parts.reverse();
    listed(&parts, " + ")
}
