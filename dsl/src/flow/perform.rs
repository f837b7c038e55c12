//! One statement in one cell: how the cell may stand when it is done, and when it has failed.

use std::collections::HashMap;
use std::sync::Arc;

use crate::effect::Effect;
use crate::program::{BlockId, HoldId, StatementId, StepId};
use crate::state::cell::Table;
use crate::state::slot::SlotId;
use crate::state::transition::{Operation, PlainChange};
use crate::state::{Extent, Given, Violation};
use crate::term::Term;

use super::act::{Act, Action, Condition, Deed, Equal};
use super::acts::Acts;
use super::element::{ChainId, Chains, Element, Fact, Owed};
use super::excuse::{Aspect, aspect};

/// What may become of a cell.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) done: Vec<Element>,
    /// Before, after, half-way.
    pub(super) failed: Vec<Element>,
    /// The step ends here without being done.
    pub(super) left: Vec<Element>,
    /// What an effect needs and does not find, with the statement that has the effect.
    pub(super) violations: Vec<(StatementId, Violation)>,
}

/// One cell, with all that was worked out about it.
pub(super) struct Cell<'a> {
    pub(super) acts: &'a Acts<'a>,
    pub(super) index: usize,
    pub(super) table: Table<'a>,
    pub(super) undos: Chains<Owed>,
    pub(super) facts: Chains<Fact>,
    pub(super) owing: Chains<Aspect>,
    known: HashMap<(StatementId, Element, Option<StepId>), Arc<Outcome>>,
}

impl<'a> Cell<'a> {
    pub(super) fn new(acts: &'a Acts<'a>, index: usize) -> Self {
        Self {
            acts,
            index,
            table: Table::new(&acts.universe, index),
            undos: Chains::new(),
            facts: Chains::new(),
            owing: Chains::new(),
            known: HashMap::new(),
        }
    }

    pub(super) fn start(&mut self) -> Element {
        Element {
            state: self.table.start(),
            undos: Chains::<Owed>::EMPTY,
            facts: Chains::<Fact>::EMPTY,
            owing: Chains::<Aspect>::EMPTY,
            is_committed: false,
        }
    }

    /// Carries a statement out; `step` is the one that it is started in or for, `None` on a way back.
    pub(super) fn perform(&mut self, id: StatementId, element: Element, step: Option<StepId>) -> Arc<Outcome> {
        let key = (id, element, step);
        if let Some(known) = self.known.get(&key) {
            return Arc::clone(known);
        }
        let outcome = Arc::new(self.outcome(id, element, step));
        self.known.insert(key, Arc::clone(&outcome));
        outcome
    }

    fn outcome(&mut self, id: StatementId, element: Element, step: Option<StepId>) -> Outcome {
        let acts = self.acts;
        match acts.act(id) {
            Act::Nothing | Act::Unwind => Outcome {
                done: vec![element],
                ..Outcome::default()
            },
            Act::Guard(condition) => self.guard(condition.as_ref(), element),
            Act::Requires { condition, equal } => self.require(condition.as_ref(), equal, element),
            Act::Binds { value, of } => {
                let mut bound = element;
                if step.is_some() {
                    bound.facts = self.there(*of, element);
                }
                if self.table.is_of_start(element.state, *of) {
                    bound.facts = self.facts.with(bound.facts, Fact::Named(*value, *of));
                }
                Outcome {
                    done: vec![bound],
                    failed: vec![element],
                    ..Outcome::default()
                }
            }
            Act::Action(action) => self.action((id, action), element, step),
            Act::Evidence { members, proves } => {
                let operations: Vec<Operation> = members.iter().copied().map(Operation::Validate).collect();
                let mut state = self.table.after(element.state, &operations);
                for deed in proves {
                    let operations = acts.universe.operations(&deed.effect, Given::OTHER, Extent::Whole);
                    state = self.table.after(state, &operations);
                }
                Outcome {
                    done: vec![Element { state, ..element }],
                    failed: vec![element],
                    ..Outcome::default()
                }
            }
            Act::Take(hold) => self.take(*hold, element),
            Act::Release(hold) => self.release(*hold, element),
            Act::Commits(next) => Outcome {
                done: vec![Element {
                    is_committed: true,
                    ..element
                }],
                violations: self.committing(id, next, element),
                ..Outcome::default()
            },
        }
    }

