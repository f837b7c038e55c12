//! What a finding suggests: with it the text compiles as far as before, its finding is gone, and none has come.

use backstay_dsl::compile::Compiled;
use backstay_dsl::diagnostic::{Diagnostic, Severity, Suggestion};
use backstay_dsl::pages;
use backstay_dsl::source::Span;

use crate::language::markdown::{Block, blocks};
use crate::support::texts::{Beside, compiled, files, name, words};

/// What is suggested for errors, in the text of the runbook itself.
pub(super) fn suggestions(of: &Compiled) -> impl Iterator<Item = (&Diagnostic, &Suggestion)> {
    let errors = of.diagnostics.iter().filter(|found| found.severity == Severity::Error);
    let helps = errors.flat_map(|found| found.help.iter().map(move |help| (found, help)));
    let suggested = helps.filter_map(|(found, help)| Some((found, help.suggestion.as_ref()?)));
    let is_own = |span: &Span| span.source.0 == 0;
    suggested.filter(move |(_, suggestion)| suggestion.edits.iter().all(|(span, _)| is_own(span)))
}

/// The text with what is suggested.
pub(super) fn applied(text: &str, suggestion: &Suggestion) -> String {
    let mut edits = suggestion.edits.clone();
    edits.sort_by_key(|(span, _)| std::cmp::Reverse((span.start, span.end)));
    let mut text = text.to_owned();
    for (span, replacement) in edits {
        let [start, end] = [span.start, span.end].map(|byte| usize::try_from(byte).unwrap());
        text.replace_range(start..end, &replacement);
    }
    text
}

/// Findings about a word that somebody mistyped.
const TYPED: &[&str] = &["unknown-statement", "unknown-name", "unknown-argument"];

/// How often each message of a slug was found; warnings stand outside.
fn errors(of: &Compiled) -> Vec<(&'static str, &str)> {
    let errors = of.diagnostics.iter().filter(|found| found.severity == Severity::Error);
    let mut errors: Vec<(&str, &str)> = errors.map(|found| (found.slug, found.message.as_str())).collect();
    errors.sort_unstable();
    errors
}

#[test]
fn what_is_suggested_mends_its_finding_and_brings_none() {
    let mut failures = Vec::new();
    let mut tried = 0;
    let pages = pages::slugs().map(|slug| (slug.to_owned(), pages::page(slug).unwrap().to_owned()));
    let cases = files("tests/language", ".md").into_iter();
    let cases = cases.map(|path| (name(&path), std::fs::read_to_string(path).unwrap()));
    for (place, text) in cases.chain(pages) {
        let all = blocks(&text);
        let is_main = |block: &&Block| block.is_runbook() && block.file().is_none();
        for main in all.iter().filter(is_main) {
            let modules = all.iter().filter(|block| block.heading == main.heading);
            let modules = modules.filter_map(|block| Some((block.file()?.to_owned(), block.text.clone())));
            let beside = Beside {
                texts: modules.collect(),
                folder: None,
            };
            let before = compiled("case.runbook", &main.text, &beside);
            // What one who mistyped a word meant may be wrong in other ways.
            let of_proofs = suggestions(&before).filter(|(found, _)| !TYPED.contains(&found.slug));
            for (found, suggestion) in of_proofs {
                tried += 1;
                let after = compiled("case.runbook", &applied(&main.text, suggestion), &beside);
                let (known, now) = (errors(&before), errors(&after));
                let is_new = |error: &&(&str, &str)| !known.contains(error);
                let new: Vec<_> = now.iter().filter(is_new).collect();
                if now.len() >= known.len() || !new.is_empty() {
                    let said = words(&before, found);
                    failures.push(format!(
                        "{place}:{}: {said}\n  suggests {:?}: {new:?}",
                        main.line, suggestion.edits
                    ));
                }
            }
        }
    }
    assert!(tried >= 20, "{tried}");
    assert!(
        failures.is_empty(),
        "{} of {tried}:\n{}",
        failures.len(),
        failures.join("\n")
    );
}
