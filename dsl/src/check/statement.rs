//! Statements, one by one: where each may stand, and what it becomes.

use crate::ast::{self, StatementKind as Written};
use crate::check::Checker;
use crate::check::action::DoParts;
use crate::check::block::{BodyKind, Builder};
use crate::check::expression::secret_exposed;
use crate::check::is::pinned_by;
use crate::check::names::duplicate;
use crate::check::pure::is_pure;
use crate::check::scope::Scope;
use crate::check::suggest::suggest;
use crate::check::types::is_unknown;
use crate::check::value::typed;
use crate::check::way_back::Ways;
use crate::diagnostic::Diagnostic;
use crate::model::{self, BindingId, Check, Expr, ExprKind, Retry, StatementKind, Test};
use crate::source::Span;
use crate::types::Type;

impl<'a> Checker<'a> {
    /// Checks a list of statements into a block.
    pub(crate) fn statements(&mut self, scope: &mut Scope, builder: &mut Builder, list: &'a [ast::Statement]) {
        let mut retry: Option<(Retry, Span)> = None;
        for (at, statement) in list.iter().enumerate() {
            if self.has_enough {
                return;
            }
            if scope.calls.is_empty() {
                builder.written = statement.span;
            }
            if !self.may_stand(scope, builder, statement) {
                continue;
            }
            if let Written::Retry { times, every_ms } = &statement.kind {
                retry = self.retry(list.get(at + 1), times, every_ms.value, statement.span);
                continue;
            }
            self.statement(scope, builder, statement, at, retry.take());
        }
    }

    fn retry(
        &mut self,
        next: Option<&ast::Statement>,
        times: &crate::source::Spanned<i64>,
        every_ms: u64,
        span: Span,
    ) -> Option<(Retry, Span)> {
        if !matches!(next.map(|next| &next.kind), Some(Written::Do(_))) {
            let message = "`retry` stands directly before the action that is tried again";
            self.error("misplaced-statement", span, message);
        }
        match u64::try_from(times.value) {
            Ok(times) if times > 0 => Some((Retry { times, every_ms }, span)),
            _ => {
                self.error(
                    "wrong-type",
                    times.span,
                    "say how often it is tried again: a number above zero",
                );
                None
            }
        }
    }

    /// Whether a statement may stand in this body; tells where it may not.
    fn may_stand(&mut self, scope: &Scope, builder: &Builder, statement: &ast::Statement) -> bool {
        let place = if scope.is_closed {
            BodyKind::Procedure
        } else {
            builder.kind
        };
        let (word, places): (&str, &[BodyKind]) = {
            use BodyKind::{Hold, Park, Procedure, Rollback, Row, Step, Undo};
            let all: &[BodyKind] = &[Step, Procedure, Undo, Rollback, Park, Row, Hold];
            let not_procedures: &[BodyKind] = &[Step, Undo, Rollback, Park, Row];
            match &statement.kind {
                Written::Let { .. } | Written::Do(_) | Written::Check(_) => ("", all),
                Written::Wait { .. } => ("wait", all),
                Written::Retry { .. } => ("retry", all),
                Written::Budget(_) => ("budget", &[Step, Rollback, Park]),
                Written::Require { .. } => ("require", &[Step, Procedure]),
                Written::SkipWhen { .. } => ("skip when", &[Step]),
                Written::OnlyWhen { .. } => ("only when", &[Step]),
                Written::Give(_) => ("give", &[]),
                Written::Ask(_) => ("ask", not_procedures),
                Written::Take(_) => ("take", not_procedures),
                Written::Release(_) => ("release", not_procedures),
                Written::Record(_) => ("record", not_procedures),
                Written::Commits(_) => ("commits", &[Step]),
                Written::OnFailure(_) => ("on failure", &[Step]),
                Written::Unwind => ("unwind", &[Rollback]),
                Written::KeepFailed(_) => ("keep failed", &[Rollback]),
                Written::Allow(_) => return true,
            }
        };
        if places.contains(&place) {
            return true;
        }
        let message = format!("`{word}` cannot stand {}", place.words());
        let list: Vec<&str> = places.iter().map(|place| place.words()).collect();
        let help = if list.is_empty() {
            "it stands in a question".to_owned()
        } else {
            format!("it stands {}", list.join(", "))
        };
        self.report(Diagnostic::error("misplaced-statement", statement.span, message).help(help));
        false
    }

