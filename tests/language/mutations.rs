//! Runbooks that are right, spoilt where it hurts: the compiler refuses what is not safe any more.
//!
//! The table of what was done is printed: `cargo test -p backstay --test all -- mutations --nocapture`.

#![expect(clippy::print_stdout, reason = "the table is for people")]

mod kinds;
mod sites;

use std::collections::{BTreeMap, BTreeSet};

use backstay_dsl::diagnostic::{Diagnostic, Severity};
use backstay_dsl::pages;

use crate::language::suggestions::{applied, suggestions};
use crate::support::texts::{compiled, files, root};
use kinds::{KINDS, Mutant};
use sites::{Subject, beside};

/// Findings about the form of a text: what is refused for one of these was not spoilt but broken.
const FORM: &[&str] = &["syntax", "unknown-name"];

/// So many runbooks are spoilt at least.
const SUBJECTS_MIN: usize = 27;

/// So many suggestions are followed at most.
const SUGGESTIONS_MAX: usize = 6;

fn subjects() -> Vec<Subject> {
    let folders = ["examples", "tests/reference/gateway", "tests/realistic"];
    let all = folders.iter().flat_map(|folder| files(folder, ".runbook"));
    let runbooks = all.filter(|path| {
        let text = std::fs::read_to_string(path).unwrap();
        text.lines().any(|line| line.starts_with("runbook "))
    });
    runbooks.map(|path| Subject::read(&path)).collect()
}

/// Why a text is refused, by slugs; none where it is accepted.
fn refusal(subject: &Subject, text: &str) -> BTreeSet<&'static str> {
    let compiled = compiled(&subject.name, text, &beside());
    let found = compiled.diagnostics.iter();
    let refused = found.filter(|found| found.severity == Severity::Error);
    refused.map(|found| found.slug).collect()
}

/// A text that was spoilt, and what became of it.
struct Tried<'s> {
    subject: &'s Subject,
    kind: &'static str,
    mutant: Mutant,
    why: BTreeSet<&'static str>,
}

impl Tried<'_> {
    fn is_refused(&self) -> bool {
        self.why.iter().any(|slug| !FORM.contains(slug))
    }

    /// As `docs/proofs.md` lists it: the file, what was done, at which statement.
    fn row(&self) -> String {
        let at = self
            .subject
            .text
            .lines()
            .nth(self.mutant.line - 1)
            .unwrap_or_default()
            .trim();
        let shown: String = at.chars().take(48).collect();
        format!(
            "| `{}` | {} | `{}` |",
            self.subject.name,
            self.kind,
            shown.replace('|', "/")
        )
    }
}

fn tried(subjects: &[Subject]) -> Vec<Tried<'_>> {
    let mut all = Vec::new();
    for (kind, spoil) in KINDS {
        for subject in subjects {
            let mutants = spoil(subject).into_iter();
            all.extend(mutants.map(|mutant| Tried {
                subject,
                kind,
                why: refusal(subject, &mutant.text(&subject.text)),
                mutant,
            }));
        }
    }
    all
}

