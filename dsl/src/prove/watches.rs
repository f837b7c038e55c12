//! `watch-unanswerable`: a watch over a stretch in which what answers it is stopped or drained on purpose. It would
//! turn the run for what the runbook itself does.
//!
//! One walk through the steps in their order keeps which members run and have traffic. A question that all members of a
//! service answer is unanswerable only where none of them is left; what reads one member hangs on that one. An action that
//! stops and starts again in one go is what `at most N misses` is for.

use std::collections::BTreeSet;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::effect::{Effect, Resource};
use crate::model::{Do, Statement, Watch};
use crate::program::BlockId;
use crate::prove::{Case, with_calls};
use crate::state::universe::Universe;
use crate::term::Term;
use crate::term::reads::Readings;
use crate::topology::{Begins, MemberId};

pub(super) fn check(case: &Case<'_>, diagnostics: &mut Diagnostics) {
    if case.runbook.watches.is_empty() || !case.earlier.are_none() {
        return;
    }
    let members: Vec<&MemberId> = case.topology.members().map(|(id, _, _)| id).collect();
    let universe = Universe::new(&case.topology);
    for watch in &case.runbook.watches {
        let answered_by = answered_by(case, &universe, &members, watch);
        if answered_by.is_empty() {
            continue;
        }
        let mut walk = Walk {
            case,
            watch,
            answered_by,
            down: Down::at_the_start(case),
        };
        if let Some(found) = walk.find() {
            diagnostics.push(found);
        }
    }
}

/// For each service that a watch asks, the members of which one has to answer.
fn answered_by<'a>(
    case: &Case<'a>,
    universe: &Universe,
    members: &[&'a MemberId],
    watch: &'a Watch,
) -> Vec<BTreeSet<&'a MemberId>> {
    let read = Readings::new(case.runbook, &case.normal).read(&watch.condition);
    let mut found: BTreeSet<BTreeSet<&MemberId>> = BTreeSet::new();
    let mut add = |asked: Vec<&'a MemberId>| {
        let services: BTreeSet<&str> = asked.iter().map(|id| id.service()).collect();
        let of = |service: &str| asked.iter().copied().filter(|id| id.service() == service).collect();
        found.extend(services.into_iter().map(of));
    };
    for read in &read {
        let asked = universe.asked_by(read).into_iter();
        add(asked.filter_map(|member| members.get(member).copied()).collect());
    }
    if let Some(service) = &watch.service {
        add(members.iter().copied().filter(|id| id.service() == service).collect());
    }
    found.into_iter().collect()
}

/// What has no traffic, or does not run.
#[derive(Clone)]
struct Down<'a> {
    stopped: BTreeSet<&'a MemberId>,
    drained: BTreeSet<&'a MemberId>,
}

impl<'a> Down<'a> {
    fn at_the_start(case: &'a Case<'_>) -> Self {
        let members = case.topology.members();
        let stopped = members.filter(|(_, member, _)| matches!(member.begins, Begins::Stopped | Begins::Absent));
        Self {
            stopped: stopped.map(|(id, _, _)| id).collect(),
            drained: BTreeSet::new(),
        }
    }

    fn apply(&mut self, case: &'a Case<'_>, effect: &Effect<Term>) {
        let members = |resource: &Resource<Term>| case.topology.members_of(resource);
        if let Some(member) = effect.ended() {
            self.stopped.extend(members(member));
        }
        match effect {
            Effect::Starts { member, .. } => members(member).iter().for_each(|id| {
                self.stopped.remove(id);
            }),
            Effect::Drains(ingress) => self.drained.extend(members(ingress)),
            Effect::Opens(ingress) => members(ingress).iter().for_each(|id| {
                self.drained.remove(id);
            }),
            _ => {}
        }
    }