    fn statement(
        &mut self,
        scope: &mut Scope,
        builder: &mut Builder,
        statement: &'a ast::Statement,
        at: usize,
        retry: Option<(Retry, Span)>,
    ) {
        let span = statement.span;
        match &statement.kind {
            Written::Give(_) | Written::Retry { .. } | Written::Allow(_) => {}
            Written::Budget(budget) => self.budget(builder, budget.value, at, span),
            Written::Require { condition, otherwise } => {
                self.guard_in_time(builder, "require", span);
                let condition = self.guard(scope, condition, "`require`");
                let pinned = pinned_by(&condition);
                scope.pinned.extend(pinned.iter().cloned());
                builder.pinned.extend(pinned);
                let otherwise = otherwise.value.clone();
                self.push(scope, builder, StatementKind::Require { condition, otherwise }, span);
            }
            Written::SkipWhen { condition, because } => {
                self.guard_in_time(builder, "skip when", span);
                let condition = self.guard(scope, condition, "`skip when`");
                let because = because.value.clone();
                self.push(scope, builder, StatementKind::SkipWhen { condition, because }, span);
            }
            Written::OnlyWhen { condition, because } => {
                self.guard_in_time(builder, "only when", span);
                let condition = self.guard(scope, condition, "`only when`");
                let because = because.value.clone();
                self.push(scope, builder, StatementKind::OnlyWhen { condition, because }, span);
            }
            Written::Let { name, value } => {
                let value = self.expr(scope, value, None);
                let value = self.expect_value(value);
                self.refuse_traces(&value, "`let`");
                let binding = self.bind(scope, builder, name, value.ty.clone());
                self.push(scope, builder, StatementKind::Let { binding, value }, span);
            }
            Written::Do(action) => self.perform(scope, builder, DoParts::of(action, span), retry),
            Written::KeepFailed(action) => {
                self.expect_first(builder, span);
                self.perform(scope, builder, DoParts::of(action, span), retry);
            }
            Written::Check(check) => {
                if let Some(check) = self.check_statement(scope, check) {
                    self.push(scope, builder, StatementKind::Check(check), span);
                }
            }
            Written::Ask(ask) => self.ask(scope, builder, ask, span),
            Written::Take(name) | Written::Release(name) => self.hold_statement(scope, builder, statement, name),
            Written::Record(values) => self.record_statement(scope, builder, values, span),
            Written::Wait { duration_ms, because } => {
                if because.is_none() {
                    let finding = Diagnostic::error("missing-clause", span, "this does not say what is waited for");
                    self.report(finding.help("add `because \"…\"`"));
                }
                let because = because
                    .as_ref()
                    .map_or_else(String::new, |because| because.value.clone());
                let duration_ms = duration_ms.value;
                self.push(scope, builder, StatementKind::Wait { duration_ms, because }, span);
            }
            Written::Commits(because) => self.commits(scope, builder, because, span),
            Written::OnFailure(written) => self.on_failure(builder, written, span),
            Written::Unwind => self.push(scope, builder, StatementKind::Unwind, span),
        }
    }

    fn commits(&mut self, scope: &Scope, builder: &mut Builder, because: &ast::Text, span: Span) {
        if builder.is_before_window {
            let message = "this step runs before the window, where nothing is changed yet";
            let finding = Diagnostic::error("misplaced-statement", span, message);
            self.report(finding.help("`commits` stands before the action after which there is no way back"));
        }
        self.push_commits(scope, builder, because.value.clone(), span);
    }

    fn on_failure(&mut self, builder: &mut Builder, written: &ast::Disposition, span: Span) {
        if let Some(way) = self.disposition(written, Ways::STEP)
            && let Some((_, first)) = builder.on_failure.replace((way, span))
        {
            let finding = Diagnostic::error("duplicate-clause", span, "`on failure` is said twice");
            self.report(finding.related(first, "the first is here"));
        }
    }

    fn budget(&mut self, builder: &mut Builder, budget_ms: u64, at: usize, span: Span) {
        if builder.budget_ms.is_some() {
            self.error("duplicate-clause", span, "`budget` is said twice");
        } else if at > 0 {
            let finding = Diagnostic::error("misplaced-statement", span, "`budget` comes first");
            self.report(finding.help("move it above everything else here"));
        }
        builder.budget_ms.get_or_insert(budget_ms);
    }

    /// A condition that only looks.
    pub(crate) fn guard(&mut self, scope: &Scope, written: &'a ast::Expr, place: &str) -> Expr {
        let condition = self.condition(scope, written, place);
        self.refuse_traces(&condition, place);
        condition
    }

    fn guard_in_time(&mut self, builder: &Builder, word: &str, span: Span) {
        if builder.has_acted {
            let message = format!("`{word}` comes too late: this has acted already");
            let finding = Diagnostic::error("misplaced-statement", span, message);
            self.report(finding.help("move it above the first `do`, `take` or `release`; after that, use `check`"));
        }
    }

