//! What can happen in a change, told: where an effect does not find what it needs, and where a way back does not
//! come to where the run began.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::flow::{Breach, Flow, Point, Return, Way};
use crate::model::{Statement, StatementKind, Step};
use crate::program::{Owner, StatementId};
use crate::prove::Case;
use crate::prove::mending::Mending;
use crate::source::Span;
use crate::state::slot::{Plain, SlotId};
use crate::state::{Difference, Unserved};
use crate::topology::service_of;

pub(super) fn check(case: &Case<'_>, diagnostics: &mut Diagnostics) {
    // A text whose form or order is wrong is proved when that is mended.
    let is_broken = |found: &Diagnostic| found.severity == Severity::Error && !APART.contains(&found.slug);
    if !case.earlier.are_none() || diagnostics.iter().any(is_broken) {
        return;
    }
    let flow = Flow::of(case.program, &case.normal, &case.topology);
    let teller = Teller { case, flow: &flow };
    let mut told = Told::new();
    let explained = Explained::of(&teller);
    let is_new = |back: &&Return| !explained.is_on(back.cell, back.way) && !explained.is_after(back.cell, back.point);
    let is_first = |breach: &&Breach| {
        if teller.is_of_missed_backup(breach) || teller.is_of_lost_backup(breach) {
            return false;
        }
        breach.back.is_none_or(|(point, way)| {
            let is_shown_by_release = teller.is_release(breach) && explained.is_broken_before(breach.cell, way);
            !explained.is_after(breach.cell, point) && !is_shown_by_release
        })
    };
    let breaches = flow
        .breaches
        .iter()
        .filter(is_first)
        .map(|breach| teller.breach(breach));
    let (first, again): (Vec<&Return>, Vec<&Return>) =
        flow.returns.iter().filter(is_new).partition(|back| !back.is_again);
    // What is wrong at once is wrong again.
    let mut wrong: BTreeSet<(usize, Way)> = BTreeSet::new();
    wrong.extend(first.iter().map(|back| (back.cell, back.way)));
    let again = again.into_iter().filter(|back| !wrong.contains(&(back.cell, back.way)));
    for found in breaches {
        if told.insert((found.slug, found.span)) {
            diagnostics.push(found);
        }
    }
    for back in first.iter().copied().chain(again) {
        teller
            .back(back, &mut told)
            .into_iter()
            .for_each(|found| diagnostics.push(found));
    }
    let unserved = flow.unserved.iter();
    let mut members: BTreeMap<Unserved, Vec<&str>> = BTreeMap::new();
    for (_, member, how) in unserved.filter(|(cell, ..)| !explained.is_after(*cell, END)) {
        members.entry(*how).or_default().push(member.as_str());
    }
    for (how, members) in members {
        diagnostics.push(teller.unserved(&members, how));
    }
    for (_, hold) in flow.held.iter().filter(|(cell, _)| !explained.is_after(*cell, END)) {
        if let Some(found) = teller.held(hold) {
            diagnostics.push(found);
        }
    }
    for slot in &flow.too_many {
        diagnostics.push(teller.too_many(*slot));
    }
}

