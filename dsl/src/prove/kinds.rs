//! `wrong-type`: an action of processes is called for a container, or the other way round. What a service
//! runs as is said once, and every action of a family is for one kind of it.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::{ActionCall, Expr, ExprKind};
use crate::prove::{Case, with_calls};
use crate::service_kind::ServiceKind;

use crate::walk;

pub(super) fn check(case: &Case<'_>, diagnostics: &mut Diagnostics) {
    for (_, statement) in case.program.statements() {
        let action = statement.action().map(|action| &action.call);
        let reads = walk::expressions(statement).into_iter().flat_map(reads_in);
        for call in action.into_iter().chain(reads) {
            if let Some(found) = wrong(case, call) {
                diagnostics.push(with_calls(found, statement));
            }
        }
    }
    let wells = case.runbook.services.iter().filter_map(|service| service.well.as_ref());
    let anchors = case.runbook.anchors.iter().map(|anchor| &anchor.value);
    let rows = case.runbook.rows();
    let seen = rows.filter_map(|row| row.seen.as_ref());
    let questions = case.runbook.questions.iter();
    let answers = questions.flat_map(|question| question.lets.iter().map(|(_, value)| value).chain([&question.give]));
    let asked = wells
        .map(|well| &well.condition)
        .chain(anchors)
        .chain(seen)
        .chain(answers);
    for call in asked.flat_map(reads_in) {
        if let Some(found) = wrong(case, call) {
            diagnostics.push(found);
        }
    }
}

fn reads_in(expr: &Expr) -> Vec<&ActionCall> {
    let parts = walk::deep(expr).into_iter();
    parts
        .filter_map(|part| match &part.kind {
            ExprKind::Read(call) => Some(&**call),
            _ => None,
        })
        .collect()
}

fn wrong(case: &Case<'_>, call: &ActionCall) -> Option<Diagnostic> {
    let (_, argument) = call.arguments.iter().find(|(name, _)| name == "service")?;
    let ExprKind::Service(name) = &argument.kind else {
        return None;
    };
    let service = case.runbook.service(name)?;
    let runs = &case.runbook.topology.member(name)?.runs;
    let family = call.action.split('.').next().unwrap_or_default();
    let wanted = ServiceKind::all().find(|kind| kind.family() == Some(family))?;
    let message = format!(
        "`{}` is for a service that `runs {}(\"…\")`, and `{name}` is {}",
        call.action,
        wanted.word(),
        runs.kind.in_words()
    );
    let found = Diagnostic::error("wrong-type", argument.span, message).cause(service.span, "declared here");
    (runs.kind.family() != Some(family)).then_some(found)
}