    fn committing(&self, id: StatementId, next: &[Effect<Term>], element: Element) -> Vec<(StatementId, Violation)> {
        let found = self.table.commit(element.state, next).filter(|_| !element.is_committed);
        found.into_iter().map(|violation| (id, violation)).collect()
    }

    fn guard(&mut self, condition: Option<&Condition>, element: Element) -> Outcome {
        let Some(condition) = condition else {
            return Outcome {
                done: vec![element],
                left: vec![element],
                ..Outcome::default()
            };
        };
        let known = self.facts.condition(element.facts, &condition.text);
        let mut with = |holds: bool| {
            let is_possible = known.is_none_or(|known| known == holds);
            let fact = Fact::Condition(condition.text.clone(), holds);
            let facts = self.facts.with(element.facts, fact);
            is_possible
                .then_some(Element { facts, ..element })
                .into_iter()
                .collect()
        };
        Outcome {
            done: with(condition.holds),
            left: with(!condition.holds),
            ..Outcome::default()
        }
    }

    /// What a thing is equal to while it is as at the start is its value of the start.
    fn require(&mut self, condition: Option<&Condition>, equal: &[Equal], element: Element) -> Outcome {
        let Outcome { mut done, left, .. } = self.guard(condition, element);
        for (value, slot) in equal {
            for done in &mut done {
                if self.table.is_of_start(done.state, *slot) {
                    done.facts = self.facts.with(done.facts, Fact::Equal(value.clone(), *slot));
                }
            }
        }
        Outcome {
            done,
            failed: left,
            ..Outcome::default()
        }
    }

    fn action(&mut self, (id, action): (StatementId, &Action), element: Element, step: Option<StepId>) -> Outcome {
        let mut outcome = Outcome::default();
        let is_there = |cell: &Self, slot| cell.facts.is_there(element.facts, slot);
        if step.is_some() && self.acts.asked_of(id).any(|slot| is_there(self, slot) == Some(true)) {
            outcome.failed.push(element);
            return outcome;
        }
        let mut started = self.owing((id, action.undo), element, step);
        // What is not there is neither copied nor moved. Whether it is there is decided once, by whoever comes first.
        let missing = |slot: &SlotId| self.acts.is_absent(*slot) && self.table.is_as_was(element.state, *slot);
        let copied = action.deeds.iter().filter_map(|deed| deed.copied);
        if let Some(missing) = copied.clone().find(missing) {
            let known = is_there(self, missing).or(step.is_none().then_some(false));
            if known != Some(true) {
                let mut nothing = started;
                if step.is_some() {
                    nothing.facts = self.facts.with(nothing.facts, Fact::There(missing, false));
                }
                outcome.done.push(nothing);
                outcome.failed.push(nothing);
            }
            if known == Some(false) {
                return outcome;
            }
        }
        let worked_on = action
            .deeds
            .iter()
            .filter(|deed| matches!(deed.effect, Effect::Edits(_)));
        for slot in copied
            .chain(worked_on.filter_map(|deed| deed.slot))
            .filter(|_| step.is_some())
        {
            started.facts = self.there(slot, started);
        }
        let (mut whole, mut half) = (started, started);
        for deed in &action.deeds {
            let given = self.given((id, deed), whole);
            let asked = (&deed.effect, given);
            let violation = self.table.violation(whole.state, whole.is_committed, asked);
            let violation = violation.filter(|found| !action.is_live || found.slug != "backup-not-cold");
            outcome.violations.extend(violation.map(|violation| (id, violation)));
            whole = self.after(deed, whole, given, Extent::Whole);
            half = self.after(deed, half, given, Extent::Half);
        }
        if step.is_some() {
            (whole, half) = (self.owed(id, whole), self.owed(id, half));
        }
        let violation = self.table.violation_after(started.state, whole.state);
        outcome.violations.extend(violation.map(|violation| (id, violation)));
        outcome.done.push(whole);
        outcome.failed.extend([started, whole]);
        outcome.failed.extend(action.is_partial.then_some(half));
        outcome.failed.sort_unstable();
        outcome.failed.dedup();
        outcome
    }

