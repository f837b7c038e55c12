//! The order of the steps, and cycles in any graph: the one place that knows petgraph.
//!
//! A step waits for every step written above it unless it says otherwise. That default is kept as a word
//! ([`Waits::Above`]), never as edges, so a plain file of N steps costs N and not N².

use std::collections::{BTreeMap, BTreeSet};

use petgraph::algo::{astar, kosaraju_scc};
use petgraph::graphmap::DiGraphMap;

/// What one step says about its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Waits {
    /// Every step written above it.
    Above,
    For(Vec<usize>),
}

/// The order of the steps of one runbook; steps are places in the text.
#[derive(Debug)]
pub struct WrittenOrder {
    waits: Vec<Waits>,
    /// Further steps that one waits for, because it uses their values.
    further: Vec<Vec<usize>>,
    /// For each step that waits for one written below it: which ones. Nearly always empty.
    forward: BTreeMap<usize, Vec<usize>>,
    /// The ancestors asked for last.
    ancestors: Ancestors,
}

/// The ancestors of one step: everything below `prefix`, and what carries the current mark.
#[derive(Debug, Default)]
struct Ancestors {
    of: Option<usize>,
    prefix: usize,
    mark: u32,
    marks: Vec<u32>,
}

impl WrittenOrder {
    /// The order as written; places beyond the list are left out.
    pub fn new(waits: Vec<Waits>) -> Self {
        let count = waits.len();
        let mut order = Self {
            waits,
            further: vec![Vec::new(); count],
            forward: BTreeMap::new(),
            ancestors: Ancestors {
                marks: vec![0; count],
                ..Ancestors::default()
            },
        };
        for step in 0..count {
            let below: Vec<usize> = match &order.waits[step] {
                Waits::Above => Vec::new(),
                Waits::For(list) => list.iter().copied().filter(|before| *before >= step).collect(),
            };
            if !below.is_empty() {
                order.forward.insert(step, below);
            }
        }
        order
    }

    /// Makes `step` wait for `before` too.
    pub fn add(&mut self, before: usize, step: usize) {
        self.further[step].push(before);
        if before >= step {
            self.forward.entry(step).or_default().push(before);
        }
        self.ancestors.of = None;
    }

    /// Whether `before` is done whenever `step` starts.
    pub fn is_before(&mut self, before: usize, step: usize) -> bool {
        match &self.waits[step] {
            Waits::Above if before < step => return true,
            Waits::For(list) if list.contains(&before) => return true,
            _ if self.further[step].contains(&before) => return true,
            Waits::Above if self.forward.is_empty() => return false,
            _ => {}
        }
        self.find_ancestors(step, 0);
        before < self.ancestors.prefix || self.ancestors.marks[before] == self.ancestors.mark
    }

    /// Finds what `step` waits for, over all in between; `floor` leaves out what lies above it in the
    /// text, and is only for an order without forward references.
    fn find_ancestors(&mut self, step: usize, floor: usize) {
        if self.ancestors.of == Some(step) && floor == 0 {
            return;
        }
        self.mark_ancestors(vec![step], floor);
        self.ancestors.of = (floor == 0).then_some(step);
    }

    /// Marks what any of these steps waits for.
    fn mark_ancestors(&mut self, mut open: Vec<usize>, floor: usize) {
        self.ancestors.of = None;
        self.ancestors.mark += 1;
        self.ancestors.prefix = 0;
        while let Some(next) = open.pop() {
            let found = &mut self.ancestors;
            let mut visit = |before: usize| {
                if before >= floor && found.marks[before] != found.mark {
                    found.marks[before] = found.mark;
                    open.push(before);
                }
            };
            self.further[next].iter().for_each(|before| visit(*before));
            match &self.waits[next] {
                Waits::For(list) => list.iter().for_each(|before| visit(*before)),
                Waits::Above if next > found.prefix => {
                    let known = found.prefix;
                    found.prefix = next;
                    // Everything above counts; of that only what points downwards leads further.
                    for (_, below) in self.forward.range(known..next) {
                        for before in below {
                            if found.marks[*before] != found.mark {
                                found.marks[*before] = found.mark;
                                open.push(*before);
                            }
                        }
                    }
                }
                Waits::Above => {}
            }
        }
    }

