//! `hold-not-released`: a hold that is still taken at the end of the way forward, or that is released
//! where it cannot be taken.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::{Statement, StatementKind};
use crate::order::StepOrder;
use crate::prove::{Case, with_calls};

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
    let rows = case.runbook.tables.iter().flat_map(|table| &table.rows);
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
        if !points
            .releases
            .iter()
            .any(|release| is_before(case.order, take, release))
        {
            let message = format!("{hold} is taken here and still taken when the last step is done");
            let found = Diagnostic::error("hold-not-released", take.2.span, message)
                .help(format!("add `release {hold}` to a step that comes after this one"));
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

fn is_before(order: &StepOrder, one: &Point<'_>, other: &Point<'_>) -> bool {
    if one.0 == other.0 {
        one.1 < other.1
    } else {
        order.is_before(one.0, other.0)
    }
}