    /// With what is known of what was there, where this thing is read or worked on before anybody has made it.
    fn there(&mut self, slot: SlotId, element: Element) -> ChainId {
        let is_own = self.acts.universe.cell_of(slot).0 == self.index;
        let mut facts = element.facts;
        if is_own && self.table.is_as_was(element.state, slot) {
            for absent in self.acts.absent_around(slot) {
                if self.facts.is_there(facts, absent).is_none() {
                    facts = self.facts.with(facts, Fact::There(absent, true));
                }
            }
        }
        facts
    }

    /// The action is started: its undo is owed, where it does anything to this cell.
    fn owing(&mut self, (id, undo): (StatementId, Option<BlockId>), element: Element, step: Option<StepId>) -> Element {
        let (Some(undo), Some(step)) = (undo, step) else {
            return element;
        };
        if self.acts.seen_of(self.index, undo).is_empty() {
            return element;
        }
        let owed = Owed {
            rank: self.acts.program.rank(step),
            step,
            statement: id,
            undo,
            facts: element.facts,
        };
        let undos = self.undos.with(element.undos, owed);
        Element { undos, ..element }
    }

    fn given(&self, (id, deed): (StatementId, &Deed), element: Element) -> Given {
        let facts = element.facts;
        let is_before = deed.slot.is_some_and(|slot| match (&deed.value, deed.copied) {
            (Some(Term::Binding(value)), _) if self.facts.has(facts, &Fact::Named(*value, slot)) => true,
            (Some(value), _) if self.acts.is_of_start(value, slot) => true,
            (Some(value), _) => self.facts.has(facts, &Fact::Equal(value.clone(), slot)),
            (None, Some(holder)) => self.facts.copied(facts, holder).is_some_and(|(of, _)| of == slot),
            (None, None) => false,
        });
        let is_asked = deed.slot.is_some_and(|slot| self.acts.is_asked(id, slot));
        let is_missing = deed
            .slot
            .is_some_and(|slot| self.facts.is_there(facts, slot) == Some(false));
        let is_made = matches!(deed.effect, Effect::Adds(_)) || (matches!(deed.effect, Effect::Edits(_)) && is_missing);
        let existed = !is_asked && !is_made;
        Given {
            is_before,
            existed: is_before || existed,
        }
    }

    fn after(&mut self, deed: &Deed, element: Element, given: Given, extent: Extent) -> Element {
        let universe = &self.acts.universe;
        let mut operations = universe.operations(&deed.effect, given, extent);
        if let (true, Some(holder), Extent::Whole) = (given.is_before, deed.copied, extent) {
            // With what is put back comes what was changed in it by the time of the copy.
            let known = self.facts.copied(element.facts, holder);
            let changed = known.into_iter().flat_map(|(_, but)| but);
            operations.extend(changed.map(|(slot, plain)| Operation::Plain(*slot, PlainChange::to(*plain))));
        }
        let state = self.table.after(element.state, &operations);
        // What it copies is asked before it is written.
        let copied = self.copied(deed, element).filter(|_| extent == Extent::Whole);
        let written: Vec<_> = operations.iter().map(|operation| operation.slot(universe)).collect();
        let is_altered = |holder: SlotId| {
            let mut near = universe.inside(holder).iter().chain(universe.around(holder));
            written.contains(&holder) || near.any(|near| written.contains(near))
        };
        let mut facts = self.facts.without_copies(element.facts, is_altered);
        if let (Effect::Removes(_), Some(removed)) = (&deed.effect, deed.slot) {
            let inside = universe.inside(removed);
            let is_gone = |slot: &SlotId| *slot == removed || inside.contains(slot);
            facts = self
                .facts
                .filtered(facts, |fact| !matches!(fact, Fact::There(slot, true) if is_gone(slot)));
        }
        if let Some(fact) = copied {
            facts = self.facts.with(facts, fact);
        }
        let after = Element {
            state,
            facts,
            ..element
        };
        self.settled(after)
    }

