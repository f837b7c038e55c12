//! Symptom tables: rows of what may be seen, and what to do first.

use crate::ast;
use crate::check::Checker;
use crate::check::block::{BodyKind, Builder};
use crate::check::names::Declared;
use crate::check::scope::{Scope, Values};
use crate::check::steps::{heading, title};
use crate::check::way_back::Ways;
use crate::diagnostic::Diagnostic;
use crate::model::{Disposition, SymptomRow, SymptomTable};

impl<'a> Checker<'a> {
    /// Checks every table, in order.
    pub(crate) fn check_tables(&mut self, has_window: bool) -> Vec<SymptomTable> {
        let mut found = Vec::new();
        let mut tabled = Vec::new();
        for place in 0..self.symbols[0].tables.list.len() {
            let Declared { item, .. } = self.symbols[0].tables.list[place];
            let steps: Vec<usize> = item.steps.iter().filter_map(|name| self.step_place(name)).collect();
            for step in &item.steps {
                self.is_only_table(&mut tabled, step);
            }
            self.refuse_second_rows(&item.rows);
            let mut rows = Vec::with_capacity(item.rows.len());
            for (at, row) in item.rows.iter().enumerate() {
                let key = format!("symptom:{}/{}", item.name.value, at + 1);
                rows.push(self.row(row, key, &steps, has_window));
            }
            found.push(SymptomTable {
                name: item.name.value.clone(),
                title: title(item.title.as_ref(), &item.name),
                steps,
                rows,
                span: heading(&item.name, item.title.as_ref()),
            });
        }
        found
    }

    /// A step has one table: every table takes whatever fails, so a second would never be asked.
    fn is_only_table(&mut self, tabled: &mut Vec<&'a ast::Name>, step: &'a ast::Name) {
        if let Some(first) = tabled.iter().find(|known| known.value == step.value) {
            let message = format!(
                "the step `{}` has a symptom table already, so this one is never asked",
                step.value
            );
            let finding = Diagnostic::error("duplicate-clause", step.span, message);
            self.report(
                finding
                    .related(first.span, "the first is here")
                    .help("put the rows of both into one table, above its `anything else`"),
            );
        } else {
            tabled.push(step);
        }
    }

    /// Rows are told apart by their titles; the second `anything else` is never reached.
    fn refuse_second_rows(&mut self, rows: &'a [ast::Symptom]) {
        let mut seen: Vec<(Option<&str>, &ast::Symptom)> = Vec::new();
        for row in rows {
            let title = row.title.as_ref().map(|title| title.value.as_str());
            let place = row.title.as_ref().map_or(row.span, |title| title.span);
            let Some((_, first)) = seen.iter().find(|(known, _)| *known == title) else {
                seen.push((title, row));
                continue;
            };
            let message = match title {
                Some(title) => format!("this table has two rows “{title}”"),
                None => "`anything else` stands here a second time, and is never reached".to_owned(),
            };
            let first = first.title.as_ref().map_or(first.span, |title| title.span);
            self.report(Diagnostic::error("duplicate-clause", place, message).related(first, "the first is here"));
        }
    }

    fn row(&mut self, row: &'a ast::Symptom, key: String, steps: &[usize], has_window: bool) -> SymptomRow {
        let values = if steps.is_empty() {
            Values::None("which steps this table is for is not known")
        } else {
            Values::Before(steps.to_vec())
        };
        let mut scope = Scope::new(0, values);
        let title = row
            .title
            .as_ref()
            .map_or_else(|| "anything else".to_owned(), |title| title.value.clone());
        let seen = row
            .seen
            .as_ref()
            .map(|seen| self.condition(&scope, seen, "`seen when`"));
        match (&row.title, &row.seen) {
            (Some(name), None) => {
                let finding = Diagnostic::error("missing-clause", name.span, "this row does not say what is seen");
                self.report(finding.help("add `seen when …`, or make it `symptom anything else`"));
            }
            (None, Some(seen)) => {
                let finding = Diagnostic::error("misplaced-statement", seen.span, "`anything else` asks nothing");
                self.report(finding.help("give the row a title, or leave `seen when` out"));
            }
            _ => {}
        }
        let first = row.first.as_ref().map(|first| {
            let mut builder = Builder::new(BodyKind::Row, &key);
            self.statements(&mut scope, &mut builder, first);
            builder.finish()
        });
        if let (Some(_), None, true) = (&first, &row.budget, has_window) {
            let finding = Diagnostic::error(
                "missing-budget",
                row.span,
                "this row acts, and does not say how long it may take",
            );
            self.report(finding.help("add `budget …` to the row"));
        }
        if let (Some(again), true) = (&row.again, row.seen.is_none() || row.first.is_none()) {
            let message = "a row is taken again where its question finds something new, and heals by its `first`";
            let finding = Diagnostic::error("misplaced-statement", again.span, message);
            self.report(finding.help("leave `again at most …` out, or say `seen when …` and `first { … }`"));
        }
        let suspect = row.suspect.as_ref().map(|suspect| suspect.value.clone());
        if suspect.is_none() {
            let finding = Diagnostic::error("missing-clause", row.span, "this row does not say what to suspect");
            self.report(finding.help("add `suspect \"…\"`: the operator reads it"));
        }
        let otherwise = if let Some(way) = &row.otherwise {
            self.disposition(way, Ways::ROW)
        } else {
            let message = "this row does not say what comes where it does not help";
            let finding = Diagnostic::error("missing-clause", row.span, message);
            self.report(finding.help("add `otherwise rollback NAME`, `otherwise unwind` or `otherwise park NAME`"));
            None
        };
        SymptomRow {
            key,
            title,
            seen,
            suspect: suspect.unwrap_or_default(),
            budget_ms: row.budget.as_ref().map(|budget| budget.value),
            first,
            again: row.again.as_ref().map(|again| u64::try_from(again.value).unwrap_or(0)),
            otherwise: otherwise.unwrap_or(Disposition::Unwind),
            span: row.span,
        }
    }
}
