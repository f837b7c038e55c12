//! Which steps wait for which: order, and what may run at once.
//!
//! Steps that every other step is ordered with are *cuts*; between two cuts lies a region of steps that
//! may run at once. Questions of order are answered by regions, and inside a region by a table of bits,
//! so a chain of any length costs linear time.

use std::ops::Range;

use crate::graph::topological;
use crate::model::Runbook;

/// Above this many steps in one region its steps count as unordered: safe, and of bounded size.
const REGION_STEPS_MAX: usize = 16_384;

/// The order of the steps of a runbook.
#[derive(Debug, Clone)]
pub struct StepOrder {
    /// The steps in an order in which they could run one by one; of several the earlier in the text.
    sequence: Vec<usize>,
    /// For each step its place in `sequence`.
    position: Vec<usize>,
    /// For each step the steps that wait for it directly.
    next: Vec<Vec<usize>>,
    regions: Vec<Region>,
    /// For each step its place in `regions`.
    region: Vec<usize>,
}

/// Steps between two cuts (or one cut), as positions.
#[derive(Debug, Clone)]
struct Region {
    positions: Range<usize>,
    /// For each step of the region one row of bits: which steps of the region come after it.
    after: Vec<u64>,
    words: usize,
}

impl StepOrder {
    /// The order of these steps. Steps in a cycle (an error elsewhere) come last.
    pub fn new(runbook: &Runbook) -> Self {
        let count = runbook.steps.len();
        let known = |after: &[usize]| after.iter().copied().filter(|before| *before < count).collect();
        let after: Vec<Vec<usize>> = runbook.steps.iter().map(|step| known(&step.after)).collect();
        let mut next = vec![Vec::new(); count];
        for (step, before) in after.iter().enumerate() {
            for before in before {
                next[*before].push(step);
            }
        }
        let sequence = topological(&after);
        let mut position = vec![0; count];
        for (at, step) in sequence.iter().enumerate() {
            position[*step] = at;
        }
        let mut order = Self {
            sequence,
            position,
            next,
            regions: Vec::new(),
            region: vec![0; count],
        };
        order.find_regions();
        order
    }

    /// The steps in an order in which they could run one by one.
    pub fn sequence(&self) -> &[usize] {
        &self.sequence
    }

    /// The place of a step in [`StepOrder::sequence`].
    pub fn position(&self, step: usize) -> usize {
        self.position[step]
    }

    /// The steps that wait directly for a step.
    pub fn next(&self, step: usize) -> &[usize] {
        &self.next[step]
    }

    /// The regions, in order: steps of one may run at once, steps of two never do.
    pub fn regions(&self) -> impl Iterator<Item = &[usize]> {
        self.regions
            .iter()
            .map(|region| &self.sequence[region.positions.clone()])
    }

    /// The steps that share a region with this one, itself included.
    pub fn region_of(&self, step: usize) -> &[usize] {
        &self.sequence[self.regions[self.region[step]].positions.clone()]
    }

    /// The steps of the same region that start only after this one is done. None where a region is too
    /// wide for a table: its steps count as unordered.
    pub fn after_in_region(&self, step: usize) -> impl Iterator<Item = usize> {
        let region = &self.regions[self.region[step]];
        let row = (self.position[step] - region.positions.start) * region.words;
        let words = region.after.get(row..row + region.words).unwrap_or(&[]);
        words.iter().enumerate().flat_map(move |(at, word)| {
            let mut bits = *word;
            std::iter::from_fn(move || {
                let bit = (bits != 0).then(|| bits.trailing_zeros() as usize)?;
                bits &= bits - 1;
                Some(self.sequence[region.positions.start + at * 64 + bit])
            })
        })
    }

    /// Whether `later` starts only after `step` is done.
    pub fn is_before(&self, step: usize, later: usize) -> bool {
        let (one, other) = (self.region[step], self.region[later]);
        if one != other {
            return one < other;
        }
        let region = &self.regions[one];
        let row = self.position[step] - region.positions.start;
        let column = self.position[later] - region.positions.start;
        let word = region.after.get(row * region.words + column / 64);
        word.is_some_and(|word| word & (1 << (column % 64)) != 0)
    }

    /// Whether two different steps may run at once.
    pub fn may_run_at_once(&self, step: usize, other: usize) -> bool {
        step != other && !self.is_before(step, other) && !self.is_before(other, step)
    }

    /// Whether a step may run in the stretch from the beginning of one step to the end of another.
    pub fn may_run_within(&self, step: usize, (from, until): (usize, usize)) -> bool {
        !self.is_before(step, from) && !self.is_before(until, step)
    }

