//! Steps: their order, the values they bind, their statements.

use std::collections::BTreeSet;

use crate::ast::{self, DispositionKind, StatementKind};
use crate::check::block::{BodyKind, Builder};
use crate::check::names::{Declared, duplicate};
use crate::check::scope::{Refinable, Scope, Values};
use crate::check::suggest::suggest;
use crate::check::uses::{Use, names_in};
use crate::check::{Checker, MayBindNothing, StepValue};
use crate::diagnostic::{Diagnostic, listed};
use crate::graph::{self, Waits, WrittenOrder};
use crate::model::{self, Runbook};
use crate::source::Span;

impl<'a> Checker<'a> {
    /// The name of a step by its place.
    pub(crate) fn step_name(&self, step: usize) -> &'a str {
        &self.symbols[0].steps.list[step].item.name.value
    }

    /// Finds out which values steps bind and in which order the steps run, before any is looked into.
    pub(crate) fn prepare_steps(&mut self) {
        let steps: Vec<&'a ast::Step> = self.symbols[0]
            .steps
            .list
            .iter()
            .map(|declared| declared.item)
            .collect();
        for (place, step) in steps.iter().enumerate() {
            for statement in &step.body {
                self.prepare_statement(place, statement);
            }
        }
        let waits = steps.iter().map(|step| self.waits(step)).collect();
        self.order = WrittenOrder::new(waits);
        for (place, step) in steps.iter().enumerate() {
            let mut homes: BTreeSet<usize> = BTreeSet::new();
            names_in(&step.body, &mut |used| {
                if let Use::Value(name) = used {
                    homes.extend(self.values.get(name).map(|value| value.step));
                }
            });
            for home in homes {
                if home != place && !self.order.is_before(home, place) && !self.order.is_before(place, home) {
                    self.order.add(home, place);
                }
            }
        }
    }

    fn prepare_statement(&mut self, step: usize, statement: &'a ast::Statement) {
        let because = match &statement.kind {
            StatementKind::SkipWhen { .. } => "may be skipped: then it binds nothing",
            StatementKind::OnlyWhen { .. } => "may not be wanted: then it binds nothing",
            StatementKind::OnFailure(way) if matches!(way.kind, DispositionKind::Continue(_)) => {
                "may fail while the run goes on"
            }
            StatementKind::Let { name, .. } => return self.prepare_value(step, name),
            StatementKind::Do(action) => {
                if let Some(name) = &action.name {
                    self.prepare_value(step, name);
                }
                return;
            }
            StatementKind::Ask(ask) => {
                if let Some(name) = &ask.name {
                    self.prepare_value(step, name);
                }
                return;
            }
            _ => return,
        };
        let span = statement.span;
        self.may_bind_nothing
            .entry(step)
            .or_insert(MayBindNothing { span, because });
    }

    fn prepare_value(&mut self, step: usize, name: &'a ast::Name) {
        if let Some(known) = self.values.get(&name.value) {
            self.found.push(duplicate(&name.value, "value", known.span, name.span));
            return;
        }
        let value = StepValue {
            step,
            span: name.span,
            binding: None,
        };
        self.values.insert(name.value.clone(), value);
    }

    fn waits(&mut self, step: &'a ast::Step) -> Waits {
        let Some(after) = &step.after else {
            return Waits::Above;
        };
        let places: Vec<Option<usize>> = after.iter().map(|name| self.step_place(name)).collect();
        // With a name that is unknown the order is unknown: the usual one tells nothing twice.
        places
            .into_iter()
            .collect::<Option<Vec<usize>>>()
            .map_or(Waits::Above, Waits::For)
    }

    /// The place of a step that is named; tells where there is none.
    pub(crate) fn step_place(&mut self, name: &ast::Name) -> Option<usize> {
        let symbols = &self.symbols[0];
        let place = symbols.steps.place(&name.value);
        if place.is_none() && !self.has_enough && !symbols.left_out_steps.contains(&name.value.as_str()) {
            let finding = Diagnostic::error("unknown-step", name.span, format!("there is no step `{}`", name.value));
            let known: Vec<&str> = symbols.steps.names().collect();
            self.report(suggest(finding, name.span, &name.value, known, "step"));
        }
        place
    }

    /// Checks every step, each after those it waits for.
    pub(crate) fn check_steps(&mut self, runbook: &Runbook) -> Vec<model::Step> {
        let direct = self.order.direct();
        self.refuse_cycles(&direct);
        self.refuse_waiting_for_window(&direct);
        let mut found: Vec<Option<model::Step>> = vec![None; direct.len()];
        for place in graph::topological(&direct) {
            found[place] = Some(self.step(place, runbook));
        }
        let steps = found.into_iter().flatten().zip(direct);
        steps.map(|(step, after)| model::Step { after, ..step }).collect()
    }

    fn step(&mut self, place: usize, runbook: &Runbook) -> model::Step {
        let Declared { doc, item, span } = self.symbols[0].steps.list[place];
        if item.title.is_none() {
            let finding = Diagnostic::error(
                "missing-clause",
                span,
                format!("the step `{}` has no title", item.name.value),
            );
            self.report(finding.help("say what it does: `step NAME \"What it does\" { … }`; the approver reads it"));
        }
        let mut scope = Scope::new(0, Values::Step(place));
        scope.host = self.host(None, item.host.as_ref());
        if item.before_window {
            scope.no_start = Some("the anchors are asked when the window starts, after this step");
        }
        let mut builder = Builder::new(BodyKind::Step, &item.name.value);
        builder.is_before_window = item.before_window;
        self.statements(&mut scope, &mut builder, &item.body);
        if runbook.window.is_some() && builder.budget_ms.is_none() {
            let message = format!(
                "the step `{}` has no budget, and the runbook has a window",
                item.name.value
            );
            let finding = Diagnostic::error("missing-budget", span, message);
            self.report(finding.help("begin it with `budget …`: the longest it may take, waits and retries included"));
        }
        if !self.may_bind_nothing.contains_key(&place) {
            for key in &builder.pinned {
                if !matches!(key, Refinable::Parameter(_)) {
                    self.pinned_by_steps.entry(key.clone()).or_default().push(place);
                }
            }
        }
        let on_failure = builder.on_failure.take().map(|(way, _)| way);
        model::Step {
            name: item.name.value.clone(),
            title: title(item.title.as_ref(), &item.name),
            doc: doc.to_owned(),
            after: Vec::new(),
            before_window: item.before_window,
            budget_ms: builder.budget_ms,
            on_failure: on_failure.unwrap_or_else(|| runbook.on_failure.clone()),
            span: heading(&item.name, item.title.as_ref()),
            body: builder.finish(),
        }
    }

    fn refuse_cycles(&mut self, direct: &[Vec<usize>]) {
        for cycle in graph::cycles(direct) {
            let names: Vec<&str> = cycle.iter().map(|step| self.step_name(*step)).collect();
            let first = self.symbols[0].steps.list[cycle[0]].span;
            let message = match names.as_slice() {
                [one] => format!("the step `{one}` waits for itself"),
                _ => format!(
                    "these steps wait for each other: {} → {}",
                    listed(&names, " → "),
                    names[0]
                ),
            };
            let mut finding = Diagnostic::error("cycle", first, message);
            for step in cycle.iter().skip(1) {
                finding = finding.related(self.symbols[0].steps.list[*step].span, "waits too");
            }
            self.report(
                finding.help("an arrow means \"waits for\"; a step without `after` waits for every step above it"),
            );
        }
    }

    fn refuse_waiting_for_window(&mut self, direct: &[Vec<usize>]) {
        for (place, before) in direct.iter().enumerate() {
            let step = self.symbols[0].steps.list[place];
            let inside = before
                .iter()
                .find(|other| !self.symbols[0].steps.list[**other].item.before_window);
            let (true, Some(inside)) = (step.item.before_window, inside) else {
                continue;
            };
            let other = self.symbols[0].steps.list[*inside];
            let message = format!(
                "the step `{}` runs before the window and waits for `{}`, which runs in it",
                step.item.name.value, other.item.name.value
            );
            let finding =
                Diagnostic::error("misplaced-statement", step.span, message).related(other.span, "runs in the window");
            self.report(finding.help("write the steps `before window` first"));
        }
    }
}

/// The title that is written, else the name.
pub(crate) fn title(title: Option<&ast::Text>, name: &ast::Name) -> String {
    title.map_or_else(|| name.value.clone(), |title| title.value.clone())
}

/// From the name to the end of the title.
pub(crate) fn heading(name: &ast::Name, title: Option<&ast::Text>) -> Span {
    title.map_or(name.span, |title| name.span.to(title.span))
}