    /// What is so of all of these, in words.
    fn word(&self, asked: &BTreeSet<&MemberId>) -> Option<&'static str> {
        if asked.iter().all(|id| self.stopped.contains(id)) {
            return Some("stopped");
        }
        let is_down = |id: &&MemberId| self.stopped.contains(id) || self.drained.contains(id);
        asked.iter().all(is_down).then_some("drained")
    }
}

struct Walk<'c, 'a> {
    case: &'c Case<'a>,
    watch: &'c Watch,
    answered_by: Vec<BTreeSet<&'c MemberId>>,
    down: Down<'c>,
}

impl<'c> Walk<'c, '_> {
    fn find(&mut self) -> Option<Diagnostic> {
        let (case, watch) = (self.case, self.watch);
        let mut has_begun = false;
        for step in case.program.order() {
            let is_watched = case.order.may_run_within(step.place(), (watch.from, watch.until));
            if is_watched && !has_begun {
                has_begun = true;
                let found = self.unanswerable().map(|so| self.begins_so(&so));
                if found.is_some() {
                    return found;
                }
            }
            let found = self.block(case.program.step_block(step)).filter(|_| is_watched);
            if found.is_some() {
                return found;
            }
            let before = self.down.clone();
            let rows = case.program.rows_of(step).filter_map(|row| case.program.row_block(row));
            for first in rows {
                let found = self.block(first).filter(|_| is_watched);
                if found.is_some() {
                    return found;
                }
                self.down.clone_from(&before);
            }
        }
        None
    }

    /// Passes a block; gives the first thing in it that takes the answer away.
    fn block(&mut self, block: BlockId) -> Option<Diagnostic> {
        let mut found = None;
        for (at, statement) in self.case.program.carried_out(block) {
            let here = statement.action().and_then(|action| self.action(action, at));
            found = found.or(here);
        }
        found
    }

    fn action(&mut self, action: &'c Do, at: &Statement) -> Option<Diagnostic> {
        let mut found = None;
        let was_so = self.unanswerable().is_some();
        for effect in &action.call.effects.list {
            self.down
                .apply(self.case, &self.case.normal.effect(effect, action.binding));
            // What is in between counts where no miss is forgiven.
            if self.watch.misses == 0 {
                found = found.or_else(|| self.unanswerable());
            }
        }
        found = found.or_else(|| self.unanswerable()).filter(|_| !was_so);
        found.map(|so| self.is_so(at, &so))
    }

    fn unanswerable(&self) -> Option<(String, &'static str)> {
        let mut asked = self.answered_by.iter();
        asked.find_map(|asked| {
            let word = self.down.word(asked)?;
            let first = asked.first()?;
            let name = if asked.len() == 1 {
                first.as_str()
            } else {
                first.service()
            };
            Some((name.to_owned(), word))
        })
    }

    fn begins_so(&self, (what, word): &(String, &'static str)) -> Diagnostic {
        let (name, from) = (&self.watch.name, &self.case.runbook.steps[self.watch.from].name);
        let message = format!("`{name}` asks {what}, which is {word} when `{from}` begins");
        let help = format!(
            "let it begin with a step in which {what} answers all the while: the first after the one that brings it back"
        );
        Diagnostic::error("watch-unanswerable", self.watch.span, message).help(help)
    }

    fn is_so(&self, at: &Statement, (what, word): &(String, &'static str)) -> Diagnostic {
        let watch = self.watch;
        let steps = &self.case.runbook.steps;
        let (from, until) = (&steps[watch.from].name, &steps[watch.until].name);
        let stretch = if from == until {
            format!("in {from}")
        } else {
            format!("from {from} until {until}")
        };
        let message = format!(
            "`{}` asks {what} {stretch}, and there it is {word} on purpose",
            watch.name
        );
        let help = format!(
            "watch {what} where it answers all the while: begin behind this, or end before it; two watches may stand on both \
             sides"
        );
        let found = Diagnostic::error("watch-unanswerable", watch.span, message);
        let found = found.cause(at.span, format!("{what} is {word} here"));
        with_calls(found.help(help), at)
    }
}
