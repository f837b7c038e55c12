//! What things hold: a column beside the automaton's slots. Whether something is as it was, the automaton says.

use std::collections::BTreeMap;

use backstay_dsl::state::slot::SlotId;
use backstay_dsl::state::universe::Universe;

/// What a thing holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    /// What it held at the start.
    Was,
    Text(String),
    /// A link that leads there.
    Link(String),
    /// What that thing held at the start, copied or moved here.
    Start(SlotId),
    /// What this attempt of this statement left in it: nobody knows its text.
    Written {
        key: String,
        n: u32,
    },
    /// A folder that this attempt has made: nothing lies in it.
    Made {
        key: String,
        n: u32,
    },
    /// Half of what this attempt would have left.
    Half {
        key: String,
        n: u32,
    },
    Gone,
}

/// What each slot holds.
#[derive(Debug, Clone, Default)]
pub(super) struct Contents {
    now: Vec<Content>,
    /// The text of the start, once somebody asked for it; `None`: it was not there.
    start: BTreeMap<SlotId, Option<String>>,
}

impl Contents {
    /// Knows the slots that the universe was given since: each holds what was last done to what holds it.
    pub(super) fn grow(&mut self, universe: &Universe) {
        for slot in universe.ids().skip(self.now.len()) {
            let around = universe.around(slot).iter();
            let mut contents = around.rev().map(|holder| self.of(*holder));
            let content = match contents.find(|content| **content != Content::Was) {
                None => Content::Was,
                Some(Content::Made { .. }) => Content::Gone,
                Some(content) => content.clone(),
            };
            self.now.push(content);
            if universe.around(slot).iter().any(|holder| !self.was_there(*holder)) {
                self.start.insert(slot, None);
            }
        }
    }

    pub(super) fn of(&self, slot: SlotId) -> &Content {
        self.now.get(slot.index()).unwrap_or(&Content::Was)
    }

    /// What a copy of this holds.
    pub(super) fn copied(&self, slot: SlotId) -> Content {
        match self.of(slot) {
            _ if !self.is_there(slot) => Content::Gone,
            Content::Was => Content::Start(slot),
            other => other.clone(),
        }
    }

    /// The text that a slot held at the start; `plausible` where nobody asked before.
    pub(super) fn start_text(&mut self, slot: SlotId, plausible: impl FnOnce() -> String) -> String {
        let start = self.start.entry(slot).or_insert_with(|| Some(plausible()));
        start.clone().unwrap_or_default()
    }

    /// Says that a slot and all that lies in it was not there at the start.
    pub(super) fn start_without(&mut self, universe: &Universe, slot: SlotId) {
        for slot in universe.inside(slot).iter().chain([&slot]) {
            self.start.insert(*slot, None);
        }
    }

    /// Whether it was there at the start, as far as anybody knows.
    pub(super) fn was_there(&self, slot: SlotId) -> bool {
        self.start.get(&slot) != Some(&None)
    }

    pub(super) fn is_there(&self, slot: SlotId) -> bool {
        match self.of(slot) {
            Content::Gone => false,
            Content::Was => self.was_there(slot),
            // Whoever copied it before anybody asked copied nothing.
            Content::Start(of) => self.was_there(*of),
            _ => true,
        }
    }

    /// Whether this is what a slot held at the start, as far as anybody knows.
    pub(super) fn is_of_start(&self, slot: SlotId, content: &Content) -> bool {
        match content {
            Content::Text(text) | Content::Link(text) => self
                .start
                .get(&slot)
                .is_some_and(|start| start.as_deref() == Some(text)),
            Content::Start(of) => *of == slot,
            _ => false,
        }
    }

    /// Whether nothing was done to it, and nobody has read it.
    pub(super) fn is_unseen(&self, slot: SlotId) -> bool {
        *self.of(slot) == Content::Was && !self.start.contains_key(&slot)
    }

    /// Writes one slot alone.
    pub(super) fn put(&mut self, slot: SlotId, content: Content) {
        if let Some(known) = self.now.get_mut(slot.index()) {
            *known = content;
        }
    }

    /// Writes a slot and with it all that lies in it.
    pub(super) fn write(&mut self, universe: &Universe, slot: SlotId, content: &Content) {
        for inner in universe.inside(slot) {
            self.put(*inner, content.clone());
        }
        self.put(slot, content.clone());
    }

    /// What of these is not as at the start.
    pub(super) fn changed(&self, slots: &[SlotId]) -> Vec<(SlotId, Content)> {
        let changed = slots.iter().filter(|slot| *self.of(**slot) != Content::Was);
        changed.map(|slot| (*slot, self.of(*slot).clone())).collect()
    }

    /// Puts back what a backup held of these; half-way, every other one.
    pub(super) fn restore(&mut self, slots: &[SlotId], held: &[(SlotId, Content)], is_half: bool) {
        let step = if is_half { 2 } else { 1 };
        for slot in slots.iter().step_by(step) {
            let held = held.iter().find(|(known, _)| known == slot);
            self.put(*slot, held.map_or(Content::Was, |(_, content)| content.clone()));
        }
    }
}
