//! `allow SLUG because "…"`: a rule that is set aside at one place, with a reason that the approver sees.

use std::collections::BTreeSet;

use crate::ast::{Allow, File, HeaderClause, Item, ItemKind, ServiceClause, Statement, StatementKind, UndoKind};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::SetAside;
use crate::source::Span;
use crate::suggest::closest;

/// The rules that can be set aside: those about how safe a change is, never those about what a text means.
pub const SLUGS: &[&str] = &[
    "backup-misses-state",
    "backup-not-cold",
    "backup-too-late",
    "backup-unproven",
    "budget-too-short",
    "commits-too-early",
    "cutover-unvalidated",
    "floating-image",
    "hold-in-backup",
    "leads-nowhere",
    "mixed-releases",
    "mixed-targets",
    "no-way-back",
    "not-serving",
    "order-unsafe",
    "overlapping-writers",
    "pin-left-behind",
    "risky-habit",
    "rollback-incomplete",
    "state-left-behind",
    "symptom-overlap",
    "symptom-unreachable",
    "too-many-paths",
    "undo-not-repeatable",
    "unused",
    "watch-unanswerable",
    "way-back-conflict",
    "weak-validation",
    "window-too-short",
    "writes-at-risk",
    "writes-lost",
    "written-secret",
];

/// Every rule that these files set aside, in the order of the text.
pub fn allowances<'a>(files: impl IntoIterator<Item = &'a File>) -> Vec<SetAside> {
    let mut found = Vec::new();
    for item in files.into_iter().flat_map(|file| &file.items) {
        of_item(item, &mut found);
    }
    // What stands in a loop stands in each of its turns, and counts once.
    let mut seen = BTreeSet::new();
    found.retain(|allowance| seen.insert(allowance.span));
    found
}

/// Takes out what is set aside. An allowance that sets nothing aside, or no rule, is a finding itself.
pub fn set_aside(allowances: &[SetAside], found: &Diagnostics) -> Diagnostics {
    let mut is_used = vec![false; allowances.len()];
    let mut left = Diagnostics::default();
    for finding in found.iter() {
        let known = allowances
            .iter()
            .enumerate()
            .filter(|(_, allowance)| is_known(&allowance.slug));
        let own = known.filter(|(_, allowance)| allowance.is_for(finding.slug, finding.span));
        // The innermost is the one that is meant.
        let meant = own.max_by_key(|(_, allowance)| allowance.covers.start);
        match meant {
            Some((at, _)) => is_used[at] = true,
            None => left.push(finding.clone()),
        }
    }
    let has_errors = left.has_errors();
    for (allowance, is_used) in allowances.iter().zip(is_used) {
        if !is_known(&allowance.slug) {
            left.push(unknown(allowance));
        } else if !is_used && !has_errors && !allowance.is_clause {
            let message = format!("nothing is wrong here that `{}` would be about", allowance.slug);
            let help = "take it out: what is set aside is read by whoever approves the change";
            left.push(Diagnostic::error("nothing-allowed", allowance.span, message).help(help));
        }
    }
    left
}

fn is_known(slug: &str) -> bool {
    SLUGS.binary_search(&slug).is_ok()
}

fn unknown(allowance: &SetAside) -> Diagnostic {
    let slug = &allowance.slug;
    let message = if crate::pages::page(slug).is_some() {
        format!("`{slug}` cannot be set aside")
    } else {
        format!("there is no rule `{slug}`")
    };
    let found = Diagnostic::error("nothing-allowed", allowance.span, message);
    match closest(slug, SLUGS.iter().copied()) {
        Some(near) => found.help(format!("did you mean `{near}`?")),
        None => found.help("the rule is the word in brackets behind `error`: `allow no-way-back because \"…\"`"),
    }
}

fn allowance(allow: &Allow, covers: Span) -> SetAside {
    SetAside {
        slug: allow.slug.value.clone(),
        because: allow.because.value.clone(),
        span: allow.span,
        covers,
        is_clause: false,
    }
}

/// What stands before an item is about its head: what is in its braces can say so itself.
fn of_item(item: &Item, found: &mut Vec<SetAside>) {
    let before = found.len();
    match &item.kind {
        ItemKind::Runbook(header) => {
            let mut clauses = header.clauses.iter().peekable();
            while let Some(clause) = clauses.next() {
                if let HeaderClause::Allow(allow) = clause {
                    let next = clauses.clone().find_map(|clause| match clause {
                        HeaderClause::Window { window, keep } => Some(window.span.to(keep.span)),
                        HeaderClause::OnFailure(way) | HeaderClause::OnInterrupt(way) => Some(way.span),
                        _ => None,
                    });
                    found.push(allowance(allow, next.unwrap_or(allow.span)));
                }
            }
        }
        ItemKind::Step(step) => of_block(&step.body, found),
        ItemKind::ForEach(each) => each.steps.iter().for_each(|(_, step)| of_block(&step.body, found)),
        ItemKind::Service(service) => found.extend(service.clauses.iter().filter_map(|clause| match clause {
            ServiceClause::Mixed(because) => Some(SetAside {
                slug: "mixed-releases".to_owned(),
                because: because.value.clone(),
                span: because.span,
                covers: because.span,
                is_clause: true,
            }),
            _ => None,
        })),
        ItemKind::Rollback(branch) => of_block(&branch.body, found),
        ItemKind::Park(park) => of_block(&park.body, found),
        ItemKind::Procedure(procedure) => of_block(&procedure.body, found),
        ItemKind::Symptoms(table) => {
            let firsts = table.rows.iter().filter_map(|row| row.first.as_ref());
            firsts.for_each(|first| of_block(first, found));
        }
        _ => {}
    }
    let inner = found[before..].iter().map(|allowance| allowance.span.start).min();
    let head = match &item.kind {
        ItemKind::Step(step) => step.body.first().map(|statement| statement.span.start),
        ItemKind::Rollback(branch) => branch.body.first().map(|statement| statement.span.start),
        ItemKind::Park(park) => park.body.first().map(|statement| statement.span.start),
        _ => None,
    };
    let end = head.into_iter().chain(inner).min().unwrap_or(item.span.end);
    let covers = Span { end, ..item.span };
    found.extend(item.allows.iter().map(|allow| allowance(allow, covers)));
}

fn of_block(statements: &[Statement], found: &mut Vec<SetAside>) {
    let mut rest = statements.iter();
    while let Some(statement) = rest.next() {
        match &statement.kind {
            StatementKind::Allow(allow) => {
                let is_for_next =
                    |kind: &StatementKind| matches!(kind, StatementKind::Allow(_) | StatementKind::Retry { .. });
                let next = rest.clone().find(|next| !is_for_next(&next.kind));
                let end = next.map_or(statement.span.end, |next| next.span.end);
                let start = statement.span.end;
                found.push(allowance(
                    allow,
                    Span {
                        start,
                        end,
                        ..statement.span
                    },
                ));
            }
            StatementKind::Do(action) => {
                found.extend(action.live.as_ref().map(|because| SetAside {
                    slug: "backup-not-cold".to_owned(),
                    because: because.value.clone(),
                    span: because.span,
                    covers: statement.span,
                    is_clause: true,
                }));
                if let Some(UndoKind::Body { body, .. }) = action.undo.as_ref().map(|undo| &undo.kind) {
                    of_block(body, found);
                }
            }
            _ => {}
        }
    }
}
