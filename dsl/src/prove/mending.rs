//! What would mend a finding, where the text shows it: a statement that is added, or a name that is written instead.
//!
//! With a suggestion the text compiles as before, and its finding is gone; a test applies each. How long something
//! may take is not suggested.

use crate::catalogue::{Pattern, Signature};
use crate::diagnostic::Diagnostic;
use crate::effect::{Effect, Resource};
use crate::flow::{Breach, Flow, Return, Way};
use crate::model::{Do, Expr, ExprKind, Rollback, Service, Statement, StatementKind};
use crate::print;
use crate::program::{BlockId, HoldId, Owner, Program, StatementId, StepId};
use crate::prove::Case;
use crate::source::Span;
use crate::state::NO_BACKUP;
use crate::term::Term;
use crate::term::reads::Readings;
use crate::topology::service_of;
use crate::units::duration;
use crate::walk;

/// What may only be done while nothing writes.
const AFTER_THE_STOP: &str = "do it once that is stopped";

/// Finds what would mend findings about what can happen.
pub(super) struct Mending<'t, 'a> {
    pub(super) case: &'t Case<'a>,
    pub(super) flow: &'t Flow<'a>,
}

impl Mending<'_, '_> {
    /// Of what an effect needs and does not find.
    pub(super) fn breach(&self, found: Diagnostic, breach: &Breach) -> Diagnostic {
        let program = self.case.program;
        if let Some((point, Way::Unwind)) = breach.back {
            // Older undos run where the branch does not apply yet.
            let branch = program
                .order()
                .nth(point.rank)
                .map(|step| (self.later(step, |_| true), step));
            if let Some((Some(branch), step)) = branch {
                return self.earlier(found, branch, step);
            }
        }
        // A release on a way back shows what the way back did, and is written nowhere.
        let is_release = matches!(program.owner(program.block_of(breach.statement)), Owner::Release(_));
        let place = self.place(breach.statement);
        let Some(place) = place.filter(|_| breach.back.is_none() || !is_release) else {
            return found;
        };
        let effects = self.effects(breach.statement);
        let target = effects
            .iter()
            .find(|effect| effect.is_of_service())
            .and_then(Effect::resource);
        let service = target.and_then(|target| self.service(target));
        match (breach.violation.slug, service, target) {
            ("cutover-unvalidated", Some(service), _) if service.well.is_some() => {
                let help = "look at it before users come to it";
                before(found, place, help, &format!("check {} is well", service.name))
            }
            ("writes-at-risk", _, _) => {
                let text = "commits \"from here on a way back would lose what users write\"";
                before(found, place, "say that there is no way back from here on", text)
            }
            ("order-unsafe", ..) if effects.iter().any(|effect| matches!(effect, Effect::Restores(_))) => {
                self.behind(found, breach.statement, AFTER_THE_STOP, |effect| {
                    effect.ended().is_some()
                })
            }
            ("backup-not-cold", ..) => self.behind(found, breach.statement, AFTER_THE_STOP, |effect| {
                effect.ended().is_some()
            }),
            ("order-unsafe", _, Some(target)) if effects.iter().any(|effect| effect.ended().is_some()) => {
                match self.drain_of(target) {
                    Some(hold) => before(found, place, "turn users away first", &format!("take {hold}")),
                    None => self.behind(found, breach.statement, "do it once users are turned away", |effect| {
                        matches!(effect, Effect::Drains(_))
                    }),
                }
            }
            ("state-left-behind", Some(service), _) => {
                let restores = |effect: &Effect<Term>| matches!(effect, Effect::Restores(_));
                match self.backup_of(service, breach.statement) {
                    Some(backup) if self.last_behind(breach.statement, restores).is_none() => {
                        let help = "put the state back that belongs to the old release";
                        before(found, place, help, &format!("do backup.restore({backup})"))
                    }
                    _ => self.behind(found, breach.statement, "put the state back first", restores),
                }
            }
            ("backup-unproven", _, _) if breach.violation.words != NO_BACKUP => self.trial(found, breach.statement),
            _ => found,
        }
    }

