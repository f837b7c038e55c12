//! Ways back and safe places to stop, and what may name them.

use crate::ast::{self, DispositionKind};
use crate::check::Checker;
use crate::check::block::{BodyKind, Builder};
use crate::check::names::Declared;
use crate::check::scope::{Scope, Values};
use crate::check::steps::{heading, title};
use crate::check::suggest::suggest;
use crate::diagnostic::{Diagnostic, listed};
use crate::model::{Disposition, Park, Rollback, Runbook};
use crate::source::Span;

/// The ways that may be named at a place, in words.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ways(&'static [&'static str]);

impl Ways {
    /// `on failure` of the header.
    pub(crate) const FAILURE: Self = Self(&["rollback", "unwind", "park"]);
    /// `on interrupt` of the header.
    pub(crate) const INTERRUPT: Self = Self(&["rollback", "unwind", "pause", "park"]);
    /// `on failure` of a step.
    pub(crate) const STEP: Self = Self(&["rollback", "unwind", "park", "continue"]);
    /// `on silence` of an `ask`.
    pub(crate) const SILENCE: Self = Self(&["turn back", "pause", "park"]);
    /// `otherwise` of a symptom's row.
    pub(crate) const ROW: Self = Self(&["rollback", "unwind", "park", "pause"]);
}

impl<'a> Checker<'a> {
    /// What is named; `turn back` comes out as unwind.
    pub(crate) fn disposition(&mut self, written: &ast::Disposition, ways: Ways) -> Option<Disposition> {
        let word = match &written.kind {
            DispositionKind::Rollback(_) => "rollback",
            DispositionKind::Unwind => "unwind",
            DispositionKind::Park(_) => "park",
            DispositionKind::Pause => "pause",
            DispositionKind::Continue(_) => "continue",
            DispositionKind::TurnBack => "turn back",
        };
        if !ways.0.contains(&word) {
            let message = format!("`{word}` cannot be said here");
            let finding = Diagnostic::error("misplaced-statement", written.span, message);
            self.report(finding.help(format!("what can: `{}`", listed(ways.0, "`, `"))));
            return None;
        }
        match &written.kind {
            DispositionKind::Rollback(name) => {
                let known = self.symbols[0].rollbacks.place(&name.value).is_some();
                self.named_way(name, known, "way back")
                    .then(|| Disposition::Rollback(name.value.clone()))
            }
            DispositionKind::Park(name) => {
                let known = self.symbols[0].parks.place(&name.value).is_some();
                self.named_way(name, known, "safe place to stop")
                    .then(|| Disposition::Park(name.value.clone()))
            }
            DispositionKind::Unwind | DispositionKind::TurnBack => Some(Disposition::Unwind),
            DispositionKind::Pause => Some(Disposition::Pause),
            DispositionKind::Continue(because) => Some(Disposition::Continue(because.value.clone())),
        }
    }

    fn named_way(&mut self, name: &ast::Name, is_known: bool, what: &str) -> bool {
        if !is_known {
            let symbols = &self.symbols[0];
            let known: Vec<&str> = match what {
                "way back" => symbols.rollbacks.names().collect(),
                _ => symbols.parks.names().collect(),
            };
            let finding = Diagnostic::error(
                "unknown-name",
                name.span,
                format!("there is no {what} `{}`", name.value),
            );
            self.report(suggest(finding, name.span, &name.value, known, what));
        }
        is_known
    }