fn table(all: &[Tried<'_>]) -> String {
    let mut table = String::new();
    for (kind, _) in KINDS {
        let of_kind = || all.iter().filter(|tried| tried.kind == *kind);
        let mut slugs: BTreeMap<&str, usize> = BTreeMap::new();
        for slug in of_kind().flat_map(|tried| &tried.why) {
            *slugs.entry(slug).or_default() += 1;
        }
        let slugs: Vec<String> = slugs.iter().map(|(slug, count)| format!("{slug} {count}")).collect();
        let refused = of_kind().filter(|tried| tried.is_refused()).count();
        let made = of_kind().count();
        table = format!("{table}{kind:54} {refused:3} of {made:3}  {}\n", slugs.join(", "));
    }
    table
}

/// What is accepted is listed with its reason, and nothing else is.
#[test]
fn what_was_spoilt_is_refused() {
    let subjects = subjects();
    assert!(subjects.len() >= SUBJECTS_MIN, "{}", subjects.len());
    let all = tried(&subjects);
    let accepted: BTreeSet<String> = all.iter().filter(|tried| !tried.is_refused()).map(Tried::row).collect();
    assert!(FORM.iter().all(|slug| pages::page(slug).is_some()), "{FORM:?}");
    println!("{}{} in all; accepted:", table(&all), all.len());
    for row in &accepted {
        println!("{row}");
    }
    for (kind, _) in KINDS {
        assert!(
            all.iter().any(|tried| tried.kind == *kind),
            "nothing was spoilt: {kind}"
        );
    }
    let docs = std::fs::read_to_string(root().join("docs/proofs.md")).unwrap();
    let rows = docs
        .lines()
        .filter(|line| KINDS.iter().any(|(kind, _)| line.contains(&format!("| {kind} |"))));
    let listed: BTreeSet<String> = rows
        .map(|row| row.rsplit_once('|').unwrap().0.rsplit_once('|').unwrap().0.to_owned() + "|")
        .collect();
    assert_eq!(
        accepted, listed,
        "docs/proofs.md lists what is accepted, with the reason"
    );
    let missed = docs.lines().filter(|line| line.contains("| missed: ")).count();
    assert!(missed * 50 <= all.len(), "{missed} of {} are missed", all.len());
}

/// Two at once, of different kinds and places.
#[test]
fn what_was_spoilt_twice_is_refused() {
    let subjects = subjects();
    let (mut made, mut refused) = (0, 0);
    for subject in &subjects {
        let all: Vec<(usize, Mutant)> = KINDS
            .iter()
            .enumerate()
            .flat_map(|(kind, (_, spoil))| spoil(subject).into_iter().map(move |mutant| (kind, mutant)))
            .collect();
        let pairs = all.iter().enumerate().flat_map(|(place, one)| {
            // Each with three others, so that all kinds meet.
            let others = [1, 5, 11].map(|step| &all[(place + step) % all.len()]);
            others.into_iter().map(move |other| (one, other))
        });
        for (one, other) in pairs.filter(|(one, other)| one.0 != other.0 && one.1.is_apart(&other.1)) {
            made += 1;
            let text = other.1.and(&one.1).text(&subject.text);
            refused += usize::from(!refusal(subject, &text).is_empty());
        }
    }
    println!("{refused} of {made} that were spoilt twice are refused");
    assert!(made > 100 && refused * 100 >= made * 95, "{refused} of {made}");
}

/// Follows what the compiler suggests, one after the other, until the text compiles or nothing more is suggested.
fn is_mended(subject: &Subject, mut text: String) -> bool {
    for _ in 0..SUGGESTIONS_MAX {
        let compiled = compiled(&subject.name, &text, &beside());
        let is_right = |found: &Diagnostic| found.severity == Severity::Warning;
        if compiled.diagnostics.iter().all(is_right) {
            return true;
        }
        let Some((_, suggestion)) = suggestions(&compiled).next() else {
            return false;
        };
        text = applied(&text, suggestion);
    }
    false
}

#[test]
fn half_of_what_is_refused_is_mended_by_what_is_suggested() {
    let subjects = subjects();
    let all = tried(&subjects);
    let (mut refused, mut mended) = (0, 0);
    for (kind, _) in KINDS {
        let of_kind = all.iter().filter(|tried| tried.kind == *kind && tried.is_refused());
        let texts: Vec<_> = of_kind
            .map(|tried| (tried.subject, tried.mutant.text(&tried.subject.text)))
            .collect();
        let again = texts
            .iter()
            .filter(|(subject, text)| is_mended(subject, text.clone()))
            .count();
        println!("{kind:54} {again:3} of {:3}", texts.len());
        refused += texts.len();
        mended += again;
    }
    println!("{mended} of {refused} compile again");
    assert!(mended * 2 >= refused, "{mended} of {refused}");
}