    /// Of a service that nothing has looked at since it was started.
    pub(super) fn proof(&self, found: Diagnostic, service: &Service) -> Diagnostic {
        let program = self.case.program;
        let starts = |id: &StatementId| {
            let effects = self.effects(*id);
            let mut started = effects.iter().filter(|effect| matches!(effect, Effect::Starts { .. }));
            let is_step = matches!(program.owner(program.block_of(*id)), Owner::Step(_));
            is_step && started.any(|effect| self.is_of(effect, service))
        };
        let all = program.statements().map(|(id, _)| id);
        let last = all.filter(starts).max_by_key(|id| program.statement(*id).written.start);
        match last.filter(|_| service.well.is_some()) {
            Some(last) => {
                let text = format!("check {} is well", service.name);
                after(
                    found,
                    program.statement(last).written,
                    "look at it behind its last start",
                    &text,
                )
            }
            None => found,
        }
    }

    /// Of a change that a way back leaves: it lies before the stretch of a branch that works on the same, or can be
    /// taken back where it is done.
    pub(super) fn change(&self, found: Diagnostic, back: &Return, changed: &Statement) -> Diagnostic {
        let program = self.case.program;
        let Some(id) = program.find(&changed.key) else {
            return found;
        };
        let Owner::Step(step) = program.owner(program.block_of(id)) else {
            return found;
        };
        if back.way != Way::Unwind {
            return found;
        }
        let works = |block: BlockId| {
            let mut slots = back.left.iter().map(|(slot, _)| *slot);
            slots.any(|slot| program.statements_of(block).any(|id| self.flow.works_on(id, slot)))
        };
        if let Some(branch) = self.later(step, works) {
            return self.earlier(found, branch, step);
        }
        let own = changed.action().filter(|_| program.undo_of(id).is_none());
        match own.and_then(|action| Some((action, self.undo(changed, action)?))) {
            Some((action, undo)) => {
                let text = format!(" undo {undo} within {}", duration(action.within_ms));
                found.suggest("take it back", end_of(changed.written), text)
            }
            None => found,
        }
    }

    /// A branch that does what is meant, and whose stretch begins only behind a step.
    fn later(&self, step: StepId, is_meant: impl Fn(BlockId) -> bool) -> Option<&Rollback> {
        let mut branches = self.case.program.rollbacks();
        let later = branches.find(|(branch, block)| self.is_before(step, branch.from) && is_meant(*block));
        later.map(|(branch, _)| branch)
    }

    /// The stretch of a branch begins with this step.
    fn earlier(&self, found: Diagnostic, branch: &Rollback, step: StepId) -> Diagnostic {
        let name = &self.case.program.step(step).name;
        found.suggest(format!("let {} apply from {name}", branch.name), branch.named.0, name)
    }

    /// What takes an action back: the same with the value that was read before, or the one action of its family that
    /// starts what it stops, or stops what it starts.
    fn undo(&self, changed: &Statement, action: &Do) -> Option<String> {
        if !changed.calls.is_empty() {
            return None;
        }
        let runbook = self.case.runbook;
        let [effect] = action.call.effects.list.as_slice() else {
            return None;
        };
        if let Effect::Sets { to: Some(to), resource } = effect {
            let resource = self.case.normal.resource(resource);
            let name = self.value_before(changed, &resource)?;
            let shown = |part: &Expr| (part.span == to.span && part.ty == to.ty).then(|| name.to_owned());
            return Some(print::call(runbook, &action.call, &shown));
        }
        let is_start = matches!(effect, Effect::Starts { .. });
        let is_inverse = |other: &Effect<Pattern>| match other {
            Effect::Starts { with, .. } => !is_start && effect.ended().is_some() && with.is_none(),
            Effect::Stops(_) => is_start,
            _ => false,
        };
        let (family, _) = action.call.action.split_once('.')?;
        let takes_one = |signature: &&Signature| {
            let needed = signature.parameters.iter().filter(|parameter| parameter.required);
            signature.family == family
                && needed.count() == 1
                && matches!(signature.effects.as_slice(), [other] if is_inverse(other))
        };
        let inverse = self.case.catalogue.iter().find(takes_one)?;
        let (_, service) = action.call.arguments.first()?;
        let service = print::checked(runbook, service, &|_| None);
        Some(format!("{}({service})", inverse.full_name()))
    }

