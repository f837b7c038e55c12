//! What each kind of statement does to production, as far as the automaton can see it.

use crate::check::pure::is_pure;
use crate::effect::{Effect, Resource, ResourceKind};
use crate::model::{BinaryOperator, BindingId, Expr, ExprKind, Statement, StatementKind};
use crate::print;
use crate::program::{BlockId, HoldId, Program, StatementId};
use crate::state::slot::SlotId;
use crate::state::universe::Universe;
use crate::term::Term;
use crate::term::reads::Readings;

/// What a statement does.
#[derive(Debug)]
pub(super) enum Act {
    /// Nothing that the automaton could see.
    Nothing,
    /// The step ends here without being done, unless this holds.
    Guard(Option<Condition>),
    /// The step fails here, unless this holds.
    Requires {
        condition: Option<Condition>,
        equal: Vec<Equal>,
    },
    /// Names the value of a thing.
    Binds {
        value: BindingId,
        of: SlotId,
    },
    Action(Action),
    /// A check: which members it is evidence about, and which backups it proves.
    Evidence {
        members: Vec<usize>,
        proves: Vec<Deed>,
    },
    Take(HoldId),
    Release(HoldId),
    /// The point of no return, with what the action behind it touches.
    Commits(Vec<Effect<Term>>),
    /// Runs the undos of what is older than the stretch.
    Unwind,
}

/// A value that a thing has where a condition holds.
pub(super) type Equal = (Term, SlotId);

/// A condition that is the same wherever it is asked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Condition {
    pub(super) text: String,
    /// What it must be for the way to go on.
    pub(super) holds: bool,
}

#[derive(Debug)]
pub(super) struct Action {
    pub(super) deeds: Vec<Deed>,
    pub(super) is_partial: bool,
    /// Whether it may back up what is written meanwhile.
    pub(super) is_live: bool,
    /// Whether another attempt may follow one that failed.
    pub(super) is_retried: bool,
    pub(super) undo: Option<BlockId>,
}

/// One effect of an action.
#[derive(Debug)]
pub(super) struct Deed {
    pub(super) effect: Effect<Term>,
    /// The slot that is given a value: of the thing, of the pin of what is started.
    pub(super) slot: Option<SlotId>,
    /// The value, where it has a name.
    pub(super) value: Option<Term>,
    /// What it is given the contents of.
    pub(super) copied: Option<SlotId>,
}

/// What is needed to read statements.
pub(super) struct Reader<'r, 'a> {
    pub(super) program: &'a Program,
    pub(super) universe: &'r Universe,
    pub(super) readings: Readings<'r, 'a>,
    /// Of each statement.
    pub(super) effects: &'r [Vec<Effect<Term>>],
}

