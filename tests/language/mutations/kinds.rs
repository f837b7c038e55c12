//! The ways in which a runbook that is right is spoilt.

use std::ops::Range;

use backstay_dsl::ast::{HeaderClause, ItemKind, Name, ServiceClause, StatementKind, TypeExprKind, UndoKind};
use backstay_dsl::source::Span;

use super::sites::{Owner, Site, Subject, range};

/// A text that was spoilt: what stands where instead.
pub(super) struct Mutant {
    /// The line at which it was spoilt.
    pub(super) line: usize,
    pub(super) edits: Vec<(Range<usize>, String)>,
}

impl Mutant {
    fn of(subject: &Subject, at: Span, edits: Vec<(Range<usize>, String)>) -> Self {
        Self {
            line: subject.line(at),
            edits,
        }
    }

    /// Whether no place of both is the same.
    pub(super) fn is_apart(&self, other: &Self) -> bool {
        let touch = |one: &Range<usize>, other: &Range<usize>| one.start <= other.end && other.start <= one.end;
        let own = self.edits.iter().map(|(place, _)| place);
        own.into_iter()
            .all(|one| other.edits.iter().all(|(other, _)| !touch(one, other)))
    }

    /// Both at once.
    pub(super) fn and(&self, other: &Self) -> Self {
        Self {
            line: self.line,
            edits: [&self.edits[..], &other.edits[..]].concat(),
        }
    }

    /// The text with these edits; none of them overlap.
    pub(super) fn text(&self, original: &str) -> String {
        let mut edits: Vec<&(Range<usize>, String)> = self.edits.iter().collect();
        edits.sort_by_key(|(place, _)| std::cmp::Reverse((place.start, place.end)));
        let mut text = original.to_owned();
        for (place, written) in edits {
            text.replace_range(place.clone(), written);
        }
        text
    }
}

