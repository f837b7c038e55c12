//! `wrong-type`: an action of processes is called for a container, or the other way round. What a service
//! runs as is said once, and every action of a family is for one kind of it.

use crate::diagnostic::{Diagnostic, Diagnostics, listed};
use crate::effect::Effect;
use crate::model::{ActionCall, ExprKind};
use crate::prove::{Case, with_calls};
use crate::service_kind::ServiceKind;
use crate::topology::service_of;

use crate::walk;

pub(super) fn check(case: &Case<'_>, diagnostics: &mut Diagnostics) {
    for (_, statement) in case.program.statements() {
        let action = statement.action().map(|action| &action.call);
        let reads = walk::expressions(statement).into_iter().flat_map(walk::reads);
        for call in action.into_iter().chain(reads) {
            if let Some(found) = wrong(case, call) {
                diagnostics.push(with_calls(found, statement));
            }
        }
    }
    for call in walk::asked(case.runbook).flat_map(walk::reads) {
        if let Some(found) = wrong(case, call) {
            diagnostics.push(found);
        }
    }
}

fn wrong(case: &Case<'_>, call: &ActionCall) -> Option<Diagnostic> {
    let (_, argument) = call.arguments.iter().find(|(name, _)| name == "service")?;
    let ExprKind::Service(name) = &argument.kind else {
        return None;
    };
    let service = case.runbook.service(service_of(name))?;
    let known = case.runbook.topology.services.get(service_of(name))?;
    let Some(member) = known.members.get(name.as_str()) else {
        let members: Vec<String> = known.members.keys().map(|id| format!("`{id}`")).collect();
        let message = format!("`{}` is for one member, and `{name}` has several", call.action);
        let found = Diagnostic::error("wrong-type", argument.span, message).cause(service.span, "declared here");
        return Some(found.help(format!("say which: {}", listed(&members, ", "))));
    };
    let runs = &member.runs;
    let family = call.action.split('.').next().unwrap_or_default();
    let wanted = ServiceKind::all().find(|kind| kind.family() == Some(family))?;
    let message = format!(
        "`{}` is for a service that `runs {}(\"…\")`, and `{name}` is {}",
        call.action,
        wanted.word(),
        runs.kind.in_words()
    );
    let found = Diagnostic::error("wrong-type", argument.span, message).cause(service.span, "declared here");
    let is_question = call.effects.list.iter().all(Effect::is_observing);
    let is_for_it = runs.kind.family() == Some(family) || (is_question && runs.kind.asked_by() == Some(family));
    (!is_for_it).then_some(found)
}