impl<'a> Reader<'_, 'a> {
    pub(super) fn act(&self, id: StatementId) -> Act {
        let statement: &'a Statement = self.program.statement(id);
        match &statement.kind {
            StatementKind::Require { condition, .. } => {
                let (fixed, equal) = (self.fixed(condition), self.equal(condition));
                if fixed.is_none() && equal.is_empty() {
                    return Act::Nothing;
                }
                Act::Requires {
                    condition: fixed,
                    equal,
                }
            }
            StatementKind::OnlyWhen { condition, .. } => Act::Guard(self.fixed(condition)),
            StatementKind::SkipWhen { condition, .. } => Act::Guard(self.fixed(condition).map(Condition::turned)),
            StatementKind::Let { binding, value } => {
                let of = self.readings.value_of(value).and_then(|read| self.valued(&read));
                of.map_or(Act::Nothing, |of| Act::Binds { value: *binding, of })
            }
            StatementKind::Do(action) => Act::Action(Action {
                deeds: self.deeds(&self.effects[id.place()]),
                is_partial: action.call.effects.is_partial,
                is_live: action.live.is_some(),
                is_retried: action.retry.is_some(),
                undo: self.program.undo_of(id),
            }),
            StatementKind::Check(check) => {
                let read = self.readings.read(&check.condition);
                let members = read.iter().flat_map(|read| self.universe.evidence_of(read));
                let mut members: Vec<usize> = members.collect();
                let well = check.service.iter();
                members.extend(well.flat_map(|service| self.universe.members_of_service(service)));
                members.sort_unstable();
                members.dedup();
                let proves = self.readings.proved(&check.condition).into_iter();
                let proves: Vec<Effect<Term>> = proves.map(Effect::Proves).collect();
                let proves = self.deeds(&proves);
                Act::Evidence { members, proves }
            }
            StatementKind::Take(name) => self.program.hold_named(name).map_or(Act::Nothing, Act::Take),
            StatementKind::Release(name) => self.program.hold_named(name).map_or(Act::Nothing, Act::Release),
            StatementKind::Commits { .. } => Act::Commits(self.behind(id)),
            StatementKind::Unwind => Act::Unwind,
            StatementKind::Ask(_) | StatementKind::Record(_) | StatementKind::Wait { .. } => Act::Nothing,
        }
    }

    /// The condition that an expression is, where it asks nothing of production. Two that are the same are written
    /// alike; names of two procedures may be written alike and are not the same.
    fn fixed(&self, expr: &Expr) -> Option<Condition> {
        if let ExprKind::Not(inner) = &expr.kind {
            return self.fixed(inner).map(Condition::turned);
        }
        let names = |part: &Expr| match &part.kind {
            ExprKind::Binding(binding) => Some(format!("{binding:?}")),
            _ => None,
        };
        is_pure(expr).then(|| Condition {
            text: print::checked(self.program.runbook(), expr, &names),
            holds: true,
        })
    }

    /// What things have to be for a condition to hold, as far as it says to what they are equal.
    pub(super) fn equal(&self, condition: &'a Expr) -> Vec<Equal> {
        let ExprKind::Binary(operator, one, other) = &condition.kind else {
            return Vec::new();
        };
        let read = |expr: &'a Expr| self.readings.value_of(expr).and_then(|read| self.valued(&read));
        match operator {
            BinaryOperator::And => [self.equal(one), self.equal(other)].concat(),
            BinaryOperator::Equal => match (read(one), read(other)) {
                // What is asked of production may be answered otherwise later.
                (Some(slot), None) if is_pure(other) => vec![(self.readings.value(other), slot)],
                (None, Some(slot)) if is_pure(one) => vec![(self.readings.value(one), slot)],
                _ => Vec::new(),
            },
            _ => Vec::new(),
        }
    }

    /// What the action or release behind a statement touches.
    fn behind(&self, id: StatementId) -> Vec<Effect<Term>> {
        let block = self.program.block_of(id);
        let next = self.program.statements_of(block).find(|other| *other > id);
        let Some(next) = next else {
            return Vec::new();
        };
        match &self.program.statement(next).kind {
            StatementKind::Release(name) | StatementKind::Take(name) => {
                let hold = self.program.hold_named(name);
                let blocks = hold.map(|hold| self.program.release(hold)).into_iter();
                let own = blocks.flat_map(|block| self.program.statements_of(block));
                own.flat_map(|id| self.effects[id.place()].clone()).collect()
            }
            _ => self.effects[next.place()].clone(),
        }
    }

    fn deeds(&self, effects: &[Effect<Term>]) -> Vec<Deed> {
        let copied = effects.iter().find_map(|effect| match effect {
            Effect::ValueOf(resource) => Some(resource),
            _ => None,
        });
        let copied = copied.and_then(|resource| self.universe.get(resource));
        let deeds = effects.iter().filter(|effect| !effect.is_observing());
        deeds
            .map(|effect| Deed {
                slot: match effect {
                    Effect::Starts { member, .. } => self.universe.pin_slot(member),
                    _ => effect.thing().and_then(|thing| self.universe.get(thing)),
                },
                value: match effect {
                    Effect::Sets { to, .. } => to.clone(),
                    Effect::Starts { with, .. } => with.clone(),
                    _ => None,
                },
                copied: copied.filter(|_| matches!(effect, Effect::Sets { to: None, .. })),
                effect: effect.clone(),
            })
            .collect()
    }

    /// The slot whose value can be read by reading a resource: of what runs, its pin.
    pub(super) fn valued(&self, read: &Resource<Term>) -> Option<SlotId> {
        let runs = self.universe.pin_slot(read);
        runs.or_else(|| self.universe.find(read))
            .filter(|_| read.kind != ResourceKind::State)
    }
}

impl Condition {
    fn turned(self) -> Self {
        Self {
            holds: !self.holds,
            ..self
        }
    }
}