type Kind = (&'static str, fn(&Subject) -> Vec<Mutant>);

pub(super) const KINDS: &[Kind] = &[
    ("delete the checks behind the last start of a service", last_checks),
    ("delete a drain", drain_deleted),
    ("swap drain and stop", drain_after_stop),
    ("delete a restore", |subject| {
        deleted(subject, |site| site.does("restores"))
    }),
    ("restore before stop", restore_before_stop),
    ("narrow `applies from`", narrowed),
    ("drop an undo", undo_dropped),
    ("drop `commits`", |subject| {
        deleted(subject, |site| matches!(site.statement.kind, StatementKind::Commits(_)))
    }),
    ("move `commits` before the checks", commits_early),
    ("use a tag for a digest", unpinned),
    ("shrink the window below the sums", shrunk),
    ("take a hold without releasing it", |subject| {
        deleted(subject, |site| matches!(site.statement.kind, StatementKind::Release(_)))
    }),
    ("widen a stretch past `commits`", widened),
    ("drop `well`", well_dropped),
    ("back up before stopping", backup_early),
    ("verify nothing", |subject| {
        deleted(subject, |site| {
            matches!(site.statement.kind, StatementKind::Check(_))
                && subject.written(site.statement.span).contains("backup.verify")
        })
    }),
    ("start the old release on new state", start_before_restore),
    ("swap two members", members_swapped),
];

fn delete(span: Span) -> (Range<usize>, String) {
    (range(span), String::new())
}

/// One is moved before another.
fn moved(subject: &Subject, what: Span, before: Span) -> Mutant {
    let start = range(before).start;
    let text = format!("{}\n  ", subject.written(what));
    Mutant::of(subject, what, vec![delete(what), (start..start, text)])
}

fn deleted(subject: &Subject, is_it: impl Fn(&Site) -> bool) -> Vec<Mutant> {
    let sites = subject.sites.iter().filter(|site| is_it(site));
    let spans = sites.map(|site| site.statement.span);
    spans
        .map(|span| Mutant::of(subject, span, vec![delete(span)]))
        .collect()
}

/// Of each start on the way forward behind which no other comes.
fn last_checks(subject: &Subject) -> Vec<Mutant> {
    let last = subject.forward().filter(|site| site.does("starts")).last();
    let Some(last) = last else { return Vec::new() };
    let after = subject
        .forward()
        .filter(|site| site.statement.span.start > last.statement.span.start);
    let checks = after.filter(|site| matches!(site.statement.kind, StatementKind::Check(_)));
    let edits: Vec<_> = checks.map(|site| delete(site.statement.span)).collect();
    if edits.is_empty() {
        return Vec::new();
    }
    vec![Mutant::of(subject, last.statement.span, edits)]
}

fn takes(subject: &Subject) -> impl Iterator<Item = (&Site, &String)> {
    subject.forward().filter_map(|site| match &site.statement.kind {
        StatementKind::Take(hold) if subject.drains.contains(&hold.value) => Some((site, &hold.value)),
        _ => None,
    })
}

/// What turns users away by itself, without a hold.
fn drains(subject: &Subject) -> impl Iterator<Item = &Site> {
    let all = subject
        .forward()
        .filter(|site| site.does("drains") && !site.does("opens"));
    all.filter(|site| matches!(site.statement.kind, StatementKind::Do(_)))
}

fn drain_deleted(subject: &Subject) -> Vec<Mutant> {
    let of_hold = |hold: &String| {
        let all = subject.sites.iter().filter(|site| match &site.statement.kind {
            StatementKind::Take(other) | StatementKind::Release(other) => other.value == *hold,
            _ => false,
        });
        all.map(|site| delete(site.statement.span)).collect()
    };
    let all = takes(subject).map(|(site, hold)| Mutant::of(subject, site.statement.span, of_hold(hold)));
    let plain = drains(subject).map(|site| site.statement.span);
    let plain = plain.map(|span| Mutant::of(subject, span, vec![delete(span)]));
    all.chain(plain).collect()
}

fn drain_after_stop(subject: &Subject) -> Vec<Mutant> {
    let mut found = Vec::new();
    for take in takes(subject).map(|(site, _)| site).chain(drains(subject)) {
        let start = take.statement.span.start;
        let does_stop = |site: &&Site| site.does("stops") || site.does("demotes");
        let stop = subject
            .forward()
            .find(|site| site.statement.span.start > start && does_stop(site));
        if let Some(stop) = stop {
            // The stop comes before it.
            found.push(moved(subject, stop.statement.span, take.statement.span));
        }
    }
    found
}

/// In a block, the first that does one and the first after it that does the other: the other comes first.
fn exchanged(subject: &Subject, one: &str, other: &str) -> Vec<Mutant> {
    let mut found = Vec::new();
    let sites: Vec<&Site> = subject
        .sites
        .iter()
        .filter(|site| site.owner == Owner::Rollback)
        .collect();
    for (place, first) in sites.iter().enumerate().filter(|(_, site)| site.does(one)) {
        let mut later = sites[place + 1..].iter().take_while(|site| site.block == first.block);
        if let Some(second) = later.find(|site| site.does(other)) {
            found.push(moved(subject, second.statement.span, first.statement.span));
        }
    }
    found
}

fn restore_before_stop(subject: &Subject) -> Vec<Mutant> {
    exchanged(subject, "stops", "restores")
}

fn start_before_restore(subject: &Subject) -> Vec<Mutant> {
    exchanged(subject, "restores", "starts")
}

fn stretches(subject: &Subject) -> impl Iterator<Item = (&Name, &Name)> {
    subject.file.items.iter().filter_map(|item| match &item.kind {
        ItemKind::Rollback(rollback) => rollback.applies.as_ref().map(|(from, until)| (from, until)),
        _ => None,
    })
}

fn narrowed(subject: &Subject) -> Vec<Mutant> {
    let steps = subject.step_names();
    let mut found = Vec::new();
    for (from, until) in stretches(subject) {
        let mut rest = steps.iter().skip_while(|step| step.value != from.value).skip(1);
        if let Some(next) = rest.next().filter(|_| from.value != until.value) {
            found.push(Mutant::of(
                subject,
                from.span,
                vec![(range(from.span), next.value.clone())],
            ));
        }
    }
    found
}

fn widened(subject: &Subject) -> Vec<Mutant> {
    let is_commit = |site: &&Site| matches!(site.statement.kind, StatementKind::Commits(_));
    let commits: Vec<&Site> = subject.forward().filter(is_commit).collect();
    let mut found = Vec::new();
    for (_, until) in stretches(subject) {
        for commit in &commits {
            let steps = subject.step_names();
            let later = steps.iter().find(|step| step.span.start > commit.statement.span.start);
            let begins = steps.iter().find(|step| step.value == until.value);
            let is_before = begins.is_some_and(|step| step.span.start <= commit.statement.span.start);
            if let Some(later) = later.filter(|_| is_before) {
                found.push(Mutant::of(
                    subject,
                    until.span,
                    vec![(range(until.span), later.value.clone())],
                ));
            }
        }
    }
    found
}

fn undo_dropped(subject: &Subject) -> Vec<Mutant> {
    // What is only added needs no way back, and a reason for none is none.
    let undos = subject
        .sites
        .iter()
        .filter(|site| site.is_changing())
        .filter_map(Site::undo);
    let undos = undos.filter(|undo| matches!(undo.kind, UndoKind::Body { .. }));
    undos
        .map(|undo| Mutant::of(subject, undo.span, vec![delete(undo.span)]))
        .collect()
}

fn commits_early(subject: &Subject) -> Vec<Mutant> {
    let mut found = Vec::new();
    let forward: Vec<&Site> = subject.forward().collect();
    for (place, commit) in forward.iter().enumerate() {
        if !matches!(commit.statement.kind, StatementKind::Commits(_)) {
            continue;
        }
        let is_check = |site: &&&Site| matches!(site.statement.kind, StatementKind::Check(_));
        let Some(check) = forward[..place].iter().rfind(is_check) else {
            continue;
        };
        let is_earlier = |site: &&&Site| site.is_changing() && site.statement.span.start < check.statement.span.start;
        if let Some(action) = forward[..place].iter().rfind(is_earlier) {
            found.push(moved(subject, commit.statement.span, action.statement.span));
        }
    }
    found
}

fn unpinned(subject: &Subject) -> Vec<Mutant> {
    let mut found = Vec::new();
    for item in &subject.file.items {
        let ItemKind::Inputs(inputs) = &item.kind else { continue };
        for input in inputs {
            if let TypeExprKind::Pinned(kind) = &input.ty.kind {
                let span = input.ty.span;
                found.push(Mutant::of(subject, span, vec![(range(span), kind.value.clone())]));
            }
        }
    }
    found
}

fn shrunk(subject: &Subject) -> Vec<Mutant> {
    let headers = subject.file.items.iter().filter_map(|item| match &item.kind {
        ItemKind::Runbook(header) => Some(&header.clauses),
        _ => None,
    });
    let windows = headers.flatten().filter_map(|clause| match clause {
        HeaderClause::Window { window, keep } => Some((window.span, keep.span)),
        _ => None,
    });
    let shrink = |(window, keep)| {
        let edits = vec![(range(window), "2s".to_owned()), (range(keep), "1s".to_owned())];
        Mutant::of(subject, window, edits)
    };
    windows.map(shrink).collect()
}

fn well_dropped(subject: &Subject) -> Vec<Mutant> {
    let services = subject.file.items.iter().filter_map(|item| match &item.kind {
        ItemKind::Service(service) => Some(&service.clauses),
        _ => None,
    });
    let wells = services.flatten().filter_map(|clause| match clause {
        ServiceClause::Well(check) => Some(check.span),
        _ => None,
    });
    wells
        .map(|span| Mutant::of(subject, span, vec![delete(span)]))
        .collect()
}

fn backup_early(subject: &Subject) -> Vec<Mutant> {
    let mut found = Vec::new();
    for backup in subject.forward().filter(|site| site.does("captures")) {
        let before = subject
            .forward()
            .take_while(|site| site.statement.span.start < backup.statement.span.start);
        if let Some(stop) = before.filter(|site| site.does("stops")).last() {
            found.push(moved(subject, backup.statement.span, stop.statement.span));
        }
    }
    found
}

/// An action is done to the other one.
fn members_swapped(subject: &Subject) -> Vec<Mutant> {
    let mut found = Vec::new();
    for item in &subject.file.items {
        let ItemKind::Service(service) = &item.kind else {
            continue;
        };
        let members = service.clauses.iter().find_map(|clause| match clause {
            ServiceClause::Members(members, _) => Some(members),
            _ => None,
        });
        let Some([one, other, ..]) = members.map(Vec::as_slice) else {
            continue;
        };
        let [one, other] = [one, other].map(|member| format!("{}.{}", service.name.value, member.name.value));
        for site in subject
            .forward()
            .filter(|site| site.is_changing() || site.does("demotes"))
        {
            let span = site.statement.span;
            let written = subject.written(span);
            if written.contains(&one) || written.contains(&other) {
                let swapped = written.replace(&one, "\0").replace(&other, &one).replace('\0', &other);
                found.push(Mutant::of(subject, span, vec![(range(span), swapped)]));
            }
        }
    }
    found
}
