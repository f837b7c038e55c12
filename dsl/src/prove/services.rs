//! `unknown-service`: something is started, stopped, drained or opened that no service names. Nothing
//! could then be proved about it.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::effect::{Resource, ResourceKind};
use crate::model::{Expr, StatementKind};
use crate::prove::{Case, with_calls};
use crate::types::Type;

pub(super) fn check(case: &Case<'_>, diagnostics: &mut Diagnostics) {
    for (_, statement) in case.program.statements() {
        let StatementKind::Do(action) = &statement.kind else {
            continue;
        };
        for effect in action.call.effects.list.iter().filter(|effect| effect.is_of_service()) {
            let is_understood = |resource: &Resource<Expr>| resource.key.iter().all(|key| key.ty != Type::Unknown);
            if !effect.resource().is_some_and(is_understood) {
                continue;
            }
            let normal = case.normal.effect(effect, action.binding);
            let Some(resource) = normal.resource() else { continue };
            if !case.topology.members_of(resource).is_empty() {
                continue;
            }
            let verb = effect.word();
            let name = resource.to_string();
            let message = format!(
                "`{}` {verb} {name}, and no service says what that is",
                action.call.action
            );
            let help = if resource.kind == ResourceKind::Ingress {
                format!("name it in the service whose traffic it carries: `behind {name}`")
            } else {
                "declare a `service` for it, and name that service here".to_owned()
            };
            let found = Diagnostic::error("unknown-service", statement.span, message).help(help);
            diagnostics.push(with_calls(found, statement));
        }
    }
}
