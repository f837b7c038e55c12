//! `hold-not-released`: a hold that is still taken at the end of the way forward, or that is released
//! where it cannot be taken.

use std::collections::{BTreeMap, BTreeSet};

use crate::check::pure::is_pure;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::{Disposition, Expr, Statement, StatementKind};
use crate::order::StepOrder;
use crate::prove::{Case, mending, with_calls};
use crate::source::Span;

/// Where a hold is taken or released: step, place in it, statement.
type Point<'a> = (usize, usize, &'a Statement);

/// Where one hold is taken and released on the way forward.
#[derive(Default)]
struct Points<'a> {
    takes: Vec<Point<'a>>,
    releases: Vec<Point<'a>>,
}

pub(super) fn check(case: &Case<'_>, diagnostics: &mut Diagnostics) {
    if !case.earlier.keep_names() {
        return;
    }
    let mut holds: BTreeMap<&str, Points<'_>> = BTreeMap::new();
    for (step, body) in case.runbook.steps.iter().enumerate() {
        for (at, statement) in body.body.statements.iter().enumerate() {
            match &statement.kind {
                StatementKind::Take(hold) => holds.entry(hold).or_default().takes.push((step, at, statement)),
                StatementKind::Release(hold) => holds.entry(hold).or_default().releases.push((step, at, statement)),
                _ => {}
            }
        }
    }
    let rows = case.runbook.rows();
    let firsts = rows
        .filter_map(|row| row.first.as_ref())
        .flat_map(|first| &first.statements);
    let taken_by_rows: BTreeSet<&str> = firsts
        .filter_map(|statement| match &statement.kind {
            StatementKind::Take(hold) => Some(hold.as_str()),
            _ => None,
        })
        .collect();
    for (hold, points) in &holds {
        one_hold(case, hold, points, taken_by_rows.contains(hold), diagnostics);
    }
}

fn one_hold(case: &Case<'_>, hold: &str, points: &Points<'_>, is_row_taken: bool, diagnostics: &mut Diagnostics) {
    for take in &points.takes {
        let mut behind = points
            .releases
            .iter()
            .filter(|release| is_before(case.order, take, release));
        let Some(first) = behind.clone().next() else {
            let message = format!("{hold} is taken here and still taken when the last step is done");
            let found = Diagnostic::error("hold-not-released", take.2.span, message)
                .help(format!("add `release {hold}` to a step that comes after this one"));
            let found = mending::release(case, found, hold);
            diagnostics.push(with_calls(found, take.2));
            continue;
        };
        if behind.all(|release| why_not_done(case, take, release).is_some()) {
            let (place, why) = why_not_done(case, take, first).unwrap_or_default();
            let message = format!("{hold} is taken here, and may still be taken when the last step is done");
            let found = Diagnostic::error("hold-not-released", take.2.span, message)
                .cause(first.2.span, format!("it is released here, in a step that {why}"))
                .cause(place, "because of this")
                .help(format!(
                    "release {hold} in a step that is always done, such as one of its own"
                ));
            diagnostics.push(with_calls(found, take.2));
        }
    }
    if is_row_taken {
        return;
    }
    for release in &points.releases {
        if !points.takes.iter().any(|take| !is_before(case.order, release, take)) {
            let message = format!("{hold} cannot be taken here, so there is nothing to release");
            let found = Diagnostic::error("hold-not-released", release.2.span, message)
                .help(format!("add `take {hold}` to an earlier step, or remove this"));
            diagnostics.push(with_calls(found, release.2));
        }
    }
}

/// Why a release may not be done although its take was; `None` where it surely is.
fn why_not_done(case: &Case<'_>, take: &Point<'_>, release: &Point<'_>) -> Option<(Span, &'static str)> {
    let step = &case.runbook.steps[release.0];
    if let Disposition::Continue(_) = step.on_failure {
        return Some((step.span, "may fail while the run goes on"));
    }
    let of_take = &case.runbook.steps[take.0].body.statements;
    let is_same = |why: &str, one: &Expr| {
        let mut others = of_take.iter().filter_map(guard);
        is_pure(one) && others.any(|(other, known)| other == why && case.normal.value(known) == case.normal.value(one))
    };
    // Both in one step stand behind the same guards.
    let mut guards = step.body.statements.iter().filter(|_| take.0 != release.0);
    guards.find_map(|statement| {
        let (why, condition) = guard(statement)?;
        (!is_same(why, condition)).then_some((statement.span, why))
    })
}

/// What a statement lets happen to its step, and when.
fn guard(statement: &Statement) -> Option<(&'static str, &Expr)> {
    match &statement.kind {
        StatementKind::SkipWhen { condition, .. } => Some(("may be skipped", condition)),
        StatementKind::OnlyWhen { condition, .. } => Some(("may not be wanted", condition)),
        _ => None,
    }
}

fn is_before(order: &StepOrder, one: &Point<'_>, other: &Point<'_>) -> bool {
    if one.0 == other.0 {
        one.1 < other.1
    } else {
        order.is_before(one.0, other.0)
    }
}
