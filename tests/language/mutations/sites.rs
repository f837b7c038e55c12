//! The statements of a runbook with what they do, so that a text can be spoilt where it hurts.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;

use backstay_dsl::ast::{self, ItemKind, StatementKind, UndoKind};
use backstay_dsl::compile::Outcome;
use backstay_dsl::diagnostic::Severity;
use backstay_dsl::effect::Effect;
use backstay_dsl::model;
use backstay_dsl::program::Program;
use backstay_dsl::source::{SourceId, Span};

use crate::support::texts::{Beside, compiled, name, root};

/// What a block of statements belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    Step,
    Rollback,
    Other,
}

/// A statement as it is written.
pub(super) struct Site {
    pub(super) block: usize,
    pub(super) owner: Owner,
    pub(super) statement: ast::Statement,
    /// The words of the effects of what it performs, its undo left out.
    pub(super) effects: BTreeSet<&'static str>,
}

impl Site {
    pub(super) fn does(&self, effect: &str) -> bool {
        self.effects.contains(effect)
    }

    pub(super) fn is_changing(&self) -> bool {
        let words = [
            "sets", "edits", "removes", "opaque", "restores", "starts", "stops", "drains", "opens",
        ];
        words.iter().any(|word| self.does(word))
    }

    /// The text of its undo, `no undo` among them.
    pub(super) fn undo(&self) -> Option<&ast::Undo> {
        match &self.statement.kind {
            StatementKind::Do(action) => action.undo.as_ref(),
            _ => None,
        }
    }
}

/// A runbook that is right.
pub(super) struct Subject {
    pub(super) name: String,
    pub(super) text: String,
    pub(super) file: ast::File,
    /// In the order of the text.
    pub(super) sites: Vec<Site>,
    /// Names of holds whose taking turns users away.
    pub(super) drains: BTreeSet<String>,
}

impl Subject {
    /// Of a file, which has to be without a finding.
    pub(super) fn read(path: &Path) -> Self {
        let name = name(path);
        let text = std::fs::read_to_string(path).unwrap();
        let right = compiled(&name, &text, &beside());
        assert!(
            right
                .diagnostics
                .iter()
                .all(|found| found.severity == Severity::Warning),
            "{name}"
        );
        let Outcome::Whole(runbook) = right.outcome else {
            panic!("{name} is no runbook");
        };
        let program = Program::new(runbook);
        let file = backstay_dsl::parse::parse(SourceId::default(), &text, &mut backstay_dsl::Diagnostics::default());
        let mut sites = Vec::new();
        for (block, (owner, body)) in file.items.iter().flat_map(blocks).enumerate() {
            sites.extend(body.iter().map(|statement| Site {
                block,
                owner,
                effects: effects_of(&program, statement),
                statement: statement.clone(),
            }));
        }
        let drains = file.items.iter().filter_map(|item| match &item.kind {
            ItemKind::Hold(hold) => Some((item.span, &hold.name.value)),
            _ => None,
        });
        let drains = drains.filter(|(span, _)| effects_in(&program, *span, None).contains("drains"));
        let drains = drains.map(|(_, hold)| hold.clone()).collect();
        Self {
            name,
            text,
            file,
            sites,
            drains,
        }
    }

    /// The statements of the way forward.
    pub(super) fn forward(&self) -> impl Iterator<Item = &Site> {
        self.sites.iter().filter(|site| site.owner == Owner::Step)
    }

    pub(super) fn step_names(&self) -> Vec<&ast::Name> {
        let steps = self.file.items.iter().flat_map(|item| match &item.kind {
            ItemKind::Step(step) => vec![&step.name],
            ItemKind::ForEach(each) => each.steps.iter().map(|(_, step)| &step.name).collect(),
            _ => Vec::new(),
        });
        steps.collect()
    }

    pub(super) fn written(&self, span: Span) -> &str {
        &self.text[range(span)]
    }

    /// The line of a place, from one.
    pub(super) fn line(&self, span: Span) -> usize {
        self.text[..range(span).start].lines().count().max(1)
    }
}

pub(super) fn beside() -> Beside {
    Beside {
        folder: Some(root()),
        ..Beside::default()
    }
}

pub(super) fn range(span: Span) -> Range<usize> {
    usize::try_from(span.start).unwrap()..usize::try_from(span.end).unwrap()
}

/// The bodies of an item.
fn blocks(item: &ast::Item) -> Vec<(Owner, &Vec<ast::Statement>)> {
    match &item.kind {
        ItemKind::Step(step) => vec![(Owner::Step, &step.body)],
        ItemKind::ForEach(each) => {
            let steps = each.steps.iter();
            steps.map(|(_, step)| (Owner::Step, &step.body)).collect()
        }
        ItemKind::Rollback(rollback) => vec![(Owner::Rollback, &rollback.body)],
        ItemKind::Park(park) => vec![(Owner::Other, &park.body)],
        ItemKind::Symptoms(table) => {
            let rows = table.rows.iter().filter_map(|row| row.first.as_ref());
            rows.map(|first| (Owner::Other, first)).collect()
        }
        _ => Vec::new(),
    }
}

fn effects_of(program: &Program, statement: &ast::Statement) -> BTreeSet<&'static str> {
    let undo = match &statement.kind {
        StatementKind::Do(action) => action.undo.as_ref(),
        _ => None,
    };
    let undo = undo.filter(|undo| matches!(undo.kind, UndoKind::Body { .. }));
    effects_in(program, statement.span, undo.map(|undo| undo.span))
}

/// What the statements of the model do that are written within a place.
fn effects_in(program: &Program, within: Span, but: Option<Span>) -> BTreeSet<&'static str> {
    let holds =
        |outer: Span, inner: Span| outer.source == inner.source && outer.start <= inner.start && inner.end <= outer.end;
    let written = |statement: &model::Statement| statement.calls.first().copied().unwrap_or(statement.span);
    let all = program.statements().map(|(_, statement)| statement);
    let own = all.filter(|statement| holds(within, written(statement)));
    let own = own.filter(|statement| but.is_none_or(|but| !holds(but, written(statement))));
    let actions = own.filter_map(model::Statement::action);
    actions
        .flat_map(|action| action.call.effects.list.iter().map(Effect::word))
        .collect()
}
