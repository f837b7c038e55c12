//! Scenarios: resolved, and kept for rehearsals.

use crate::ast;
use crate::check::Checker;
use crate::check::callee::{Callee, dotted};
use crate::check::scope::Scope;
use crate::check::suggest::suggest;
use crate::diagnostic::Diagnostic;
use crate::model::{Inject, Scenario};
use crate::source::Span;
use crate::types::Type;

const ENDS: &[&str] = &["completed", "refused", "rolled_back", "parked", "stuck", "paused"];

impl<'a> Checker<'a> {
    /// Checks every scenario, in order.
    pub(crate) fn check_scenarios(&mut self) -> Vec<Scenario> {
        let scenarios: Vec<&'a ast::Scenario> =
            self.symbols[0].scenarios.iter().map(|declared| declared.item).collect();
        let mut found = Vec::with_capacity(scenarios.len());
        for scenario in scenarios {
            let injects = scenario
                .injects
                .iter()
                .filter_map(|inject| self.inject(inject))
                .collect();
            self.expect_symptom(scenario.expect_symptom.as_ref());
            if let Some(end) = &scenario.expect_end
                && !ENDS.contains(&end.value.as_str())
            {
                let finding = Diagnostic::error("unknown-name", end.span, format!("no run ends `{}`", end.value));
                self.report(suggest(finding, end.span, &end.value, ENDS.iter().copied(), "end"));
            }
            found.push(Scenario {
                title: scenario.title.value.clone(),
                injects,
                expect_symptom: scenario.expect_symptom.as_ref().map(|title| title.value.clone()),
                expect_end: scenario.expect_end.as_ref().map(|end| end.value.clone()),
            });
        }
        found
    }

    fn expect_symptom(&mut self, expected: Option<&'a ast::Text>) {
        let Some(expected) = expected else {
            return;
        };
        let titles: Vec<&str> = self.symbols[0]
            .tables
            .list
            .iter()
            .flat_map(|table| table.item.rows.iter())
            .map(|row| row.title.as_ref().map_or("anything else", |title| title.value.as_str()))
            .collect();
        if !titles.contains(&expected.value.as_str()) {
            let message = format!("no table has a row \"{}\"", expected.value);
            let finding = Diagnostic::error("unknown-name", expected.span, message);
            self.report(suggest(finding, expected.span, &expected.value, titles, "row"));
        }
    }

    fn inject(&mut self, inject: &'a ast::Inject) -> Option<Inject> {
        let step = self.step_place(&inject.step);
        let mut answers = Vec::with_capacity(inject.answers.len());
        for (path, value) in &inject.answers {
            let Some(ty) = self.answer_type(path, inject.span) else {
                continue;
            };
            let scope = Scope::fixed(0, "an answer of a scenario");
            let place = format!("`{}`", dotted(path));
            let value = self.expect(&scope, value, &ty, &place);
            answers.push((dotted(path), value));
        }
        let until = inject
            .until
            .as_ref()
            .and_then(|path| match self.callee(0, path, span_of(path, inject.span)) {
                Callee::Procedure(module, place) => Some(self.procedure_name(module, place)),
                Callee::Action(signature) if !signature.is_read() => Some(signature.full_name()),
                Callee::Unknown => None,
                _ => {
                    let message = format!("`{}` only asks; `until` names what acts", dotted(path));
                    self.error("wrong-type", span_of(path, inject.span), message);
                    None
                }
            });
        Some(Inject {
            step: step?,
            see: inject.see.as_ref().map_or_else(String::new, |see| see.value.clone()),
            answers,
            until,
        })
    }

    /// The type of what a question answers, by its dotted name.
    fn answer_type(&mut self, path: &'a [ast::Name], span: Span) -> Option<Type> {
        match self.callee(0, path, span_of(path, span)) {
            Callee::Question(module, place) => {
                let declared = self.symbols[module].questions.list[place].item;
                Some(self.resolve_type(module, &declared.result))
            }
            Callee::Action(signature) if signature.is_read() => Some(signature.result.clone()),
            Callee::Unknown => None,
            _ => {
                let message = format!("`{}` is no question", dotted(path));
                self.error("wrong-type", span_of(path, span), message);
                None
            }
        }
    }
}

fn span_of(path: &[ast::Name], whole: Span) -> Span {
    match path {
        [first, .., last] => first.span.to(last.span),
        [one] => one.span,
        [] => whole,
    }
}
