//! The header: window, dispositions, who answers for the change.

use crate::ast::{Expr, HeaderClause, Text};
use crate::check::Checker;
use crate::check::scope::{Scope, Values};
use crate::check::way_back::Ways;
use crate::diagnostic::{Diagnostic, Subject};
use crate::model::{Disposition, Requirement, Runbook, Window};
use crate::types::Type;

impl<'a> Checker<'a> {
    /// The runbook with its header filled in and everything else empty.
    pub(crate) fn header(&mut self) -> Runbook {
        let Some(declared) = self.symbols[0].headers.first().copied() else {
            let finding =
                Diagnostic::error("missing-clause", self.first_item, "this file has no header").about(Subject::Header);
            self.report(finding.help("begin it with `runbook NAME \"title\"`"));
            return Runbook::empty("");
        };
        let mut runbook = Runbook::empty("");
        runbook.name.clone_from(&declared.item.name.value);
        runbook.title = crate::check::steps::title(declared.item.title.as_ref(), &declared.item.name);
        declared.doc.clone_into(&mut runbook.doc);
        let mut seen = Vec::new();
        let mut on_interrupt: Option<Disposition> = None;
        for clause in &declared.item.clauses {
            let (word, span) = match clause {
                HeaderClause::Version(text) => ("version", text.span),
                HeaderClause::Owner(text) => ("owner", text.span),
                HeaderClause::Affects(text) => ("affects", text.span),
                HeaderClause::Label(text) => ("label", text.span),
                HeaderClause::Window { window, .. } => ("window", window.span),
                HeaderClause::OnFailure(way) => ("on failure", way.span),
                HeaderClause::OnInterrupt(way) => ("on interrupt", way.span),
                HeaderClause::Require { condition, otherwise } => {
                    let requirement = self.requirement(condition, otherwise);
                    runbook.requires.push(requirement);
                    continue;
                }
                HeaderClause::Allow(_) => continue,
            };
            if !self.is_first(&mut seen, word, span) {
                continue;
            }
            match clause {
                HeaderClause::Version(text) => runbook.version = Some(text.value.clone()),
                HeaderClause::Owner(text) => runbook.owner = Some(text.value.clone()),
                HeaderClause::Affects(text) => runbook.affects = Some(text.value.clone()),
                HeaderClause::Label(text) => {
                    let scope = Scope::fixed(0, "the label of a run");
                    runbook.label = Some(self.expect(&scope, text, &Type::Text, "`label`"));
                }
                HeaderClause::Window { window, keep } => {
                    runbook.window = Some(Window {
                        window_ms: window.value,
                        keep_ms: keep.value,
                        span: window.span.to(keep.span),
                    });
                }
                HeaderClause::OnFailure(way) => {
                    if let Some(way) = self.disposition(way, Ways::FAILURE) {
                        runbook.on_failure = way;
                    }
                }
                HeaderClause::OnInterrupt(way) => on_interrupt = self.disposition(way, Ways::INTERRUPT),
                HeaderClause::Require { .. } | HeaderClause::Allow(_) => {}
            }
        }
        runbook.on_interrupt = on_interrupt.unwrap_or_else(|| runbook.on_failure.clone());
        let symbols = &self.symbols[0];
        if symbols.steps.list.is_empty() && symbols.left_out_steps.is_empty() {
            let finding = Diagnostic::error("no-steps", declared.span, "this runbook has no step");
            self.report(finding.help("add at least one: `step NAME \"title\" { … }`"));
        }
        runbook
    }

    fn requirement(&mut self, condition: &'a Expr, otherwise: &Text) -> Requirement {
        let mut scope = Scope::new(0, Values::None("the header is asked before any step"));
        scope.no_start = Some("the header is asked before anything is recorded");
        Requirement {
            condition: self.guard(&scope, condition, "`require`"),
            otherwise: otherwise.value.clone(),
        }
    }
}