    /// For each step the steps that it waits for directly, ascending; what follows from the others is
    /// left out, unless there is a cycle.
    pub fn direct(&mut self) -> Vec<Vec<usize>> {
        let mut sinks: BTreeSet<usize> = BTreeSet::new();
        let mut waited_for_above: BTreeSet<usize> = BTreeSet::new();
        let mut direct = Vec::with_capacity(self.waits.len());
        for step in 0..self.waits.len() {
            let mut before: BTreeSet<usize> = self.further[step].iter().copied().collect();
            match &self.waits[step] {
                Waits::Above => before.extend(sinks.iter().copied()),
                Waits::For(list) => before.extend(list.iter().copied()),
            }
            for known in &before {
                sinks.remove(known);
                if *known > step {
                    waited_for_above.insert(*known);
                }
            }
            if !waited_for_above.contains(&step) {
                sinks.insert(step);
            }
            direct.push(before.into_iter().collect());
        }
        if !cycles(&direct).is_empty() {
            return direct;
        }
        for (step, before) in direct.iter_mut().enumerate() {
            let is_plain = self.forward.is_empty() && self.further[step].is_empty();
            if !is_plain || !matches!(self.waits[step], Waits::Above) {
                *before = self.reduce(std::mem::take(before));
            }
        }
        direct
    }

    /// Leaves out of a list what another of the list already waits for.
    fn reduce(&mut self, list: Vec<usize>) -> Vec<usize> {
        if list.len() < 2 {
            return list;
        }
        let floor = if self.forward.is_empty() { list[0] } else { 0 };
        // Without a cycle none waits for itself, so what is marked follows from another.
        self.mark_ancestors(list.clone(), floor);
        let found = &self.ancestors;
        let follows = |step: usize| step < found.prefix || found.marks[step] == found.mark;
        list.into_iter().filter(|step| !follows(*step)).collect()
    }
}

/// An order in which each node comes after those it waits for, the smallest first where there is a
/// choice; nodes of a cycle come last, in order of number.
pub fn topological(direct: &[Vec<usize>]) -> Vec<usize> {
    let mut waiting: Vec<usize> = direct.iter().map(Vec::len).collect();
    let mut followers: Vec<Vec<usize>> = vec![Vec::new(); direct.len()];
    for (node, before) in direct.iter().enumerate() {
        for known in before {
            followers[*known].push(node);
        }
    }
    let mut ready: BTreeSet<usize> = (0..direct.len()).filter(|node| waiting[*node] == 0).collect();
    let mut order = Vec::with_capacity(direct.len());
    while let Some(node) = ready.pop_first() {
        order.push(node);
        for follower in &followers[node] {
            waiting[*follower] -= 1;
            if waiting[*follower] == 0 {
                ready.insert(*follower);
            }
        }
    }
    order.extend((0..direct.len()).filter(|node| waiting[*node] > 0));
    order
}

/// The knots of a graph given as "node → the nodes it leads to": sets of nodes each of which leads to each, one
/// that leads to itself included; by their smallest node.
pub fn knots(edges: &[Vec<usize>]) -> Vec<BTreeSet<usize>> {
    let lists = edges.iter().enumerate();
    let graph: DiGraphMap<usize, ()> = lists
        .flat_map(|(from, list)| list.iter().map(move |to| (from, *to)))
        .collect();
    let mut found: Vec<BTreeSet<usize>> = kosaraju_scc(&graph)
        .into_iter()
        .map(BTreeSet::from_iter)
        .filter(|knot| knot.len() > 1 || knot.first().is_some_and(|one| edges[*one].contains(one)))
        .collect();
    found.sort();
    found
}

/// One cycle out of each knot: its nodes in order, the smallest first. A node that leads to itself is a cycle of
/// one.
pub fn cycles(edges: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let knots = knots(edges);
    let first = |knot: &BTreeSet<usize>| Some(shortest_cycle(edges, knot, *knot.first()?));
    knots.iter().filter_map(first).collect()
}

