//! `weak-validation`: a new release gets its users back, and since it was started nothing but the question of `well` has
//! been asked. This is a warning: what being well means may be all that there is to ask.
//!
//! One walk through the steps in their order. Whatever else is checked, and whoever is asked, counts for every service;
//! so does a soak, also of `well` itself. A release that was looked at where it runs first need not be everywhere. That
//! nothing at all was asked is `cutover-unvalidated`; beside an error nothing is said of this.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::effect::{Effect, Resource};
use crate::model::{Check, Expr, ExprKind, Service, Statement, StatementKind};
use crate::print;
use crate::program::BlockId;
use crate::prove::{Case, with_calls};
use crate::term::Term;
use crate::topology::{Member, MemberId};
use crate::walk;

pub(super) fn check(case: &Case<'_>, diagnostics: &mut Diagnostics) {
    if diagnostics.has_errors() || !case.earlier.are_none() {
        return;
    }
    let services = case.runbook.services.iter().filter(|service| service.well.is_some());
    let known = services.filter_map(|service| case.topology.services.get(&service.name));
    let watched: Vec<_> = known.filter(|service| service.behind.is_some()).collect();
    if watched.is_empty() {
        return;
    }
    let members = watched.iter().flat_map(|service| service.members.values());
    let mut walk = Walk {
        case,
        pins: members.filter_map(|member| member.pinned_by.as_ref()).collect(),
        moved: Vec::new(),
        new: BTreeMap::new(),
        proved: BTreeSet::new(),
        found: Diagnostics::default(),
    };
    for step in case.program.order() {
        walk.block(case.program.step_block(step));
    }
    diagnostics.extend(walk.found);
}

/// What was asked of a new release since it was started.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    Nothing,
    /// Whether it is well, once.
    Well,
    More,
}

/// What was changed, and to what where that can be said.
type Moved = (Resource<Term>, Option<Term>);

/// A new release that was started here.
struct Started<'c> {
    at: &'c Statement,
    /// Which one, where that can be said.
    release: Option<Term>,
    asked: Asked,
}

struct Walk<'c, 'a> {
    case: &'c Case<'a>,
    /// The pins of services that have traffic and say what being well means.
    pins: Vec<&'c Resource<Term>>,
    /// What overlaps a pin and was set or changed so far.
    moved: Vec<Moved>,
    /// The members that run a new release.
    new: BTreeMap<&'c MemberId, Started<'c>>,
    /// Releases of which more was asked than whether they are well.
    proved: BTreeSet<Term>,
    found: Diagnostics,
}

impl<'c> Walk<'c, '_> {
    fn block(&mut self, block: BlockId) {
        for (at, statement) in self.case.program.carried_out(block) {
            match &statement.kind {
                StatementKind::Do(action) => {
                    for effect in &action.call.effects.list {
                        self.effect(&self.case.normal.effect(effect, action.binding), at);
                    }
                }
                StatementKind::Check(check) => self.asked(check),
                StatementKind::Ask(_) => self.all_asked(),
                _ => {}
            }
        }
    }

    fn effect(&mut self, effect: &Effect<Term>, at: &'c Statement) {
        let case = self.case;
        if let Some(ended) = effect.ended() {
            for id in case.topology.members_of(ended) {
                self.new.remove(id);
            }
        }
        match effect {
            Effect::Sets { resource, to } => self.changed(resource, to.as_ref()),
            Effect::Edits(resource) | Effect::Opaque(resource) => self.changed(resource, None),
            Effect::Starts { member, with } => {
                for id in case.topology.members_of(member) {
                    let known = case.topology.member(id.as_str());
                    let moved = known.and_then(|known| self.moved_pin(known));
                    if with.is_none() && moved.is_none() {
                        continue;
                    }
                    let release = with.clone().or_else(|| moved.and_then(|(_, to)| to.clone()));
                    let asked = Asked::Nothing;
                    self.new.insert(id, Started { at, release, asked });
                }
            }
            Effect::Opens(target) => {
                for id in case.topology.members_of(target) {
                    self.opened(id, at);
                }
            }
            _ => {}
        }
    }

    fn changed(&mut self, resource: &Resource<Term>, to: Option<&Term>) {
        let topology = &self.case.topology;
        if self.pins.iter().any(|pin| topology.relation(pin, resource).overlaps()) {
            self.moved.push((resource.clone(), to.cloned()));
        }
    }

    /// How the pin of a member was moved last: to what, where that can be said.
    fn moved_pin(&self, member: &Member<Term>) -> Option<&Moved> {
        let topology = &self.case.topology;
        let pin = member.pinned_by.as_ref()?;
        let mut moved = self.moved.iter().rev();
        moved.find(|(moved, _)| topology.relation(pin, moved).overlaps())
    }

    /// Users come to a member: told once of each start.
    fn opened(&mut self, id: &'c MemberId, at: &'c Statement) {
        let is_weak = |started: &Started<'_>| {
            let is_proved = started
                .release
                .as_ref()
                .is_some_and(|release| self.proved.contains(release));
            started.asked == Asked::Well && !is_proved
        };
        let Some(started) = self.new.remove(id).filter(is_weak) else {
            return;
        };
        let message = format!(
            "{id} gets its users, and since its new release was started nothing but whether it is well was asked"
        );
        let help = format!(
            "check what users do (a page, a login, an order), or that it stays well: `check {} is well for 10m every 30s`",
            id.service()
        );
        let found = Diagnostic::warning("weak-validation", at.span, message);
        let found = found
            .cause(started.at.span, "its new release is started here")
            .help(help);
        self.found.push(with_calls(found, at));
    }

    fn asked(&mut self, check: &Check) {
        let asks_nothing = walk::reads(&check.condition).next().is_none() && !asks(check);
        if asks_nothing {
            return;
        }
        match self.well_of(check).filter(|_| check.misses.is_none()) {
            Some(service) => {
                for (id, started) in &mut self.new {
                    if id.service() == service && started.asked == Asked::Nothing {
                        started.asked = Asked::Well;
                    }
                }
            }
            None => self.all_asked(),
        }
    }

    fn all_asked(&mut self) {
        for started in self.new.values_mut() {
            started.asked = Asked::More;
            self.proved.extend(started.release.clone());
        }
    }

    /// The service whose question of `well` a check asks, by that name or written out.
    fn well_of(&self, check: &Check) -> Option<&'c str> {
        let runbook = self.case.runbook;
        let written = |condition: &Expr| print::checked(runbook, condition, &|_| None);
        let asked = written(&check.condition);
        let is_it = |service: &&Service| match &check.service {
            Some(name) => service.name == *name,
            None => service
                .well
                .as_ref()
                .is_some_and(|well| written(&well.condition) == asked),
        };
        runbook.services.iter().find(is_it).map(|service| service.name.as_str())
    }
}

/// Whether a check asks anything through a question of the text or an anchor.
fn asks(check: &Check) -> bool {
    let parts = walk::deep(&check.condition);
    parts
        .iter()
        .any(|part| matches!(part.kind, ExprKind::Question { .. } | ExprKind::Anchor { .. }))
}
