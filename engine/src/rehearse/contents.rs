//! What resources hold: their value of the start, another text, something nobody has read, or nothing.

use std::collections::BTreeMap;

use backstay_dsl::term::{Relation, ground_relation};

use crate::value::GroundResource;

/// What a resource holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    /// What it held at the start.
    Was,
    /// This text.
    Text(String),
    /// What this attempt left in it.
    Written {
        /// The statement.
        key: String,
        /// The attempt.
        n: u32,
    },
    /// Half of what this attempt would have left.
    Half {
        /// The statement.
        key: String,
        /// The attempt.
        n: u32,
    },
    /// It is gone.
    Gone,
}

/// What resources hold, by resource.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Contents {
    now: BTreeMap<GroundResource, Content>,
    /// The text of the start, once somebody asked for it.
    start: BTreeMap<GroundResource, String>,
}

impl Contents {
    /// What a resource holds: what was last done to it or to what lies around it.
    pub(super) fn of(&self, resource: &GroundResource) -> &Content {
        if let Some(content) = self.now.get(resource) {
            return content;
        }
        let around = self.now.iter().find(|(known, content)| {
            **content != Content::Was && matches!(ground_relation(resource, known), Relation::Inside | Relation::Same)
        });
        around.map_or(&Content::Was, |(_, content)| content)
    }

    /// The text that a resource held at the start; `plausible` where nobody asked before.
    pub(super) fn start_text(&mut self, resource: &GroundResource, plausible: impl FnOnce() -> String) -> String {
        self.start.entry(resource.clone()).or_insert_with(plausible).clone()
    }

    /// Whether this text is what a resource held at the start, as far as anybody knows.
    pub(super) fn is_start_text(&self, resource: &GroundResource, text: &str) -> bool {
        self.start.get(resource).is_some_and(|start| start == text)
    }

    /// Writes: what lies inside is overwritten with it.
    pub(super) fn write(&mut self, resource: &GroundResource, content: Content) {
        self.now
            .retain(|known, _| ground_relation(known, resource) != Relation::Inside);
        self.now.insert(resource.clone(), content);
    }

    /// What is not as at the start among the resources that `is_meant` names.
    pub(super) fn changed(&self, is_meant: impl Fn(&GroundResource) -> bool) -> BTreeMap<GroundResource, Content> {
        let changed = self.now.iter().filter(|(_, content)| **content != Content::Was);
        changed
            .filter(|(resource, _)| is_meant(resource))
            .map(|(resource, content)| (resource.clone(), content.clone()))
            .collect()
    }

    /// Puts back what a backup held of the resources that `is_meant` names; `half` leaves every other one.
    pub(super) fn restore(
        &mut self,
        held: &BTreeMap<GroundResource, Content>,
        is_meant: impl Fn(&GroundResource) -> bool,
        half: bool,
    ) {
        let mut place = 0;
        self.now.retain(|resource, _| {
            let is_lost = is_meant(resource);
            place += usize::from(is_lost);
            !is_lost || (half && place % 2 == 0)
        });
        for (resource, content) in held {
            self.now.insert(resource.clone(), content.clone());
        }
    }
}