    /// Checks every way back, in order.
    pub(crate) fn check_rollbacks(&mut self, has_window: bool) -> Vec<Rollback> {
        let mut found = Vec::new();
        for place in 0..self.symbols[0].rollbacks.list.len() {
            let Declared { doc, item, span } = self.symbols[0].rollbacks.list[place];
            let stretch = self.stretch(item, span);
            let values = match stretch {
                Some((from, _)) => Values::Before(vec![from]),
                None => Values::None("which steps are done before this way back begins is not known"),
            };
            let mut scope = Scope::new(0, values);
            let mut builder = Builder::new(BodyKind::Rollback, format!("rollback:{}", item.name.value));
            self.statements(&mut scope, &mut builder, &item.body);
            if item.body.is_empty() {
                let message = format!("the way back `{}` does nothing", item.name.value);
                let finding = Diagnostic::error("missing-clause", span, message);
                self.report(finding.help("say what it does; `unwind` runs the undos of what was started"));
            }
            if has_window && builder.budget_ms.is_none() && !item.body.is_empty() {
                let message = format!(
                    "the way back `{}` has no budget, and the runbook has a window",
                    item.name.value
                );
                let finding = Diagnostic::error("missing-budget", span, message);
                self.report(
                    finding.help("add `budget …`: the longest it may take; it has to fit what the window keeps"),
                );
            }
            let (from, until) = stretch.unwrap_or_default();
            found.push(Rollback {
                name: item.name.value.clone(),
                title: title(item.title.as_ref(), &item.name),
                doc: doc.to_owned(),
                from,
                until,
                named: item
                    .applies
                    .as_ref()
                    .map(|(from, until)| (from.span, until.span))
                    .unwrap_or_default(),
                budget_ms: builder.budget_ms,
                body: builder.finish(),
                span: heading(&item.name, item.title.as_ref()),
            });
        }
        found
    }

    fn stretch(&mut self, item: &'a ast::Rollback, span: Span) -> Option<(usize, usize)> {
        let Some((from, until)) = &item.applies else {
            let message = format!("the way back `{}` does not say where it applies", item.name.value);
            let finding = Diagnostic::error("missing-clause", span, message);
            self.report(finding.help("add `applies from STEP until STEP`"));
            return None;
        };
        self.stretch_of(from, until)
    }

    /// The first and the last step of a stretch, where both are there.
    pub(crate) fn stretch_of(&mut self, from: &'a ast::Name, until: &'a ast::Name) -> Option<(usize, usize)> {
        let (first, last) = (self.step_place(from), self.step_place(until));
        let (first, last) = (first?, last?);
        if first != last && self.order.is_before(last, first) {
            let message = format!(
                "`{}` is done before `{}` starts, so this applies nowhere",
                until.value, from.value
            );
            let finding = Diagnostic::error("misplaced-statement", from.span.to(until.span), message);
            self.report(finding.help("name the first step of the stretch, then the one it ends at"));
        }
        Some((first, last))
    }

    /// Checks every safe place to stop, in order.
    pub(crate) fn check_parks(&mut self, runbook: &Runbook) -> Vec<Park> {
        let mut found = Vec::new();
        for place in 0..self.symbols[0].parks.list.len() {
            let item = self.symbols[0].parks.list[place].item;
            let values = park_values(&item.name.value, runbook);
            let mut scope = Scope::new(0, values);
            let mut builder = Builder::new(BodyKind::Park, format!("park:{}", item.name.value));
            self.statements(&mut scope, &mut builder, &item.body);
            found.push(Park {
                name: item.name.value.clone(),
                title: title(item.title.as_ref(), &item.name),
                budget_ms: builder.budget_ms,
                body: builder.finish(),
                span: heading(&item.name, item.title.as_ref()),
            });
        }
        found
    }
}

/// Which values are there wherever a park may begin.
fn park_values(name: &str, runbook: &Runbook) -> Values {
    let is_it = |way: &Disposition| matches!(way, Disposition::Park(known) if known == name);
    let mut steps: Vec<usize> = Vec::new();
    for (_, met_in) in runbook.dispositions().into_iter().filter(|(way, _)| is_it(way)) {
        match met_in {
            Some(met_in) => steps.extend(met_in),
            None => {
                return Values::None("the header names this place, so one may come here before any step is done");
            }
        }
    }
    if steps.is_empty() {
        Values::None("nothing names this place, so nothing is known to be done before it")
    } else {
        steps.sort_unstable();
        steps.dedup();
        Values::Before(steps)
    }
}
