//! `tests/language/**/*.md`: under each heading one runbook, with its modules as `runbook file=NAME`.
//!
//! What is expected stands at the end of the line where it is expected: `# error: [slug] words` or
//! `# warning: [slug]`. Words must occur in the message. What is found and not expected fails as well.

use crate::language::markdown::{Block, blocks};
use crate::support::texts::{Beside, all_words, compiled, files, name, severity};

/// A finding that a line asks for.
struct Expected {
    file: String,
    line: usize,
    severity: &'static str,
    slug: String,
    words: String,
}

#[test]
fn every_case_is_found_as_it_says() {
    let mut failures = Vec::new();
    let mut count = 0;
    for path in files("tests/language", ".md") {
        let text = std::fs::read_to_string(&path).unwrap();
        let runbooks: Vec<Block> = blocks(&text).into_iter().filter(Block::is_runbook).collect();
        for main in runbooks.iter().filter(|block| block.file().is_none()) {
            count += 1;
            let modules = runbooks
                .iter()
                .filter(|block| block.heading == main.heading && block.file().is_some());
            for failure in check(main, &modules.collect::<Vec<_>>()) {
                failures.push(format!("{}:{} ({}): {failure}", name(&path), main.line, main.heading));
            }
        }
    }
    assert!(count >= 30, "only {count} cases: where are the others?");
    assert!(failures.is_empty(), "\n{}\n", failures.join("\n"));
}

fn check(main: &Block, modules: &[&Block]) -> Vec<String> {
    let mut beside = Beside::default();
    let mut expected = expectations("case.runbook", &main.text);
    for module in modules {
        let file = module.file().unwrap();
        beside.texts.insert(file.to_owned(), module.text.clone());
        expected.extend(expectations(file, &module.text));
    }
    let compiled = compiled("case.runbook", &main.text, &beside);
    let mut failures = Vec::new();
    for found in &compiled.diagnostics {
        let file = compiled
            .sources
            .get(found.span.source)
            .map_or("?", |source| &source.name);
        let line = compiled.sources.start(found.span).line;
        let place = expected.iter().position(|expected| {
            let is_place = expected.file == *file && expected.line == line;
            let is_kind = expected.slug == found.slug && expected.severity == severity(found);
            is_place && is_kind && found.message.contains(&expected.words)
        });
        match place {
            Some(place) => drop(expected.swap_remove(place)),
            None => failures.push(format!(
                "not expected: {file}:{line}: {}: [{}] {}",
                severity(found),
                found.slug,
                found.message
            )),
        }
    }
    for Expected {
        file,
        line,
        severity,
        slug,
        words,
    } in &expected
    {
        failures.push(format!("not found: {file}:{line}: {severity}: [{slug}] {words}"));
    }
    if !failures.is_empty() {
        failures.push(format!("found in all:\n{}", all_words(&compiled)));
    }
    failures
}

fn expectations(file: &str, text: &str) -> Vec<Expected> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for (mark, severity) in [("# error: [", "error"), ("# warning: [", "warning")] {
            for part in line.split(mark).skip(1) {
                let (slug, words) = part.split_once(']').unwrap();
                let words = words.split("# ").next().unwrap_or("");
                found.push(Expected {
                    file: file.to_owned(),
                    line: number + 1,
                    severity,
                    slug: slug.to_owned(),
                    words: words.trim().to_owned(),
                });
            }
        }
    }
    found
}
