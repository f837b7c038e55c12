//! Where things lie: a tree over [`crate::term::trail`]s, in which one node is one thing, whatever kind names
//! it, and what lies in a thing is below it.

use std::collections::BTreeMap;

use crate::state::slot::SlotId;
use crate::term::Term;

#[derive(Debug, Clone)]
pub(super) struct Node {
    children: BTreeMap<Term, usize>,
    pub(super) slot: Option<SlotId>,
    /// The protected states that this is a part of, by index.
    pub(super) part_of: Vec<usize>,
    /// The protected states that this is excepted from, by index.
    pub(super) excepted_from: Vec<usize>,
    /// The members whose `well` reads this, by index.
    pub(super) evidence_of: Vec<usize>,
}

#[derive(Debug, Clone)]
pub(super) struct Tree(Vec<Node>);

impl Tree {
    pub(super) fn new() -> Self {
        Self(vec![Node::new()])
    }

    /// The nodes from the root down to this trail, made where they are missing; never empty.
    pub(super) fn path(&mut self, trail: &[Term]) -> Vec<usize> {
        let mut path = vec![0];
        let mut at = 0;
        for term in trail {
            let next = self.0.len();
            let known = *self.0[at].children.entry(term.clone()).or_insert(next);
            if known == next {
                self.0.push(Node::new());
            }
            at = known;
            path.push(at);
        }
        path
    }

    /// The nodes that hold this trail, are it, or lie in it.
    pub(super) fn overlapping(&self, trail: &[Term]) -> Vec<usize> {
        let mut found = vec![0];
        let mut at = 0;
        for term in trail {
            match self.0[at].children.get(term) {
                Some(next) => at = *next,
                None => return found,
            }
            found.push(at);
        }
        found.extend(self.below(at));
        found
    }

    /// What is at the end of this trail.
    pub(super) fn find(&self, trail: &[Term]) -> Option<SlotId> {
        let mut way = trail.iter();
        let node = way.try_fold(0, |at, term| self.0[at].children.get(term).copied())?;
        self.0[node].slot
    }

    /// What holds this trail, from the outside in.
    pub(super) fn holders(&self, trail: &[Term]) -> Vec<SlotId> {
        let mut found = Vec::new();
        let mut at = 0;
        for term in trail {
            found.extend(self.0[at].slot);
            match self.0[at].children.get(term) {
                Some(next) => at = *next,
                None => break,
            }
        }
        found
    }

    /// Every node below this one.
    pub(super) fn below(&self, node: usize) -> Vec<usize> {
        let mut found: Vec<usize> = self.0[node].children.values().copied().collect();
        let mut done = 0;
        while let Some(next) = found.get(done) {
            let children: Vec<usize> = self.0[*next].children.values().copied().collect();
            found.extend(children);
            done += 1;
        }
        found
    }

    pub(super) fn node(&self, node: usize) -> &Node {
        &self.0[node]
    }

    pub(super) fn node_mut(&mut self, node: usize) -> &mut Node {
        &mut self.0[node]
    }
}

impl Node {
    fn new() -> Self {
        Self {
            children: BTreeMap::new(),
            slot: None,
            part_of: Vec::new(),
            excepted_from: Vec::new(),
            evidence_of: Vec::new(),
        }
    }
}
