//! Runbooks that are unsafe on purpose: what the proofs object to is set aside where it stands, so that a test can
//! say what happens when such a change is carried out all the same.

use std::collections::BTreeSet;

use backstay_dsl::allow::SLUGS;
use backstay_dsl::ast::{Item, ItemKind, Statement, StatementKind, UndoKind};
use backstay_dsl::compile::compile;
use backstay_dsl::diagnostic::{Diagnostics, Severity};
use backstay_dsl::parse::parse;
use backstay_dsl::source::{SourceId, Sources};

/// So often one rule uncovers another.
const ROUNDS: usize = 12;

/// The text with every rule set aside that it breaks, where it breaks it; other mistakes stay.
pub(crate) fn as_it_is(text: &str, beside: &dyn Sources) -> String {
    let mut text = text.to_owned();
    for _ in 0..ROUNDS {
        let compiled = compile("t.runbook", &text, beside, &backstay::action::catalogue());
        let root = SourceId(0);
        let errors = compiled
            .diagnostics
            .iter()
            .filter(|found| found.severity == Severity::Error);
        let broken = errors.filter(|found| found.span.source == root && SLUGS.contains(&found.slug));
        let broken: BTreeSet<(usize, &str)> = broken
            .map(|found| (place(&text, found.span.start as usize), found.slug))
            .collect();
        if broken.is_empty() {
            break;
        }
        for (place, slug) in broken.into_iter().rev() {
            text.insert_str(place, &format!("allow {slug} because \"as this test wants it\" "));
        }
    }
    text
}

/// Where the innermost statement or item begins in which something stands.
fn place(text: &str, at: usize) -> usize {
    let file = parse(SourceId(0), text, &mut Diagnostics::default());
    let mut starts = Vec::new();
    for item in &file.items {
        let is_around = |item: &&Item| item.span.start as usize <= at && at < item.span.end as usize;
        let Some(item) = Some(item).filter(is_around) else {
            continue;
        };
        starts.push(item.span.start as usize);
        match &item.kind {
            ItemKind::Step(step) => statements(text, &step.body, at, &mut starts),
            ItemKind::Rollback(branch) => statements(text, &branch.body, at, &mut starts),
            ItemKind::Park(park) => statements(text, &park.body, at, &mut starts),
            ItemKind::Procedure(procedure) => statements(text, &procedure.body, at, &mut starts),
            ItemKind::Symptoms(table) => {
                let firsts = table.rows.iter().filter_map(|row| row.first.as_ref());
                firsts.for_each(|first| statements(text, first, at, &mut starts));
            }
            _ => {}
        }
    }
    starts.into_iter().max().unwrap_or(at)
}

fn statements(text: &str, list: &[Statement], at: usize, starts: &mut Vec<usize>) {
    for (place, statement) in list.iter().enumerate() {
        let (start, end) = (statement.span.start as usize, statement.span.end as usize);
        if !(start..end).contains(&at) {
            continue;
        }
        let retry = place.checked_sub(1).map(|before| &list[before]);
        let retry = retry.filter(|before| matches!(before.kind, StatementKind::Retry { .. }));
        starts.push(retry.map_or(start, |retry| retry.span.start as usize));
        let StatementKind::Do(action) = &statement.kind else {
            continue;
        };
        let Some(undo) = &action.undo else { continue };
        // Only in braces there is room for a line of its own.
        let braces = text.get(undo.span.start as usize..).is_some_and(|text| {
            let behind = text.trim_start_matches("undo").trim_start();
            behind.starts_with('{')
        });
        if let UndoKind::Body { body, .. } = &undo.kind
            && braces
        {
            statements(text, body, at, starts);
        }
    }
}
