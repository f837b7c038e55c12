//! Who asks or calls whom: for recursion, for marks that questions leave, for what is used at all.

use std::collections::{BTreeMap, BTreeSet};

use crate::graph;
use crate::source::Span;

/// Something that asks or calls.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Node {
    /// A question: its file, its place there.
    Question(usize, usize),
    /// A procedure: its file, its place there.
    Procedure(usize, usize),
    Anchor(String),
    /// What being well means, of any service.
    Well,
}

/// The links found so far.
#[derive(Debug, Default)]
pub(crate) struct Links {
    current: Option<Node>,
    edges: BTreeMap<Node, Vec<(Node, Span)>>,
    used: BTreeSet<Node>,
    names: BTreeMap<String, Node>,
    tracing: BTreeSet<Node>,
    recursive: BTreeSet<Node>,
}

impl Links {
    /// From here on links come from `node`; gives back where they came from before.
    pub(crate) fn enter(&mut self, node: Node) -> Option<Node> {
        self.edges.entry(node.clone()).or_default();
        self.current.replace(node)
    }

    /// Ends [`Self::enter`].
    pub(crate) fn leave(&mut self, before: Option<Node>) {
        self.current = before;
    }

    /// Who asks or calls now.
    pub(crate) fn current(&self) -> Option<&Node> {
        self.current.as_ref()
    }

    /// The current one asks or calls `node`.
    pub(crate) fn uses(&mut self, node: Node, span: Span) {
        match &self.current {
            Some(current) => self.edges.entry(current.clone()).or_default().push((node, span)),
            None => {
                self.used.insert(node);
            }
        }
    }

    /// The current one asks whether a service is well.
    pub(crate) fn asks_well(&mut self, span: Span) {
        self.uses(Node::Well, span);
    }

    /// The current one reads in a way that can leave marks.
    pub(crate) fn leaves_marks(&mut self) {
        if let Some(current) = &self.current {
            self.tracing.insert(current.clone());
        }
    }

    /// A question is known by this name.
    pub(crate) fn name_question(&mut self, name: &str, node: Node) {
        self.names.insert(name.to_owned(), node);
    }

    /// The question of this name.
    pub(crate) fn node_of(&self, name: &str) -> Option<&Node> {
        self.names.get(name)
    }

    /// Works out what follows; after this the questions below have answers. Gives the cycles: each a list
    /// of who asks, with the place where it asks the next.
    pub(crate) fn close(&mut self) -> Vec<Vec<(Node, Span)>> {
        let nodes: Vec<Node> = self.edges.keys().cloned().collect();
        let place: BTreeMap<&Node, usize> = nodes.iter().enumerate().map(|(at, node)| (node, at)).collect();
        let numbers: Vec<Vec<usize>> = nodes
            .iter()
            .map(|node| {
                let targets = self.edges[node].iter();
                targets.filter_map(|(to, _)| place.get(to).copied()).collect()
            })
            .collect();
        self.spread_marks();
        let mut found = Vec::new();
        let knotted = graph::knots(&numbers).into_iter().flatten();
        self.recursive = knotted.map(|number| nodes[number].clone()).collect();
        for cycle in graph::cycles(&numbers) {
            let mut parts = Vec::with_capacity(cycle.len());
            for (at, number) in cycle.iter().enumerate() {
                let next = &nodes[cycle[(at + 1) % cycle.len()]];
                let edge = self.edges[&nodes[*number]].iter().find(|(to, _)| to == next);
                if let Some((_, span)) = edge {
                    parts.push((nodes[*number].clone(), *span));
                }
            }
            found.push(parts);
        }
        found
    }

    fn spread_marks(&mut self) {
        loop {
            let more: Vec<Node> = self
                .edges
                .iter()
                .filter(|(node, targets)| {
                    !self.tracing.contains(node) && targets.iter().any(|(to, _)| self.tracing.contains(to))
                })
                .map(|(node, _)| node.clone())
                .collect();
            if more.is_empty() {
                return;
            }
            self.tracing.extend(more);
        }
    }

    /// Whether the question of this name can leave marks.
    pub(crate) fn leaves_traces(&self, name: &str) -> bool {
        self.names.get(name).is_some_and(|node| self.tracing.contains(node))
    }

    /// Whether asking for a service's health can leave marks.
    pub(crate) fn well_leaves_traces(&self) -> bool {
        self.tracing.contains(&Node::Well)
    }

    /// Whether it calls itself, perhaps through others.
    pub(crate) fn is_recursive(&self, node: &Node) -> bool {
        self.recursive.contains(node)
    }

    /// Everything that the runbook uses, over all in between.
    pub(crate) fn all_used(&self) -> BTreeSet<Node> {
        let mut found = self.used.clone();
        let anchors = self
            .edges
            .keys()
            .filter(|node| matches!(node, Node::Anchor(_) | Node::Well));
        found.extend(anchors.cloned());
        let mut open: Vec<Node> = found.iter().cloned().collect();
        while let Some(node) = open.pop() {
            for (to, _) in self.edges.get(&node).into_iter().flatten() {
                if found.insert(to.clone()) {
                    open.push(to.clone());
                }
            }
        }
        found
    }
}