/// The shortest way from `first` back to itself within a knot.
fn shortest_cycle(edges: &[Vec<usize>], members: &BTreeSet<usize>, first: usize) -> Vec<usize> {
    // What leads back to `first` leads to a node of its own, so that there is a way to search for.
    const BACK: usize = usize::MAX;
    let inside = |from: usize| {
        edges[from]
            .iter()
            .filter(|to| members.contains(to))
            .map(move |to| (from, *to))
    };
    let edges = members.iter().flat_map(|from| inside(*from));
    let knot: DiGraphMap<usize, ()> = edges
        .map(|(from, to)| (from, if to == first { BACK } else { to }))
        .collect();
    let found = astar(&knot, first, |node| node == BACK, |_| 1_usize, |_| 0);
    let way = found.map_or_else(Vec::new, |(_, way)| way);
    way.into_iter().filter(|node| *node != BACK).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_plain_file_is_a_chain() {
        let mut order = WrittenOrder::new(vec![Waits::Above; 4]);
        assert_eq!(order.direct(), [vec![], vec![0], vec![1], vec![2]]);
        assert!(order.is_before(0, 3) && !order.is_before(3, 0));
    }

    #[test]
    fn a_step_after_parallel_ones_waits_for_their_ends() {
        let waits = vec![
            Waits::Above,
            Waits::Above,
            Waits::For(vec![0]),
            Waits::For(vec![0, 2]),
            Waits::Above,
        ];
        let mut order = WrittenOrder::new(waits);
        assert_eq!(order.direct(), [vec![], vec![0], vec![0], vec![2], vec![1, 3]]);
        assert!(!order.is_before(1, 3));
    }

    #[test]
    fn cycles_are_printable() {
        let edges = [vec![2], vec![1], vec![3], vec![0], vec![0]];
        assert_eq!(cycles(&edges), [vec![0, 2, 3], vec![1]]);
    }

    fn waits() -> impl Strategy<Value = (Vec<Waits>, Vec<(usize, usize)>)> {
        (1_usize..14).prop_flat_map(|count| {
            let one = prop_oneof![
                2 => Just(Waits::Above),
                3 => prop::collection::vec(0..count, 0..4).prop_map(Waits::For),
            ];
            (
                prop::collection::vec(one, count),
                prop::collection::vec((0..count, 0..count), 0..3),
            )
        })
    }

    /// Reachability by the plain definition: all edges written out, closed.
    fn closure(waits: &[Waits], further: &[(usize, usize)]) -> Vec<Vec<bool>> {
        let count = waits.len();
        let mut reaches = vec![vec![false; count]; count];
        for (step, one) in waits.iter().enumerate() {
            match one {
                Waits::Above => (0..step).for_each(|before| reaches[step][before] = true),
                Waits::For(list) => list.iter().for_each(|before| reaches[step][*before] = true),
            }
        }
        for (before, step) in further {
            reaches[*step][*before] = true;
        }
        for middle in 0..count {
            for step in 0..count {
                for before in 0..count {
                    reaches[step][before] |= reaches[step][middle] && reaches[middle][before];
                }
            }
        }
        reaches
    }

    proptest! {
        #[test]
        fn the_short_form_means_the_long_one((waits, further) in waits()) {
            let count = waits.len();
            let expected = closure(&waits, &further);
            let mut order = WrittenOrder::new(waits);
            for (before, step) in &further {
                order.add(*before, *step);
            }
            for (step, row) in expected.iter().enumerate() {
                for (before, is_before) in row.iter().enumerate() {
                    prop_assert_eq!(order.is_before(before, step), *is_before);
                }
            }
            let acyclic = (0..count).all(|step| !expected[step][step]);
            let direct = order.direct();
            prop_assert_eq!(cycles(&direct).is_empty(), acyclic);
            if acyclic {
                let short: Vec<Waits> = direct.iter().cloned().map(Waits::For).collect();
                prop_assert_eq!(closure(&short, &[]), expected.clone());
                for before in &direct {
                    for one in before {
                        prop_assert!(before.iter().all(|other| !expected[*other][*one]));
                    }
                }
                let place = topological(&direct);
                let position = |step: usize| place.iter().position(|known| *known == step);
                for (step, before) in direct.iter().enumerate() {
                    prop_assert!(before.iter().all(|one| position(*one) < position(step)));
                }
            }
        }
    }
}
