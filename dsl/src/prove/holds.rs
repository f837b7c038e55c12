//! `hold-not-released`: a hold that is still taken at the end of the way forward, or that is released
//! where it cannot be taken.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::{Statement, StatementKind};
use crate::order::Order;
use crate::prove::{Case, with_calls};

/// Where a hold is taken or released: step, place in it, statement.
type Point<'a> = (usize, usize, &'a Statement);

pub(super) fn check(case: &Case<'_>, diagnostics: &mut Diagnostics) {
    let mut points: Vec<(bool, &str, Point<'_>)> = Vec::new();
    for (step, body) in case.runbook.steps.iter().enumerate() {
        for (at, statement) in body.body.statements.iter().enumerate() {
            match &statement.kind {
                StatementKind::Take(hold) => points.push((true, hold, (step, at, statement))),
                StatementKind::Release(hold) => points.push((false, hold, (step, at, statement))),
                _ => {}
            }
        }
    }
    for hold in &case.runbook.holds {
        let of = |is_take: bool| {
            let mine = points
                .iter()
                .filter(move |(take, name, _)| *take == is_take && *name == hold.name);
            mine.map(|(_, _, point)| *point).collect::<Vec<Point<'_>>>()
        };
        let (takes, releases) = (of(true), of(false));
        for take in &takes {
            if !releases.iter().any(|release| is_before(&case.order, take, release)) {
                let message = format!("{} is taken here and still taken when the last step is done", hold.name);
                let found = Diagnostic::error("hold-not-released", take.2.span, message).help(format!(
                    "add `release {}` to a step that comes after this one",
                    hold.name
                ));
                diagnostics.push(with_calls(found, take.2));
            }
        }
        let rows = case.runbook.tables.iter().flat_map(|table| &table.rows);
        let mut firsts = rows
            .filter_map(|row| row.first.as_ref())
            .flat_map(|first| &first.statements);
        if firsts.any(|statement| matches!(&statement.kind, StatementKind::Take(name) if *name == hold.name)) {
            continue;
        }
        for release in &releases {
            if !takes.iter().any(|take| !is_before(&case.order, release, take)) {
                let message = format!("{} cannot be taken here, so there is nothing to release", hold.name);
                let found = Diagnostic::error("hold-not-released", release.2.span, message)
                    .help(format!("add `take {}` to an earlier step, or remove this", hold.name));
                diagnostics.push(with_calls(found, release.2));
            }
        }
    }
}

fn is_before(order: &Order, one: &Point<'_>, other: &Point<'_>) -> bool {
    if one.0 == other.0 {
        one.1 < other.1
    } else {
        order.is_before(one.0, other.0)
    }
}
