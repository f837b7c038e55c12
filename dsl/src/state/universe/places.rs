//! What is in a thing beside things: backups that are kept there, marks of holds, what a link leads to, protected state.

use crate::effect::{Effect, Resource};
use crate::state::slot::SlotId;
use crate::state::universe::Universe;
use crate::term::Term;

impl Universe {
    /// Knows where a backup is kept, where this effect makes one.
    pub(crate) fn keep_at(&mut self, effect: &Effect<Term>, place: &Resource<Term>) {
        if let Effect::Captures { backup, .. } = effect {
            let (backups, place) = (self.backups_of(backup).to_vec(), self.add(place));
            self.kept.entry(place).or_default().extend(backups);
        }
    }

    /// The backups that are kept in a thing.
    pub(in crate::state) fn kept_in(&self, slot: SlotId) -> impl Iterator<Item = SlotId> {
        let places = self.inside(slot).iter().chain([&slot]);
        let kept: Vec<&SlotId> = places.filter_map(|place| self.kept.get(place)).flatten().collect();
        kept.into_iter().copied()
    }

    /// Whether a thing leads elsewhere: what lies in it is another when it does.
    pub(in crate::state) fn is_link(&self, slot: SlotId) -> bool {
        self.links.contains(&slot)
    }

    /// The states that are lost where a thing is removed.
    pub(in crate::state) fn lost_with(&self, removed: &Resource<Term>) -> &[usize] {
        if let Some(state) = self.state_of(removed) {
            return &self.states[state].reaches;
        }
        let thing = self.get(removed).and_then(|slot| self.slot(slot).thing.as_ref());
        thing.map_or(&[], |thing| &thing.reaches)
    }

    /// The holds that change a thing while they are taken.
    pub(in crate::state) fn marked_by(&self, slot: SlotId) -> &[SlotId] {
        self.marks.get(&slot).map_or(&[], Vec::as_slice)
    }

    /// The states that a node lies in, below these; and whether it is in none because it is excepted.
    pub(super) fn within(&self, around: &[usize], node: usize) -> (Vec<usize>, bool) {
        let (mut within, mut is_excepted) = (Vec::new(), false);
        let way = around.iter().map(|at| (*at, true)).chain([(node, false)]);
        for (at, is_around) in way {
            let (at, before) = (self.tree.node(at), within.len());
            within.retain(|state| !at.excepted_from.contains(state));
            is_excepted |= within.len() < before;
            within.extend(at.part_of.iter().filter(|_| is_around));
        }
        is_excepted &= within.is_empty();
        (within, is_excepted)
    }
}
