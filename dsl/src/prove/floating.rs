//! `floating-image`: an image or package without digest or exact version reaches an action that
//! changes something. What is approved today would not be what runs tomorrow.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::{Computation, Expr, ExprKind, Statement, StatementKind};
use crate::prove::{Case, with_calls};
use crate::types::Type;
use crate::walk;

pub(super) fn check(case: &Case<'_>, diagnostics: &mut Diagnostics) {
    for (_, statement) in case.program.statements() {
        let StatementKind::Do(action) = &statement.kind else {
            continue;
        };
        if !action.call.effects.is_changing() {
            continue;
        }
        for (_, argument) in &action.call.arguments {
            floating(case, argument, statement, diagnostics);
        }
    }
}

/// Reports each value in an argument that floats; what is only asked about on the way does not reach
/// the action.
fn floating(case: &Case<'_>, argument: &Expr, statement: &Statement, diagnostics: &mut Diagnostics) {
    let (what, pin) = match &argument.ty {
        Type::Image { pinned: false } => ("image", "a digest (`name@sha256:…`)"),
        Type::Package { pinned: false } => ("package", "an exact version (`name=1.2.3`)"),
        _ => {
            if matches!(
                argument.kind,
                ExprKind::List(_)
                    | ExprKind::Map(_)
                    | ExprKind::Computed {
                        function: Computation::BuiltIn(_),
                        ..
                    }
            ) {
                for inner in walk::children(argument) {
                    floating(case, inner, statement, diagnostics);
                }
            }
            return;
        }
    };
    let message = format!(
        "this {what} may name something else tomorrow: it has no {}",
        short(what)
    );
    let mut found = Diagnostic::error("floating-image", argument.span, message);
    found = match &argument.kind {
        ExprKind::Input(name) => {
            let input = case.runbook.inputs.iter().find(|input| input.name == *name);
            let help = format!("declare it as `pinned {what}`");
            match input {
                Some(input) => found.suggest(help, input.ty_span, format!("pinned {what}")),
                None => found.help(help),
            }
        }
        ExprKind::Binding(binding) => match case.runbook.bindings.get(binding.0 as usize) {
            Some(bound) => found.cause(bound.span, format!("it gets its value here, as a {}", bound.ty)),
            None => found,
        },
        _ => found,
    };
    let help = format!("write it with {pin}, or guard it with `require … is pinned` before");
    diagnostics.push(with_calls(found.help(help), statement));
}

fn short(what: &str) -> &'static str {
    if what == "image" { "digest" } else { "exact version" }
}
