//! Watches: what must hold all the while.

use crate::ast;
use crate::check::Checker;
use crate::check::names::Declared;
use crate::check::scope::{Scope, Values};
use crate::check::steps::{heading, title};
use crate::diagnostic::Diagnostic;
use crate::model::{Expr, ExprKind, Test, Watch};
use crate::source::Span;

const FORM: &str = "its form is `watch name \"title\" from A until B { check E every D at most N misses }`";

impl<'a> Checker<'a> {
    /// Checks every watch, in order.
    pub(crate) fn check_watches(&mut self) -> Vec<Watch> {
        let watches = (0..self.symbols[0].watches.list.len()).filter_map(|place| self.watch(place));
        watches.collect()
    }

    fn watch(&mut self, place: usize) -> Option<Watch> {
        let Declared { doc, item, span } = self.symbols[0].watches.list[place];
        let stretch = self.stretch_of(&item.from, &item.until);
        let check = self.only_check(item, span)?;
        self.refuse_other_clauses(check);
        let values = match stretch {
            Some((from, _)) => Values::Before(vec![from]),
            None => Values::None("which steps are done before this watch begins is not known"),
        };
        let condition = self.condition(&Scope::new(0, values), &check.condition, "`check`");
        let (condition, service) = self.well_of(condition)?;
        let every_ms = check.every.as_ref().map(|every| every.value);
        if every_ms.is_none() {
            let finding = Diagnostic::error("missing-clause", check.span, "this does not say how often it is asked");
            self.report(finding.help("add `every …` behind what is asked"));
        }
        let title = title(item.title.as_ref(), &item.name);
        let (from, until) = stretch?;
        Some(Watch {
            name: item.name.value.clone(),
            label: check
                .label
                .as_ref()
                .map_or_else(|| title.clone(), |label| label.value.clone()),
            title,
            doc: doc.to_owned(),
            from,
            until,
            condition,
            every_ms: every_ms?,
            // A number that is too large was told where it was read.
            misses: check
                .misses
                .as_ref()
                .map_or(0, |misses| u64::try_from(misses.value).unwrap_or(0)),
            service,
            span: heading(&item.name, item.title.as_ref()),
        })
    }

    fn only_check(&mut self, item: &'a ast::Watch, span: Span) -> Option<&'a ast::Check> {
        match item.checks.as_slice() {
            [] => {
                let message = format!("the watch `{}` asks nothing", item.name.value);
                self.report(Diagnostic::error("missing-clause", span, message).help(FORM));
            }
            [_, second, ..] => {
                let message = format!("the watch `{}` has two checks", item.name.value);
                let finding = Diagnostic::error("duplicate-clause", second.span, message);
                self.report(
                    finding.help("join them with `and`, or make a second watch: each is asked in its own time"),
                );
            }
            [_] => {}
        }
        item.checks.first()
    }

    /// A watch has no end but that of its stretch.
    fn refuse_other_clauses(&mut self, check: &ast::Check) {
        let within = check.within.as_ref().map(|within| ("within", within.span));
        let soaks = check.soaks.as_ref().map(|soaks| ("for", soaks.span));
        let unless = check.unless.as_ref().map(|unless| ("unless", unless.span));
        for (word, span) in [within, soaks, unless].into_iter().flatten() {
            let message = format!("`{word}` cannot be said of a watch: it is asked until its stretch ends");
            self.report(Diagnostic::error("misplaced-statement", span, message).help(FORM));
        }
    }

    /// What is asked where it is whether a service is well, and which.
    fn well_of(&mut self, condition: Expr) -> Option<(Expr, Option<String>)> {
        let ExprKind::Is {
            subject,
            test: Test::Well,
            negated: false,
        } = &condition.kind
        else {
            return Some((condition, None));
        };
        let ExprKind::Service(name) = &subject.kind else {
            return None;
        };
        let well = self.services.get(name)?.well.clone()?;
        Some((well.condition, Some(name.clone())))
    }
}
