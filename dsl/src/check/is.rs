//! `e is [not] ok | present | pinned | well | answered`.

use crate::ast;
use crate::check::Checker;
use crate::check::pure::is_pure;
use crate::check::scope::{Reach, Scope};
use crate::check::types::with_article;
use crate::check::value::{refinable, typed, unknown};
use crate::diagnostic::Diagnostic;
use crate::model::{BinaryOperator, Expr, ExprKind, Test};
use crate::source::Span;
use crate::topology::service_of;
use crate::types::Type;
use crate::walk;

impl<'a> Checker<'a> {
    /// One of the tests.
    pub(crate) fn is(&mut self, scope: &Scope, subject: &'a ast::Expr, test: Test, negated: bool, span: Span) -> Expr {
        let wanted = (test == Test::Well).then_some(Type::Service);
        let subject = self.expr(scope, subject, wanted.as_ref());
        let fits = match (test, &subject.ty) {
            (_, Type::Unknown) => return typed(unknown(span).kind, Type::Bool, span),
            (Test::Ok, Type::Record(record)) => record.field("ok") == Some(&Type::Bool),
            (Test::Present, Type::Optional(_))
            | (Test::Pinned, Type::Image { .. } | Type::Package { .. })
            | (Test::Well, Type::Service) => true,
            (Test::Answered, _) => may_be_unanswered(&subject),
            _ => false,
        };
        if !fits {
            let found = with_article(&subject.ty);
            let (message, help) = match test {
                Test::Ok => (
                    format!("`is ok` reads the field `ok` of an answer, and this is {found}"),
                    "compare it: `… == …`, or ask a question that gives a record with `ok: bool`",
                ),
                Test::Present => (
                    format!("`is present` is for what may be absent, and this is {found}, always there"),
                    "leave it out",
                ),
                Test::Pinned => (
                    format!("only an image or a package can be pinned, and this is {found}"),
                    "ask it of an image or a package",
                ),
                Test::Answered => (
                    "this asks nothing, so it always has an answer".to_owned(),
                    "ask it of a question: `http.get(url) is answered`; what may be missing `is present`",
                ),
                Test::Well => (
                    format!("only a service can be well, and this is {found}"),
                    "name a service of this runbook",
                ),
            };
            self.report(Diagnostic::error("wrong-type", subject.span, message).help(help));
            return typed(unknown(span).kind, Type::Bool, span);
        }
        if test == Test::Well {
            self.asked_well(scope, &subject);
        }
        let kind = ExprKind::Is {
            subject: Box::new(subject),
            test,
            negated,
        };
        typed(kind, Type::Bool, span)
    }

    fn asked_well(&mut self, scope: &Scope, subject: &Expr) {
        if let Reach::Inputs(place) = scope.reach {
            let message = format!("this asks production, but {place} is fixed by the inputs alone");
            self.error("value-not-available", subject.span, message);
        }
        if let ExprKind::Service(name) = &subject.kind {
            let service = service_of(name);
            if service == name {
                self.expect_well(name, subject.span);
            } else {
                let message = format!("being well is said of the service `{service}` as a whole, and of no member");
                let finding = Diagnostic::error("wrong-type", subject.span, message);
                self.report(finding.help(format!(
                    "ask `{service} is well`, or the member by a question of its own"
                )));
            }
        }
        self.links.asks_well(subject.span);
    }

    /// Tells of a service that does not say what being well means.
    pub(crate) fn expect_well(&mut self, name: &str, span: Span) {
        let Some(declared) = self.symbols[0].services.get(name) else {
            return;
        };
        let says = declared
            .item
            .clauses
            .iter()
            .any(|clause| matches!(clause, ast::ServiceClause::Well(_)));
        if !says {
            let message = format!("the service `{name}` does not say what being well means");
            self.report(
                Diagnostic::error("missing-clause", span, message)
                    .related(declared.span, "declared here")
                    .help("add `well \"…\": … within …` to the service"),
            );
        }
    }
}

/// Whether there is anything in it that could have no answer.
fn may_be_unanswered(subject: &Expr) -> bool {
    let is_recorded = |part: &&Expr| matches!(part.kind, ExprKind::Anchor { at_start: true, .. });
    !is_pure(subject) || walk::deep(subject).iter().any(is_recorded)
}

/// What holds of pinning once a condition holds: the subjects of every `is pinned` that it needs.
pub(crate) fn pinned_by(condition: &Expr) -> Vec<crate::check::scope::Refinable> {
    match &condition.kind {
        ExprKind::Is {
            subject,
            test: Test::Pinned,
            negated: false,
        } => refinable(subject).into_iter().collect(),
        ExprKind::Binary(BinaryOperator::And, left, right) => {
            let mut found = pinned_by(left);
            found.extend(pinned_by(right));
            found
        }
        _ => Vec::new(),
    }
}
