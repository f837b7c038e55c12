//! `secret-exposed`: a secret goes where it would be seen. It may go only, as it is, into a parameter
//! that the catalogue marks as a place for secrets (environment of a child, its standard input, a header,
//! a body, a file with a mode of its own).

use crate::catalogue::Sink;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::{ActionCall, Expr, ExprKind, StatementKind};
use crate::prove::Case;
use crate::source::Span;
use crate::types::Type;
use crate::walk;

pub(super) fn check(case: &Case<'_>, diagnostics: &mut Diagnostics) {
    let mut scan = Scan {
        case,
        calls: &[],
        diagnostics,
    };
    for (_, statement) in case.program.statements() {
        scan.calls = &statement.calls;
        match &statement.kind {
            StatementKind::Do(action) => scan.call(&action.call),
            StatementKind::Let { value, .. } => scan.kept(value),
            StatementKind::Ask(ask) => scan.shown(&ask.prompt, "a question to a person"),
            StatementKind::Record(_) => {
                for value in walk::expressions(statement) {
                    scan.shown(value, "the record");
                }
            }
            _ => {
                for value in walk::expressions(statement) {
                    scan.shown(value, "evidence");
                }
            }
        }
    }
    scan.calls = &[];
    for question in &case.runbook.questions {
        question.lets.iter().for_each(|(_, value)| scan.kept(value));
        scan.shown(&question.give, "an answer");
    }
    case.runbook.label.iter().for_each(|label| scan.shown(label, "a label"));
    for required in &case.runbook.requires {
        scan.shown(&required.condition, "evidence");
    }
    for anchor in &case.runbook.anchors {
        scan.shown(&anchor.value, "the record");
    }
    for service in &case.runbook.services {
        service
            .well
            .iter()
            .for_each(|well| scan.shown(&well.condition, "evidence"));
    }
    for watch in &case.runbook.watches {
        scan.shown(&watch.condition, "evidence");
    }
    for row in case.runbook.rows() {
        row.seen.iter().for_each(|seen| scan.shown(seen, "evidence"));
    }
}

struct Scan<'a, 'd> {
    case: &'a Case<'a>,
    calls: &'a [Span],
    diagnostics: &'d mut Diagnostics,
}

impl Scan<'_, '_> {
    /// An expression whose value is kept under a name: a secret may be.
    fn kept(&mut self, expr: &Expr) {
        if is_secret(&expr.ty) {
            for inner in walk::children(expr) {
                self.kept(inner);
            }
        } else {
            self.shown(expr, "a value that is recorded");
        }
    }

    /// An expression whose value is seen: no secret may be in it.
    fn shown(&mut self, expr: &Expr, whereto: &str) {
        if is_secret(&expr.ty) {
            self.expose(expr, whereto);
            return;
        }
        match &expr.kind {
            ExprKind::Read(call) => self.call(call),
            // A question keeps what it is given; its own text is looked at on its own.
            ExprKind::Question { arguments, .. } => arguments.iter().for_each(|argument| self.kept(argument)),
            // Whether a secret is there is no secret.
            ExprKind::Is { subject, .. } if is_secret(&subject.ty) => self.kept(subject),
            ExprKind::Binary(operator, ..) => {
                let whereto = format!("an operand of `{}`", operator.word());
                for inner in walk::children(expr) {
                    self.shown(inner, &whereto);
                }
            }
            _ => {
                for inner in walk::children(expr) {
                    self.shown(inner, whereto);
                }
            }
        }
    }

    fn call(&mut self, call: &ActionCall) {
        let signature = self.case.catalogue.get(&call.action);
        for (name, argument) in &call.arguments {
            let sink = signature.and_then(|signature| signature.parameter(name)?.sink);
            if sink.is_some_and(Sink::takes_secrets) {
                self.sunk(argument);
            } else {
                self.shown(argument, &place(sink, &call.action, name));
            }
        }
        for effect in &call.effects.list {
            for key in effect.resource().iter().flat_map(|resource| &resource.key) {
                self.shown(key, "the name of a resource");
            }
        }
    }

    /// An argument for a place that takes secrets, alone or in a list or map.
    fn sunk(&mut self, argument: &Expr) {
        match &argument.kind {
            ExprKind::List(_) | ExprKind::Map(_) => {
                for inner in walk::children(argument) {
                    self.sunk(inner);
                }
            }
            _ => self.kept(argument),
        }
    }

    fn expose(&mut self, expr: &Expr, whereto: &str) {
        let message = format!("a secret would be seen in {whereto}");
        let mut found = Diagnostic::error("secret-exposed", expr.span, message);
        if let ExprKind::Input(name) = &expr.kind
            && let Some(input) = self.case.runbook.inputs.iter().find(|input| input.name == *name)
        {
            found = found.cause(input.span, format!("{name} is a secret"));
        }
        for call in self.calls {
            found = found.related(*call, "called from here");
        }
        let help =
            "hand it over by the environment (`env:`) or standard input (`stdin:`), or write it with `fs.install`";
        self.diagnostics.push(found.help(help));
    }
}

fn place(sink: Option<Sink>, action: &str, parameter: &str) -> String {
    match sink {
        Some(Sink::Argv) => "the arguments of a process, which everybody on the host can read".to_owned(),
        Some(Sink::Message) => "a message to people".to_owned(),
        _ => format!("`{parameter}` of {action}, which is no place for secrets"),
    }
}

fn is_secret(ty: &Type) -> bool {
    match ty {
        Type::Secret => true,
        Type::Optional(inner) | Type::List(inner) | Type::Map(inner) => is_secret(inner),
        _ => false,
    }
}
