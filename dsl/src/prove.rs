//! The proofs: what the compiler refuses in a runbook that is otherwise well-formed.
//!
//! Each file below holds one rule and the reason for it. A rule reads the [`Case`] and reports; none
//! depends on another. A finding stands at the statement whose requirement fails; what causes it is a
//! help with a place of its own. Absent for now: the rules over sets of [`crate::state::State`]s (the way
//! back, backups, traffic).

use crate::catalogue::Catalogue;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::{Runbook, Statement};
use crate::order::Order;
use crate::state::shape::Shape;
use crate::term::normal::Normal;
use crate::time::Times;

mod budgets;
mod commits;
mod floating;
mod holds;
mod repetition;
mod secrets;
mod services;
mod symptoms;
mod window;
mod words;
mod writers;

/// What the rules look at.
struct Case<'a> {
    runbook: &'a Runbook,
    catalogue: &'a Catalogue,
    normal: Normal<'a>,
    shape: Shape,
    order: Order,
    times: Times,
}

/// Every rule, in the order in which findings at one place are told.
const RULES: &[fn(&Case<'_>, &mut Diagnostics)] = &[
    window::check,
    budgets::check,
    floating::check,
    services::check,
    repetition::check,
    symptoms::check,
    secrets::check,
    writers::check,
    commits::check,
    holds::check,
];

/// Proves a runbook safe as far as the rules go, and reports where it is not.
pub fn prove(runbook: &Runbook, catalogue: &Catalogue, diagnostics: &mut Diagnostics) {
    let normal = Normal::new(runbook);
    let shape = Shape::of(runbook, &normal);
    let case = Case {
        runbook,
        catalogue,
        normal,
        shape,
        order: Order::new(runbook),
        times: crate::time::times(runbook),
    };
    for rule in RULES {
        rule(&case, diagnostics);
    }
}

/// Adds the calls of procedures through which a statement came to its place.
fn with_calls(diagnostic: Diagnostic, statement: &Statement) -> Diagnostic {
    let calls = statement.calls.iter();
    calls.fold(diagnostic, |diagnostic, call| {
        diagnostic.related(*call, "called from here")
    })
}
