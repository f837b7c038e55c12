//! `tests/language/**/*.md`: under each heading a runbook, with its modules as `runbook file=NAME`.
//!
//! What is expected stands at the end of the line where it is expected: `# error: [slug] words` or
//! `# warning: [slug]`. Words must occur in the message; ``at `text` `` before them is the whole of what
//! the finding points at. `# help: words` behind it must occur in one of its helps, or be what is suggested.
//! What is found and not expected fails as well, and so does a module that is loaded twice.
//!
//! A block `model` behind a runbook is what was understood of it, a block `times` its sums (`outline.rs`).
//! `BACKSTAY_CASES=write` writes those that stand there already: read what it wrote.

use backstay_dsl::compile::{Compiled, Outcome};
use backstay_dsl::diagnostic::Diagnostic;

use crate::language::markdown::{Block, blocks};
use crate::language::outline;
use crate::support::texts::{Beside, all_words, compiled, files, name, severity};

/// Warnings of what a runbook holds and no run needs.
const OF_USE: &[&str] = &["unused", "leads-nowhere"];

/// A finding that a line asks for.
#[derive(Default)]
struct Expected {
    file: String,
    line: usize,
    severity: &'static str,
    slug: String,
    /// What it points at; empty where the case does not say.
    place: String,
    words: String,
    help: Vec<String>,
}

#[test]
fn every_case_is_found_as_it_says() {
    let is_writing = std::env::var("BACKSTAY_CASES").is_ok_and(|mode| mode == "write");
    let mut failures = Vec::new();
    let mut count = 0;
    for path in files("tests/language", ".md") {
        let mut text = std::fs::read_to_string(&path).unwrap();
        let found = blocks(&text);
        let is_main = |block: &Block| block.is_runbook() && block.file().is_none();
        for (at, main) in found.iter().enumerate().filter(|(_, block)| is_main(block)) {
            count += 1;
            let modules: Vec<&Block> = found
                .iter()
                .filter(|block| block.heading == main.heading && block.file().is_some())
                .collect();
            let (compiled, missed) = check(main, &modules);
            let mut fail =
                |said: String| failures.push(format!("{}:{} ({}): {said}", name(&path), main.line, main.heading));
            missed.into_iter().for_each(&mut fail);
            for block in found[at + 1..].iter().take_while(|block| !is_main(block)) {
                let is = match block.info.as_str() {
                    "model" => outline::model(&compiled),
                    "times" => outline::times(&compiled),
                    _ if block.is_runbook() => continue,
                    other => {
                        fail(format!("no block is called {other}"));
                        continue;
                    }
                };
                let fenced = |inner: &str| format!("```{}\n{inner}```", block.info);
                if is_writing {
                    text = text.replacen(&fenced(&block.text), &fenced(&is), 1);
                } else if is != block.text {
                    fail(format!("its {} is\n{is}", block.info));
                }
            }
        }
        if is_writing {
            std::fs::write(&path, text).unwrap();
        }
    }
    assert!(count >= 100, "only {count} cases: where are the others?");
    assert!(failures.is_empty(), "\n{}\n", failures.join("\n"));
}

fn check(main: &Block, modules: &[&Block]) -> (Compiled, Vec<String>) {
    let mut beside = Beside::default();
    let mut expected = expectations("case.runbook", &main.text);
    for module in modules {
        let file = module.file().unwrap();
        beside.texts.insert(file.to_owned(), module.text.clone());
        expected.extend(expectations(file, &module.text));
    }
    let compiled = compiled("case.runbook", &main.text, &beside);
    let mut failures = Vec::new();
    let mut loaded: Vec<&str> = compiled
        .sources
        .iter()
        .map(|(_, source)| source.name.as_str())
        .collect();
    loaded.sort_unstable();
    if !loaded.is_sorted_by(|one, other| one < other) {
        failures.push(format!("a module is loaded twice: {loaded:?}"));
    }
    if let Outcome::Whole(runbook) = &compiled.outcome {
        outline::assert_all_typed(runbook);
    }
    // Cases are short: what they do not use is told only where a case is about that.
    let is_about_use = expected.iter().any(|expected| OF_USE.contains(&expected.slug.as_str()));
    let found = compiled.diagnostics.iter();
    for found in found.filter(|found| is_about_use || !OF_USE.contains(&found.slug)) {
        match expected.iter().position(|expected| is_as(found, expected, &compiled)) {
            Some(place) => drop(expected.swap_remove(place)),
            None => failures.push(format!(
                "not expected: {}: [{}] `{}` {}, helps {:?}",
                severity(found),
                found.slug,
                compiled.sources.text(found.span),
                found.message,
                helps(found)
            )),
        }
    }
    for Expected {
        file,
        line,
        severity,
        slug,
        place,
        words,
        help,
    } in &expected
    {
        failures.push(format!(
            "not found: {file}:{line}: {severity}: [{slug}] `{place}` {words} {help:?}"
        ));
    }
    if !failures.is_empty() {
        failures.push(format!("found in all:\n{}", all_words(&compiled)));
    }
    (compiled, failures)
}

fn is_as(found: &Diagnostic, expected: &Expected, compiled: &Compiled) -> bool {
    let source = compiled.sources.get(found.span.source);
    let is_place = source.is_some_and(|source| source.name == expected.file)
        && compiled.sources.start(found.span).line == expected.line
        && (expected.place.is_empty() || expected.place == compiled.sources.text(found.span));
    let is_kind = expected.slug == found.slug && expected.severity == severity(found);
    let helps = helps(found);
    let mut wanted = expected.help.iter();
    is_place
        && is_kind
        && found.message.contains(&expected.words)
        && wanted.all(|wanted| helps.iter().any(|help| help.contains(wanted)))
}

fn helps(found: &Diagnostic) -> Vec<&str> {
    let suggested = found.help.iter().filter_map(|help| help.suggestion.as_ref());
    let suggested = suggested.flat_map(|suggestion| &suggestion.edits);
    let messages = found.help.iter().map(|help| help.message.as_str());
    messages
        .chain(suggested.map(|(_, replacement)| replacement.as_str()))
        .collect()
}

fn expectations(file: &str, text: &str) -> Vec<Expected> {
    let mut found: Vec<Expected> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let mut of_line: Vec<Expected> = Vec::new();
        for part in line.split("# ").skip(1) {
            if let Some(words) = part.strip_prefix("help: ") {
                of_line.last_mut().unwrap().help.push(words.trim().to_owned());
            }
            for (mark, severity) in [("error: [", "error"), ("warning: [", "warning")] {
                let Some((slug, words)) = part.strip_prefix(mark).and_then(|part| part.split_once(']')) else {
                    continue;
                };
                let words = words.trim();
                let (place, words) = words
                    .strip_prefix("at `")
                    .and_then(|place| place.split_once('`'))
                    .unwrap_or(("", words));
                of_line.push(Expected {
                    file: file.to_owned(),
                    line: number + 1,
                    severity,
                    slug: slug.to_owned(),
                    place: place.to_owned(),
                    words: words.trim().to_owned(),
                    help: Vec::new(),
                });
            }
        }
        found.append(&mut of_line);
    }
    found
}
