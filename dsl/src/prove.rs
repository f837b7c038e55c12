//! The proofs: what the compiler refuses in a runbook that is otherwise well-formed.
//!
//! Each file below holds one rule and the reason for it. A rule reads the `Case` and reports; none
//! depends on another. A finding stands at the statement whose requirement fails; what causes it is a
//! help with a place of its own.

use std::collections::BTreeMap;

use crate::catalogue::Catalogue;
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::model::{Runbook, Statement};
use crate::order::StepOrder;
use crate::program::Program;
use crate::prove::earlier::EarlierErrors;
use crate::source::{SourceMap, Span};
use crate::term::Term;
use crate::term::normal::Normal;
use crate::time::Times;
use crate::topology::Topology;

mod budgets;
mod change;
mod commits;
mod conflict;
mod earlier;
mod floating;
mod holds;
mod kinds;
mod mending;
mod nowhere;
mod pins;
mod repetition;
mod rows;
mod secrets;
mod services;
mod stretch;
mod symptoms;
mod targets;
mod watches;
mod weak;
mod width;
mod window;
mod writers;

/// What the rules look at.
struct Case<'a> {
    runbook: &'a Runbook,
    program: &'a Program,
    sources: &'a SourceMap,
    catalogue: &'a Catalogue,
    normal: Normal<'a>,
    topology: Topology<Term>,
    order: &'a StepOrder,
    times: &'a Times,
    earlier: EarlierErrors<'a>,
}

impl Case<'_> {
    /// Where the next item of the same text begins after a place.
    fn next_item(&self, place: Span) -> Option<Span> {
        let runbook = self.runbook;
        let steps = runbook.steps.iter().map(|step| step.span);
        let rollbacks = runbook.rollbacks.iter().map(|branch| branch.span);
        let parks = runbook.parks.iter().map(|park| park.span);
        let tables = runbook.tables.iter().map(|table| table.span);
        let holds = runbook.holds.iter().map(|hold| hold.span);
        let watches = runbook.watches.iter().map(|watch| watch.span);
        let items = steps
            .chain(rollbacks)
            .chain(parks)
            .chain(tables)
            .chain(holds)
            .chain(watches);
        items
            .filter(|item| item.source == place.source && item.start > place.start)
            .min()
    }
}

/// Every rule, in the order in which findings at one place are told.
const RULES: &[fn(&Case<'_>, &mut Diagnostics)] = &[
    window::check,
    budgets::check,
    floating::check,
    services::check,
    kinds::check,
    targets::check,
    watches::check,
    repetition::check,
    symptoms::check,
    rows::check,
    secrets::check,
    writers::check,
    conflict::check,
    width::check,
    commits::check,
    holds::check,
    stretch::check,
    nowhere::check,
    pins::check,
    change::check,
    weak::check,
];

/// Proves a runbook safe as far as the rules go, and reports where it is not. Errors that are among the
/// diagnostics already mean that the runbook is a part of what was written: then what can be proved of a
/// part is proved.
pub fn prove(
    program: &Program,
    sources: &SourceMap,
    catalogue: &Catalogue,
    times: &Times,
    diagnostics: &mut Diagnostics,
) {
    let found = found(
        (program, Normal::new(program)),
        sources,
        catalogue,
        times,
        EarlierErrors::of(diagnostics),
    );
    diagnostics.extend(found);
}

/// The errors that these rules find in a runbook without any where its inputs have these values: names that looked
/// different may be one thing.
pub fn prove_with_inputs(
    program: &Program,
    sources: &SourceMap,
    catalogue: &Catalogue,
    times: &Times,
    inputs: BTreeMap<String, Term>,
) -> Vec<Diagnostic> {
    let normal = Normal::new(program).with_inputs(inputs);
    let none = Diagnostics::default();
    let found = found((program, normal), sources, catalogue, times, EarlierErrors::of(&none));
    let set_aside = &program.runbook().set_aside;
    let is_told = |found: &Diagnostic| {
        let mut set_aside = set_aside.iter();
        found.severity == Severity::Error && !set_aside.any(|set_aside| set_aside.is_for(found.slug, found.span))
    };
    found.into_sorted().into_iter().filter(is_told).collect()
}

fn found<'a>(
    (program, normal): (&'a Program, Normal<'a>),
    sources: &'a SourceMap,
    catalogue: &'a Catalogue,
    times: &'a Times,
    earlier: EarlierErrors<'a>,
) -> Diagnostics {
    let runbook = program.runbook();
    let mut found = Diagnostics::default();
    let topology = Topology::of(runbook, &normal);
    let case = Case {
        runbook,
        program,
        sources,
        catalogue,
        normal,
        topology,
        order: program.step_order(),
        times,
        earlier,
    };
    for rule in RULES {
        rule(&case, &mut found);
    }
    drop(case);
    found
}

/// Adds the calls of procedures through which a statement came to its place.
fn with_calls(diagnostic: Diagnostic, statement: &Statement) -> Diagnostic {
    let calls = statement.calls.iter();
    calls.fold(diagnostic, |diagnostic, call| {
        diagnostic.related(*call, "called from here")
    })
}