    /// A step is a cut when everything before it in the sequence leads to it, and it to everything after.
    fn find_regions(&mut self) {
        let count = self.sequence.len();
        // The first step (as a position) that waits for each, and the last that each waits for.
        let mut first_next = vec![usize::MAX; count];
        let mut last_before: Vec<Option<usize>> = vec![None; count];
        for (at, step) in self.sequence.iter().enumerate() {
            for waiting in &self.next[*step] {
                let to = self.position[*waiting];
                first_next[at] = first_next[at].min(to);
                last_before[to] = last_before[to].max(Some(at));
            }
        }
        let mut leads_here = vec![true; count];
        let mut farthest = 0;
        for at in 0..count {
            leads_here[at] = farthest <= at;
            farthest = farthest.max(first_next[at]);
        }
        let mut is_cut = vec![false; count];
        let mut nearest = Some(usize::MAX);
        for at in (0..count).rev() {
            is_cut[at] = leads_here[at] && nearest.is_some_and(|nearest| nearest >= at);
            nearest = nearest.min(last_before[at]);
        }
        let mut start = 0;
        while start < count {
            let mut end = start + 1;
            while !is_cut[start] && end < count && !is_cut[end] {
                end += 1;
            }
            self.add_region(start..end);
            start = end;
        }
    }

    fn add_region(&mut self, positions: Range<usize>) {
        let size = positions.len();
        let words = size.div_ceil(64);
        let mut after = Vec::new();
        if size > 1 && size <= REGION_STEPS_MAX {
            after = vec![0_u64; size * words];
            for row in (0..size).rev() {
                for waiting in &self.next[self.sequence[positions.start + row]] {
                    let to = self.position[*waiting];
                    if !positions.contains(&to) || to <= positions.start + row {
                        continue;
                    }
                    let column = to - positions.start;
                    after[row * words + column / 64] |= 1 << (column % 64);
                    let (head, tail) = after.split_at_mut((row + 1) * words);
                    let below = &tail[(column - row - 1) * words..][..words];
                    for (mine, theirs) in head[row * words..].iter_mut().zip(below) {
                        *mine |= theirs;
                    }
                }
            }
        }
        for at in positions.clone() {
            self.region[self.sequence[at]] = self.regions.len();
        }
        self.regions.push(Region {
            positions,
            after,
            words,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Block, Disposition, Step};
    use crate::source::Span;

    fn order(after: &[&[usize]]) -> StepOrder {
        let mut runbook = Runbook::empty("order");
        let step = |after: &&[usize]| Step {
            name: String::new(),
            title: String::new(),
            doc: String::new(),
            after: after.to_vec(),
            before_window: false,
            budget_ms: None,
            body: Block::default(),
            on_failure: Disposition::Unwind,
            span: Span::default(),
        };
        runbook.steps = after.iter().map(step).collect();
        StepOrder::new(&runbook)
    }

    #[test]
    fn a_diamond_has_two_sides_that_may_run_at_once() {
        let order = order(&[&[], &[0], &[0], &[2], &[1, 3], &[4]]);
        assert!(order.may_run_at_once(1, 2) && order.may_run_at_once(1, 3));
        assert!(order.is_before(2, 3) && order.is_before(0, 5) && order.is_before(3, 4));
        assert!(!order.may_run_at_once(2, 3) && !order.may_run_at_once(0, 1));
        assert_eq!(order.regions().map(<[usize]>::len).collect::<Vec<_>>(), [1, 3, 1, 1]);
    }

    #[test]
    fn steps_without_order_are_one_region() {
        let order = order(&[&[], &[], &[]]);
        assert_eq!(order.regions().count(), 1);
        assert!(order.may_run_at_once(0, 2));
        let late = self::order(&[&[1], &[]]);
        assert_eq!(late.sequence(), [1, 0]);
        assert!(late.is_before(1, 0));
    }

    /// The table of bits agrees with walking the edges, on graphs of every small shape.
    #[test]
    fn regions_agree_with_walking_the_edges() {
        let count: usize = 6;
        let pairs: Vec<(usize, usize)> = (0..count).flat_map(|b| (0..b).map(move |a| (a, b))).collect();
        for mask in (0..1_usize << pairs.len()).step_by(7) {
            let mut after = vec![Vec::new(); count];
            for (bit, (a, b)) in pairs.iter().enumerate() {
                if mask & (1 << bit) != 0 {
                    after[*b].push(*a);
                }
            }
            let rows: Vec<&[usize]> = after.iter().map(Vec::as_slice).collect();
            let order = order(&rows);
            let mut reach = vec![vec![false; count]; count];
            for b in 0..count {
                for a in after[b].clone() {
                    for row in &mut reach {
                        row[b] |= row[a];
                    }
                    reach[a][b] = true;
                }
            }
            for (a, row) in reach.iter().enumerate() {
                for (b, reached) in row.iter().enumerate() {
                    assert_eq!(order.is_before(a, b), *reached, "{a} {b} of {after:?}");
                }
            }
        }
    }
}
