//! One way in which a cell may stand at a point of a run: its state, the undos that are owed, and what is known.

use std::collections::HashMap;
use std::hash::Hash;

use crate::model::BindingId;
use crate::program::{BlockId, HoldId, RollbackId, RowId, StatementId, StepId};
use crate::state::cell::StateId;
use crate::state::slot::{Plain, SlotId};
use crate::term::Term;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Element {
    pub(super) state: StateId,
    /// The undos of what was started, in the order of the plan.
    pub(super) undos: ChainId,
    pub(super) facts: ChainId,
    /// What was changed that no reason of another action excuses.
    pub(super) owing: ChainId,
    pub(super) is_committed: bool,
}

/// An undo that is owed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Owed {
    /// Of the step in which its action was started.
    pub(super) rank: usize,
    pub(super) step: StepId,
    pub(super) statement: StatementId,
    pub(super) undo: BlockId,
    /// What was known when the action was started: what an undo names is bound by then.
    pub(super) facts: ChainId,
}

/// What is known on the way that led here.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Fact {
    /// This name has the value that the thing had at the start.
    Named(BindingId, SlotId),
    /// The thing had this value at the start.
    Equal(Term, SlotId),
    /// A thing holds what another held at the start, but for these things in it, which were changed by then.
    Copied {
        holder: SlotId,
        of: SlotId,
        but: Vec<(SlotId, Plain)>,
    },
    /// Whether a thing was there before the action that asks for it not to be there.
    There(SlotId, bool),
    /// A condition that is the same wherever it is asked.
    Condition(String, bool),
    /// The row was taken.
    Row(RowId),
    /// Taking this hold has begun, and has not come to its end.
    Taking(HoldId),
    /// The stretch of this branch was entered, and is not over.
    Within(RollbackId),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ChainId(u32);

/// Lists that grow at their end, each once; one that goes on from another shares all of it.
pub(super) struct Chains<T> {
    ids: HashMap<(T, ChainId), ChainId>,
    links: Vec<Link<T>>,
}

struct Link<T> {
    value: T,
    before: ChainId,
    length: u32,
}

impl<T: Clone + Eq + Hash> Chains<T> {
    pub(super) const EMPTY: ChainId = ChainId(0);

    pub(super) fn new() -> Self {
        Self {
            ids: HashMap::new(),
            links: Vec::new(),
        }
    }

    /// The last value, and the chain before it.
    pub(super) fn last(&self, id: ChainId) -> Option<(&T, ChainId)> {
        let link = &self.links[(id.0 as usize).checked_sub(1)?];
        Some((&link.value, link.before))
    }

    /// The values, the last first.
    pub(super) fn backwards(&self, id: ChainId) -> impl Iterator<Item = &T> {
        let mut at = id;
        std::iter::from_fn(move || {
            let (value, before) = self.last(at)?;
            at = before;
            Some(value)
        })
    }

    pub(super) fn push(&mut self, id: ChainId, value: T) -> ChainId {
        let key = (value, id);
        if let Some(known) = self.ids.get(&key) {
            return *known;
        }
        let length = self.length(id) + 1;
        let value = key.0.clone();
        self.links.push(Link {
            value,
            before: id,
            length,
        });
        let new = ChainId(u32::try_from(self.links.len()).unwrap_or(u32::MAX));
        self.ids.insert(key, new);
        new
    }

    /// The values for which something holds, in their order.
    pub(super) fn filtered(&mut self, id: ChainId, is_kept: impl Fn(&T) -> bool) -> ChainId {
        if self.backwards(id).all(&is_kept) {
            return id;
        }
        let mut kept: Vec<T> = self.backwards(id).filter(|value| is_kept(value)).cloned().collect();
        let mut chain = Self::EMPTY;
        while let Some(value) = kept.pop() {
            chain = self.push(chain, value);
        }
        chain
    }

    fn length(&self, id: ChainId) -> u32 {
        let link = (id.0 as usize).checked_sub(1).map(|place| &self.links[place]);
        link.map_or(0, |link| link.length)
    }
}

impl Chains<Fact> {
    /// With one more.
    pub(super) fn with(&mut self, id: ChainId, fact: Fact) -> ChainId {
        if self.has(id, &fact) { id } else { self.push(id, fact) }
    }

    pub(super) fn has(&self, id: ChainId, fact: &Fact) -> bool {
        self.backwards(id).any(|known| known == fact)
    }

    /// Without the copies whose holder was altered.
    pub(super) fn without_copies(&mut self, id: ChainId, is_altered: impl Fn(SlotId) -> bool) -> ChainId {
        self.filtered(
            id,
            |fact| !matches!(fact, Fact::Copied { holder, .. } if is_altered(*holder)),
        )
    }

    /// What a thing holds a copy of, and what of that was changed by then.
    pub(super) fn copied(&self, id: ChainId, holder: SlotId) -> Option<(SlotId, &[(SlotId, Plain)])> {
        self.backwards(id).find_map(|fact| match fact {
            Fact::Copied { holder: known, of, but } if *known == holder => Some((*of, but.as_slice())),
            _ => None,
        })
    }

    /// What is known of whether a thing was there.
    pub(super) fn is_there(&self, id: ChainId, slot: SlotId) -> Option<bool> {
        self.backwards(id).find_map(|fact| match fact {
            Fact::There(known, is_there) if *known == slot => Some(*is_there),
            _ => None,
        })
    }

    /// What is known of a condition.
    pub(super) fn condition(&self, id: ChainId, text: &str) -> Option<bool> {
        self.backwards(id).find_map(|fact| match fact {
            Fact::Condition(known, holds) if known == text => Some(*holds),
            _ => None,
        })
    }

    /// What was known then and is known still, with the copies that are there now: a step beside may have made them
    /// since.
    pub(super) fn still(&mut self, then: ChainId, now: ChainId) -> ChainId {
        let mut copies: Vec<Fact> = Vec::new();
        let mut at = now;
        while let Some((fact, before)) = self.last(at).filter(|_| self.length(at) > self.length(then)) {
            copies.extend(Some(fact).filter(|fact| fact.is_copy()).cloned());
            at = before;
        }
        let mut still = then;
        if at != then {
            let known: Vec<Fact> = self.backwards(now).cloned().collect();
            still = self.filtered(then, |fact| known.contains(fact));
            copies = known.into_iter().filter(Fact::is_copy).collect();
        }
        while let Some(copy) = copies.pop() {
            still = self.with(still, copy);
        }
        still
    }
}

impl Fact {
    fn is_copy(&self) -> bool {
        matches!(self, Self::Copied { .. })
    }
}

impl Chains<Owed> {
    /// With one more, behind those of the same step; a procedure that is undone once stands where it was last
    /// started.
    pub(super) fn with(&mut self, id: ChainId, owed: Owed) -> ChainId {
        let mut later: Vec<Owed> = Vec::new();
        let mut at = id;
        while let Some((last, before)) = self.last(at) {
            if last.rank < owed.rank {
                break;
            }
            if last.statement == owed.statement {
                return id;
            }
            later.push(last.clone());
            at = before;
        }
        let place = later
            .iter()
            .position(|other| other.rank <= owed.rank)
            .unwrap_or(later.len());
        let is_known = later.iter().any(|other| other.undo == owed.undo);
        if place == 0 && !is_known {
            return self.push(id, owed);
        }
        later.insert(place, owed.clone());
        let mut chain = at;
        for (back, one) in later.into_iter().enumerate().rev() {
            if back == place || one.undo != owed.undo {
                chain = self.push(chain, one);
            }
        }
        chain
    }
}