    /// Gives a name to what a statement binds.
    pub(crate) fn bind(&mut self, scope: &mut Scope, builder: &Builder, name: &ast::Name, ty: Type) -> BindingId {
        let known = scope.local(&name.value).map(|local| local.span).or_else(|| {
            if scope.is_closed {
                return None;
            }
            let root = &self.symbols[0];
            let input = root.inputs.get(&name.value).map(|declared| declared.span);
            let anchor = root.anchors.get(&name.value).map(|declared| declared.span);
            let value = self.values.get(&name.value).map(|value| value.span);
            input.or(anchor).or(value).filter(|span| *span != name.span)
        });
        if let Some(first) = known {
            self.report(duplicate(&name.value, "value", first, name.span));
        }
        let binding = self.new_binding(name.value.clone(), ty.clone(), name.span);
        scope.bind(&name.value, typed(ExprKind::Binding(binding), ty, name.span), name.span);
        if builder.kind == BodyKind::Step
            && !scope.is_closed
            && let Some(value) = self.values.get_mut(&name.value)
            && value.span == name.span
        {
            value.binding = Some(binding);
        }
        binding
    }

    /// `check "label": E within D every D`, `check S is well`.
    pub(crate) fn check_statement(&mut self, scope: &Scope, written: &'a ast::Check) -> Option<Check> {
        self.expect_bound(written);
        let misses = self.misses(written);
        let unless = self.unless(scope, written);
        let within = written
            .soaks
            .as_ref()
            .or(written.within.as_ref())
            .map(|time| time.value);
        let every = written.every.as_ref().map(|every| every.value);
        let condition = self.condition(scope, &written.condition, "`check`");
        let label = written.label.as_ref().map(|label| label.value.clone());
        if let ExprKind::Is {
            subject,
            test: Test::Well,
            negated: false,
        } = &condition.kind
        {
            let ExprKind::Service(name) = &subject.kind else {
                return None;
            };
            let well = self.services.get(name)?.well.clone()?;
            return Some(Check {
                label: label.unwrap_or_else(|| format!("{name} is well")),
                condition: well.condition,
                within_ms: within.unwrap_or(well.within_ms),
                every_ms: every.or(well.every_ms),
                misses,
                unless,
                service: Some(name.clone()),
            });
        }
        let label = label.unwrap_or_else(|| {
            let finding = Diagnostic::error("missing-clause", written.span, "this check has no label");
            self.report(finding.help("say what it shows: `check \"…\": …`; the record and the approver read it"));
            String::new()
        });
        Some(Check {
            label,
            within_ms: within.unwrap_or_else(|| self.usual_within_ms(&condition)),
            condition,
            every_ms: every,
            misses,
            unless,
            service: None,
        })
    }

    /// A poll says how long it goes on, and a soak how often it asks.
    pub(crate) fn expect_bound(&mut self, written: &ast::Check) {
        let missing = match (&written.within, &written.soaks, &written.every) {
            (None, None, Some(every)) => (
                every.span,
                "this asks again and again, and does not say how long",
                "add `within …` before `every …`",
            ),
            (None, Some(soaks), None) => (
                soaks.span,
                "this must stay true for a time, and does not say how often it is asked",
                "add `every …` behind it",
            ),
            (Some(_), Some(soaks), _) => {
                let message = "`within` waits until something is true once, `for` asks whether it stays true";
                let finding = Diagnostic::error("misplaced-statement", soaks.span, message);
                self.report(finding.help("make two checks of it, the one with `within` first"));
                return;
            }
            _ => return,
        };
        let (span, message, help) = missing;
        self.report(Diagnostic::error("missing-clause", span, message).help(help));
    }

    /// What ends a check at once; a mistake where it is asked only once.
    fn unless(&mut self, scope: &Scope, written: &'a ast::Check) -> Option<Expr> {
        let unless = written.unless.as_ref()?;
        if written.every.is_none() && written.within.is_some() {
            let message = "this is asked once, so nothing could end it early";
            let finding = Diagnostic::error("misplaced-statement", unless.span, message);
            self.report(finding.help("add `every …` before it, or leave it out"));
        }
        Some(self.condition(scope, unless, "`unless`"))
    }

    /// How often a soak may fail to hold; `None` where this is no soak.
    fn misses(&mut self, written: &ast::Check) -> Option<u64> {
        let said = written.misses.as_ref();
        if written.soaks.is_none() {
            if let Some(said) = said {
                let message = "misses are forgiven where something must stay true for a time";
                let finding = Diagnostic::error("misplaced-statement", said.span, message);
                self.report(finding.help("say how long: `check \"…\": E for 10m every 30s at most 2 misses`"));
            }
            return None;
        }
        // A number that is too large was told where it was read.
        said.map_or(Some(0), |said| u64::try_from(said.value).ok())
    }

