//! `too-wide`: more steps may run at once than are run at once. The sums of time count on every step that is
//! ready being begun at once.
//!
//! A region whose steps fit into so many chains has no more of them at once. Chains are put together greedily,
//! which may need more of them than there have to be; only then the largest set is looked for.

use std::collections::VecDeque;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::prove::Case;

/// So many steps run at once.
const WIDTH_MAX: usize = 64;

/// In a larger region the chains that were found count.
const EXACT_STEPS_MAX: usize = 2_048;

pub(super) fn check(case: &Case<'_>, diagnostics: &mut Diagnostics) {
    // Without a window there are no sums; steps that are ready then wait for one that is done.
    if case.runbook.window.is_none() || !case.earlier.keep_structure() {
        return;
    }
    for region in case.order.regions().filter(|region| region.len() > WIDTH_MAX) {
        let mut width = chains(case, region);
        if width > WIDTH_MAX && region.len() <= EXACT_STEPS_MAX {
            width = region.len() - matched(case, region);
        }
        if width <= WIDTH_MAX {
            continue;
        }
        let first = &case.runbook.steps[region[0]];
        let message = format!("from here on {width} steps may run at once, and at most {WIDTH_MAX} are");
        let found = Diagnostic::error("too-wide", first.span, message);
        diagnostics.push(found.help("let some of them wait for others: `after a, b`, or no `after` at all"));
    }
}

/// Into how many chains a region is put, each step behind the first chain that ends before it.
fn chains(case: &Case<'_>, region: &[usize]) -> usize {
    let mut ends: Vec<usize> = Vec::new();
    for step in region {
        match ends.iter().position(|end| case.order.is_before(*end, *step)) {
            Some(at) => ends[at] = *step,
            None => ends.push(*step),
        }
        if ends.len() > EXACT_STEPS_MAX {
            break;
        }
    }
    ends.len()
}

/// The most pairs of one step and a later one in which each stands once on either side: as many fewer chains
/// than steps there are (Dilworth).
fn matched(case: &Case<'_>, region: &[usize]) -> usize {
    let count = region.len();
    let later: Vec<Vec<usize>> = region
        .iter()
        .map(|step| {
            (0..count)
                .filter(|at| case.order.is_before(*step, region[*at]))
                .collect()
        })
        .collect();
    let mut earlier_of: Vec<Option<usize>> = vec![None; count];
    let mut found = 0;
    for start in 0..count {
        let mut from: Vec<Option<usize>> = vec![None; count];
        let mut open = VecDeque::from([start]);
        let mut end = None;
        'search: while let Some(step) = open.pop_front() {
            for next in &later[step] {
                if from[*next].is_none() {
                    from[*next] = Some(step);
                    let Some(taken) = earlier_of[*next] else {
                        end = Some(*next);
                        break 'search;
                    };
                    open.push_back(taken);
                }
            }
        }
        found += usize::from(end.is_some());
        // Turns the path that was found round.
        while let Some(next) = end {
            let Some(step) = from[next] else { break };
            end = earlier_of.iter().position(|known| *known == Some(step));
            earlier_of[next] = Some(step);
        }
    }
    found
}