    /// The name of a value that was read before a statement, in its step or an earlier one, and that is what a thing was.
    fn value_before(&self, changed: &Statement, resource: &Resource<Term>) -> Option<&str> {
        let readings = Readings::new(self.case.runbook, &self.case.normal);
        let all = self.case.program.statements().map(|(_, statement)| statement);
        let mut before = all.take_while(|statement| statement.key != changed.key);
        let binding = before.find_map(|statement| match &statement.kind {
            StatementKind::Let { binding, value } => {
                (readings.value_of(value).as_ref() == Some(resource)).then_some(*binding)
            }
            _ => None,
        })?;
        let name = &self.case.runbook.bindings[binding.0 as usize].name;
        (!name.starts_with('#')).then_some(name)
    }

    /// A statement that is moved behind the last one after it, in its block, that does something.
    fn behind(
        &self,
        found: Diagnostic,
        id: StatementId,
        help: &str,
        does: impl Fn(&Effect<Term>) -> bool,
    ) -> Diagnostic {
        let program = self.case.program;
        let own = program.statement(id);
        let block = program.block_of(id);
        let there = self.last_behind(id, does).filter(|_| own.written != Span::default());
        let Some(there) = there else {
            return found;
        };
        let there = program.statement(there).written;
        let text = self.case.sources.text(own.written);
        // With the line that it stood on.
        let mut written = program
            .statements_of(block)
            .map(|other| program.statement(other).written);
        let next = written.find(|next| next.start >= own.written.end).unwrap_or(there);
        let gone = Span {
            end: next.start,
            ..own.written
        };
        let edits = vec![(gone, String::new()), (end_of(there), format!("\n  {text}"))];
        found.suggest_edits(help, edits)
    }

    /// The last statement behind one in its block that does something.
    fn last_behind(&self, id: StatementId, does: impl Fn(&Effect<Term>) -> bool) -> Option<StatementId> {
        let program = self.case.program;
        let later = program.statements_of(program.block_of(id)).filter(|other| *other > id);
        later.filter(|other| self.effects(*other).iter().any(&does)).last()
    }

    /// A backup that is relied on is restored on trial where it is made.
    fn trial(&self, found: Diagnostic, restore: StatementId) -> Diagnostic {
        let program = self.case.program;
        let Some(action) = program.statement(restore).action() else {
            return found;
        };
        let arguments = action
            .call
            .arguments
            .iter()
            .flat_map(|(_, argument)| walk::deep(argument));
        let mut used = arguments.filter_map(|part| match part.kind {
            ExprKind::Binding(binding) => Some(binding),
            _ => None,
        });
        let made = used.find_map(|binding| {
            let mut all = program.statements().map(|(_, statement)| statement);
            let makes = |statement: &&Statement| statement.action().is_some_and(|made| made.binding == Some(binding));
            Some((all.find(makes)?, binding))
        });
        let Some((made, binding)) = made else { return found };
        let name = &self.case.runbook.bindings[binding.0 as usize].name;
        let text = format!("check \"the archive restores into a scratch directory\": backup.verify({name}) is ok");
        after(found, made.written, "restore it on trial where it is made", &text)
    }

    /// The name of the only backup of what a service writes that is there at a statement of a way back.
    fn backup_of(&self, service: &Service, at: StatementId) -> Option<&str> {
        let program = self.case.program;
        let Owner::Rollback(branch) = program.owner(program.block_of(at)) else {
            return None;
        };
        let from = program.rollback(branch).from;
        let known = self.case.topology.services.get(&service.name)?;
        let made = program.statements().filter_map(|(id, statement)| {
            let Owner::Step(step) = program.owner(program.block_of(id)) else {
                return None;
            };
            let binding = statement.action()?.binding?;
            let mut effects = self.effects(id).into_iter();
            let is_of_service = effects.any(|effect| match effect {
                Effect::Captures { state, .. } => {
                    let mut written = known.writes.iter();
                    written.any(|write| state.key.first() == Some(&Term::text(&write.state)))
                }
                _ => false,
            });
            (is_of_service && self.is_before(step, from)).then_some(binding)
        });
        let made: Vec<_> = made.collect();
        match made.as_slice() {
            [binding] => Some(&self.case.runbook.bindings[binding.0 as usize].name),
            _ => None,
        }
    }