    /// With what an action changed that no reason excuses.
    fn owed(&mut self, id: StatementId, element: Element) -> Element {
        let mut owing = element.owing;
        for aspect in self.acts.excuses.owing(id) {
            if !self.owing.backwards(owing).any(|known| known == aspect) {
                owing = self.owing.push(owing, *aspect);
            }
        }
        self.settled(Element { owing, ..element })
    }

    /// What is as at the start is owed by nobody.
    fn settled(&mut self, element: Element) -> Element {
        if element.owing == Chains::<Aspect>::EMPTY {
            return element;
        }
        let differences = self.table.differences(element.state);
        let is_other = |owed: &Aspect| differences.iter().any(|(slot, how)| aspect(*slot, how) == *owed);
        let owing = self.owing.filtered(element.owing, is_other);
        Element { owing, ..element }
    }

    /// Whether nobody has to take a difference back, where `back` is the branch that was taken.
    pub(super) fn is_excused(&self, element: Element, aspect: Aspect, back: Option<BlockId>) -> bool {
        let is_owed = || self.owing.backwards(element.owing).any(|owed| *owed == aspect);
        let is_theirs = |block: BlockId| self.acts.puts_back(block, aspect.0);
        self.acts.excuses.has(aspect) && (back.is_some_and(is_theirs) || !is_owed())
    }

    /// That what is set now holds what another thing held at the start.
    fn copied(&self, deed: &Deed, element: Element) -> Option<Fact> {
        let (holder, copied) = (deed.slot?, deed.copied?);
        let (of, but) = match self.facts.copied(element.facts, copied) {
            Some((of, but)) => (of, but.to_vec()),
            None => (copied, self.table.changed_inside(element.state, copied)?),
        };
        (of != holder).then_some(Fact::Copied { holder, of, but })
    }

    /// Taking what is taken does nothing. From its intent on it has to be released.
    fn take(&mut self, hold: HoldId, element: Element) -> Outcome {
        let program = self.acts.program;
        let Some(slot) = self.acts.hold_slot(hold, self.index) else {
            return self.block(program.take(hold), vec![element]);
        };
        let taking = Fact::Taking(hold);
        if self.table.is_held(element.state, slot) && !self.facts.has(element.facts, &taking) {
            return Outcome {
                done: vec![element],
                ..Outcome::default()
            };
        }
        let state = self.table.after(element.state, &[Operation::Hold(slot, true)]);
        let facts = self.facts.with(element.facts, taking.clone());
        let begun = Element {
            state,
            facts,
            ..element
        };
        let mut outcome = self.block(program.take(hold), vec![begun]);
        outcome.failed.push(begun);
        for done in &mut outcome.done {
            done.facts = self.facts.filtered(done.facts, |fact| *fact != taking);
        }
        outcome
    }

    /// Releasing what is free does nothing.
    pub(super) fn release(&mut self, hold: HoldId, element: Element) -> Outcome {
        let program = self.acts.program;
        let Some(slot) = self.acts.hold_slot(hold, self.index) else {
            return self.block(program.release(hold), vec![element]);
        };
        if !self.table.is_held(element.state, slot) {
            return Outcome {
                done: vec![element],
                ..Outcome::default()
            };
        }
        let mut outcome = self.block(program.release(hold), vec![element]);
        outcome.failed.push(element);
        let freed = [Operation::Hold(slot, false)];
        for done in &mut outcome.done {
            done.state = self.table.after(done.state, &freed);
            done.facts = self.facts.filtered(done.facts, |fact| *fact != Fact::Taking(hold));
        }
        outcome
    }

    /// The statements of a block one after the other, none of them with an undo.
    pub(super) fn block(&mut self, block: BlockId, elements: Vec<Element>) -> Outcome {
        let mut outcome = Outcome {
            done: elements,
            ..Outcome::default()
        };
        for id in self.acts.seen_of(self.index, block) {
            for element in std::mem::take(&mut outcome.done) {
                let one = self.perform(id, element, None);
                outcome.done.extend(&one.done);
                outcome.failed.extend(&one.failed);
                outcome.left.extend(&one.left);
                outcome.violations.extend(one.violations.iter().cloned());
            }
            outcome.done.sort_unstable();
            outcome.done.dedup();
        }
        outcome.failed.sort_unstable();
        outcome.failed.dedup();
        outcome
    }
}