    /// What failed is kept before anything is done to it.
    fn expect_first(&mut self, builder: &Builder, span: Span) {
        if !builder.is_empty() {
            let message = "`keep failed` comes first: what stands before it may have put something back already";
            self.error("misplaced-statement", span, message);
        }
    }

    fn ask(&mut self, scope: &mut Scope, builder: &mut Builder, ask: &'a ast::Ask, span: Span) {
        let prompt = self.expect(scope, &ask.prompt, &Type::Text, "a question to a person");
        if !is_pure(&prompt) {
            let message = "a question to a person says what is known, and this asks production";
            let finding = Diagnostic::error("value-not-available", prompt.span, message);
            self.report(finding.help("name the answer first (`let x = …`), and put it into the words: `ask \"Is \" + x + \" right?\" confirm`"));
        }
        let on_silence = ask
            .on_silence
            .as_ref()
            .and_then(|written| self.disposition(written, Ways::SILENCE))
            .filter(|way| *way != model::Disposition::Unwind);
        let binding = match (&ask.name, ask.confirm) {
            (Some(name), true) => {
                let finding = Diagnostic::error(
                    "wrong-type",
                    name.span,
                    "a confirmation is yes or the step fails; it has no value",
                );
                self.report(finding.help("leave `as …` out, or ask for `text`"));
                self.bind(scope, builder, name, Type::Unknown);
                None
            }
            (Some(name), false) => Some(self.bind(scope, builder, name, Type::Text)),
            (None, false) => {
                let finding = Diagnostic::error(
                    "missing-clause",
                    span,
                    "this question does not say what its answer is called",
                );
                self.report(finding.help("add `as name`, or ask for `confirm`"));
                None
            }
            (None, true) => None,
        };
        let ask = model::Ask {
            prompt,
            confirm: ask.confirm,
            binding,
            of: ask.of.as_ref().map(|of| of.value.clone()),
            by_two: ask.by_two.is_some(),
            on_silence,
        };
        self.push(scope, builder, StatementKind::Ask(ask), span);
    }

    fn hold_statement(&mut self, scope: &Scope, builder: &mut Builder, statement: &ast::Statement, name: &ast::Name) {
        if builder.is_before_window {
            let finding = Diagnostic::error(
                "misplaced-statement",
                statement.span,
                "a hold changes something, and this step runs before the window",
            );
            self.report(finding.help("take it in a step that is not marked `before window`"));
        }
        builder.has_acted = true;
        if self.symbols[0].holds.place(&name.value).is_none() {
            let finding = Diagnostic::error("unknown-name", name.span, format!("there is no hold `{}`", name.value));
            let known: Vec<&str> = self.symbols[0].holds.names().collect();
            self.report(suggest(finding, name.span, &name.value, known, "hold"));
            return;
        }
        let kind = match statement.kind {
            Written::Take(_) => StatementKind::Take(name.value.clone()),
            _ => StatementKind::Release(name.value.clone()),
        };
        self.push(scope, builder, kind, statement.span);
    }

    fn record_statement(&mut self, scope: &Scope, builder: &mut Builder, values: &'a [ast::Expr], span: Span) {
        let mut found = Vec::with_capacity(values.len());
        for written in values {
            let Some(label) = label_of(written) else {
                let finding = Diagnostic::error("wrong-type", written.span, "`record` takes names, or fields of names");
                self.report(finding.help("name the value first: `let x = …`"));
                continue;
            };
            let value = self.expr(scope, written, None);
            match value.ty {
                Type::Secret => self.report(secret_exposed(value.span, "`record`")),
                Type::Service | Type::State | Type::Resource => {
                    let message = format!("`{label}` is no value that could be recorded");
                    self.error("wrong-type", value.span, message);
                }
                _ if is_unknown(&value.ty) => {}
                _ => {
                    self.refuse_traces(&value, "`record`");
                    found.push((label, value));
                }
            }
        }
        self.push(scope, builder, StatementKind::Record(found), span);
    }
}

/// How a recorded value is called: `name`, `name.field`.
fn label_of(written: &ast::Expr) -> Option<String> {
    match &written.kind {
        ast::ExprKind::Name(name) => Some(name.clone()),
        ast::ExprKind::Field(inner, field) => label_of(inner).map(|inner| format!("{inner}.{}", field.value)),
        ast::ExprKind::AtStart(inner) => label_of(inner).map(|inner| format!("{inner} at start")),
        _ => None,
    }
}