    /// A hold that turns users away from this.
    fn drain_of(&self, target: &Resource<Term>) -> Option<&str> {
        let universe = self.flow.universe();
        let members: Vec<_> = universe.named(target).collect();
        let program = self.case.program;
        let mut holds = program.holds().filter(|hold| {
            let block = program.take(*hold);
            let effects = program.statements_of(block).flat_map(|id| self.effects(id));
            effects.into_iter().any(|effect| match &effect {
                Effect::Drains(drained) => universe.named(drained).any(|member| members.contains(&member)),
                _ => false,
            })
        });
        holds.next().map(|hold| program.hold(hold).name.as_str())
    }

    /// Whether a step surely comes before the one at a place of the runbook.
    fn is_before(&self, step: StepId, place: usize) -> bool {
        self.case.order.is_before(step.place(), place)
    }

    fn effects(&self, id: StatementId) -> Vec<Effect<Term>> {
        let action = self.case.program.statement(id).action();
        let list = action.map_or(&[][..], |action| action.call.effects.list.as_slice());
        let effects = list.iter();
        effects
            .map(|effect: &Effect<Expr>| self.case.normal.effect(effect, None))
            .collect()
    }

    fn service(&self, target: &Resource<Term>) -> Option<&Service> {
        let member = self.flow.universe().named(target).next()?;
        self.case.runbook.service(service_of(member.as_str()))
    }

    fn is_of(&self, effect: &Effect<Term>, service: &Service) -> bool {
        let own = effect.resource().and_then(|target| self.service(target));
        own.is_some_and(|own| own.name == service.name)
    }

    /// Where a statement is written on the way forward or in a branch, with the point of no return directly before it; of what
    /// a hold does, where it is released.
    fn place(&self, id: StatementId) -> Option<Span> {
        let program = self.case.program;
        let id = match program.owner(program.block_of(id)) {
            Owner::Step(_) | Owner::Rollback(_) => id,
            Owner::Release(hold) => released_at(program, hold)?,
            _ => return None,
        };
        let block = program.statements_of(program.block_of(id));
        let own = program.statement(id).written;
        let before = block
            .map(|id| program.statement(id))
            .filter(|before| before.written.end <= own.start)
            .max_by_key(|before| before.written.end);
        let commits = before.filter(|before| matches!(before.kind, StatementKind::Commits { .. }));
        Some(commits.map_or(own, |commits| commits.written))
    }
}

/// A hold that is taken and not released is released in the last step.
pub(super) fn release(case: &Case<'_>, found: Diagnostic, hold: &str) -> Diagnostic {
    let steps = || case.runbook.steps.iter().rev();
    let ends = || steps().filter_map(|step| step.body.statements.last());
    // A point of no return that stands before nothing was for this.
    let commits = ends().find(|last| matches!(last.kind, StatementKind::Commits { .. }));
    match commits.or_else(|| ends().next()) {
        Some(last) => after(
            found,
            last.written,
            "release it where the change ends",
            &format!("release {hold}"),
        ),
        None => found,
    }
}

/// The first statement of a step that releases a hold.
fn released_at(program: &Program, hold: HoldId) -> Option<StatementId> {
    let name = &program.hold(hold).name;
    let mut all = program.statements();
    let released = all.find(|(id, statement)| {
        let is_step = matches!(program.owner(program.block_of(*id)), Owner::Step(_));
        is_step && matches!(&statement.kind, StatementKind::Release(released) if released == name)
    });
    released.map(|(id, _)| id)
}

fn before(found: Diagnostic, place: Span, help: &str, text: &str) -> Diagnostic {
    let here = Span::new(place.source, place.start, place.start);
    found.suggest(help, here, format!("{text}\n  "))
}

fn after(found: Diagnostic, place: Span, help: &str, text: &str) -> Diagnostic {
    found.suggest(help, end_of(place), format!("\n  {text}"))
}

fn end_of(place: Span) -> Span {
    Span::new(place.source, place.end, place.end)
}