/// What was told, and where: once is enough.
type Told = BTreeSet<(&'static str, Span)>;

/// What another rule may find and what can happen is the same all the same.
const APART: &[&str] = &[
    "budget-too-short",
    "commits-too-early",
    "floating-image",
    "opaque-change",
    "retry-not-safe",
    "secret-exposed",
    "symptom-no-default",
    "undo-not-repeatable",
    "way-back-conflict",
    "window-too-short",
];

/// Where a statement stands in the text that is read: what a procedure does wrong stands at its call.
fn called_at(statement: &Statement) -> Span {
    statement.calls.first().copied().unwrap_or(statement.span)
}

fn in_procedure(found: Diagnostic, statement: &Statement) -> Diagnostic {
    if statement.calls.is_empty() {
        found
    } else {
        found.related(statement.span, "it is done here")
    }
}

/// Behind every step.
const END: Point = Point {
    rank: usize::MAX,
    statement: None,
};

/// What a breach explains, by cell: all that comes after it on the way forward, and where the way back on which it
/// is comes to. It is not told a second time.
#[derive(Default)]
struct Explained {
    by_cell: BTreeMap<usize, (Option<Point>, BTreeSet<Way>)>,
    /// Ways back with a breach before the holds are released.
    before_releases: BTreeSet<(usize, Way)>,
}

impl Explained {
    fn of(teller: &Teller<'_, '_>) -> Self {
        let mut explained = Self::default();
        // What is set aside explains nothing.
        let told = teller
            .flow
            .breaches
            .iter()
            .filter(|breach| !teller.is_set_aside(breach));
        for breach in told {
            let (first, ways) = explained.by_cell.entry(breach.cell).or_default();
            if let Some((_, way)) = breach.back {
                ways.insert(way);
                if !teller.is_release(breach) {
                    explained.before_releases.insert((breach.cell, way));
                }
            } else {
                let point = teller.point(breach.statement);
                *first = Some(first.map_or(point, |first| first.min(point)));
            }
        }
        explained
    }

    fn is_after(&self, cell: usize, point: Point) -> bool {
        let first = self.by_cell.get(&cell).and_then(|(first, _)| *first);
        first.is_some_and(|first| first <= point)
    }

    fn is_broken_before(&self, cell: usize, way: Way) -> bool {
        self.before_releases.contains(&(cell, way))
    }

    fn is_on(&self, cell: usize, way: Way) -> bool {
        self.by_cell.get(&cell).is_some_and(|(_, ways)| ways.contains(&way))
    }
}

struct Teller<'t, 'a> {
    case: &'t Case<'a>,
    flow: &'t Flow<'a>,
}

impl Teller<'_, '_> {
    fn breach(&self, breach: &Breach) -> Diagnostic {
        let statement = self.case.program.statement(breach.statement);
        let violation = &breach.violation;
        let mut found = Diagnostic::error(violation.slug, called_at(statement), violation.words.clone());
        if let Some((point, way)) = breach.back {
            found = self.turned(found, point, way);
        }
        let found = found.scene(&statement.key, &violation.words, called_at(statement));
        let found = match breach.change.map(|id| self.case.program.statement(id)) {
            Some(change) => found
                .cause(called_at(change), "it may be changed here")
                .scene(&change.key, "it may be changed", called_at(change))
                .help("back it up too before that, and restore it on the way back; or say `unmigrated because` where it surely stays as it is"),
            None => found,
        };
        in_procedure(self.mending().breach(found, breach), statement)
    }

    fn mending(&self) -> Mending<'_, '_> {
        Mending {
            case: self.case,
            flow: self.flow,
        }
    }

    /// Whether it is where a hold is released.
    fn is_release(&self, breach: &Breach) -> bool {
        let program = self.case.program;
        matches!(program.owner(program.block_of(breach.statement)), Owner::Release(_))
    }

    /// Whether the point of no return misses what is told where the backup is made.
    fn is_of_missed_backup(&self, breach: &Breach) -> bool {
        let kind = &self.case.program.statement(breach.statement).kind;
        let mut others = self.flow.breaches.iter();
        matches!(kind, StatementKind::Commits { .. })
            && others.any(|other| other.cell == breach.cell && other.change.is_some())
    }

    /// Whether it follows from a restore on the same way that has nothing to restore.
    fn is_of_lost_backup(&self, breach: &Breach) -> bool {
        let way = |breach: &Breach| breach.back.map(|(_, way)| way);
        let mut others = self.flow.breaches.iter().filter(|other| other.cell == breach.cell);
        breach.violation.slug == "state-left-behind"
            && others.any(|other| other.violation.slug == "backup-unproven" && way(other) == way(breach))
    }

    fn is_set_aside(&self, breach: &Breach) -> bool {
        let place = called_at(self.case.program.statement(breach.statement));
        let mut set_aside = self.case.runbook.set_aside.iter();
        set_aside.any(|set_aside| set_aside.is_for(breach.violation.slug, place))
    }

    /// Where on the way forward a statement fails; of what a row or a hold does, nowhere that comes after others.
    fn point(&self, statement: StatementId) -> Point {
        let program = self.case.program;
        let rank = match program.owner(program.block_of(statement)) {
            Owner::Step(step) => program.rank(step),
            _ => self.taken_at(statement),
        };
        Point { rank, statement: None }
    }

    /// The first step in which a hold is taken or released that a statement is of.
    fn taken_at(&self, statement: StatementId) -> usize {
        let program = self.case.program;
        let hold = match program.owner(program.block_of(statement)) {
            Owner::Take(hold) => StatementKind::Take(program.hold(hold).name.clone()),
            Owner::Release(hold) => StatementKind::Release(program.hold(hold).name.clone()),
            _ => return usize::MAX,
        };
        let steps = program.order().filter(|step| {
            let mut own = program.step(*step).body.statements.iter();
            own.any(|statement| statement.kind == hold)
        });
        steps.map(|step| program.rank(step)).next().unwrap_or(usize::MAX)
    }

    /// What a way back leaves, as far as it is not told yet.
    fn back(&self, back: &Return, told: &mut Told) -> Vec<Diagnostic> {
        let program = self.case.program;
        let mut found = Vec::new();
        for (slot, difference) in &back.left {
            let cause = self.flow.changed_by(*slot, back.point);
            let own = cause.map(|id| program.statement(id));
            let undo = cause.and_then(|id| program.undo_of(id));
            let unwound = back.way == Way::Unwind;
            if let (Some(statement), true, None) = (own, unwound, undo) {
                if told.insert(("no-way-back", called_at(statement))) {
                    found.push(self.never_taken_back(back, statement, &self.how(*slot, difference)));
                }
                continue;
            }
            let place = undo.filter(|_| unwound).and_then(|undo| program.undo(undo));
            let place = place.map(|undo| undo.span).or_else(|| {
                let undone = self.flow.undone_by(*slot).filter(|_| unwound);
                undone.map(|id| called_at(program.statement(id)))
            });
            let place = place.unwrap_or_else(|| self.span_of(back.way, back.point));
            let slug = if back.is_again {
                "undo-not-repeatable"
            } else {
                "rollback-incomplete"
            };
            if told.insert((slug, place)) {
                found.push(self.not_all_taken_back(place, back, own, &self.how(*slot, difference)));
            }
        }
        found
    }

    fn never_taken_back(&self, back: &Return, statement: &Statement, how: &str) -> Diagnostic {
        let message = format!("{how} when the run turns back, and nothing takes it back");
        let found = Diagnostic::error("no-way-back", called_at(statement), message);
        let found = self
            .story(found, back, Some(statement), how)
            .help("write an `undo`, a `rollback` whose stretch it lies in, or `no undo because \"…\"`");
        in_procedure(self.mending().change(found, back, statement), statement)
    }

    fn not_all_taken_back(&self, place: Span, back: &Return, own: Option<&Statement>, how: &str) -> Diagnostic {
        let found = if back.is_again {
            let message = format!("{how} when this way back is interrupted and carried out again");
            Diagnostic::error("undo-not-repeatable", place, message)
        } else {
            Diagnostic::error("rollback-incomplete", place, format!("{how} after this way back"))
        };
        let mut found = self.story(found, back, own, how);
        if let Some(statement) = own.filter(|statement| statement.span != place) {
            found = found.cause(statement.span, "it is changed here");
        }
        match own {
            Some(statement) => self.mending().change(found, back, statement),
            None => found,
        }
    }

    /// Where the run turns, and by which way.
    fn turned(&self, found: Diagnostic, point: Point, way: Way) -> Diagnostic {
        let place = self.place(point);
        let leads = self.leads(point, way);
        let found = found.scene(self.at(point), &leads, place);
        found.cause(place, leads)
    }

    /// The statement of a point, or its step.
    fn at(&self, point: Point) -> &str {
        let statement = point.statement.map(|id| &self.case.program.statement(id).key);
        statement
            .or_else(|| self.step_at(point).map(|step| &step.name))
            .map_or("", String::as_str)
    }

    /// What was changed, where the run turns, and what stays.
    fn story(&self, found: Diagnostic, back: &Return, changed: Option<&Statement>, how: &str) -> Diagnostic {
        let found = match changed {
            Some(changed) => found.scene(&changed.key, "it is changed", called_at(changed)),
            None => found,
        };
        let found = self.turned(found, back.point, back.way);
        let at = match back.way {
            Way::Rollback(branch, _) => &self.case.program.rollback(branch).name,
            Way::Unwind | Way::Park(_) | Way::Stay => self.at(back.point),
        };
        let again = if back.is_again {
            ", once it was interrupted and carried out again"
        } else {
            ""
        };
        found.scene(at, format!("{how}{again}"), self.span_of(back.way, back.point))
    }

    fn unserved(&self, members: &[&str], how: Unserved) -> Diagnostic {
        let (words, help) = match how {
            Unserved::Stopped => ("does not run", "start it, and check that it is well"),
            Unserved::StandsBy => (
                "stands by, and nothing serves in its place",
                "promote it, or another member: an action that `starts` it",
            ),
            Unserved::Running => (
                "runs, and should not when the change is done",
                "stop it, or say `ends running`",
            ),
            Unserved::Drained => ("has no traffic", "give it its traffic back when it is well"),
            Unserved::Unproved => (
                "runs, and nothing has looked at it since it was started",
                "add `check SERVICE is well` behind its last start",
            ),
            Unserved::Mispinned => (
                "runs another release than its next start would bring",
                "pin what runs, or start what is pinned",
            ),
        };
        let known = |member: &str| self.case.runbook.service(service_of(member));
        let last = self.case.runbook.steps.last().map(|step| step.span);
        let subjects: Vec<String> = members.iter().map(|member| format!("{member} {words}")).collect();
        let message = format!("the way forward can end and {}", subjects.join(", "));
        let last = last.unwrap_or_default();
        let found = Diagnostic::error("not-serving", last, &message).scene("", message, last);
        let services = members.iter().filter_map(|member| known(member));
        let found = services.fold(found, |found, service| {
            found.cause(service.span, "this service has to serve when the change is done")
        });
        let first = members.first().and_then(|member| known(member));
        let found = match first {
            Some(service) if how == Unserved::Unproved => self.mending().proof(found, service),
            _ => found,
        };
        found.help(help.replace("SERVICE", first.map_or("SERVICE", |service| &service.name)))
    }

    /// A hold that a row takes, or that a step takes and releases where that may not come to be done.
    fn held(&self, hold: &str) -> Option<Diagnostic> {
        let program = self.case.program;
        let takes = program.statements().filter(|(id, statement)| {
            let owner = program.owner(program.block_of(*id));
            let is_forward = matches!(owner, Owner::Step(_) | Owner::Row(_));
            is_forward && matches!(&statement.kind, StatementKind::Take(name) if name == hold)
        });
        let is_of_row = |id: StatementId| matches!(program.owner(program.block_of(id)), Owner::Row(_));
        let (_, take) = takes.max_by_key(|(id, _)| is_of_row(*id))?;
        let message = format!("{hold} is taken here, and may still be taken when the last step is done");
        let found = Diagnostic::error("hold-not-released", called_at(take), message);
        Some(found.help(format!(
            "release {hold} in a step that is always done: releasing what is free does nothing"
        )))
    }

    fn too_many(&self, slot: SlotId) -> Diagnostic {
        let universe = self.flow.universe();
        let name = universe
            .resource(slot)
            .map_or_else(|| "one service".to_owned(), ToString::to_string);
        let guards = self.case.program.statements().filter(|(_, statement)| {
            matches!(
                statement.kind,
                StatementKind::SkipWhen { .. } | StatementKind::OnlyWhen { .. }
            )
        });
        let guards: Vec<Span> = guards.map(|(_, statement)| statement.span).collect();
        let first = self.case.runbook.steps.first().map(|step| step.span);
        let place = guards.first().copied().or(first).unwrap_or_default();
        let message = format!("more skips, rows and steps at once over {name} than can be followed");
        let found = Diagnostic::error("too-many-paths", place, message);
        let found = guards
            .iter()
            .skip(1)
            .take(8)
            .fold(found, |found, guard| found.cause(*guard, "this may be skipped too"));
        found.help("let fewer steps be skipped, or split the runbook")
    }

    fn how(&self, slot: SlotId, difference: &Difference) -> String {
        let universe = self.flow.universe();
        match difference {
            Difference::Run(member) => format!("{member} does not run as it did"),
            Difference::Pin(member) => format!("the release that {member} is pinned to is not that of before"),
            Difference::Traffic(member) => format!("{member} does not have the traffic that it had"),
            Difference::Data(state) => format!("{state} is not what it was"),
            Difference::Hold(hold) => format!("{hold} is still taken"),
            Difference::Plain(_, plain) => {
                let name = universe
                    .resource(slot)
                    .map_or_else(|| "a thing".to_owned(), ToString::to_string);
                match plain {
                    Plain::Gone => format!("{name} is gone"),
                    Plain::Partial | Plain::PartlyAdded => format!("{name} is half of what it should be"),
                    _ => format!("{name} stays changed"),
                }
            }
        }
    }

    fn place(&self, point: Point) -> Span {
        let program = self.case.program;
        if let Some(statement) = point.statement {
            return program.statement(statement).span;
        }
        self.step_at(point).map_or_else(Span::default, |step| step.span)
    }

    /// The step of a point; the last one where it is behind every step.
    fn step_at(&self, point: Point) -> Option<&Step> {
        let sequence = self.case.program.step_order().sequence();
        let step = sequence.get(point.rank).or(sequence.last());
        step.map(|step| &self.case.runbook.steps[*step])
    }

    fn leads(&self, point: Point, way: Way) -> String {
        let way = match way {
            Way::Unwind => "the undos are run".to_owned(),
            Way::Rollback(branch, _) => format!("{} is taken", self.case.program.rollback(branch).name),
            Way::Park(_) | Way::Stay => "the run parks".to_owned(),
        };
        match point.statement.map(|id| &self.case.program.statement(id).kind) {
            Some(StatementKind::Do(_)) => format!("when this fails, before or after it was done, {way}"),
            Some(_) => format!("when this fails, {way}"),
            None if point.rank == self.case.runbook.steps.len() => format!("when the run turns back at its end, {way}"),
            None => format!("when the run turns back in this step, {way}"),
        }
    }

    fn span_of(&self, way: Way, point: Point) -> Span {
        match way {
            Way::Rollback(branch, _) => self.case.program.rollback(branch).span,
            Way::Unwind | Way::Park(_) | Way::Stay => self.place(point),
        }
    }
}
