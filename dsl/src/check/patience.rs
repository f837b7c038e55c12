//! How long a check may take that does not say so itself.

use std::collections::BTreeSet;

use crate::check::links::Node;
use crate::check::{Checker, EVALUATION_MS};
use crate::model::{Expr, ExprKind, LimitBy};
use crate::walk;

/// So many questions are looked into for what one check asks.
const QUESTIONS_MAX: usize = 64;

impl Checker<'_> {
    /// What `within` is where it is not written: the usual time, or the longest that a question in the condition
    /// says of itself, in milliseconds.
    pub(crate) fn usual_within_ms(&self, condition: &Expr) -> u64 {
        let mut longest_ms = EVALUATION_MS;
        let mut seen = BTreeSet::new();
        let mut open = vec![condition];
        while let Some(expr) = open.pop() {
            for part in walk::deep(expr) {
                match &part.kind {
                    ExprKind::Read(call) if call.effects.limit_by != LimitBy::Action => {
                        longest_ms = longest_ms.max(call.effects.limit_ms);
                    }
                    ExprKind::Question { name, .. } if seen.len() < QUESTIONS_MAX && seen.insert(name) => {
                        let Some(Node::Question(module, place)) = self.links.node_of(name) else {
                            continue;
                        };
                        let question = self.questions.get(&(*module, *place)).into_iter();
                        open.extend(question.flat_map(|question| {
                            let lets = question.lets.iter().map(|(_, value)| value);
                            lets.chain([&question.give])
                        }));
                    }
                    ExprKind::Anchor { name, at_start: false } => {
                        let anchor = self.anchors.get(name).and_then(Option::as_ref);
                        open.extend(anchor.filter(|_| seen.insert(name)).map(|anchor| &anchor.value));
                    }
                    _ => {}
                }
            }
        }
        longest_ms
    }
}
